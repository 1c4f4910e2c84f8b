package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/internal/metrics"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/sqlite"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the resources of a store over HTTP",
		Long: `serve answers FHIR requests at /fhir until it gets SIGTERM or SIGINT. Then it
lets running requests end, closes the store and exits with 0. It is ready when
/readyz answers 200.`,
		Example: `  noafhir serve --demo
  noafhir serve --store sqlite:/var/lib/noafhir/noafhir.db --log-format text`,
		Args: cobra.NoArgs,
	}
}

// serve wires everything together and runs until ctx ends.
func serve(ctx context.Context, p *program, _ []string) (err error) {
	c := &p.settings
	if err := c.checkServe(); err != nil {
		return err
	}
	log := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	defer runtime.KeepAlive(ballast())

	// Addresses first: if they are taken, no file has been touched.
	listener, err := c.listen(c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	admin, err := c.listen(c.AdminListen)
	if err != nil {
		return err
	}
	if admin != nil {
		defer admin.Close()
	}

	defs, err := loadDefinitions(c.Text)
	if err != nil {
		return err
	}
	base := c.baseURL(listener.Addr())
	defs.registry.Base = base
	st, err := c.openStore(ctx, defs, false, log)
	if err != nil {
		return err
	}
	defer func() {
		if closing := st.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the store: %w", closing)
		}
	}()

	counted := metrics.New(version)
	countStore(counted, st)
	fhirServer, err := c.newServer(defs, st, base, counted, log)
	if err != nil {
		return err
	}
	if c.Demo {
		if err := loadDemo(ctx, fhirServer, st, p.stdout, base); err != nil {
			return err
		}
	}

	handler := counted.InFlight(fhirServer.Handler())
	if admin == nil {
		handler = withMetrics(handler, counted)
	}
	servers := []listening{{c.httpServer(handler, log), listener}}
	if admin != nil {
		servers = append(servers, listening{c.httpServer(withMetrics(http.NotFoundHandler(), counted), log), admin})
	}
	log.Info("serving", "address", listener.Addr().String(), "base", base, "version", version, "auth", c.Auth)
	return serveUntil(ctx, servers, fhirServer.Drain, c.ShutdownTimeout, log)
}

// newServer returns a server that has not begun to listen.
func (c *settings) newServer(defs definitions, st store.Store, base string, counted *metrics.Metrics, log *slog.Logger) (*handlers.Server, error) {
	return handlers.New(handlers.Options{
		Store:             st,
		Registry:          defs.registry,
		Codec:             defs.codec,
		BaseURL:           base,
		Version:           version,
		Access:            handlers.Open,
		Explain:           true, // as long as nobody has to say who he is
		Limits:            c.Limits,
		NoUpdateCreate:    !c.UpdateCreate,
		ConditionalDelete: handlers.ConditionalDelete(c.ConditionalDelete),
		CursorKey:         []byte(c.CursorKey.Reveal()),
		Prepare:           c.preparer(defs, st),
		Logger:            log,
		Observe: func(o handlers.Observation) {
			counted.Answered(metrics.Request{Interaction: o.Interaction, Status: o.Status, Duration: o.Duration, Bytes: o.Bytes})
		},
	})
}

// ballast returns memory that is never used, and so never becomes real, to keep
// the garbage collector from running too often: it runs when the heap has doubled,
// and what the server holds on to is so little that this would be after every
// hundred searches. It took a sixth of the time of a search, and more than half of
// its 99th percentile. A higher GOGC would do the same, but multiply what a large
// Bundle takes as well.
func ballast() []byte { return make([]byte, 32<<20) }

// listen opens an address; it returns nil for an empty one. Where everybody may
// do everything, it makes sure that a name really means loopback.
func (c *settings) listen(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); address == c.Listen && ok && !tcp.IP.IsLoopback() {
		l.Close()
		return nil, fmt.Errorf("%s is %s here, which is no loopback address", address, tcp.IP)
	}
	return l, nil
}

// baseURL returns the address of the FHIR base as clients know it.
func (c *settings) baseURL(address net.Addr) string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	return "http://" + address.String() + "/fhir"
}

// httpServer returns a server with the timeouts and limits of the settings.
func (c *settings) httpServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// withMetrics answers /metrics, and passes the rest on.
func withMetrics(next http.Handler, m *metrics.Metrics) http.Handler {
	scrape := m.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			scrape.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// countStore adds what the store knows of itself.
func countStore(m *metrics.Metrics, st database) {
	switch st := st.(type) {
	case *sqlite.Store:
		countSQLite(m, st)
	case *mongodb.Store:
		countMongoDB(m, st)
	}
}

func countSQLite(m *metrics.Metrics, st *sqlite.Store) {
	stat := func(of func(sqlite.Stats) int64) func() float64 {
		return func() float64 { return float64(of(st.Stats())) }
	}
	m.Counter("noafhir_store_units_total", "Units of work stored.", stat(func(s sqlite.Stats) int64 { return s.Units }))
	m.Counter("noafhir_store_commits_total", "Transactions made durable, with one wait for the disk each.", stat(func(s sqlite.Stats) int64 { return s.Commits }))
	m.Counter("noafhir_store_index_rows_total", "Rows of the search index written or removed.", stat(func(s sqlite.Stats) int64 { return s.Postings }))
	m.Counter("noafhir_store_failures_total", "Transactions that could not be made durable.", stat(func(s sqlite.Stats) int64 { return s.Failures }))
	m.Counter("noafhir_store_log_resets_total", "Times the write-ahead log was copied into the database.", stat(func(s sqlite.Stats) int64 { return s.Resets }))
	m.Gauge("noafhir_store_log_pages", "Pages in the write-ahead log.", stat(func(s sqlite.Stats) int64 { return s.LogPages }))
}

func countMongoDB(m *metrics.Metrics, st *mongodb.Store) {
	stat := func(of func(mongodb.Stats) int64) func() float64 {
		return func() float64 { return float64(of(st.Stats())) }
	}
	m.Counter("noafhir_store_commands_total", "Commands that the database carried out.", stat(func(s mongodb.Stats) int64 { return s.Commands }))
	m.Counter("noafhir_store_failures_total", "Commands that failed or got no answer.", stat(func(s mongodb.Stats) int64 { return s.Failures }))
	m.Gauge("noafhir_store_connections", "Connections to the database that are open.", stat(func(s mongodb.Stats) int64 { return s.Connections }))
	m.Gauge("noafhir_store_connections_busy", "Connections to the database that are in use.", stat(func(s mongodb.Stats) int64 { return s.Busy }))
}

// bundleTarget gives Bundles to a server in this process.
type bundleTarget struct {
	server *handlers.Server
}

// Process implements [transfer.Target].
func (t bundleTarget) Process(ctx context.Context, bundle []byte) ([]byte, error) {
	resp, err := t.server.Process(ctx, everything, bundle)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// noLimits are for what the operator brings: it is bounded by the files.
var noLimits = fhir.Limits{Nodes: 1 << 28, StringBytes: 512 << 20}
