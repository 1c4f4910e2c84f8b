package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestUnits asks for quantities in several units of one kind, sorted by their number,
// and holds the pages to those of the memory store. A page looks at little more than
// it shows where much matches.
func TestUnits(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	m := storetest.NewMemory(reg)
	rnd := rand.New(rand.NewPCG(4, 4))
	units := []string{"ng/dL", "ug/L", "pg/mL", "g/L", "nmol/L"}
	var texts []string
	for i := range 1500 {
		unit := units[rnd.IntN(len(units))]
		comparator, system := "", "http://unitsofmeasure.org"
		switch rnd.IntN(40) {
		case 0:
			comparator = `,"comparator":"<"`
		case 1:
			comparator = `,"comparator":">"`
		case 2:
			system = "urn:other"
		}
		texts = append(texts, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"t"},
			"valueQuantity":{"value":%.1f%s,"unit":"u %d","system":"%s","code":"%s"}}`, i, rnd.Float64()*300, comparator, i%3, system, unit))
	}
	putAll(t, s, texts...)
	for _, text := range texts {
		r, err := reg.Codec.ParseJSON([]byte(text))
		if err == nil {
			err = m.Update(ctx, func(tx store.Tx) error {
				_, err := tx.Put(ctx, all, store.Prepare(reg, r, r.ID(), "PUT"))
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	value := func() string {
		return []string{"gt", "lt", "ge", "le", "sa", "eb", "ap", ""}[rnd.IntN(8)] + fmt.Sprintf("%.*f", rnd.IntN(2), rnd.Float64()*300) +
			"|http://unitsofmeasure.org|" + units[rnd.IntN(len(units))]
	}
	cheap := 0
	for range 200 {
		params := [][2]string{{"value-quantity", value()}, {"_sort", []string{"value-quantity", "-value-quantity"}[rnd.IntN(2)]}}
		if rnd.IntN(3) == 0 {
			params = append(params, [2]string{"value-quantity", value()})
		}
		q, err := search.Parse(reg, "Observation", params, search.Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(2) == 0 {
			sqlite.Tighten(s)
		} else {
			sqlite.Loosen(s)
		}
		before := s.Stats().Examined
		got, err := s.Search(ctx, all, q)
		if err != nil {
			t.Fatal(err)
		}
		examined := s.Stats().Examined - before
		want, err := m.Search(ctx, all, q)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := keysOf(got), keysOf(want); fmt.Sprint(g) != fmt.Sprint(w) {
			t.Fatalf("%v: %v, want %v", params, g, w)
		}
		if len(got.Versions) == 20 && len(params) == 2 && examined <= 60 {
			cheap++
		}
	}
	if cheap < 50 {
		t.Errorf("only %d pages of a range were cheap", cheap)
	}
}

func keysOf(p *store.Page) []fhir.Key {
	var keys []fhir.Key
	for _, v := range p.Versions {
		keys = append(keys, v.Key)
	}
	return keys
}
