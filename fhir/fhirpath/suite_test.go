package fhirpath_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// suiteVariable names the folder with the public FHIRPath suite for R4, whose
// file is called tests-fhir-r4.xml, and its inputs.
const suiteVariable = "NOAFHIR_FHIRPATH_SUITE"

// disputed are the cases of the public suite that fail, and must, for the reason
// that docs/fhirpath.md gives.
var disputed = map[string]bool{
	"testPlusDate19":                   true, // a tenth of a second is dropped
	"HighBoundaryDateTimeMillisecond1": true, // the end of an hour is its first minute
	"HighBoundaryDateTimeMillisecond3": true,
}

// A suiteCase is one test of the suite.
type suiteCase struct {
	Name       string `xml:"name,attr"`
	Input      string `xml:"inputfile,attr"`
	Expression struct {
		Text    string `xml:",chardata"`
		Invalid string `xml:"invalid,attr"`
	} `xml:"expression"`
	Output []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"output"`
}

func TestPublicSuite(t *testing.T) {
	folder := os.Getenv(suiteVariable)
	if folder == "" {
		t.Skipf("the public suite is not part of this repository: set %s to its folder", suiteVariable)
	}
	data, err := os.ReadFile(filepath.Join(folder, "tests-fhir-r4.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Groups []struct {
			Name  string      `xml:"name,attr"`
			Tests []suiteCase `xml:"test"`
		} `xml:"group"`
	}
	if err := xml.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	passed, all := 0, 0
	for _, g := range suite.Groups {
		for _, c := range g.Tests {
			all++
			problem := c.run(folder)
			switch {
			case problem == "" && disputed[c.Name]:
				t.Errorf("%s passes; docs/fhirpath.md says that it does not", c.Name)
			case problem == "":
				passed++
			case !disputed[c.Name]:
				t.Errorf("%s/%s: %s\n\t%s", g.Name, c.Name, c.Expression.Text, problem)
			}
		}
	}
	t.Logf("%d of %d cases pass", passed, all)
}

// run evaluates a case, strictly, and says what is wrong with the result.
func (c *suiteCase) run(folder string) string {
	var focus []fhirpath.Item
	typ := fhir.TypeID(0)
	if c.Input != "" {
		r, err := readResource(filepath.Join(folder, c.Input))
		if err != nil {
			return err.Error()
		}
		typ = r.Root().Type()
		focus = append(focus, fhirpath.Node(r.Root()))
	}
	p, err := fhirpath.Compile(r4.Schema(), c.Expression.Text, fhirpath.Strict(typ))
	var found []fhirpath.Item
	if err == nil {
		found, err = p.Evaluate(context.Background(), &fhirpath.Env{}, focus...)
	}
	if c.Expression.Invalid != "" {
		if err == nil {
			return fmt.Sprintf("no error, but %s", texts(found))
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	var want []string
	for _, o := range c.Output {
		want = append(want, strings.TrimPrefix(strings.TrimPrefix(o.Text, "@"), "T"))
	}
	if got := texts(found); fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("got %q, want %q", got, want)
	}
	for k, o := range c.Output {
		if o.Type != "" && o.Type != found[k].TypeName() {
			return fmt.Sprintf("got a %s, want a %s", found[k].TypeName(), o.Type)
		}
	}
	return ""
}

// texts writes items as the suite does: what toString() makes of them.
func texts(items []fhirpath.Item) []string {
	write, err := fhirpath.Compile(r4.Schema(), "toString()")
	if err != nil {
		panic(err)
	}
	var out []string
	for _, i := range items {
		found, err := write.Evaluate(context.Background(), &fhirpath.Env{}, i)
		if err != nil || len(found) == 0 {
			out = append(out, string(i.AppendJSON(nil)))
			continue
		}
		text, _ := found[0].Text()
		out = append(out, text)
	}
	return out
}

func readResource(file string) (*fhir.Resource, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return codec.ParseXML(data)
	}
	return codec.ParseJSON(data)
}
