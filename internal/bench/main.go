// Command bench measures whole servers, each figure beside a floor from the same
// run, and prints a table for docs/performance.md:
//
//	go run ./internal/bench [-short] [-n 100000,500000] [-json]
//
// It builds the server, fills stores with invented patients, runs it as a process
// of its own, and sends requests over keep-alive connections. Client and server
// share the machine. Only ratios mean something on another one, and only if it is
// quiet. Floors: B0, a bare Gin handler; B1, a durable commit of one small row;
// B2, the plain driver writing the same rows into a copy of the same database; B3,
// a plain scan of all bodies.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if address := os.Getenv(ginVariable); address != "" {
		fmt.Fprintln(os.Stderr, serveGin(address))
		os.Exit(1)
	}
	short := flag.Bool("short", false, "small and quick: shows that it works, measures little")
	sizes := flag.String("n", "", "resources in the store, a list (default 100000,500000; 10000 with -short)")
	asJSON := flag.Bool("json", false, "print JSON on standard output")
	dir := flag.String("dir", "", "folder for the databases, on the disk to be measured (default: a temporary one)")
	flag.Parse()
	if err := run(*short, *sizes, *asJSON, *dir, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and prints it on out.
func run(short bool, sizes string, asJSON bool, dir string, out, progress io.Writer) error {
	list, err := parseSizes(sizes, short)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, "noafhir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	b := &bench{dir: work, runs: 5, span: time.Second, progress: progress}
	if short {
		b.runs, b.span = 1, 300*time.Millisecond
	}
	if b.binary, err = build(work); err != nil {
		return err
	}
	for _, n := range list {
		if err := b.measure(n); err != nil {
			return err
		}
	}
	if asJSON {
		return reportJSON(out, b.figures)
	}
	report(out, b.figures)
	return nil
}

// parseSizes reads the sizes to measure, which are rounded to whole patients.
func parseSizes(text string, short bool) ([]int, error) {
	switch {
	case text == "" && short:
		text = "10000"
	case text == "":
		text = "100000,500000"
	}
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < perPatient {
			return nil, fmt.Errorf("-n %s: must be numbers of %d or more", text, perPatient)
		}
		list = append(list, n-n%perPatient)
	}
	slices.Sort(list)
	return list, nil
}
