package fhir_test

import (
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

func TestStamp(t *testing.T) {
	const meta = `"meta":{"versionId":"7","lastUpdated":"2020-02-29T00:02:03.004567Z"`
	at := time.Date(2020, 2, 29, 1, 2, 3, 4_567_000, time.FixedZone("", 3600))
	tests := []struct {
		Name string
		JSON string
		Want string
	}{
		{Name: "neither id nor meta", JSON: `{"resourceType":"Patient","active":true}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `},"active":true}`},
		{Name: "nothing at all", JSON: `{"resourceType":"Patient"}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `}}`},
		{Name: "type last", JSON: `{"active":true,"resourceType":"Patient"}`, Want: `{"active":true,"resourceType":"Patient","id":"x",` + meta + `}}`},
		{Name: "the id already", JSON: `{"resourceType":"Patient","id":"x","active":true}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `},"active":true}`},
		{Name: "another id", JSON: `{"resourceType":"Patient","id":"long-one","active":true}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `},"active":true}`},
		{Name: "id last", JSON: `{"resourceType":"Patient","active":true,"id":"y"}`, Want: `{"resourceType":"Patient","active":true,"id":"x",` + meta + `}}`},
		{Name: "id before the type", JSON: `{"id":"y","resourceType":"Patient"}`, Want: `{"id":"x",` + meta + `},"resourceType":"Patient"}`},
		{Name: "meta without id", JSON: `{"resourceType":"Patient","active":true,"meta":{"source":"s"}}`, Want: `{"resourceType":"Patient","id":"x","active":true,` + meta + `,"source":"s"}}`},
		{Name: "meta before the type, without id", JSON: `{"meta":{"source":"s"},"resourceType":"Patient"}`, Want: `{` + meta + `,"source":"s"},"resourceType":"Patient","id":"x"}`},
		{Name: "meta before another id", JSON: `{"meta":{"source":"s"},"id":"y","resourceType":"Patient"}`, Want: `{` + meta + `,"source":"s"},"id":"x","resourceType":"Patient"}`},
		{Name: "meta before the id already", JSON: `{"meta":{"source":"s"},"id":"x","resourceType":"Patient"}`, Want: `{` + meta + `,"source":"s"},"id":"x","resourceType":"Patient"}`},
		{Name: "meta after another id", JSON: `{"resourceType":"Patient","id":"y","active":true,"meta":{"source":"s"},"gender":"male"}`, Want: `{"resourceType":"Patient","id":"x","active":true,` + meta + `,"source":"s"},"gender":"male"}`},
		{Name: "version and time are replaced", JSON: `{"resourceType":"Patient","id":"x","meta":{"versionId":"1","tag":[{"code":"t"}],"lastUpdated":"2001-01-01T00:00:00Z","profile":["p"]}}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `,"tag":[{"code":"t"}],"profile":["p"]}}`},
		{Name: "only version and time", JSON: `{"resourceType":"Patient","id":"x","meta":{"versionId":"1","lastUpdated":"2001-01-01T00:00:00Z"}}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `}}`},
		{Name: "their shadows go with them", JSON: `{"resourceType":"Patient","id":"x","meta":{"_versionId":{"id":"v"},"_lastUpdated":{"id":"l"},"_source":{"id":"s"},"id":"m"}}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `,"_source":{"id":"s"},"id":"m"}}`},
		{Name: "a shadow of the id stays", JSON: `{"resourceType":"Patient","_id":{"extension":[{"url":"u","valueCode":"c"}]},"id":"y"}`, Want: `{"resourceType":"Patient","_id":{"extension":[{"url":"u","valueCode":"c"}]},"id":"x",` + meta + `}}`},
		{Name: "ids and metas within are left alone", JSON: `{"resourceType":"Patient","contained":[{"resourceType":"Group","id":"g","meta":{"versionId":"1"}}],"name":[{"id":"n"}]}`, Want: `{"resourceType":"Patient","id":"x",` + meta + `},"contained":[{"resourceType":"Group","id":"g","meta":{"versionId":"1"}}],"name":[{"id":"n"}]}`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r, err := codec.ParseJSON([]byte(test.JSON))
			if err != nil {
				t.Fatal(err)
			}
			got := r.Stampable("x").Stamp(7, at)
			if string(got) != test.Want {
				t.Errorf("%s:\n got %s\nwant %s", test.JSON, got, test.Want)
			}
			if string(r.JSON()) != test.JSON {
				t.Errorf("%s was changed to %s", test.JSON, r.JSON())
			}
			again, err := codec.ParseJSON(got)
			if err != nil {
				t.Fatalf("%s: %v", got, err)
			}
			if again.Key() != (fhir.Key{Type: "Patient", ID: "x"}) || again.VersionID() != "7" {
				t.Errorf("%s: key %s, version %s", got, again.Key(), again.VersionID())
			}
			if twice := again.Stampable("x").Stamp(7, at); string(twice) != string(got) {
				t.Errorf("stamped twice: %s, want %s", twice, got)
			}
		})
	}
}

func TestResource(t *testing.T) {
	r, err := codec.ParseJSON([]byte(`{"resourceType":"Patient"}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID() != "" || r.VersionID() != "" || r.Meta().Exists() || r.Key().String() != "Patient/" {
		t.Errorf("a bare resource: id %q, version %q, key %s", r.ID(), r.VersionID(), r.Key())
	}
}
