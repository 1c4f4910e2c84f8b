package sqlite

import (
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// A listStream yields what has been gathered.
type listStream struct {
	list []candidate
	at   int
	cut  bool // there is more behind it
}

func (s *listStream) next() (*candidate, error) {
	if s.at == len(s.list) {
		return nil, nil
	}
	s.at++
	return &s.list[s.at-1], nil
}

func (s *listStream) end() (ordering.Spot, bool) {
	if len(s.list) == 0 {
		return ordering.Spot{}, true
	}
	return s.list[len(s.list)-1].spot, !s.cut
}

// A gathering collects a driver's candidates, whose rows come in another order
// than the one asked for.
type gathering struct {
	*finder
	driver int
	want   want
	kept   int
	out    listStream
}

// gather reads all candidates of a driver that come after f.spot and meet the
// conditions, and puts them into order.
func (f *finder) gather(driver int) (stream, error) {
	g := &gathering{finder: f, driver: driver, kept: f.s.tuning.kept, want: want{keys: f.keysNeeded(driver)}}
	g.want.bodies = f.order.By == ordering.ByValue && !f.order.Indexed()
	if !f.bodies {
		g.kept = f.s.tuning.countKept
	}
	var err error
	switch {
	case driver == walkIDs:
		err = g.fromIDs()
	case driver == walkAll:
		err = g.fromRanges(f.typeKeys())
	case f.conditions[driver].listed:
		err = g.fromNumbers(f.conditions[driver].numbers)
	case f.conditions[driver].timed:
		err = g.fromTime(f.conditions[driver].vids)
	default:
		err = g.fromRanges(f.conditions[driver].ranges)
	}
	if err != nil {
		return nil, err
	}
	g.tidy()
	return &g.out, nil
}

// tidy sorts, drops what occurs twice, and cuts off what is too much.
func (g *gathering) tidy() {
	slices.SortFunc(g.out.list, func(a, b candidate) int { return g.order.Compare(a.spot, b.spot) })
	g.out.list = slices.CompactFunc(g.out.list, func(a, b candidate) bool { return a.spot == b.spot })
	if len(g.out.list) > g.kept {
		g.out.list = g.out.list[:g.kept]
		g.out.cut = true
	}
}

// text writes a statement: the columns of candidates from some tables, and the id
// if results are sorted by it.
func (g *gathering) text(from, where string) string {
	columns, join := g.want.columns()
	from += join
	if g.order.By == ordering.ByID {
		columns += ", v.id"
		from += " CROSS JOIN ver v ON v.vid=c.vid"
	}
	return "SELECT " + columns + " FROM " + from + " WHERE " + where
}

// collect runs a statement and keeps what meets the conditions.
func (g *gathering) collect(s *stmt) error {
	defer s.reset()
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		c, err := g.candidate(s, g.want)
		if err != nil {
			return err
		}
		if g.order.By == ordering.ByID {
			c.spot = ordering.Spot{Text: s.text(g.want.next()), A: c.t}
		}
		ok, err := g.meets(g.driver, &c)
		if err != nil {
			return err
		}
		if ok && g.order.By == ordering.ByValue {
			if err := g.value(&c); err != nil {
				return err
			}
		}
		if ok && g.order.Compare(c.spot, g.spot) > 0 {
			c.keys, c.checked = nil, true
			if g.out.list = append(g.out.list, c); len(g.out.list) >= 2*g.kept {
				g.tidy()
			}
		}
	}
}

func (g *gathering) fromIDs() error {
	text := g.text("res r CROSS JOIN cur c ON c.n=r.n", "r.t=? AND r.id=?")
	for _, id := range g.q.IDs {
		for _, t := range g.typeNumbers() {
			s, err := g.c.prepare(text)
			if err != nil {
				return err
			}
			if err := g.collect(s.int(t).str(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// value finds out where a candidate stands in an order by values. Its keys have
// been unpacked.
func (g *gathering) value(c *candidate) error {
	var err error
	c.spot.Text, err = g.textOf(c, &g.keys)
	c.version = nil // much memory; it is read again if it is needed
	return err
}

func (g *gathering) fromNumbers(numbers []int64) error {
	text := g.text("cur c", "c.n=?")
	for _, n := range numbers {
		s, err := g.c.prepare(text)
		if err != nil {
			return err
		}
		if err := g.collect(s.int(n)); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) fromTime(vids vidRange) error {
	text := g.text("cur c", "c.t=? AND c.vid>=? AND c.vid<?")
	for _, t := range g.typeNumbers() {
		s, err := g.c.prepare(text)
		if err != nil {
			return err
		}
		if err := g.collect(s.int(t).int(vids.low).int(vids.high)); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathering) fromRanges(ranges []search.KeyRange) error {
	from := "post p CROSS JOIN cur c ON c.n=p.n"
	for i := range ranges {
		where := "p.k=?"
		if ranges[i].High != nil {
			where = "p.k>=? AND p.k<?"
		}
		s, err := g.c.prepare(g.text(from, where))
		if err != nil {
			return err
		}
		if err := g.collect(s.bindRange(&ranges[i])); err != nil {
			return err
		}
	}
	return nil
}

// bindRange binds the ends of a range, or the key that it is.
func (s *stmt) bindRange(r *search.KeyRange) *stmt {
	s.blob(r.Low)
	if r.High != nil {
		s.blob(r.High)
	}
	return s
}
