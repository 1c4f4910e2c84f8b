package sqlite

import (
	"slices"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/ordering"
)

// A candidate is a resource that may match.
type candidate struct {
	spot    ordering.Spot
	n, t    int64
	vid     int64
	keys    []byte // packed; gone with the next candidate
	checked bool   // it meets all conditions, bodies aside
	judged  bool   // it matches
	blank   bool   // it is none: cost tells what had to be looked at for the others
	cost    int
	version *store.Version
}

// drive goes through a driver's candidates, about limit of them, and reports
// whether there are no more or no more are wanted.
func (f *finder) drive(driver, limit int) (done bool, err error) {
	s, err := f.stream(driver, limit)
	if err != nil {
		return false, err
	}
	examined, elsewhere := 0, 0
	defer func() { f.s.stats.examined.Add(int64(examined)) }()
	for ; ; examined++ {
		if examined+elsewhere >= limit {
			return false, nil
		}
		if f.most > 0 && f.examined >= f.most {
			f.gaveUp = true
			return false, nil
		}
		if f.examined%64 == 63 && f.ctx.Err() != nil {
			return false, f.ctx.Err()
		}
		c, err := s.next()
		if err != nil {
			return false, err
		}
		if c == nil {
			f.spot, done = s.end()
			return done, nil
		}
		if c.blank {
			examined, elsewhere = examined-1, elsewhere+c.cost
			f.examined += c.cost
			continue
		}
		f.spot = c.spot
		f.examined++
		matches, err := f.matches(driver, c)
		if err != nil {
			return false, err
		}
		if matches && !f.found(c) {
			return true, nil
		}
	}
}

// matches reports whether a candidate meets the query and who may see it. It
// reads the version if that is needed.
func (f *finder) matches(driver int, c *candidate) (bool, error) {
	if c.judged {
		return true, nil
	}
	if !c.checked {
		if ok, err := f.meets(driver, c); err != nil || !ok {
			return false, err
		}
	}
	if c.version == nil && f.bodiesNeeded() {
		var err error
		if c.version, err = f.byVid(c.vid); err != nil {
			return false, err
		}
	}
	if !f.parsed() {
		return true, nil
	}
	r, err := f.parse(c.version)
	if err != nil {
		return false, err
	}
	for _, clause := range f.residual {
		if ok, err := f.holds(clause, r); err != nil || !ok {
			return false, err
		}
	}
	if !f.who.Permits(r) {
		return false, nil
	}
	for _, p := range f.pins {
		if !p.linked() {
			continue
		}
		if value, err := f.sortValue(&p.key.SortKey, r); err != nil || !p.holds(value) {
			return false, err
		}
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; c.open() {
			if ok, err := f.holds(c.clause, r); err != nil || !ok {
				return false, err
			}
		}
	}
	return true, nil
}

// meets checks a candidate against the conditions, by its packed keys.
func (f *finder) meets(driver int, c *candidate) (bool, error) {
	if f.t != 0 && c.t != f.t {
		return false, nil
	}
	for _, r := range f.q.LastUpdated {
		if !r.Holds(instant(c.vid)) {
			return false, nil
		}
	}
	for i := range f.conditions {
		if condition := &f.conditions[i]; i != driver && condition.listed {
			if _, ok := slices.BinarySearch(condition.numbers, c.n); !ok {
				return false, nil
			}
		}
	}
	if c.keys == nil {
		return true, nil
	}
	if !f.keys.unpack(c.keys) {
		return false, errDamaged()
	}
	for i := range f.conditions {
		if condition := &f.conditions[i]; i != driver && condition.ranges != nil && !f.keys.inAny(condition.ranges) {
			return false, nil
		}
	}
	for _, p := range f.pins {
		if !p.linked() && !p.holds(p.key.Best(&f.keys)) {
			return false, nil
		}
	}
	return true, nil
}
