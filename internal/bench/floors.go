package main

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	_ "modernc.org/sqlite" // the driver of the floors

	"github.com/noafhir/noafhir/fhir/search"
)

// ginVariable has this program be the bare server of floor B0, at the address
// that it holds.
const ginVariable = "NOAFHIR_BENCH_GIN"

// serveGin is floor B0: Gin with one handler that sends 2 KB, and nothing else.
func serveGin(address string) error {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	body := bytes.Repeat([]byte("x"), 2048)
	engine.GET("/fhir/*any", func(c *gin.Context) { c.Data(http.StatusOK, "application/fhir+json", body) })
	engine.GET("/readyz", func(c *gin.Context) { c.Status(http.StatusOK) })
	return http.ListenAndServe(address, engine)
}

// startGin starts floor B0.
func startGin(dir string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), ginVariable+"="+address)
	return startProcess(cmd, address, filepath.Join(dir, "gin.log"))
}

// openRaw opens a database as the server does, with one connection and the plain
// driver.
func openRaw(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, pragma := range []string{"page_size=4096", "journal_mode=WAL", "synchronous=FULL", "cache_size=-2048", "wal_autocheckpoint=2000", "mmap_size=2147418112"} {
		if _, err := db.Exec("PRAGMA " + pragma); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// repeat runs work for a span and returns how often a second, the median time of
// once, and the processor time that it took of this process.
func repeat(span time.Duration, work func() error) (result, error) {
	var times []time.Duration
	worked, begin := ownCPU(), time.Now()
	for time.Since(begin) < span {
		at := time.Now()
		if err := work(); err != nil {
			return result{}, err
		}
		times = append(times, time.Since(at))
	}
	rate := float64(len(times)) / time.Since(begin).Seconds()
	cpu := (ownCPU() - worked) / time.Duration(len(times))
	slices.Sort(times)
	return result{rate: rate, p50: times[len(times)/2], cpu: cpu}, nil
}

// ownCPU returns the processor time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// floorSync is how long appending 4 KB and waiting for the disk takes.
func floorSync(dir string, span time.Duration) (result, error) {
	f, err := os.Create(filepath.Join(dir, "append"))
	if err != nil {
		return result{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := bytes.Repeat([]byte("x"), 4096)
	return repeat(span, func() error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
}

// floorCommit is B1: durable commits a second of one small row.
func floorCommit(dir string, span time.Duration) (result, error) {
	db, err := openRaw(filepath.Join(dir, "b1.db"))
	if err != nil {
		return result{}, err
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v BLOB)"); err != nil {
		return result{}, err
	}
	insert, err := db.Prepare("INSERT INTO t(v) VALUES(?)")
	if err != nil {
		return result{}, err
	}
	value := bytes.Repeat([]byte("x"), 100)
	return repeat(span, func() error {
		_, err := insert.Exec(value)
		return err
	})
}

// rawRows is B2: what a resource is in the database, written by hand.
type rawRows struct {
	rawSource
	path   string
	db     *sql.DB
	types  map[string]int64
	vid, n int64
}

// openRows opens a copy of the server's database for floor B2.
func openRows(from, path string, c clinic) (*rawRows, error) {
	if err := copyFile(path, from); err != nil {
		return nil, err
	}
	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	db, err := openRaw(path)
	if err != nil {
		return nil, err
	}
	w := &rawRows{rawSource: rawSource{c, registry, rawFirst}, path: path, db: db, types: map[string]int64{}}
	rows, err := db.Query("SELECT t, name FROM type")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t int64
		var name string
		if err := rows.Scan(&t, &name); err != nil {
			return nil, err
		}
		w.types[name] = t
	}
	err = db.QueryRow("SELECT (SELECT max(vid) FROM ver), (SELECT max(n) FROM cur)").Scan(&w.vid, &w.n)
	return w, err
}

// A rawResource is a resource ready to be written: the floor is about writing.
type rawResource struct {
	typ, id string
	body    []byte
	entries *search.Entries
	packed  []byte
}

// A rawSource makes resources that are ready to be written.
type rawSource struct {
	clinic   clinic
	registry *search.Registry
	next     int // resource
}

// prepare makes the next resources.
func (w *rawSource) prepare(count int) ([]rawResource, error) {
	list := make([]rawResource, count)
	for k := range list {
		name := "0198c0de-" + id(w.next)[9:]
		typ, json := w.clinic.resource(w.next, name)
		w.next++
		r, err := w.registry.Codec.ParseJSON(json)
		if err != nil {
			return nil, err
		}
		e := w.registry.Index(r)
		list[k] = rawResource{typ, name, r.Stampable(name).Stamp(1, time.Now()), e, packed(e.Keys)}
	}
	return list, nil
}

// packed is about as long as what the server keeps: keys without what they share
// with the one before.
func packed(keys [][]byte) []byte {
	var out, last []byte
	for _, k := range keys {
		same := 0
		for same < min(len(last), len(k)) && last[same] == k[same] {
			same++
		}
		out = append(binary.AppendUvarint(append(out, byte(same)), uint64(len(k)-same)), k[same:]...)
		last = k
	}
	return out
}

// write stores resources in one durable transaction, index rows in order.
func (w *rawRows) write(list []rawResource) error {
	tx, err := w.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	type posting struct {
		k    []byte
		d, n int64
	}
	var postings []posting
	for _, r := range list {
		w.vid, w.n = w.vid+1, w.n+1
		t := w.types[r.typ]
		for _, row := range []struct {
			query string
			args  []any
		}{
			{"INSERT INTO res(t, id, n, number, vid, deleted) VALUES(?,?,?,1,?,0)", []any{t, r.id, w.n, w.vid}},
			{"INSERT INTO ver(vid, n, t, number, method, id, body) VALUES(?,?,?,1,1,?,?)", []any{w.vid, w.n, t, r.id, r.body}},
			{"INSERT INTO cur(n, t, vid, d, keys) VALUES(?,?,?,?,?)", []any{w.n, t, w.vid, r.entries.Date, r.packed}},
		} {
			if _, err := tx.Exec(row.query, row.args...); err != nil {
				return err
			}
		}
		for _, k := range r.entries.Keys {
			postings = append(postings, posting{k, r.entries.Date, w.n})
		}
	}
	slices.SortFunc(postings, func(a, b posting) int { return bytes.Compare(a.k, b.k) })
	for chunk := range slices.Chunk(postings, 64) {
		args := make([]any, 0, 3*len(chunk))
		for _, p := range chunk {
			args = append(args, p.k, p.d, p.n)
		}
		if _, err := tx.Exec("INSERT INTO post(k, d, n) VALUES "+strings.Repeat(",(?,?,?)", len(chunk))[1:], args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rate writes resources, so many at once, and returns how many a second.
// Preparing them does not count.
func (w *rawSource) rate(span time.Duration, each int, write func([]rawResource) error) (result, error) {
	var working time.Duration
	done := 0
	for working < span {
		list, err := w.prepare(each)
		if err != nil {
			return result{}, err
		}
		begin := time.Now()
		if err := write(list); err != nil {
			return result{}, err
		}
		working += time.Since(begin)
		done += each
	}
	return result{rate: float64(done) / working.Seconds()}, nil
}

// create implements [floor]: it is B2.
func (w *rawRows) create(b *bench, each int) (result, error) { return w.rate(b.span, each, w.write) }

// read implements [floor].
func (w *rawRows) read(b *bench) (result, error) {
	get, err := w.db.Prepare("SELECT v.body FROM res r CROSS JOIN ver v ON v.vid=r.vid WHERE r.t=? AND r.id=?")
	if err != nil {
		return result{}, err
	}
	defer get.Close()
	a := b.newAsking()
	var body []byte
	return repeat(b.span, func() error {
		i := a.IntN(a.size)
		return get.QueryRow(w.types[kindOf(i)], id(i)).Scan(&body)
	})
}

// close implements [floor].
func (w *rawRows) close() error { return errors.Join(w.db.Close(), removeDatabase(w.path)) }

// scan is B3: bytes a second of reading all bodies.
func (w *rawRows) scan() (result, error) {
	begin := time.Now()
	rows, err := w.db.Query("SELECT body FROM ver")
	if err != nil {
		return result{}, err
	}
	defer rows.Close()
	total := 0
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return result{}, err
		}
		total += len(body)
	}
	return result{rate: float64(total) / time.Since(begin).Seconds()}, rows.Err()
}

// parseTime returns the time to parse, check and index a resource of the mean
// size given, on one core.
func parseTime(c clinic, span time.Duration) (each time.Duration, size int, err error) {
	registry, err := newRegistry()
	if err != nil {
		return 0, 0, err
	}
	texts := make([][]byte, 500)
	for i := range texts {
		_, texts[i] = c.resource(i, id(i))
		size += len(texts[i])
	}
	begin, n := time.Now(), 0
	for ; time.Since(begin) < span; n++ {
		r, err := registry.Codec.ParseJSON(texts[n%len(texts)])
		if err != nil {
			return 0, 0, fmt.Errorf("resource %d: %w", n%len(texts), err)
		}
		registry.Index(r)
	}
	return time.Since(begin) / time.Duration(n), size / len(texts), nil
}
