package main

import (
	"bufio"
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
	requests atomic.Int64 // sent so far: none is repeated
	get      result       // GET by id, at full load
	get1     result       // GET by id, one connection
	create1  float64
	commit   float64 // B1
	rows     float64 // B2, one resource a commit
	bulk     float64 // B2, many resources a commit
	scanned  float64 // B3
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
		{"floors of the database", b.databaseFloors},
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
	return os.Remove(b.store)
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

// databaseFloors measures B1, B2 and B3, these two on a copy of the store.
func (b *bench) databaseFloors() error {
	var err error
	if b.commit, err = b.median(func() (float64, error) { return floorCommit(b.dir, b.span) }); err != nil {
		return err
	}
	path := b.store + ".copy"
	if err := copyFile(path, b.store); err != nil {
		return err
	}
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(path + suffix)
		}
	}()
	raw, err := openRows(path, b.clinic)
	if err != nil {
		return err
	}
	defer raw.db.Close()
	if b.scanned, err = b.median(raw.scan); err != nil {
		return err
	}
	if b.rows, err = b.median(func() (float64, error) { return raw.rate(b.span, 1) }); err != nil {
		return err
	}
	b.bulk, err = b.median(func() (float64, error) { return raw.rate(b.span, 8*perPatient) })
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

// median returns the median of some runs.
func (b *bench) median(run func() (float64, error)) (float64, error) {
	values := make([]float64, b.runs)
	for i := range values {
		v, err := run()
		if err != nil {
			return 0, err
		}
		values[i] = v
	}
	slices.Sort(values)
	return values[len(values)/2], nil
}

// parsing measures what is done to a resource before it is stored.
func (b *bench) parsing() error {
	size := 0
	each, err := b.median(func() (float64, error) {
		each, mean, err := parseTime(b.clinic, b.span)
		size = mean
		return micro(each), err
	})
	b.add(fmt.Sprintf("parse, check and index %s bytes, one core", number(float64(size))), each, "µs", "", 0, atMost(12))
	return err
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// starting measures starts, after a stop and after a kill, and leaves servers
// running.
func (b *bench) starting() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add("stripped binary", float64(info.Size())/(1<<20), "MB", "", 0, atMost(45))
	memory := 0.0
	restart := func(end func() error) func() (float64, error) {
		return func() (float64, error) {
			if b.server != nil {
				if err := end(); err != nil {
					return 0, err
				}
			}
			if b.server, err = b.startServer(); err != nil {
				return 0, err
			}
			time.Sleep(300 * time.Millisecond) // at rest
			memory, err = anonymous(b.server.cmd.Process.Pid)
			return float64(b.server.started) / float64(time.Millisecond), err
		}
	}
	started, err := b.median(restart(func() error { return b.server.stop() }))
	if err != nil {
		return err
	}
	b.add("start to first answer", started, "ms", "", 0, atMost(150))
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

// load runs requests several times and returns the median of each number.
func (b *bench) load(l load) (result, error) {
	var rates []float64
	var p50, p99, cpu []time.Duration
	if _, err := l.run(&b.requests, b.span/4); err != nil { // to warm up
		return result{}, err
	}
	for range b.runs {
		r, err := l.run(&b.requests, b.span)
		if err != nil {
			return result{}, err
		}
		rates, p50, p99, cpu = append(rates, r.rate), append(p50, r.p50), append(p99, r.p99), append(cpu, r.cpu)
	}
	slices.Sort(rates)
	for _, list := range [][]time.Duration{p50, p99, cpu} {
		slices.Sort(list)
	}
	m := b.runs / 2
	return result{rates[m], p50[m], p99[m], cpu[m]}, nil
}

// exporting measures export beside a plain scan.
func (b *bench) exporting() error {
	rate, err := b.median(func() (float64, error) {
		out := filepath.Join(b.dir, "out")
		defer os.RemoveAll(out)
		begin := time.Now()
		if _, err := runWatched(exec.Command(b.binary, "export", "--store", "sqlite:"+b.store, "--out", out)); err != nil {
			return 0, err
		}
		took := time.Since(begin).Seconds()
		entries, err := os.ReadDir(out)
		total := int64(0)
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		return float64(total) / took, err
	})
	b.add("`noafhir export`, start and all", rate/1e6, "MB/s", "B3", b.scanned/1e6, atLeast(0.5))
	return err
}
