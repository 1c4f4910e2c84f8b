package sqlite_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// These tests hold, on any machine, what the speed of the store rests on.

// TestCommits counts the transactions, each of which is one fsync.
func TestCommits(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	for i := range 10 {
		put(t, s, reg, fmt.Sprint("p", i), "Poe")
	}
	if n := s.Stats().Commits; n != 10 {
		t.Errorf("10 creates took %d commits", n)
	}
	if err := s.Update(ctx, func(tx store.Tx) error { _, err := tx.Read(ctx, all, fhir.Key{Type: "Patient", ID: "p1"}); return err }); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Commits; n != 10 {
		t.Errorf("a unit that only reads took %d commits", n-10)
	}

	// While one unit runs, others queue; they are stored together.
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Update(ctx, func(store.Tx) error { close(running); <-release; return nil })
		if err != nil {
			t.Errorf("Update: %v", err)
		}
	})
	<-running
	for i := range 100 {
		w := write(t, reg, fmt.Sprint("q", i), "Poe")
		wg.Go(func() {
			if _, err := s.Put(ctx, all, w); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	for sqlite.Queued(s) < 100 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	if n := s.Stats().Commits - 10; n != 1 {
		t.Errorf("100 creates that waited took %d commits, want 1", n)
	}
	if n := s.Stats().Units; n != 10+1+1+100 {
		t.Errorf("%d units were stored", n)
	}
}

func TestAllocations(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	for i := range 30 {
		put(t, s, reg, fmt.Sprint("p", i), "Poe")
	}
	read := testing.AllocsPerRun(100, func() {
		if _, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "p7"}); err != nil {
			t.Fatal(err)
		}
	})
	if read > 8 {
		t.Errorf("a read takes %v allocations", read)
	}
	q, err := search.Parse(reg, "Patient", [][2]string{{"active", "true"}}, search.Options{DefaultCount: 20})
	if err != nil {
		t.Fatal(err)
	}
	page := testing.AllocsPerRun(100, func() {
		if p, err := s.Search(ctx, all, q); err != nil || len(p.Versions) != 20 {
			t.Fatal(p, err)
		}
	})
	if page > 120 {
		t.Errorf("a page of 20 takes %v allocations", page)
	}
}

// TestExamined checks that a page costs no more than its rows where the index
// gives them in order, and not all resources where it does not.
func TestExamined(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	const n = 3000
	err := s.Update(ctx, func(tx store.Tx) error {
		for i := range n / 50 {
			if _, err := tx.Put(ctx, all, write(t, reg, fmt.Sprint("p", i), fmt.Sprint("Poe", i%9))); err != nil {
				return err
			}
		}
		for i := range n {
			text := fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"code":"c%d"}]},
				"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"2024-01-%02d","valueString":"v%d"}`, i, i%3, i/50, 1+i%31, i/1000)
			r, err := reg.Codec.ParseJSON([]byte(text))
			if err != nil {
				return err
			}
			if _, err := tx.Put(ctx, all, store.Prepare(reg, r, r.ID(), "PUT")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		params [][2]string
		most   int64 // resources examined
	}{
		{[][2]string{}, 30},
		{[][2]string{{"status", "final"}}, 30},
		{[][2]string{{"code", "c1"}}, 30},
		{[][2]string{{"code", "c1"}, {"status", "final"}}, 30},
		{[][2]string{{"code", "c1,c2"}}, 50},
		{[][2]string{{"subject", "Patient/p7"}}, 30},
		{[][2]string{{"subject", "Patient/p7"}, {"code", "c1"}}, 30},
		{[][2]string{{"status", "final"}, {"_sort", "-_lastUpdated"}}, 30},
		{[][2]string{{"status", "final"}, {"_sort", "_id"}}, 40},
		{[][2]string{{"_id", "o1,o2"}}, 2},
		{[][2]string{{"date", "2024-01-31"}}, 600},
		{[][2]string{{"subject", "Patient/p7"}, {"_sort", "-_lastUpdated"}}, 50},
		{[][2]string{{"code:not", "c1"}}, 60},
		{[][2]string{{"code", "c1"}, {"date", "ge2024-01-20"}}, 60},
		{[][2]string{{"date", "ge2024-01-20"}}, 60},
		{[][2]string{{"_sort", "-date"}}, 60},
		{[][2]string{{"code", "c1"}, {"_sort", "-date"}}, 60},
		{[][2]string{{"code", "c1"}, {"date", "ge2024-01-20"}, {"_sort", "-date"}}, 60},
		{[][2]string{{"_sort", "value-string"}}, 60},
		{[][2]string{{"_sort", "-status"}}, 60},
		{[][2]string{{"_sort", "code"}}, 60},
		{[][2]string{{"_sort", "subject"}}, 60},
		{[][2]string{{"status", "final"}, {"_sort", "-patient"}}, 60},
		{[][2]string{{"_sort", "subject,-date"}}, 60},
		{[][2]string{{"_sort", "status,-date"}}, 60},
		{[][2]string{{"_sort", "subject:Patient.family"}}, 100},
		{[][2]string{{"_sort", "-subject:Patient.gender"}}, 100},
		{[][2]string{{"_sort", "-code,value-string"}}, 100},
		{[][2]string{{"status", "final"}, {"_sort", "-code,subject,date"}}, 200},
		{[][2]string{{"subject", "Patient/p7"}, {"_sort", "date"}}, 60},
	}
	for _, test := range tests {
		q, err := search.Parse(reg, "Observation", test.params, search.Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		before := s.Stats().Examined
		if _, err := s.Search(ctx, all, q); err != nil {
			t.Fatal(err)
		}
		if got := s.Stats().Examined - before; got > test.most {
			t.Errorf("%v: a page examines %d of %d resources, want at most %d", test.params, got, n, test.most)
		}
	}
}

// TestRangesInOrder checks that a page of a range, sorted by what the range is about,
// costs no more than its rows.
func TestRangesInOrder(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	const n = 3000
	texts := []string{`{"resourceType":"Observation","id":"open","status":"final","code":{"text":"t"},
		"valueQuantity":{"value":5,"comparator":">","unit":"mg"}}`}
	for i := range n {
		texts = append(texts,
			fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","birthDate":"%d-%02d-01","name":[{"family":"%c%d"}]}`, i, 1930+i*7%90, 1+i%12, 'a'+i%26, i),
			fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"t"},
				"valueQuantity":{"value":%d,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}`, i, i*7%n))
	}
	putAll(t, s, texts...)
	for _, text := range []string{
		"Patient?birthdate=ge1980&_sort=birthdate", "Patient?birthdate=ge1980&_sort=-birthdate", "Patient?birthdate=lt1980&_sort=-birthdate",
		"Patient?birthdate=ge1950&birthdate=lt1970&_sort=birthdate", "Patient?birthdate=1950,1980-03&birthdate=gt1960&_sort=-birthdate&_count=10",
		"Patient?birthdate=ge1980&_sort=birthdate,-_id",
		"Observation?value-quantity=gt1500&_sort=value-quantity", "Observation?value-quantity=gt1500&_sort=-value-quantity",
		"Observation?value-quantity=le1500&_sort=-value-quantity", "Observation?value-quantity=ge1500||mg&_sort=value-quantity",
		"Observation?value-quantity=ge1500&value-quantity=lt2500&status=final&_sort=value-quantity",
		"Observation?value-quantity=gt1500|http://unitsofmeasure.org|mg&_sort=value-quantity", "Observation?value-quantity=gt1500000|http://unitsofmeasure.org|ug&_sort=-value-quantity",
	} {
		typ, rest, _ := strings.Cut(text, "?")
		var params [][2]string
		for pair := range strings.SplitSeq(rest, "&") {
			name, value, _ := strings.Cut(pair, "=")
			params = append(params, [2]string{name, value})
		}
		q, err := search.Parse(reg, typ, params, search.Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		before := s.Stats().Examined
		page, err := s.Search(ctx, all, q)
		if err != nil || len(page.Versions) < q.Count {
			t.Fatalf("%s: %d, %v", text, len(page.Versions), err)
		}
		if got := s.Stats().Examined - before; got > 50 {
			t.Errorf("%s: a page examines %d of %d resources", text, got, n)
		}
	}
}

// TestLogIsReset lets clients read all the time while one writes: the log must not
// grow without end.
func TestLogIsReset(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	put(t, s, reg, "p", "Poe")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "p"}); err != nil {
					t.Errorf("Read: %v", err)
					return
				}
			}
		})
	}
	for i := range 3000 {
		put(t, s, reg, fmt.Sprint("p", i), "Poe")
	}
	close(stop)
	wg.Wait()
	stats := s.Stats()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if stats.Resets == 0 || info.Size() > 64<<20 {
		t.Errorf("the log was reset %d times and has %d bytes", stats.Resets, info.Size())
	}
}
