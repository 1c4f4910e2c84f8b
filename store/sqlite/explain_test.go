package sqlite_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestExplain checks that the plan is told, and none of the values.
func TestExplain(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	put(t, s, reg, "p", "Secretname")
	params := [][2]string{{"family", "secretname"}, {"active", "true"}, {"_sort", "-birthdate"}}
	q, err := search.Parse(reg, "Patient", params, search.Options{DefaultCount: 20})
	if err != nil {
		t.Fatal(err)
	}
	q.Explain = &search.Explain{}
	if _, err := s.Search(ctx, all, q); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(q.Explain.Lines, "\n")
	for _, want := range []string{"shape: Patient?family&active&_sort=-birthdate", "condition 1: ", "drives: ", "examined: "} {
		if !strings.Contains(text, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "ecretname") {
		t.Errorf("the explanation has values:\n%s", text)
	}
}

// TestVersionsComeWithRows checks that a page sorted by the clinical date takes no
// statement for each version.
func TestVersionsComeWithRows(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	for i := range 300 {
		text := fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"t"},"effectiveDateTime":"2024-%02d-%02d"}`, i, 1+i%12, 1+i%28)
		r, err := reg.Codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, all, store.Prepare(reg, r, r.ID(), "PUT")); err != nil {
			t.Fatal(err)
		}
	}
	for _, params := range [][][2]string{
		{{"_sort", "-date"}},
		{{"status", "final"}, {"_sort", "-date"}},
		{{"date", "ge2024-05"}, {"_sort", "date"}},
		{{"date", "lt2024-08"}, {"_sort", "-date"}},
		{{"date", "ge2024-05"}},
	} {
		q, err := search.Parse(reg, "Observation", params, search.Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		q.Explain = &search.Explain{}
		page, err := s.Search(ctx, all, q)
		if err != nil || len(page.Versions) != 20 {
			t.Fatal(page, err)
		}
		last := q.Explain.Lines[len(q.Explain.Lines)-1]
		var examined, rows int
		if _, err := fmt.Sscanf(last, "candidates examined: %d; rows read: %d", &examined, &rows); err != nil || rows > examined+10 {
			t.Errorf("%v: %s, %v", params, last, err)
		}
	}
}

// TestSlow checks that slow searches are logged, without their values.
func TestSlow(t *testing.T) {
	var log strings.Builder
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Slow: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	put(t, s, reg, "p", "Secretname")
	q, err := search.Parse(reg, "Patient", [][2]string{{"family", "secretname"}, {"active:missing", "true"}}, search.Options{DefaultCount: 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Search(ctx, all, q); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "Patient?family&active:missing") || strings.Contains(text, "ecretname") {
		t.Errorf("the log has %q", text)
	}
}
