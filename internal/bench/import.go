package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"
)

// coreCommit is the last one before the index held the words of resources: the
// reference for the rate of imports.
const coreCommit = "6a1c7e0"

// importing fills the store with the program's own import.
func (b *bench) importing() error {
	if b.settings.filled {
		return nil
	}
	file := b.dataFile()
	raw, err := b.writeData(file)
	if err != nil {
		return err
	}
	rate, peak, err := b.importRate(b.binary, b.place.url, file)
	if err != nil {
		return err
	}
	if !slices.Contains(b.groups, groupImport) {
		return nil
	}
	b.group = groupImport
	b.add("`noafhir import` of NDJSON, two cores", rate, "/s", "", 0, atLeast(10_000))
	b.add("anonymous memory during import, most", peak, "MB", "", 0, atMost(512))
	if b.place.file == "" {
		return nil
	}
	info, err := os.Stat(b.place.file)
	if err == nil {
		b.add("disk for each byte of JSON", float64(info.Size())/float64(raw), "bytes", "", 0, atMost(1.7))
	}
	return err
}

// dataFile is where the resources are that are imported.
func (b *bench) dataFile() string { return filepath.Join(b.dir, "data.ndjson.gz") }

// importRate imports a file and returns the resources a second and the most
// anonymous memory, in MB.
func (b *bench) importRate(binary, url, file string) (rate, peak float64, err error) {
	begin := time.Now()
	peak, err = runWatched(exec.Command(binary, "import", "--store", url, file))
	return float64(b.size) / time.Since(begin).Seconds(), peak, err
}

// indexing tells how large the search index is.
func (b *bench) indexing() error {
	if b.place.file == "" {
		return nil
	}
	rows, index, words, err := b.place.indexSize()
	if err != nil {
		return err
	}
	n := float64(b.size)
	b.add("rows of the index for each resource", rows/n, "", "", 0, nil)
	b.add("bytes of the index for each resource", index/n, "", "", 0, nil)
	b.add("bytes of the words for each resource", words/n, "", "", 0, nil)
	return nil
}

// coreMost is how many resources are imported to compare with the core.
const coreMost = 100_000

// importingCore imports with the program as it was when only the core was there,
// and as it is, in turn.
func (b *bench) importingCore() error {
	if b.settings.core == "" || b.place.file == "" || b.size > coreMost {
		return nil
	}
	core, err := buildCommit(b.dir, b.settings.core)
	if err != nil {
		b.note("there is no core to compare imports with: %v", err)
		return nil
	}
	file := b.dataFile()
	if b.settings.filled {
		if _, err := b.writeData(file); err != nil {
			return err
		}
	}
	once := func(binary string) trial {
		return func() (result, error) {
			path := filepath.Join(b.dir, "core.db")
			rate, _, err := b.importRate(binary, "sqlite:"+path, file)
			return result{rate: rate}, errors.Join(err, removeDatabase(path))
		}
	}
	runs := b.runs
	defer func() { b.runs = runs }()
	b.runs = min(b.runs, 3)
	r, err := b.trials(once(core), once(b.binary))
	if err != nil {
		return err
	}
	b.add("`noafhir import`, beside that of the core", r[1].rate, "/s", "the core", r[0].rate, atLeast(0.8))
	return nil
}

// buildCommit builds the program of another commit.
func buildCommit(dir, commit string) (string, error) {
	sources := filepath.Join(dir, "core")
	if err := os.MkdirAll(sources, 0o700); err != nil {
		return "", err
	}
	defer os.RemoveAll(sources)
	archive := exec.Command("git", "archive", "--format=tar", commit)
	unpack := exec.Command("tar", "-x", "-C", sources)
	var failed outputTail
	archive.Stderr, unpack.Stderr = &failed, &failed
	var err error
	if unpack.Stdin, err = archive.StdoutPipe(); err != nil {
		return "", err
	}
	if err := archive.Start(); err != nil {
		return "", err
	}
	err = unpack.Run()
	if err := errors.Join(archive.Wait(), err); err != nil {
		return "", fmt.Errorf("%w: %s", err, failed)
	}
	built := filepath.Join(dir, "core-build")
	if err := os.MkdirAll(built, 0o700); err != nil {
		return "", err
	}
	return build(built, sources)
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
	write := func(json []byte) error {
		raw += len(json)
		_, err := w.Write(append(json, '\n'))
		return err
	}
	for _, json := range personnel() {
		if err := write(json); err != nil {
			return 0, err
		}
	}
	for i := range c.size {
		if err := write(c.text(i, id(i), relative)); err != nil {
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
				err = fmt.Errorf("noafhir %s: %w: %s", cmd.Args[1], err, failed)
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
