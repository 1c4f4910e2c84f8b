package main

import (
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/internal/config"
)

// settings are all that can be configured, for every command: they share one
// file.
type settings struct {
	Listen            string
	AdminListen       string
	BaseURL           string
	Store             config.Secret // its URL may hold a password
	Synchronous       string
	NoDDL             bool
	Auth              string
	Demo              bool
	UpdateCreate      bool
	ConditionalDelete string
	CursorKey         config.Secret
	NormaliseHormones bool
	DefaultRanges     bool
	FacilityZone      *time.Location
	LogFormat         string
	LogLevel          string

	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
	ShutdownTimeout   time.Duration
	MaxHeaderBytes    int
	Limits            handlers.Limits
	Text              fhir.Limits

	Server  string
	Workers int
	Report  string
	Resume  string

	Out   string
	Types []string
	Gzip  bool

	From config.Secret
	To   config.Secret

	DryRun bool

	problems config.Problems // with single settings; the checks of a command add theirs
}

// The settings of each command, in the order of its --help.
var (
	storeSettings = []string{"store", "sqlite-synchronous", "no-ddl"}
	limitSettings = []string{
		"read-header-timeout", "read-timeout", "write-timeout", "idle-timeout", "shutdown-timeout", "search-timeout", "bundle-timeout", "max-answer-bytes",
		"max-header-bytes", "max-url-bytes", "max-params", "max-form-bytes", "max-resource-bytes", "max-bundle-bytes",
		"max-bundle-entries", "max-gzip-ratio", "max-depth", "max-values", "max-string-bytes", "max-number-digits",
		"default-count", "max-count", "max-delete-count",
	}
	serveSettings = concat([]string{"listen", "base-url"}, storeSettings, []string{"auth", "demo", "admin-listen",
		"update-create", "conditional-delete", "cursor-key", "normalise-hormones", "default-ranges", "facility-zone", "log-format", "log-level"}, limitSettings)
	importSettings  = concat(storeSettings, []string{"normalise-hormones", "default-ranges", "facility-zone", "server", "workers", "report", "resume"})
	exportSettings  = []string{"store", "no-ddl", "out", "type", "gzip"}
	copySettings    = []string{"from", "to", "sqlite-synchronous", "no-ddl"}
	reindexSettings = []string{"store", "no-ddl"}
	shardSettings   = []string{"store", "no-ddl", "dry-run"}
)

func concat(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// declare names every setting and fills in the defaults.
func (c *settings) declare() *config.Set {
	s := &config.Set{}
	c.declareServer(s)
	c.declareLimits(s)

	config.Add(s, &c.Server, "server", "", "FHIR base URL of a server to import into, instead of a store", config.Text)
	config.Add(s, &c.Workers, "workers", "4", "Bundles worked on at the same time", config.Whole(1))
	config.Add(s, &c.Report, "report", "", "file that gets one JSON object a line for each failure", config.Text)
	config.Add(s, &c.Resume, "resume", "", "file that remembers what was loaded: give it again to go on after an interruption", config.Text)

	config.Add(s, &c.Out, "out", "", "folder to write to; it must be empty or not exist", config.Text)
	config.Add(s, &c.Types, "type", "", "resource types to export, separated by commas; empty: all", config.Words)
	config.Add(s, &c.Gzip, "gzip", "false", "compress the files", config.Switch)

	config.Add(s, &c.From, "from", "", "store to copy: sqlite:PATH", config.Hidden("url"))
	config.Add(s, &c.To, "to", "", "store to copy to: empty, or an unfinished copy of the other", config.Hidden("url"))
	config.Add(s, &c.DryRun, "dry-run", "false", "print what would be done, and do nothing", config.Switch)
	return s
}

func (c *settings) declareServer(s *config.Set) {
	config.Add(s, &c.Listen, "listen", "127.0.0.1:8080", "address to listen on", config.Text)
	config.Add(s, &c.BaseURL, "base-url", "", "FHIR base URL as clients know it; empty: http://LISTEN/fhir", config.Text)
	config.Add(s, &c.Store, "store", "sqlite:./noafhir-data/noafhir.db", "where resources are kept: sqlite:PATH, mongodb://… or mongodb+srv://…", config.Hidden("url"))
	config.Add(s, &c.Synchronous, "sqlite-synchronous", "FULL", "FULL: acknowledged writes survive a power cut; NORMAL: only the death of the process", config.OneOf("FULL", "NORMAL"))
	config.Add(s, &c.NoDDL, "no-ddl", "false", "MongoDB: make no collections and indexes, and tell what is missing", config.Switch)
	config.Add(s, &c.Auth, "auth", "off", "who may do what; off: everybody everything, on loopback only", config.OneOf("off", "builtin", "oidc"))
	config.Add(s, &c.Demo, "demo", "false", "load the demo patients, unless they are there", config.Switch)
	config.Add(s, &c.AdminListen, "admin-listen", "", "address for /metrics alone; empty: with everything else", config.Text)
	config.Add(s, &c.UpdateCreate, "update-create", "true", "let PUT create a resource under an id of the client's choice", config.Switch)
	config.Add(s, &c.ConditionalDelete, "conditional-delete", string(handlers.SingleConditionalDelete), "how many matches DELETE with criteria may delete",
		config.OneOf(string(handlers.NoConditionalDelete), string(handlers.SingleConditionalDelete), string(handlers.MultipleConditionalDelete)))
	config.Add(s, &c.CursorKey, "cursor-key", "", "signs paging links, 16 bytes or more; empty: a new one at each start, so that older links end", config.Hidden("secret"))
	config.Add(s, &c.NormaliseHormones, "normalise-hormones", "true", "bring results of the profile noa-hormone into form before they are stored", config.Switch)
	config.Add(s, &c.DefaultRanges, "default-ranges", "false", "give hormones of adult men an interval of last resort where the laboratory has sent none", config.Switch)
	config.Add(s, &c.FacilityZone, "facility-zone", "", "time zone such as Europe/Berlin in which a morning is judged; empty: as each time is written", zone)
	config.Add(s, &c.LogFormat, "log-format", "json", "form of the log on standard error", config.OneOf("json", "text"))
	config.Add(s, &c.LogLevel, "log-level", "info", "least level that is logged", config.OneOf("debug", "info", "warn", "error"))
}

func (c *settings) declareLimits(s *config.Set) {
	l, t := &c.Limits, &c.Text
	config.Add(s, &c.ReadHeaderTimeout, "read-header-timeout", "5s", "time for a request's header", config.Span)
	config.Add(s, &c.ReadTimeout, "read-timeout", "30s", "time for a whole request", config.Span)
	config.Add(s, &c.WriteTimeout, "write-timeout", "60s", "time for an answer", config.Span)
	config.Add(s, &c.IdleTimeout, "idle-timeout", "60s", "time a connection may wait for its next request", config.Span)
	config.Add(s, &c.ShutdownTimeout, "shutdown-timeout", "30s", "time for running requests to end after SIGTERM", config.Span)
	config.Add(s, &l.SearchTime, "search-timeout", "10s", "time for a search or a page of a history", config.Span)
	config.Add(s, &l.BundleTime, "bundle-timeout", "50s", "time for a batch or transaction; less than the time for an answer", config.Span)
	config.Add(s, &l.AnswerBytes, "max-answer-bytes", "64MiB", "most bytes of resources in the answer to a batch or transaction", config.Size)
	config.Add(s, &c.MaxHeaderBytes, "max-header-bytes", "32KiB", "largest header of a request", config.Size)
	config.Add(s, &l.URLBytes, "max-url-bytes", "8KiB", "longest path and query", config.Size)
	config.Add(s, &l.Params, "max-params", "200", "most parameters of a request", config.Whole(1))
	config.Add(s, &l.FormBytes, "max-form-bytes", "64KiB", "largest body of a _search", config.Size)
	config.Add(s, &l.ResourceBytes, "max-resource-bytes", "5MiB", "largest body that is a resource", config.Size)
	config.Add(s, &l.BundleBytes, "max-bundle-bytes", "50MiB", "largest body that is a batch or transaction", config.Size)
	config.Add(s, &l.BundleEntries, "max-bundle-entries", "10000", "most entries of a batch or transaction", config.Whole(1))
	config.Add(s, &l.GzipRatio, "max-gzip-ratio", "100", "most bytes that one compressed byte of a body may become", config.Whole(1))
	config.Add(s, &t.Depth, "max-depth", "64", "deepest nesting of a resource", config.Whole(1))
	config.Add(s, &t.Nodes, "max-values", "200000", "most values in a resource", config.Whole(1))
	config.Add(s, &t.StringBytes, "max-string-bytes", "1MiB", "longest text in a resource, base64Binary aside", config.Size)
	config.Add(s, &t.NumberDigits, "max-number-digits", "64", "longest number in a resource", config.Whole(1))
	config.Add(s, &l.DefaultCount, "default-count", "50", "page size if a search asks for none", config.Whole(1))
	config.Add(s, &l.MaxCount, "max-count", "1000", "largest page size", config.Whole(1))
	config.Add(s, &l.DeleteCount, "max-delete-count", "1000", "most resources that one conditional delete deletes", config.Whole(1))
}
