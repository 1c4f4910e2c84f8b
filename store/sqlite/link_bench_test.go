package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// linkedPatients is how many patients there are to be reached through references,
// each with two observations.
const linkedPatients = 100_000

// fillLinked stores patients, every other one male, one in a hundred Rare, and
// their observations.
func (b *bench) fillLinked(s *Store) {
	put := func(tx store.Tx, id, text string) {
		r, err := b.reg.Codec.ParseJSON([]byte(text))
		b.must(err)
		_, err = tx.Put(background, everything, store.Prepare(b.reg, r, id, "PUT"))
		b.must(err)
	}
	for from := 0; from < linkedPatients; from += 1000 {
		b.must(s.Update(background, func(tx store.Tx) error {
			for i := from; i < from+1000; i++ {
				p := fmt.Sprint("p", i)
				family := "Common"
				if i%100 == 99 {
					family = "Rare"
				}
				put(tx, p, fmt.Sprintf(`{"resourceType":"Patient","gender":%q,"birthDate":"%d-%02d-%02d","name":[{"family":"%s%d"}]}`,
					[]string{"male", "female"}[i%2], 1930+i%90, 1+i%12, 1+i%28, family, i))
				for j := range 2 {
					put(tx, fmt.Sprint("o", i, "-", j), fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"c%d"}]},
						"subject":{"reference":"Patient/%s"},"effectiveDateTime":"20%02d-%02d-%02dT10:00:00Z","valueQuantity":{"value":%d}}`,
						i%7+j*7, p, i%20, 1+i%12, 1+i%28, i%500))
				}
			}
			return nil
		}))
	}
}

// BenchmarkFirstPage finds the first twenty of searches that lead through many
// resources.
func BenchmarkFirstPage(bb *testing.B) {
	b := newBench(bb)
	s, err := Open(b.TempDir()+"/bench.db", Options{Registry: b.reg, Bulk: true, Synchronous: "NORMAL"})
	b.must(err)
	defer s.Close()
	b.fillLinked(s)
	_, err = s.Search(background, everything, b.query("Patient", "_sort=family")) // writes what waits of the index
	b.must(err)
	for _, test := range []struct{ name, typ, query string }{
		{"chain-to-half", "Observation", "subject:Patient.gender=male"},
		{"chain-to-rare", "Observation", "subject:Patient.family=rare"},
		{"chain-to-one", "Observation", "subject:Patient.family=rare99"},
		{"chain-and-code", "Observation", "subject:Patient.gender=male&code=c3"},
		{"chain-never", "Observation", "subject:Patient.gender=male&code=c1"},
		{"has-common", "Patient", "_has:Observation:subject:code=c3"},
		{"has-all", "Patient", "_has:Observation:subject:status=final"},
		{"has-and-rare", "Patient", "_has:Observation:subject:status=final&family=rare"},
		{"has-value", "Patient", "_has:Observation:subject:value-quantity=gt498"},
		{"sort-date", "Observation", "_sort=-date"},
		{"code-sort-date", "Observation", "code=c3&_sort=-date"},
		{"sort-family", "Patient", "_sort=family"},
		{"sort-birthdate", "Patient", "_sort=-birthdate"},
		{"gender-sort-family", "Patient", "gender=male&_sort=family"},
		{"sort-value", "Observation", "code=c3&_sort=value-quantity"},
		{"code-and-date", "Observation", "code=c3&date=ge2015"},
		{"code-and-date-sort", "Observation", "code=c3&date=ge2015&_sort=-date"},
		{"content", "Patient", "_content=rare99"},
		{"sort-gender", "Patient", "_sort=gender"},
		{"sort-gender-family", "Patient", "_sort=gender,family"},
		{"sort-gender-birthdate-family", "Patient", "_sort=-gender,birthdate,family"},
		{"sort-code", "Observation", "_sort=code"},
		{"sort-subject", "Observation", "_sort=-subject"},
		{"sort-subject-date", "Observation", "_sort=subject,-date"},
		{"sort-date-code", "Observation", "_sort=-date,code"},
		{"code-sort-value-date", "Observation", "code=c3&_sort=-value-quantity,date"},
		{"sort-chain-family", "Observation", "_sort=subject:Patient.family"},
		{"sort-chain-gender", "Observation", "_sort=-subject:Patient.gender"},
		{"sort-chain-family-date", "Observation", "_sort=patient.family,-date"},
		{"code-sort-chain-birthdate", "Observation", "code=c3&_sort=-patient.birthdate"},
	} {
		q := b.query(test.typ, test.query)
		bb.Run(test.name, func(bb *testing.B) {
			before := s.Stats().Examined
			n := 0
			for bb.Loop() {
				page, err := s.Search(background, everything, q)
				b.must(err)
				n = len(page.Versions)
			}
			bb.ReportMetric(float64(n), "results")
			bb.ReportMetric(float64(s.Stats().Examined-before)/float64(bb.N), "examined/op")
		})
	}
	last := b.query("Patient", "_sort=family") // nobody is without, which takes looking
	last.Backward = true
	bb.Run("sort-family-last", func(bb *testing.B) {
		for bb.Loop() {
			_, err := s.Search(background, everything, last)
			b.must(err)
		}
	})
	b.deep(bb, s, "sort-family-at-90000", "Patient", "_sort=family", 90_000)
	b.deep(bb, s, "sort-chain-family-at-100000", "Observation", "_sort=subject:Patient.family", 100_000)
	b.deep(bb, s, "sort-date-at-180000", "Observation", "_sort=-date", 180_000)
}

// deep finds the page behind so many results.
func (b *bench) deep(bb *testing.B, s *Store, name, typ, query string, depth int) {
	q := b.query(typ, query)
	for q.Count = 1000; depth > 0; depth -= 1000 {
		page, err := s.Search(background, everything, q)
		b.must(err)
		q.After = page.Next
	}
	q.Count = 20
	bb.Run(name, func(bb *testing.B) {
		for bb.Loop() {
			_, err := s.Search(background, everything, q)
			b.must(err)
		}
	})
}

func (b *bench) query(typ, text string) *search.Query {
	q, err := search.Parse(b.reg, typ, pairs(text), search.Options{DefaultCount: 20})
	b.must(err)
	return q
}

func pairs(text string) [][2]string {
	var list [][2]string
	for p := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(p, "=")
		list = append(list, [2]string{name, value})
	}
	return list
}
