package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A Target performs Bundles.
type Target interface {
	// Process performs a batch or transaction, given as JSON, and returns the
	// JSON of the response. An error means that nothing of a transaction is there.
	Process(ctx context.Context, bundle []byte) ([]byte, error)
}

// ImportOptions say what to import, and how.
type ImportOptions struct {
	Files   []*File
	Target  Target
	Codec   *fhir.Codec // reads XML
	Workers int         // Bundles performed at the same time, at least 1
	Most    int         // resources gathered into one transaction; 0: 500
	Batches bool        // the target has no transactions: resources are gathered into batches, and what is to be loaded as a whole fails

	Journal *Journal       // what has been loaded before, and where to write what is; nil: none
	Report  io.Writer      // gets one JSON object a line for each failure; nil: nowhere
	Failed  func(Failure)  // told of each failure; nil: not
	Note    func(string)   // told what was passed over, and why; nil: not
	Read    func(n int)    // told of bytes read
	Loaded  func(n, m int) // told of n resources loaded and m that were not
}

// A Failure is something that was not loaded.
type Failure struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`  // from 1; 0: the file as a whole
	Entry int    `json:"entry,omitempty"` // of a batch that stands there, from 1
	Error string `json:"error"`
}

// String returns file:line: error.
func (f Failure) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Entry > 0 {
		fmt.Fprintf(&b, ": entry %d", f.Entry)
	}
	return b.String() + ": " + f.Error
}

// A Summary says how an import went.
type Summary struct {
	Files       int
	Before      int  // files that the journal knows as loaded
	Resources   int  // loaded
	Failures    int  // told, each once
	Interrupted bool // the context ended before all was done
}

// Import loads files. What fails does not keep the rest from being loaded. When
// ctx ends, Bundles that are being performed are seen through, and no more are
// begun. The error is about the journal or the report; failures to load are in
// the summary.
func Import(ctx context.Context, o ImportOptions) (Summary, error) {
	im := &importer{ImportOptions: o.withDefaults(), ctx: ctx, busy: map[string]bool{}}
	im.changed.L = &im.mu
	im.readAll()
	im.wait()
	im.again()
	im.summary.Files = len(o.Files)
	im.summary.Interrupted = ctx.Err() != nil
	return im.summary, im.broken
}

func (o ImportOptions) withDefaults() ImportOptions {
	o.Workers = max(o.Workers, 1)
	if o.Most == 0 {
		o.Most = 500
	}
	if o.Failed == nil {
		o.Failed = func(Failure) {}
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.Read == nil {
		o.Read = func(int) {}
	}
	if o.Loaded == nil {
		o.Loaded = func(int, int) {}
	}
	return o
}

const (
	mostBytes     = 4 << 20   // of single resources gathered into one transaction
	mostPostponed = 256 << 20 // bytes of transactions kept to be tried again
)

// An importer is an import at work.
type importer struct {
	ImportOptions
	ctx context.Context

	mu        sync.Mutex
	changed   sync.Cond // running or busy changed
	running   int
	alone     bool            // the unit that runs suffers no other
	busy      map[string]bool // keys of running units
	postponed []*unit         // failed; to be tried again
	kept      int             // bytes in postponed
	last      bool            // nothing is postponed any more
	summary   Summary
	broken    error
}

// readAll starts units until files or patience end.
func (im *importer) readAll() {
	g := &gatherer{most: im.Most, mostBytes: mostBytes, emit: im.start, fail: im.fail, loose: im.Batches}
	r := &reader{codec: im.Codec, read: im.Read, skip: im.Journal.has}
	for _, f := range im.Files {
		if im.stopped() {
			return
		}
		if im.Journal.hasAll(f) {
			im.Read(int(f.Size))
			im.summary.Before++
			continue
		}
		err := r.items(f, g.add, func(line int, err error) { im.fail(place{file: f, line: line}, err) })
		switch {
		case err == errNoResources && f.Found:
			im.Note(f.Path + " " + err.Error() + ": passed over")
		case err != nil:
			im.fail(place{file: f}, err)
		}
	}
	if !im.stopped() {
		g.flush()
	}
}

// stopped reports whether no more units are to be begun.
func (im *importer) stopped() bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.ctx.Err() != nil || im.broken != nil
}

// start performs a unit as soon as it may: when a worker is free, and nothing
// runs that it must not overtake. A batch runs alone, since what comes after it
// in the files may refer to what it creates; transactions that refer to each
// other sort themselves out by being tried again. It reports whether it began.
func (im *importer) start(u *unit) bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	for im.running >= im.Workers || im.alone || im.running > 0 && (u.batch || im.conflicts(u)) {
		im.changed.Wait()
	}
	if im.ctx.Err() != nil || im.broken != nil {
		return false
	}
	im.running++
	im.alone = u.batch
	for _, key := range u.keys {
		im.busy[key] = true
	}
	go im.run(u)
	return true
}

func (im *importer) conflicts(u *unit) bool {
	for _, key := range u.keys {
		if im.busy[key] {
			return true
		}
	}
	return false
}

// run performs a unit and lets the next one begin.
func (im *importer) run(u *unit) {
	im.perform(u)
	im.mu.Lock()
	defer im.mu.Unlock()
	im.running--
	im.alone = false
	for _, key := range u.keys {
		delete(im.busy, key)
	}
	im.changed.Broadcast()
}

// perform performs a unit. A transaction that fails is postponed: what it refers
// to may come later. Where that is no hope, gathered resources are tried in ever
// smaller numbers, so that a bad one does not keep out its neighbours.
func (im *importer) perform(u *unit) {
	if im.Batches && !u.batch && !u.loose {
		im.settle(u, everyPlace(u, errWhole))
		return
	}
	response, err := im.Target.Process(context.WithoutCancel(im.ctx), u.bundle())
	var failures []failure
	if err == nil && (u.batch || u.loose) {
		failures, err = readFailures(u, response)
	}
	for _, f := range failures {
		if im.lost(f.err) {
			return
		}
	}
	switch {
	case err == nil:
		im.settle(u, failures)
	case im.lost(err):
	case !u.batch && im.postpone(u, err):
	case !u.whole && u.count > 1:
		for _, half := range u.split() {
			im.perform(half)
		}
	default:
		im.settle(u, everyPlace(u, err))
	}
}

// errWhole is why a Bundle is not loaded into a target without transactions.
var errWhole = fhir.Errorf(fhir.Unsupported, "it has to be loaded as a whole, and the target has no transactions")

// lost reports whether an error means that the target takes nothing any more,
// and if so ends the import.
func (im *importer) lost(err error) bool {
	if fhir.KindOf(err) != fhir.Unavailable {
		return false
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.broken == nil {
		im.broken = err
	}
	return true
}

// postpone keeps a transaction that failed, to be tried again, if there is room
// and hope for it.
func (im *importer) postpone(u *unit, err error) bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	kind := fhir.KindOf(err)
	if im.last || kind == fhir.Structure || kind == fhir.TooLarge || im.kept+u.size() > mostPostponed {
		return false
	}
	u.err = err
	im.postponed = append(im.postponed, u)
	im.kept += u.size()
	return true
}

// again tries what was postponed, in its order, as long as that helps.
func (im *importer) again() {
	for len(im.postponed) > 0 && !im.stopped() {
		list, before := im.postponed, im.summary.Resources
		im.postponed, im.kept = nil, 0
		for _, u := range list {
			if im.last && u.whole {
				im.settle(u, everyPlace(u, u.err))
				continue
			}
			if !im.start(u) {
				return
			}
			im.wait()
		}
		im.last = im.summary.Resources == before
	}
}

// wait returns when nothing runs.
func (im *importer) wait() {
	im.mu.Lock()
	defer im.mu.Unlock()
	for im.running > 0 {
		im.changed.Wait()
	}
}

// settle notes how a unit ended, for good.
func (im *importer) settle(u *unit, failures []failure) {
	im.mu.Lock()
	defer im.mu.Unlock()
	lost := 0
	bad := map[place]bool{}
	for _, f := range failures {
		lost += f.entries
		bad[f.at] = true
		im.tell(f)
	}
	im.summary.Resources += u.count - lost
	im.Loaded(u.count-lost, lost)
	if err := im.Journal.add(u.places, bad); err != nil && im.broken == nil {
		im.broken = err
	}
}

// fail notes what did not become part of a unit.
func (im *importer) fail(at place, err error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.tell(failure{at: at, entries: 1, err: err})
	im.Loaded(0, 1)
}

// tell reports a failure.
func (im *importer) tell(f failure) {
	im.summary.Failures++
	told := Failure{File: f.at.file.Path, Line: f.at.line, Entry: f.entry, Error: f.err.Error()}
	im.Failed(told)
	if im.Report == nil {
		return
	}
	line, err := json.Marshal(told)
	if err == nil {
		_, err = im.Report.Write(append(line, '\n'))
	}
	if err != nil && im.broken == nil {
		im.broken = fmt.Errorf("writing the report: %w", err)
	}
}
