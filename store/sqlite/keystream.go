package sqlite

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// keyStreams yields the resources that have one of some keys, by clinical date
// and creation, from a spot on.
func (f *finder) keyStreams(driver int, keys []search.KeyRange, limit int, from ordering.Spot) (stream, error) {
	if first := f.bound(false); f.order.Compare(first, from) > 0 {
		from = first
	}
	if len(keys) == 1 {
		return f.keyStream(driver, keys[0].Low, limit, from)
	}
	streams := make([]stream, len(keys))
	for i := range keys {
		k := f.newKeyFetch(driver, keys[i].Low)
		k.want.bodies = false // many may be fetched that are not needed; they are read later
		k.write()
		streams[i] = f.batches(8, from, k.fetch)
	}
	return f.merge(streams), nil
}

// keyStream yields the resources that have a key.
func (f *finder) keyStream(driver int, key []byte, limit int, from ordering.Spot) (stream, error) {
	k := f.newKeyFetch(driver, key)
	if f.rare && slices.ContainsFunc(k.probes, func(c *condition) bool { return len(c.ranges) == 1 }) {
		return k.meetStream(driver, limit, from), nil
	}
	s := f.batches(f.page(), from, k.fetch)
	if len(k.probes) > 0 && limit < math.MaxInt {
		bound, err := k.bound(from, limit)
		if err != nil {
			return nil, err
		}
		if bound != nil && f.order.Compare(*bound, k.upTo) < 0 {
			s.upTo, k.upTo = bound, *bound
		}
	}
	k.write()
	return s, nil
}

// A keyFetch reads the candidates of one key. Conditions that are a few keys are
// asked within the statement; if no others are left, it can also read the
// versions.
type keyFetch struct {
	f      *finder
	key    []byte
	probes []*condition
	want   want
	upTo   ordering.Spot
	text   string
}

func (f *finder) newKeyFetch(driver int, key []byte) *keyFetch {
	k := &keyFetch{f: f, key: key, upTo: f.bound(true)}
	if f.order.By == ordering.ByValue { // the keys tell the values
		k.want.keys = true
		k.want.bodies = f.clinical && f.likely(driver)
		return k
	}
	listed := false
	k.want.keys = slices.ContainsFunc(f.pins, func(p pin) bool { return !p.linked() })
	for i := range f.conditions {
		c := &f.conditions[i]
		switch {
		case i == driver || c.timed || c.open():
		case c.listed:
			listed = true
		case !f.unprobed && c.keys && len(c.ranges) <= f.s.tuning.probeKeys && len(k.probes) < maxProbes:
			k.probes = append(k.probes, c)
		default:
			k.want.keys = true
		}
	}
	if !k.want.keys && !listed && len(f.q.LastUpdated) == 0 { // nothing is left to check
		k.want.bodies = f.bodiesNeeded()
		k.want.bare = !k.want.bodies
	}
	k.want.bodies = k.want.bodies || k.want.keys && f.likely(driver)
	return k
}

// likely reports whether nearly all rows of a driver match, so that it pays to read
// their versions at once: all that has to be met beside it are clinical dates, by
// which the rows are bounded.
func (f *finder) likely(driver int) bool {
	for i := range f.conditions {
		if i != driver && (f.loose || !f.conditions[i].dated) {
			return false
		}
	}
	return !f.unread && f.bodiesNeeded() && len(f.q.LastUpdated) == 0 && len(f.pins) == 0
}

// direction returns how rows are compared with the place reached, and the ending
// of ORDER BY columns.
func direction(o *ordering.Order) (compare, ending string) {
	if o.Down() {
		return "<", " DESC"
	}
	return ">", ""
}

// bound returns the spot of the row that is limit rows after another, nil if
// there is none.
func (k *keyFetch) bound(after ordering.Spot, limit int) (*ordering.Spot, error) {
	compare, ending := direction(&k.f.order)
	s, err := k.f.c.prepare("SELECT d, n FROM post WHERE k=? AND (d,n)" + compare + "(?,?) ORDER BY d" + ending + ", n" + ending + " LIMIT 1 OFFSET ?")
	if err != nil {
		return nil, err
	}
	defer s.reset()
	row, err := s.blob(k.key).int(after.A).int(after.B).int(int64(limit - 1)).step()
	if err != nil || !row {
		return nil, err
	}
	return &ordering.Spot{A: s.num(0), B: s.num(1)}, nil
}

// maxProbes bounds the conditions asked within one statement. SQLite makes joins
// of them, and the time it plans for grows with every one. The rest is checked by
// packed keys.
const maxProbes = 4

// write makes the statement. CROSS JOIN keeps the planner from changing the order
// of the tables: what fails a probe is not read. EXISTS would be made a join, and
// be asked after the row of cur was read.
func (k *keyFetch) write() {
	compare, ending := direction(&k.f.order)
	back := map[string]string{"<": ">=", ">": "<="}[compare]
	var b strings.Builder
	columns, join := k.want.columns()
	b.WriteString("SELECT " + columns + " FROM post p")
	for i, c := range k.probes {
		if len(c.ranges) == 1 {
			q := "q" + strconv.Itoa(i)
			b.WriteString(" CROSS JOIN post " + q + " ON " + q + ".k=? AND " + q + ".d=p.d AND " + q + ".n=p.n")
		}
	}
	if !k.want.bare {
		b.WriteString(" CROSS JOIN cur c ON c.n=p.n" + join)
	}
	b.WriteString(" WHERE p.k=? AND (p.d,p.n)" + compare + "(?,?) AND (p.d,p.n)" + back + "(?,?)")
	for _, c := range k.probes {
		if len(c.ranges) > 1 {
			b.WriteString(" AND (SELECT 1 FROM post q WHERE q.k IN (?" + strings.Repeat(",?", len(c.ranges)-1) + ") AND q.d=p.d AND q.n=p.n LIMIT 1)")
		}
	}
	b.WriteString(" ORDER BY p.d" + ending + ", p.n" + ending + " LIMIT ?")
	k.text = b.String()
}

func (k *keyFetch) fetch(b *batchStream) error {
	s, err := k.f.c.prepare(k.text)
	if err != nil {
		return err
	}
	for _, c := range k.probes {
		if len(c.ranges) == 1 {
			s.blob(c.ranges[0].Low)
		}
	}
	s.blob(k.key).int(b.after.A).int(b.after.B).int(k.upTo.A).int(k.upTo.B)
	for _, c := range k.probes {
		if len(c.ranges) > 1 {
			for i := range c.ranges {
				s.blob(c.ranges[i].Low)
			}
		}
	}
	return k.f.fill(b, s.int(int64(b.size)), k.want)
}
