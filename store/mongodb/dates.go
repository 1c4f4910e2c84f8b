package mongodb

import (
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// prepareOrder finds out which orders the index has, whether the rows of keys come
// in the one asked for, and between which clinical dates all matches lie. It asks
// everything at once.
func (f *finder) prepareOrder() error {
	f.dates = [2]int64{math.MinInt64, math.MaxInt64}
	var asked [][]search.KeyRange
	for i := range f.order.Keys {
		asked = append(asked, f.order.Keys[i].Param.UntypedTargets())
	}
	byDate := f.mayBeClinical()
	if byDate {
		asked = append(asked, f.order.Keys[0].Param.OpenBegin())
	}
	var spans []search.ClinicalSpan
	if f.q.Type != "" && (byDate || f.order.By == ordering.ByDate) {
		for i := range f.q.Where {
			if span, ok := f.q.Where[i].ClinicalSpan(); ok {
				spans = append(spans, span)
				asked = append(asked, f.q.Where[i].Param.OpenBegin(), span.Unless)
			}
		}
	}
	occur := make([]bool, len(asked))
	err := f.together(len(asked), func(i int) (err error) {
		occur[i], err = f.occur(asked[i])
		return err
	})
	if err != nil {
		return err
	}
	for i := range f.order.Keys {
		if occur[i] {
			f.order.Keys[i].Forms = nil
		}
	}
	occur = occur[len(f.order.Keys):]
	if byDate {
		f.clinical, occur = !occur[0], occur[1:]
	}
	if f.dated() {
		f.narrow(spans, occur)
	}
	return nil
}

// mayBeClinical reports whether results are sorted by a parameter that can be the
// clinical date.
func (f *finder) mayBeClinical() bool {
	return f.order.By == ordering.ByValue && len(f.order.Keys) == 1 && f.q.Type != "" && f.order.Keys[0].Forms != nil &&
		f.order.Keys[0].Param.ByClinicalDate()
}

// narrow applies spans. Of each, occur says whether there are dates with an open
// begin, and such as reach into it from before.
func (f *finder) narrow(spans []search.ClinicalSpan, occur []bool) {
	for i, span := range spans {
		if occur[2*i] {
			continue
		}
		f.dates[1] = min(f.dates[1], span.High)
		if !occur[2*i+1] {
			f.dates[0] = max(f.dates[0], span.Low)
		}
	}
}

// dated reports whether rows come by clinical date.
func (f *finder) dated() bool { return f.order.By == ordering.ByDate || f.clinical }

// edge returns the spot before all rows that can match, or with last the one
// behind them, the way they are gone through.
func (f *finder) edge(last bool) ordering.Spot {
	if f.order.Down() != last {
		return ordering.Spot{A: f.dates[1], B: math.MaxInt64}
	}
	return ordering.Spot{A: f.dates[0], B: math.MinInt64}
}

// fromStart reports whether rows are gone through from where they begin.
func (f *finder) fromStart() bool {
	first := f.edge(false)
	if f.order.Compare(first, ordering.Spot{A: f.spot.A, B: f.spot.B}) < 0 {
		first = f.spot
	}
	return f.atEdge(first)
}

// far returns what keeps rows from lying behind all that can match.
func (f *finder) far() bson.D {
	last := f.edge(true)
	switch {
	case !f.dated() || f.atEdge(last):
		return nil
	case f.order.Down():
		return field("d", field("$gte", last.A))
	}
	return field("d", field("$lte", last.A))
}

// past reports whether a spot lies behind all that can match.
func (f *finder) past(s ordering.Spot) bool {
	return f.dated() && f.order.Compare(ordering.Spot{A: s.A, B: s.B}, f.edge(true)) > 0
}
