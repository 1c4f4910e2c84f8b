package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/internal/metrics"
)

// scrape returns what Prometheus would read.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := metrics.New("1.2.3")
	m.Counter("noafhir_store_commits_total", "Commits.", func() float64 { return 7 })
	m.Gauge("noafhir_index_rows", "Rows.", func() float64 { return 9 })
	m.Answered(metrics.Request{Interaction: "read", Status: 200, Duration: 2 * time.Millisecond, Bytes: 100})
	m.Answered(metrics.Request{Interaction: "read", Status: 204, Duration: time.Millisecond})
	m.Answered(metrics.Request{Interaction: "read", Status: 404})
	m.Answered(metrics.Request{Status: 405})
	m.Answered(metrics.Request{Status: 99999})

	got := scrape(t, m)
	for _, want := range []string{
		`noafhir_build_info{version="1.2.3"} 1`,
		`noafhir_requests_total{interaction="read",status="2xx"} 2`,
		`noafhir_requests_total{interaction="read",status="4xx"} 1`,
		`noafhir_requests_total{interaction="none",status="4xx"} 1`,
		`noafhir_requests_total{interaction="none",status="other"} 1`,
		`noafhir_request_duration_seconds_count{interaction="read"} 3`,
		`noafhir_request_duration_seconds_bucket{interaction="read",le="0.0025"} 3`,
		"noafhir_response_bytes_total 100",
		"noafhir_store_commits_total 7",
		"noafhir_index_rows 9",
		"noafhir_requests_in_flight 0",
		"go_goroutines ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestInFlight(t *testing.T) {
	m := metrics.New("test")
	during := ""
	m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { during = scrape(t, m) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(during, "noafhir_requests_in_flight 1") {
		t.Error("a running request is not counted")
	}
	if after := scrape(t, m); !strings.Contains(after, "noafhir_requests_in_flight 0") {
		t.Error("an answered request is still counted")
	}
}
