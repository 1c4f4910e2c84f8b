package custom_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store/custom"
	"github.com/noafhir/noafhir/store/storetest"
)

func TestCustom(t *testing.T) {
	base := storetest.NewRegistry(t)
	resource := func(id, status, code, expression string) *fhir.Resource {
		r, err := base.Codec.ParseJSON(fmt.Appendf(nil, `{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/%s","name":"n","status":%q,
			"description":"d","code":%q,"base":["Patient"],"type":"string","expression":%q}`, id, code, status, code, expression))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	prefix := resource("a", "active", "name-prefix", "Patient.name.prefix")
	for _, test := range []struct {
		r    *fhir.Resource
		want bool
	}{
		{prefix, true},
		{resource("b", "draft", "name-suffix", "Patient.name.suffix"), true},
		{resource("c", "retired", "name-prefix", "Patient.name.prefix"), false},
	} {
		if _, got := custom.From(base, test.r); got != test.want {
			t.Errorf("%s: defines a parameter: %t, want %t", test.r.ID(), got, test.want)
		}
	}

	one, _ := custom.From(base, prefix)
	other, _ := custom.From(base, resource("a", "active", "name-prefix", "Patient.name.suffix"))
	broken := one
	broken.Code, broken.Expression = "broken", "Patient.nothing.at.all("
	if one.Print == other.Print {
		t.Error("two expressions have one fingerprint")
	}
	var refused []string
	reg, taken := custom.With(base, []custom.Param{broken, one}, func(p custom.Param, err error) { refused = append(refused, p.Code) })
	if !slices.Equal(refused, []string{"broken"}) || !slices.Equal(custom.Prints(taken), []string{one.Print}) {
		t.Errorf("took %v, refused %v", custom.Prints(taken), refused)
	}
	if _, ok := reg.Lookup("Patient", "name-prefix"); !ok {
		t.Error("the parameter can not be searched by")
	}

	stored := func() ([]custom.Param, error) { return []custom.Param{one}, nil }
	if err := custom.Admit(base, prefix, "a", stored); err != nil {
		t.Errorf("the one that is stored: %v", err)
	}
	if err := custom.Admit(base, resource("z", "active", "name-prefix", "Patient.name.suffix"), "z", stored); err == nil {
		t.Error("a second parameter of that name is admitted")
	}
}
