package handlers

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
)

// basePath is where the FHIR base is on this server.
const basePath = "/fhir"

// Handler returns the HTTP interface: the FHIR base at /fhir, and /healthz and
// /readyz. Whatever is asked for elsewhere is answered with 404 and an
// OperationOutcome.
//
// The addresses below the base have one route. What they mean is decided by
// [Server.perform], which bundle entries need as well.
func (s *Server) Handler() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.SetTrustedProxies(nil)
	engine.RedirectTrailingSlash = false
	engine.Any(basePath, s.ginServe)
	engine.Any(basePath+"/*address", s.ginServe)
	for path, answer := range map[string]gin.HandlerFunc{"/healthz": ginHealth, "/readyz": s.ginReady} {
		engine.GET(path, answer)
		engine.HEAD(path, answer)
	}
	engine.NoRoute(s.ginServe)
	return compressed(engine)
}

// ginServe adapts an exchange to Gin.
func (s *Server) ginServe(c *gin.Context) {
	s.serve(c.Writer, c.Request)
	c.Writer.WriteHeaderNow() // also without a body, or Gin would put its own
}

// ginHealth says that the process runs.
func ginHealth(c *gin.Context) { plain(c.Writer, http.StatusOK, "ok\n") }

// ginReady says whether requests can be served now.
func (s *Server) ginReady(c *gin.Context) {
	if s.draining.Load() {
		plain(c.Writer, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if err := s.store.Check(c.Request.Context()); err != nil {
		if s.options.Logger != nil {
			s.options.Logger.Error("not ready", "error", err.Error())
		}
		plain(c.Writer, http.StatusServiceUnavailable, "the store is not available\n")
		return
	}
	plain(c.Writer, http.StatusOK, "ready\n")
}

// plain sends a line of text.
func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// compressed sends bodies over 1 KB as gzip to clients that accept it. Entity
// tags stay as they are: they are weak.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(1), gzhttp.EnableZstd(false),
		gzhttp.ContentTypes([]string{"application/fhir+json", "application/fhir+xml"}))
	if err != nil {
		panic(err) // the options are constants
	}
	return wrap(h)
}

// ServerDefaults sets the timeouts and limits that an HTTP server open to
// clients should have, where they are not set.
func ServerDefaults(server *http.Server) {
	orDefault(&server.ReadHeaderTimeout, 5*time.Second)
	orDefault(&server.ReadTimeout, 30*time.Second)
	orDefault(&server.WriteTimeout, 60*time.Second)
	orDefault(&server.IdleTimeout, 60*time.Second)
	orDefault(&server.MaxHeaderBytes, 32<<10)
}
