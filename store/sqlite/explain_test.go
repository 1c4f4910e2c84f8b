package sqlite_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
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
