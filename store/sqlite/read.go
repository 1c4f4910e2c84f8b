package sqlite

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/ordering"
)

// A view reads through one connection: a reader's, or the writer's within a unit
// of work, where it sees what the unit has written.
type view struct {
	s *Store
	c *conn
}

// methods are what a version was made by, as ver has it.
var methods = [...]string{"", "POST", "PUT", "PATCH", "DELETE"}

const deleteMethod = 4

// methodNumber returns the number of a method, 0 if there is none.
func methodNumber(name string) int64 {
	for i := int64(1); i < int64(len(methods)); i++ {
		if methods[i] == name {
			return i
		}
	}
	return 0
}

// versionColumns are what [view.version] reads.
const versionColumns = "v.vid, v.number, v.method, v.body"

// version returns the version in the current row, whose columns from first on
// are versionColumns.
func (v *view) version(s *stmt, key fhir.Key, first int) (*store.Version, error) {
	version := &store.Version{Key: key, Number: s.num(first + 1), LastUpdated: instant(s.num(first))}
	method := s.num(first + 2)
	if method < 1 || method >= int64(len(methods)) {
		return nil, errDamagedFile(nil)
	}
	version.Method = methods[method]
	version.Deleted = method == deleteMethod
	if version.Deleted {
		return version, nil
	}
	var err error
	version.Body, err = v.s.packer.unpack(s.view(first + 3))
	return version, err
}

// instant is the time that a vid stands for.
func instant(vid int64) time.Time { return time.UnixMicro(vid).UTC() }

// microsCeil returns the first vid at or after t.
func microsCeil(t time.Time) int64 {
	vid := t.UnixMicro()
	if time.UnixMicro(vid).Before(t) {
		vid++
	}
	return vid
}

// parse reads a stored body.
func (v *view) parse(version *store.Version) (*fhir.Resource, error) {
	return version.Parse(v.s.codec)
}

// read returns the current version.
func (v *view) read(who search.Access, key fhir.Key) (*store.Version, error) {
	s, err := v.c.prepare("SELECT " + versionColumns + " FROM res r CROSS JOIN ver v ON v.vid=r.vid WHERE r.t=? AND r.id=?")
	if err != nil {
		return nil, err
	}
	return v.one(s.int(v.s.types.numbers[key.Type]).str(key.ID), who, key)
}

// readVersion returns the version of that number.
func (v *view) readVersion(who search.Access, key fhir.Key, number int64) (*store.Version, error) {
	s, err := v.c.prepare("SELECT " + versionColumns + ` FROM res r CROSS JOIN ver v
		ON v.vid=CASE r.number WHEN ?1 THEN r.vid ELSE (SELECT o.vid FROM old o WHERE o.n=r.n AND o.number=?1) END
		WHERE r.t=?2 AND r.id=?3`)
	if err != nil {
		return nil, err
	}
	return v.one(s.int(number).int(v.s.types.numbers[key.Type]).str(key.ID), who, key)
}

// one returns the version a statement leads to, if who may know of it.
func (v *view) one(s *stmt, who search.Access, key fhir.Key) (*store.Version, error) {
	row, err := s.step()
	if err != nil {
		return nil, err
	}
	if !row {
		return nil, store.ErrNotFound(key)
	}
	version, err := v.version(s, key, 0)
	s.reset()
	if err != nil {
		return nil, err
	}
	switch permitted, err := v.permits(who, version); {
	case err != nil:
		return nil, err
	case !permitted:
		return nil, store.ErrNotFound(key)
	case version.Deleted:
		return nil, store.ErrGone(key)
	}
	return version, nil
}

// permits reports whether who may see a version. A mark of deletion is seen by
// those who might see the version before it.
func (v *view) permits(who search.Access, version *store.Version) (bool, error) {
	if who.Unrestricted() {
		return true, nil
	}
	if version.Deleted {
		s, err := v.c.prepare("SELECT " + versionColumns + ` FROM res r CROSS JOIN old o ON o.n=r.n AND o.number=?
			CROSS JOIN ver v ON v.vid=o.vid WHERE r.t=? AND r.id=?`)
		if err != nil {
			return false, err
		}
		row, err := s.int(version.Number - 1).int(v.s.types.numbers[version.Key.Type]).str(version.Key.ID).step()
		if err != nil || !row {
			return false, err
		}
		version, err = v.version(s, version.Key, 0)
		s.reset()
		if err != nil {
			return false, err
		}
	}
	r, err := v.parse(version)
	if err != nil {
		return false, err
	}
	return who.Permits(r), nil
}

// history returns a page of versions, newest first.
func (v *view) history(ctx context.Context, who search.Access, q store.HistoryQuery) (*store.Page, error) {
	if q.Count < 1 {
		return nil, fhir.Errorf(fhir.Invalid, "a page of history has at least one version")
	}
	h := historyWalk{view: v, key: q.Key, low: math.MinInt64, high: math.MaxInt64}
	if !q.Since.IsZero() {
		h.low = microsCeil(q.Since)
	}
	if q.At.Start != (time.Time{}) {
		h.at, h.high = q.At.Start, microsCeil(q.At.End)
	}
	if q.After != nil {
		if len(q.After) != 8 {
			return nil, ordering.ErrPosition()
		}
		h.high = min(h.high, int64(binary.BigEndian.Uint64(q.After)))
	}
	page, size := &store.Page{}, 0
	err := h.walk(func(version *store.Version) (bool, error) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		permitted, err := v.permits(who, version)
		if err != nil || !permitted {
			return err == nil, err
		}
		if n := len(page.Versions); n == q.Count || size >= store.PageBytes {
			last := page.Versions[n-1].LastUpdated.UnixMicro()
			page.Next = binary.BigEndian.AppendUint64(nil, uint64(last))
			return false, nil
		}
		page.Versions = append(page.Versions, version)
		size += len(version.Body)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// A historyWalk goes through versions, newest first.
type historyWalk struct {
	*view
	key       fhir.Key  // as in store.HistoryQuery
	low, high int64     // vids from low up to but not including high
	at        time.Time // if set, only versions that were current then or later
}

// walk calls yield for each version until it returns false or an error.
func (h *historyWalk) walk(yield func(*store.Version) (bool, error)) error {
	keep := func(version *store.Version) (bool, error) {
		current, err := h.currentAt(version)
		if err != nil || !current {
			return err == nil && h.key.ID == "", err // before it, one resource has no other
		}
		return yield(version)
	}
	switch {
	case h.key.Type == "":
		return h.system(keep)
	case h.key.ID == "":
		return h.ofType(keep)
	}
	return h.instance(keep)
}

// currentAt reports whether a version was current at h.at or made after it.
func (h *historyWalk) currentAt(version *store.Version) (bool, error) {
	if h.at.IsZero() || !version.LastUpdated.Before(h.at) {
		return true, nil
	}
	s, err := h.c.prepare(`SELECT CASE r.number WHEN ?1 THEN NULL WHEN ?1+1 THEN r.vid
		ELSE (SELECT o.vid FROM old o WHERE o.n=r.n AND o.number=?1+1) END
		FROM res r WHERE r.t=?2 AND r.id=?3`)
	if err != nil {
		return false, err
	}
	row, err := s.int(version.Number).int(h.s.types.numbers[version.Key.Type]).str(version.Key.ID).step()
	if err != nil || !row {
		return false, err
	}
	defer s.reset()
	superseded := s.view(0) != nil
	return !superseded || instant(s.num(0)).After(h.at), nil
}

// instance walks the versions of one resource.
func (h *historyWalk) instance(yield func(*store.Version) (bool, error)) error {
	newest, err := h.c.prepare("SELECT " + versionColumns + ` FROM res r CROSS JOIN ver v ON v.vid=r.vid
		WHERE r.t=? AND r.id=? AND r.vid>=? AND r.vid<?`)
	if err != nil {
		return err
	}
	t := h.s.types.numbers[h.key.Type]
	newest.int(t).str(h.key.ID).int(h.low).int(h.high)
	if more, err := h.each(newest, yield); err != nil || !more {
		return err
	}
	// Of one resource, numbers and vids rise together.
	older, err := h.c.prepare("SELECT " + versionColumns + ` FROM res r CROSS JOIN old o ON o.n=r.n CROSS JOIN ver v ON v.vid=o.vid
		WHERE r.t=? AND r.id=? AND o.vid>=? AND o.vid<? ORDER BY o.number DESC`)
	if err != nil {
		return err
	}
	older.int(t).str(h.key.ID).int(h.low).int(h.high)
	_, err = h.each(older, yield)
	return err
}

// each yields the versions of h.key that a statement leads to. It reports
// whether more are wanted.
func (h *historyWalk) each(s *stmt, yield func(*store.Version) (bool, error)) (bool, error) {
	defer s.reset()
	for {
		row, err := s.step()
		if err != nil || !row {
			return err == nil, err
		}
		version, err := h.version(s, h.key, 0)
		if err != nil {
			return false, err
		}
		if more, err := yield(version); err != nil || !more {
			return false, err
		}
	}
}

// system walks all versions there are.
func (h *historyWalk) system(yield func(*store.Version) (bool, error)) error {
	s, err := h.c.prepare("SELECT v.t, v.id, " + versionColumns + " FROM ver v WHERE v.vid>=? AND v.vid<? ORDER BY v.vid DESC")
	if err != nil {
		return err
	}
	defer s.reset()
	s.int(h.low).int(h.high)
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		key := fhir.Key{Type: h.s.types.names[s.num(0)], ID: s.text(1)}
		version, err := h.version(s, key, 2)
		if err != nil {
			return err
		}
		if more, err := yield(version); err != nil || !more {
			return err
		}
	}
}

// ofType walks the versions of one type: those that are current and those that
// are not lie in two trees.
func (h *historyWalk) ofType(yield func(*store.Version) (bool, error)) error {
	t := h.s.types.numbers[h.key.Type]
	var heads [2]*vidStream
	for i, table := range []string{"cur", "old_vid"} {
		s, err := h.c.prepare("SELECT vid FROM " + table + " WHERE t=? AND vid>=? AND vid<? ORDER BY vid DESC")
		if err != nil {
			return err
		}
		defer s.reset()
		heads[i] = &vidStream{s: s.int(t).int(h.low).int(h.high)}
		if err := heads[i].next(); err != nil {
			return err
		}
	}
	for {
		newer := heads[0]
		if heads[1].vid > newer.vid {
			newer = heads[1]
		}
		if newer.vid == math.MinInt64 {
			return nil
		}
		version, err := h.byVid(newer.vid)
		if err != nil {
			return err
		}
		if more, err := yield(version); err != nil || !more {
			return err
		}
		if err := newer.next(); err != nil {
			return err
		}
	}
}

// A vidStream yields vids. At its end vid is the smallest number there is.
type vidStream struct {
	s   *stmt
	vid int64
}

func (s *vidStream) next() error {
	s.vid = math.MinInt64
	row, err := s.s.step()
	if err != nil || !row {
		return err
	}
	s.vid = s.s.num(0)
	return nil
}

// byVid returns the version that was made at that instant.
func (v *view) byVid(vid int64) (*store.Version, error) {
	s, err := v.c.prepare("SELECT v.t, v.id, " + versionColumns + " FROM ver v WHERE v.vid=?")
	if err != nil {
		return nil, err
	}
	defer s.reset()
	row, err := s.int(vid).step()
	if err != nil {
		return nil, err
	}
	if !row {
		return nil, fhir.Errorf(fhir.Internal, "the database lacks a version")
	}
	return v.version(s, fhir.Key{Type: v.s.types.names[s.num(0)], ID: s.text(1)}, 2)
}
