package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"
)

// A bench is a whole run.
type bench struct {
	settings settings
	dir      string
	binary   string
	groups   []string      // to measure
	runs     int           // of each measurement; the median counts
	span     time.Duration // of one run
	began    time.Time
	progress io.Writer

	clinic  // whose store is in hand
	group   string
	figures []figure
	remarks []remark
	notes   []string // what failed, or could not be measured
	inside  map[string][]measured

	place    place
	server   *process
	gin      *process
	floor    floor        // on a copy of the store
	requests atomic.Int64 // sent so far: none is repeated
}

// A step is a part of the measurements with one size.
type step struct {
	group string // empty: it is needed by any
	name  string
	run   func() error
}

// steps are all parts, in order. What writes comes last.
func (b *bench) steps() []step {
	return []step{
		{"", "import", b.importing},
		{groupImport, "the size of the index", b.indexing},
		{groupImport, "import as the core had it", b.importingCore},
		{groupInside, "pages within the process", b.insidePages},
		{groupCore, "a copy for the floors", b.copying},
		{groupCore, "parsing", b.parsing},
		{"", "start", b.starting},
		{groupCore, "reads", b.reads},
		{groupSearch, "pages", b.pages},
		{groupSearch, "pairs", b.pairs},
		{groupSearch, "links", b.links},
		{groupMix, "mix", b.mixed},
		{groupCore, "writes", b.writes},
		{groupCore, "bundles", b.bundles},
		{groupCore, "write storm", b.storm},
		{"", "stop", b.stop},
		{groupCore, "export", b.exporting},
	}
}

// measure measures everything with n resources in the store, and returns how many
// parts failed. Without a store or a server there is nothing to go on with.
func (b *bench) measure(n int) (failed int) {
	b.clinic = clinic{n}
	b.place = b.placeOf(n)
	defer b.cleanUp()
	for _, s := range b.steps() {
		if s.group != "" && !slices.Contains(b.groups, s.group) {
			continue
		}
		b.group = cmp.Or(s.group, groupCore)
		begin := time.Now()
		fmt.Fprintf(b.progress, "-- %s\n", s.name)
		err := s.run()
		fmt.Fprintf(b.progress, "-- %s took %.1f s\n", s.name, time.Since(begin).Seconds())
		if err != nil {
			failed++
			b.note("%s failed: %v", s.name, err)
		}
		if err := b.save(); err != nil {
			failed++
			b.note("%v", err)
		}
		if err != nil && s.group == "" {
			break
		}
	}
	return failed
}

// note keeps something that the report has to tell.
func (b *bench) note(format string, args ...any) {
	text := fmt.Sprintf("With %s resources: ", number(float64(b.size))) + fmt.Sprintf(format, args...)
	b.notes = append(b.notes, text)
	fmt.Fprintln(b.progress, "!!", text)
}

// cleanUp lets go of everything that belongs to one size.
func (b *bench) cleanUp() {
	for _, p := range []**process{&b.server, &b.gin} {
		if *p != nil {
			(*p).kill()
			*p = nil
		}
	}
	if b.floor != nil {
		b.floor.close()
		b.floor = nil
	}
	os.Remove(b.dataFile()) // if it is there
	if err := b.place.remove(); err != nil {
		b.note("%v", err)
	}
}

// copying makes the copy of the store that floors are measured on.
func (b *bench) copying() (err error) {
	b.floor, err = b.openFloor()
	return err
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// A trial measures something once.
type trial func() (result, error)

// trials runs trials in turn, again and again, so that all of them meet the same
// weather, and returns the median of each number of each.
func (b *bench) trials(list ...trial) ([]result, error) {
	all := make([][]result, len(list))
	for range b.runs {
		for i, t := range list {
			r, err := t()
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], r)
		}
	}
	medians := make([]result, len(list))
	for i, rs := range all {
		medians[i] = result{
			rate: median(rs, func(r result) float64 { return r.rate }),
			p50:  median(rs, func(r result) time.Duration { return r.p50 }),
			p99:  median(rs, func(r result) time.Duration { return r.p99 }),
			cpu:  median(rs, func(r result) time.Duration { return r.cpu }),

			failed: slices.ContainsFunc(rs, func(r result) bool { return r.failed }),
		}
	}
	return medians, nil
}

// tolerant returns a trial that may fail without ending others: it is noted, and
// not tried again.
func (b *bench) tolerant(name string, t trial) trial {
	failed := false
	return func() (result, error) {
		if failed {
			return result{failed: true}, nil
		}
		r, err := t()
		if err != nil {
			failed = true
			b.note("%s: %v", name, err)
			return result{failed: true}, nil
		}
		return r, nil
	}
}

// median returns the median of one number of results.
func median[T cmp.Ordered](rs []result, of func(result) T) T {
	values := make([]T, len(rs))
	for i, r := range rs {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// load returns the trial of a load, which warms up first.
func (b *bench) load(l load) trial {
	return func() (result, error) {
		if _, err := l.run(&b.requests, b.span/8); err != nil {
			return result{}, err
		}
		return l.run(&b.requests, b.span)
	}
}

// parsing measures what is done to a resource before it is stored.
func (b *bench) parsing() error {
	size := 0
	r, err := b.trials(func() (result, error) {
		each, mean, err := parseTime(b.clinic, b.span)
		size = mean
		return result{p50: each}, err
	})
	if err != nil {
		return err
	}
	b.add(fmt.Sprintf("parse, check and index %s bytes, one core", number(float64(size))), micro(r[0].p50), "µs", "", 0, atMost(12))
	return nil
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// starting starts servers, and measures that. The database is in the memory of the
// operating system from here on.
func (b *bench) starting() error {
	if err := b.place.warm(); err != nil {
		return err
	}
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	memory := 0.0
	r, err := b.trials(func() (result, error) {
		if b.server != nil {
			if err := b.server.stop(); err != nil {
				return result{}, err
			}
		}
		if b.server, err = b.startServer(); err != nil {
			return result{}, err
		}
		time.Sleep(300 * time.Millisecond) // at rest
		memory, err = anonymous(b.server.cmd.Process.Pid)
		return result{p50: b.server.started}, err
	})
	if err != nil {
		return err
	}
	if slices.Contains(b.groups, groupCore) {
		b.add("stripped binary", float64(info.Size())/(1<<20), "MB", "", 0, atMost(45))
		b.add("start to first answer", micro(r[0].p50)/1000, "ms", "", 0, atMost(150))
		b.add("anonymous memory at rest", memory, "MB", "", 0, atMost(40))
	}
	b.gin, err = startGin(b.dir)
	return err
}

// startServer starts the program on the store.
func (b *bench) startServer() (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b.binary, "serve", "--listen", address, "--store", b.place.url)
	return startProcess(cmd, address, filepath.Join(b.dir, "serve.log"))
}

// stop ends the servers.
func (b *bench) stop() error {
	memory, err := anonymous(b.server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.add("anonymous memory after all that", memory, "MB", "", 0, atMost(128))
	err = b.server.stop()
	b.server = nil
	b.gin.kill()
	b.gin = nil
	return err
}

// exporting measures export beside a plain scan.
func (b *bench) exporting() error {
	out := filepath.Join(b.dir, "out")
	export := func() (result, error) {
		defer os.RemoveAll(out)
		begin := time.Now()
		if _, err := runWatched(exec.Command(b.binary, "export", "--store", b.place.url, "--out", out)); err != nil {
			return result{}, err
		}
		took := time.Since(begin).Seconds()
		total, err := sizeOf(out)
		return result{rate: float64(total) / took}, err
	}
	r, err := b.trials(b.floor.scan, export)
	if err != nil {
		return err
	}
	b.add("`noafhir export`, start and all", r[1].rate/1e6, "MB/s", "B3", r[0].rate/1e6, atLeast(0.5))
	return nil
}

// sizeOf returns the size of the files in a folder.
func sizeOf(dir string) (total int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, err
}
