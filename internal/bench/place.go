package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/sqlite"
)

// This file has what differs between databases.

// A place is where the store under measurement is.
type place struct {
	url  string
	file string // of SQLite; empty: it is in MongoDB
	kept bool   // it was there before us, or is wanted later
}

// placeOf returns the place of a store with n resources.
func (b *bench) placeOf(n int) place {
	url := "sqlite:" + filepath.Join(b.dir, strconv.Itoa(n)+".db")
	if b.settings.store != "" {
		url = strings.ReplaceAll(b.settings.store, "{n}", strconv.Itoa(n))
	}
	file, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		file = ""
	}
	return place{url, file, b.settings.store != ""}
}

// remove removes a store that is not kept.
func (p place) remove() error {
	if p.kept || p.file == "" {
		return nil
	}
	return removeDatabase(p.file)
}

// removeDatabase removes a database and what SQLite keeps beside it.
func removeDatabase(path string) error {
	for _, suffix := range []string{"-wal", "-shm", ".lock"} {
		os.Remove(path + suffix) // if it is there
	}
	return os.Remove(path)
}

// warm has the operating system read a file: disks differ more than programs do.
func (p place) warm() error {
	if p.file == "" {
		return nil
	}
	return copyFile(os.DevNull, p.file)
}

// newRegistry compiles what the server compiles when it starts.
func newRegistry() (*search.Registry, error) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	return search.NewRegistry(codec, codec.Schema.SearchParams)
}

// A floor is a database used with its plain driver.
type floor interface {
	// create stores resources, so many in each durable transaction, and returns
	// how many a second.
	create(b *bench, each int) (result, error)
	// read reads resources by id, with one connection.
	read(b *bench) (result, error)
	// scan reads all bodies and returns how many bytes a second.
	scan() (result, error)
	close() error
}

// openFloor opens the floor of a place.
func (b *bench) openFloor() (floor, error) {
	if b.place.file == "" {
		return openDocuments(b.place.url)
	}
	return openRows(b.place.file, b.place.file+".copy", b.clinic)
}

// An insideStore is a store within our own process.
type insideStore struct {
	store.Store
	registry *search.Registry
	examined func() int64 // rows looked at so far; nil: it does not tell
}

// openInside opens the store of a place, which no other process may have open.
func (p place) openInside() (*insideStore, error) {
	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	if p.file == "" {
		s, err := mongodb.Open(context.Background(), p.url, mongodb.Options{Registry: registry, Slow: -1})
		if err != nil {
			return nil, err
		}
		return &insideStore{s, registry, nil}, nil
	}
	s, err := sqlite.Open(p.file, sqlite.Options{Registry: registry, Slow: -1})
	if err != nil {
		return nil, err
	}
	return &insideStore{s, registry, func() int64 { return s.Stats().Examined }}, nil
}

// indexSize returns the rows of the search index, and its bytes and those of the
// words.
func (p place) indexSize() (rows, index, words float64, err error) {
	db, err := openRaw(p.file)
	if err != nil {
		return 0, 0, 0, err
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM post").Scan(&rows); err != nil {
		return 0, 0, 0, err
	}
	trees, err := db.Query("SELECT name, pgsize FROM dbstat WHERE aggregate=TRUE")
	if err != nil {
		return 0, 0, 0, err
	}
	defer trees.Close()
	for trees.Next() {
		var name string
		var size float64
		if err := trees.Scan(&name, &size); err != nil {
			return 0, 0, 0, err
		}
		switch {
		case name == "post":
			index = size
		case strings.HasPrefix(name, "words"):
			words += size
		}
	}
	return rows, index, words, trees.Err()
}
