package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// The benchmarks print each figure beside its floor, from the same run: what the
// same rows cost when SQLite is called directly.

var (
	background = context.Background()
	everything = search.Everything()
)

// A bench has what the benchmarks write: 2 KB observations about patients who
// have fifty each.
type bench struct {
	testing.TB
	reg *search.Registry
}

func newBench(b testing.TB) *bench { return &bench{b, storetest.NewRegistry(b)} }

func (b *bench) open() *Store {
	s, err := Open(filepath.Join(b.TempDir(), "bench.db"), Options{Registry: b.reg})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// raw opens a database of our layout without a store.
func (b *bench) raw() *conn {
	c, err := openConn(filepath.Join(b.TempDir(), "raw.db"), true)
	b.must(err)
	b.Cleanup(c.close)
	b.must(setUp(c, "FULL", writerCacheKiB))
	b.must(migrate(c))
	b.must(c.exec("PRAGMA wal_autocheckpoint=2000"))
	return c
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func benchID(i int) string { return fmt.Sprintf("0192f3a4-%04x-7000-8000-%012x", i&0xffff, i) }

// write prepares the i-th observation.
func (b *bench) write(i int) store.Write {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	code := r.IntN(100) * r.IntN(100) / 100 // few are frequent
	day := fmt.Sprintf("%d-%02d-%02dT%02d:%02d:00+01:00", 2000+r.IntN(25), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60))
	text := fmt.Sprintf(`{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"%s","display":"%s"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"%d-1","display":"Analyte %d"}],"text":"Analyte %d"},"subject":{"reference":"Patient/p%d"},"encounter":{"reference":"Encounter/e%d"},"effectiveDateTime":"%s","issued":"%s","valueQuantity":{"value":%d.%02d,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"note":[{"text":"%s"}]}`,
		[]string{"laboratory", "vital-signs", "survey"}[r.IntN(3)], "Category", code, code, code, i/50, i/5, day, day, r.IntN(300), r.IntN(100), strings.Repeat("This note is invented. ", 50))
	res, err := b.reg.Codec.ParseJSON([]byte(text))
	b.must(err)
	return store.Prepare(b.reg, res, benchID(i), "PUT")
}

// fill stores n observations.
func (b *bench) fill(s *Store, n int) {
	for i := 0; i < n; i += 1000 {
		b.must(s.Update(background, func(tx store.Tx) error {
			for j := i; j < min(i+1000, n); j++ {
				if _, err := tx.Put(background, everything, b.write(j)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// insertRaw writes the rows of a new resource with plain statements.
func (b *bench) insertRaw(c *conn, n int64, w store.Write) {
	run := func(text string, bind func(s *stmt)) {
		s, err := c.prepare(text)
		b.must(err)
		bind(s)
		b.must(s.run())
	}
	body := w.Body.Stamp(1, instant(n))
	run("INSERT INTO ver(vid, n, t, number, method, id, body) VALUES(?,?,?,?,?,?,?)", func(s *stmt) {
		s.int(n).int(n).int(1).int(1).int(2).str(w.Key.ID).blob(body)
	})
	run("INSERT INTO res(t, id, n, number, vid, deleted) VALUES(?,?,?,?,?,?)", func(s *stmt) {
		s.int(1).str(w.Key.ID).int(n).int(1).int(n).int(0)
	})
	run("INSERT INTO cur(n, t, vid, d, keys) VALUES(?,?,?,?,?)", func(s *stmt) {
		s.int(n).int(1).int(n).int(w.Entries.Date).blob(packKeys(w.Entries.Keys))
	})
	for _, k := range w.Entries.Keys {
		run("INSERT INTO post(k, d, n) VALUES (?,?,?)", func(s *stmt) { s.blob(k).int(w.Entries.Date).int(n) })
	}
}

// BenchmarkDurable stores one resource per acknowledged write.
func BenchmarkDurable(bb *testing.B) {
	bb.Run("floor-one-row", func(bb *testing.B) {
		b := newBench(bb)
		c := b.raw()
		b.must(c.exec("CREATE TABLE one(x INTEGER PRIMARY KEY, y)"))
		for bb.Loop() {
			b.must(c.exec("INSERT INTO one(y) VALUES(1)"))
		}
	})
	bb.Run("floor-same-rows", func(bb *testing.B) {
		b := newBench(bb)
		c := b.raw()
		for n := int64(1); bb.Loop(); n++ {
			w := b.write(int(n))
			b.must(c.exec("BEGIN IMMEDIATE"))
			b.insertRaw(c, n, w)
			b.must(c.exec("COMMIT"))
		}
	})
	bb.Run("create-1-client", func(bb *testing.B) { benchCreate(bb, 1) })
	bb.Run("create-64-clients", func(bb *testing.B) { benchCreate(bb, 64) })
	bb.Run("update-unchanged", func(bb *testing.B) {
		b := newBench(bb)
		s := b.open()
		const n = 1000
		b.fill(s, n)
		for i := 0; bb.Loop(); i++ {
			if _, err := s.Put(background, everything, b.write(i%n)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchCreate(bb *testing.B, clients int) {
	b := newBench(bb)
	s := b.open()
	bb.ReportAllocs()
	bb.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(bb.N); i = next.Add(1) {
				if _, err := s.Put(background, everything, b.write(int(i))); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	bb.ReportMetric(float64(s.Stats().Commits)/float64(bb.N), "commits/op")
}

// BenchmarkBulk stores 500 resources per unit.
func BenchmarkBulk(bb *testing.B) {
	const size = 500
	bb.Run("floor-same-rows", func(bb *testing.B) {
		b := newBench(bb)
		c := b.raw()
		n := int64(0)
		for bb.Loop() {
			b.must(c.exec("BEGIN IMMEDIATE"))
			for range size {
				n++
				b.insertRaw(c, n, b.write(int(n)))
			}
			b.must(c.exec("COMMIT"))
		}
		bb.ReportMetric(float64(n)/bb.Elapsed().Seconds(), "resources/s")
	})
	bb.Run("update", func(bb *testing.B) {
		b := newBench(bb)
		s := b.open()
		n := 0
		for bb.Loop() {
			b.must(s.Update(background, func(tx store.Tx) error {
				for range size {
					n++
					if _, err := tx.Put(background, everything, b.write(n)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		bb.ReportMetric(float64(n)/bb.Elapsed().Seconds(), "resources/s")
	})
}

// benchResources is how many resources there are to be read and searched.
const benchResources = 50_000

// BenchmarkQuestions reads and searches.
func BenchmarkQuestions(bb *testing.B) {
	b := newBench(bb)
	s := b.open()
	b.fill(s, benchResources)
	bb.Run("floor-read", func(bb *testing.B) {
		c := <-s.conns
		defer func() { s.conns <- c }()
		t := s.types.numbers["Observation"]
		for i := 0; bb.Loop(); i++ {
			q, err := c.prepare("SELECT v.body FROM res r CROSS JOIN ver v ON v.vid=r.vid WHERE r.t=? AND r.id=?")
			b.must(err)
			if row, err := q.int(t).str(benchID(i * 7919 % benchResources)).step(); err != nil || !row {
				b.Fatal(row, err)
			}
			q.bytes(0)
			q.reset()
		}
	})
	bb.Run("read", func(bb *testing.B) {
		bb.ReportAllocs()
		for i := 0; bb.Loop(); i++ {
			key := fhir.Key{Type: "Observation", ID: benchID(i * 7919 % benchResources)}
			if _, err := s.Read(background, everything, key); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, params := range [][][2]string{
		{},
		{{"code", "http://loinc.org|7-1"}},
		{{"patient", "p77"}},
		{{"patient", "p77"}, {"code", "http://loinc.org|0-1"}},
		{{"code", "http://loinc.org|0-1"}, {"category", "survey"}},
		{{"code", "http://loinc.org|0-1,http://loinc.org|1-1,http://loinc.org|2-1"}},
		{{"code", "http://loinc.org|50-1"}, {"date", "ge2010"}, {"date", "lt2011"}},
		{{"date", "2010-05-17"}},
		{{"date", "ge2024"}},
		{{"_sort", "-_lastUpdated"}},
		{{"code", "http://loinc.org|7-1"}, {"_sort", "-_lastUpdated"}},
		{{"encounter", "Encounter/e77"}, {"_sort", "_id"}},
	} {
		q, err := search.Parse(b.reg, "Observation", params, search.Options{DefaultCount: 20})
		b.must(err)
		name := strings.NewReplacer("[", "", "]", "", " ", "=", "http://loinc.org|", "").Replace(fmt.Sprint(params))
		bb.Run("search/"+name, func(bb *testing.B) {
			bb.ReportAllocs()
			before, found := s.Stats(), 0
			for bb.Loop() {
				page, err := s.Search(background, everything, q)
				b.must(err)
				found = len(page.Versions)
			}
			after := s.Stats()
			bb.ReportMetric(float64(found), "found")
			bb.ReportMetric(float64(after.Examined-before.Examined)/float64(after.Searches-before.Searches), "examined/op")
		})
		bb.Run("count/"+name, func(bb *testing.B) {
			n := int64(0)
			for bb.Loop() {
				n, err = s.Count(background, everything, q)
				b.must(err)
			}
			bb.ReportMetric(float64(n), "found")
		})
	}
}
