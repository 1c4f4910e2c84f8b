package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// A bench is a whole run.
type bench struct {
	dir      string
	binary   string
	runs     int           // of each measurement; the median counts
	span     time.Duration // of one run
	progress io.Writer

	clinic  // whose store is in hand
	figures []figure

	store    string // its path
	server   *process
	gin      *process
	raw      *rawRows     // on a copy of the store, for floors B2 and B3
	requests atomic.Int64 // sent so far: none is repeated
}

// measure measures everything with n resources in the store.
func (b *bench) measure(n int) error {
	b.clinic = clinic{n}
	b.store = filepath.Join(b.dir, fmt.Sprintf("%d.db", n))
	steps := []struct {
		name string
		run  func() error
	}{
		{"import", b.importing},
		{"a copy for the floors", b.copying},
		{"parsing", b.parsing},
		{"start", b.starting},
		{"reads", b.reads},
		{"searches", b.searches},
		{"writes", b.writes},
		{"bundles", b.bundles},
		{"write storm", b.storm},
		{"stop", b.stop},
		{"export", b.exporting},
	}
	defer func() {
		for _, p := range []*process{b.server, b.gin} {
			if p != nil {
				p.kill()
			}
		}
	}()
	for _, s := range steps {
		fmt.Fprintf(b.progress, "-- %s\n", s.name)
		if err := s.run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return errors.Join(b.raw.db.Close(), removeDatabase(b.store), removeDatabase(b.store+".copy"))
}

// removeDatabase removes a database and what SQLite keeps beside it.
func removeDatabase(path string) error {
	for _, suffix := range []string{"-wal", "-shm", ".lock"} {
		os.Remove(path + suffix) // if it is there
	}
	return os.Remove(path)
}

// importing fills the store with the program's own import.
func (b *bench) importing() error {
	file := filepath.Join(b.dir, "data.ndjson.gz")
	raw, err := b.writeData(file)
	if err != nil {
		return err
	}
	defer os.Remove(file)
	cmd := exec.Command(b.binary, "import", "--store", "sqlite:"+b.store, file)
	begin := time.Now()
	peak, err := runWatched(cmd)
	if err != nil {
		return err
	}
	rate := float64(b.size) / time.Since(begin).Seconds()
	info, err := os.Stat(b.store)
	if err != nil {
		return err
	}
	b.add("`noafhir import` of NDJSON, two cores", rate, "/s", "", 0, atLeast(10_000))
	b.add("anonymous memory during import, most", peak, "MB", "", 0, atMost(512))
	b.add("disk for each byte of JSON", float64(info.Size())/float64(raw), "bytes", "", 0, atMost(1.7))
	return nil
}

// writeData writes the clinic's resources as NDJSON and returns their size.
func (c clinic) writeData(name string) (raw int, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(z, 1<<20)
	for i := range c.size {
		_, json := c.resource(i, id(i))
		raw += len(json)
		if _, err := w.Write(append(json, '\n')); err != nil {
			return 0, err
		}
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	return raw, z.Close()
}

// runWatched runs a command and returns the most anonymous memory seen, in MB.
func runWatched(cmd *exec.Cmd) (float64, error) {
	var failed outputTail
	cmd.Stdout, cmd.Stderr = io.Discard, &failed
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	peak := 0.0
	for {
		select {
		case err := <-done:
			if err != nil {
				err = fmt.Errorf("%v: %w: %s", cmd.Args, err, failed)
			}
			return peak, err
		case <-time.After(50 * time.Millisecond):
			if mb, err := anonymous(cmd.Process.Pid); err == nil {
				peak = max(peak, mb)
			}
		}
	}
}

// An outputTail keeps the end of what is written.
type outputTail []byte

// Write implements [io.Writer].
func (o *outputTail) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	*o = (*o)[max(0, len(*o)-1000):]
	return len(p), nil
}

// copying makes the copy of the store that floors are measured on.
func (b *bench) copying() (err error) {
	path := b.store + ".copy"
	if err := copyFile(path, b.store); err != nil {
		return err
	}
	b.raw, err = openRows(path, b.clinic)
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
		}
	}
	return medians, nil
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

// starting measures starts, and leaves servers running.
func (b *bench) starting() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add("stripped binary", float64(info.Size())/(1<<20), "MB", "", 0, atMost(45))
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
	b.add("start to first answer", micro(r[0].p50)/1000, "ms", "", 0, atMost(150))
	b.add("anonymous memory at rest", memory, "MB", "", 0, atMost(40))
	b.gin, err = startGin(b.dir)
	return err
}

// startServer starts the program on the store.
func (b *bench) startServer() (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b.binary, "serve", "--listen", address, "--store", "sqlite:"+b.store)
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
	r, err := b.trials(b.raw.scan, func() (result, error) {
		defer os.RemoveAll(out)
		begin := time.Now()
		if _, err := runWatched(exec.Command(b.binary, "export", "--store", "sqlite:"+b.store, "--out", out)); err != nil {
			return result{}, err
		}
		took := time.Since(begin).Seconds()
		total, err := sizeOf(out)
		return result{rate: float64(total) / took}, err
	})
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
