// Package metrics counts what the server does, for Prometheus.
//
// Labels take values from closed sets only (interactions, status classes), so
// no client can make the number of series grow, and none of them says anything
// about a patient. Metrics are values made in one place and handed to those who
// count; there is no global registry.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	sent     prometheus.Counter
	inFlight prometheus.Gauge
}

// New returns metrics that so far tell the version of the software and about Go
// and the process.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "noafhir_requests_total",
			Help: "FHIR requests answered, by interaction and class of the status.",
		}, []string{"interaction", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "noafhir_request_duration_seconds",
			Help:    "Time from the request's header to the end of the answer, by interaction.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"interaction"}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "noafhir_response_bytes_total",
			Help: "Bytes of response bodies sent.",
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "noafhir_requests_in_flight",
			Help: "Requests being worked on.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "noafhir_build_info",
		Help:        "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.sent, m.inFlight, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// A Request is one answered request. Interaction is a code of the server's own
// table, empty if the request did not get as far as one.
type Request struct {
	Interaction string
	Status      int
	Duration    time.Duration
	Bytes       int
}

// Answered counts a request.
func (m *Metrics) Answered(r Request) {
	interaction := r.Interaction
	if interaction == "" {
		interaction = "none"
	}
	m.requests.WithLabelValues(interaction, class(r.Status)).Inc()
	m.duration.WithLabelValues(interaction).Observe(r.Duration.Seconds())
	m.sent.Add(float64(r.Bytes))
}

// class returns 2xx for 200 and so on; what is no HTTP status is "other".
func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Counter adds a counter that read is asked for. It must only ever grow.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// Gauge adds a gauge that read is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// InFlight counts the requests that next is working on.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		next.ServeHTTP(w, r)
	})
}

// Handler serves the metrics in the formats Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
