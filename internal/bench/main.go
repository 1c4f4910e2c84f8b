// Command bench measures whole servers, each figure beside a floor from the same
// run, and prints tables for docs/performance.md:
//
//	go run ./internal/bench [-short] [-n 100000,1000000] [-out FILE] [-json]
//
// It builds the server, fills stores with invented patients, runs it as a process
// of its own, and sends requests over keep-alive connections; then it opens the
// same stores within its own process and asks them directly. Client and server
// share the machine. Only ratios mean something on another one, and only if it is
// quiet. Floors: B0, a bare Gin handler; B1, a durable commit of one small row;
// B2, the plain driver writing the same rows into a copy of the same database; B3,
// a plain scan of all bodies.
//
// A part that fails is told in the tables, and the others go on. With -out the
// file is written anew after each part.
//
//	-only GROUPS    some of: import, core, search, inside, mix
//	-store URL      measures another store, which has to be empty, and keeps it;
//	                {n} in it stands for the number of resources
//	-filled         the store is one that an earlier run has filled
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are what the command line says.
type settings struct {
	short  bool
	sizes  string
	asJSON bool
	dir    string
	out    string
	only   string
	store  string
	filled bool
	core   string
}

func main() {
	if address := os.Getenv(ginVariable); address != "" {
		fmt.Fprintln(os.Stderr, serveGin(address))
		os.Exit(1)
	}
	var o settings
	flag.BoolVar(&o.short, "short", false, "small and quick: shows that it works, measures little")
	flag.StringVar(&o.sizes, "n", "", "resources in the store, a list (default 100000,1000000; 10000 with -short)")
	flag.BoolVar(&o.asJSON, "json", false, "print JSON on standard output")
	flag.StringVar(&o.dir, "dir", "", "folder for the databases, on the disk to be measured (default: a temporary one)")
	flag.StringVar(&o.out, "out", "", "file that gets the tables")
	flag.StringVar(&o.only, "only", "", "groups to measure, a list (default: all)")
	flag.StringVar(&o.store, "store", "", "URL of the store to measure (default: a new SQLite file)")
	flag.BoolVar(&o.filled, "filled", false, "with -store: an earlier run has filled it")
	flag.StringVar(&o.core, "core", coreCommit, "commit whose import is the reference; empty: none")
	flag.Parse()
	if err := run(o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and prints it on out.
func run(o settings, out, progress io.Writer) error {
	list, err := parseSizes(o.sizes, o.short)
	if err != nil {
		return err
	}
	groups, err := parseGroups(o.only)
	if err != nil {
		return err
	}
	if err := checkStore(o, list); err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.dir, "noafhir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if work, err = filepath.Abs(work); err != nil {
		return err
	}
	b := &bench{settings: o, dir: work, groups: groups, runs: 5, span: time.Second, progress: progress, began: time.Now(), inside: map[string][]measured{}}
	if o.short {
		b.runs, b.span = 1, 300*time.Millisecond
	}
	if b.binary, err = build(work, "."); err != nil {
		return err
	}
	failed := 0
	for _, n := range list {
		failed += b.measure(n)
	}
	if o.asJSON {
		err = reportJSON(out, b.figures)
	} else {
		b.report(out)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d parts failed", failed)
	}
	return err
}

// parseSizes reads the sizes to measure, which are rounded to whole patients.
func parseSizes(text string, short bool) ([]int, error) {
	switch {
	case text == "" && short:
		text = "10000"
	case text == "":
		text = "100000,1000000"
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

// The groups of measurements.
const (
	groupImport = "import"
	groupCore   = "core"
	groupSearch = "search"
	groupInside = "inside"
	groupMix    = "mix"
)

var allGroups = []string{groupImport, groupCore, groupSearch, groupInside, groupMix}

// parseGroups reads which groups to measure.
func parseGroups(text string) ([]string, error) {
	if text == "" {
		return allGroups, nil
	}
	list := strings.Split(text, ",")
	for _, g := range list {
		if !slices.Contains(allGroups, g) {
			return nil, fmt.Errorf("-only %s: there is no group %q, but %s", text, g, strings.Join(allGroups, ", "))
		}
	}
	return list, nil
}

// checkStore refuses what can not be done with the store of the command line.
func checkStore(o settings, sizes []int) error {
	switch {
	case o.store == "" && o.filled:
		return fmt.Errorf("-filled needs -store")
	case o.store != "" && len(sizes) > 1 && !strings.Contains(o.store, "{n}"):
		return fmt.Errorf("-store %s: several sizes need {n} in it", o.store)
	}
	return nil
}
