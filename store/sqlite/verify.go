package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

var errUnsound = errors.New("the database is not sound")

// soundness are questions whose answer is 0 in a database that is sound.
var soundness = []struct{ wrong, query string }{
	{"resources whose newest version is not what they say", `SELECT count(*) FROM res r LEFT JOIN ver v ON v.vid=r.vid
		WHERE v.vid IS NULL OR v.n<>r.n OR v.t<>r.t OR v.id<>r.id OR v.number<>r.number OR (v.method=4)<>r.deleted OR (v.body IS NULL)<>r.deleted`},
	{"resources that are not current though not deleted, or the reverse", `SELECT count(*) FROM res r LEFT JOIN cur c ON c.n=r.n
		WHERE r.deleted=(c.n IS NOT NULL) OR c.vid<>r.vid OR c.t<>r.t`},
	{"current rows of no resource", "SELECT (SELECT count(*) FROM cur)-(SELECT count(*) FROM res WHERE NOT deleted)"},
	{"resources that lack a version", `SELECT count(*) FROM res r
		WHERE r.number-1<>(SELECT count(*) FROM old o WHERE o.n=r.n AND o.number BETWEEN 1 AND r.number-1)`},
	{"older versions that are not what they say", `SELECT count(*) FROM old o LEFT JOIN ver v ON v.vid=o.vid
		WHERE v.vid IS NULL OR v.n<>o.n OR v.number<>o.number`},
	{"versions of no resource", "SELECT (SELECT count(*) FROM ver)-(SELECT count(*) FROM res)-(SELECT count(*) FROM old)"},
	{"versions that are neither current nor old, or both", `SELECT count(*) FROM ver v LEFT JOIN cur c ON c.n=v.n AND c.vid=v.vid
		LEFT JOIN old_vid o ON o.t=v.t AND o.vid=v.vid WHERE (c.n IS NULL)=(o.vid IS NULL)`},
	{"resources without words, or words without a resource", `SELECT count(*) FROM cur c FULL JOIN words_docsize w ON w.id=c.n
		WHERE c.n IS NULL OR w.id IS NULL`},
	{"old versions that do not exist", "SELECT (SELECT count(*) FROM old_vid)-(SELECT count(*) FROM ver)+(SELECT count(*) FROM cur)"},
}

// Verify checks the whole database: SQLite's own structures, that every version
// is there and what it says it is, and that the search index is what the bodies
// give. It reads everything, as it is now; writes go on. The error tells what is
// wrong.
func (s *Store) Verify(ctx context.Context) error {
	return s.indexed(ctx, nil, func(v *view) error {
		// Without a look at the words, the check of them goes by what the connection
		// remembers of their structure.
		if _, err := v.c.value("SELECT rowid FROM words LIMIT 1"); err != nil {
			return err
		}
		text, err := v.c.value("PRAGMA integrity_check")
		if err != nil {
			return err
		}
		if text != "ok" {
			return fmt.Errorf("%w: %s", errUnsound, text)
		}
		for _, q := range soundness {
			n, err := v.c.value(q.query)
			if err != nil {
				return err
			}
			if n != "0" {
				return fmt.Errorf("%w: %s %s", errUnsound, n, q.wrong)
			}
		}
		check := verifier{view: v, ctx: ctx, seed: maphash.MakeSeed()}
		if err := check.bodies(); err != nil {
			return err
		}
		return check.postings()
	})
}

// A verifier compares the bodies with everything that was made of them.
type verifier struct {
	*view
	ctx   context.Context
	seed  maphash.Seed
	count int64  // postings the bodies give
	sum   uint64 // of their hashes
}

// bodies checks every version against its row and every current one against its
// keys.
func (v *verifier) bodies() error {
	s, err := v.c.prepare("SELECT v.t, v.id, " + versionColumns + `, c.n, c.d, c.keys FROM ver v
		LEFT JOIN cur c ON c.n=v.n AND c.vid=v.vid WHERE v.body IS NOT NULL ORDER BY v.vid`)
	if err != nil {
		return err
	}
	defer s.reset()
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		if err := v.body(s); err != nil {
			return err
		}
	}
}

func (v *verifier) body(s *stmt) error {
	version, err := v.version(s, fhir.Key{Type: v.s.types.names[s.num(0)], ID: s.text(1)}, 2)
	if err != nil {
		return err
	}
	r, err := v.parse(version)
	if err != nil {
		return err
	}
	instant := string(fhir.AppendInstant(nil, version.LastUpdated))
	if r.Key() != version.Key || r.VersionID() != strconv.FormatInt(version.Number, 10) || r.Meta().Get("lastUpdated").Text() != instant {
		return fmt.Errorf("%w: the body of %s version %d says it is %s version %s", errUnsound, version.Key, version.Number, r.Key(), r.VersionID())
	}
	if s.view(6) == nil {
		return nil
	}
	e := v.s.indexing().Index(r)
	if v.s.params.Load().walks { // it may not have been brought up to date
		if e, err = v.entriesOf(s); err != nil {
			return err
		}
	}
	if e.Date != s.num(7) || !bytes.Equal(packKeys(e.Keys), s.view(8)) {
		return fmt.Errorf("%w: the index does not have %s as its body gives it", errUnsound, version.Key)
	}
	for _, k := range e.Keys {
		v.count++
		v.sum += v.hash(k, e.Date, s.num(6))
	}
	return nil
}

// entriesOf returns the entries that are stored for a resource.
func (v *verifier) entriesOf(s *stmt) (*search.Entries, error) {
	var keys keySet
	if !keys.unpack(s.view(8)) {
		return nil, errDamaged()
	}
	e := &search.Entries{Date: s.num(7)}
	for i := range keys.Len() {
		e.Keys = append(e.Keys, keys.At(i))
	}
	return e, nil
}

// hash returns a number for a posting. The sum of all does not depend on their
// order.
func (v *verifier) hash(key []byte, d, n int64) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	h.Write(key)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(d))
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	h.Write(b[:])
	return h.Sum64()
}

// postings checks that the index has exactly what the bodies give.
func (v *verifier) postings() error {
	s, err := v.c.prepare("SELECT k, d, n FROM post")
	if err != nil {
		return err
	}
	defer s.reset()
	count, sum := int64(0), uint64(0)
	for {
		row, err := s.step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		count++
		sum += v.hash(s.view(0), s.num(1), s.num(2))
	}
	if count != v.count || sum != v.sum {
		return fmt.Errorf("%w: the index has %d rows, not the %d that the bodies give", errUnsound, count, v.count)
	}
	return nil
}
