package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// The functions about precision of https://hl7.org/fhirpath/#utility-functions:
// of releases after N1, for trial use.
var boundaryFunctions = map[string]function{
	"precision":    scalar(wantNumber|wantMoment, precision),
	"lowBoundary":  scalar(wantValue|wantMoment, boundary(false), wantInteger|optional),
	"highBoundary": scalar(wantValue|wantMoment, boundary(true), wantInteger|optional),
	"comparable":   scalar(wantValue, comparable, wantValue),
}

// maxPlaces is the most decimal places that a boundary may be asked for.
const maxPlaces = 28

// momentDigits are the digits up to each part of a date or dateTime; a time has
// eight fewer, for it has no day.
var momentDigits = [...]int{yearPart: 4, monthPart: 6, dayPart: 8, hourPart: 10, minutePart: 12, secondPart: 14}

// precision counts the digits behind the point of a number, and all digits of a
// date or time.
func precision(_ *frame, _ *Expr, i Item, _ []Item) Item {
	if i.isMoment() {
		m := i.moment()
		n := momentDigits[m.part] + m.digits
		if m.kind == TimeItem {
			n -= 8
		}
		return Integer(int64(n))
	}
	d, _ := i.decimal()
	return Integer(int64(max(0, -d.Exponent)))
}

// boundary makes lowBoundary and highBoundary.
func boundary(high bool) func(f *frame, e *Expr, i Item, args []Item) Item {
	return func(_ *frame, _ *Expr, i Item, args []Item) Item {
		n := int64(-1)
		if args[0].kind != 0 {
			if n = args[0].integer(); n < 0 {
				return Item{}
			}
		}
		if i.isMoment() {
			m, ok := i.moment().boundary(n, high)
			if !ok {
				return Item{}
			}
			return m.item()
		}
		d, ok := i.decimal()
		if !ok || n > maxPlaces {
			return Item{}
		}
		if n < 0 {
			n = minPlaces
		}
		b := decimalBoundary(d, int32(n), high)
		if i.kind == QuantityItem {
			return i.withNumber(b)
		}
		return decimalItem(b)
	}
}

// decimalBoundary returns the least or the greatest value that could have been
// rounded to d, with n places. If it has more places they are dropped on the low
// side of a positive value and rounded on its high side; negative values are the
// mirror image.
func decimalBoundary(d *decimal, n int32, high bool) *decimal {
	half := apd.New(5, min(0, d.Exponent)-1)
	r := new(decimal)
	outward := high != d.Negative
	if !outward {
		half.Negative = true
	}
	size := new(decimal).Abs(d)
	if _, err := exact.Add(r, size, half); err != nil {
		return r
	}
	how := apd.RoundHalfUp
	if !outward {
		how = apd.RoundFloor
	}
	r = quantized(r, n, how)
	r.Negative = r.Negative != d.Negative
	return r
}

// boundary returns the first or last moment within m, with n digits; -1 means all
// that there are. A dateTime with a time but no zone could be in any.
func (m moment) boundary(n int64, high bool) (moment, bool) {
	parts := map[int64]part{4: yearPart, 6: monthPart, 8: dayPart, 10: hourPart, 12: minutePart, 14: secondPart, 17: secondPart}
	switch {
	case n < 0 && m.kind == DateItem:
		n = 8
	case n < 0:
		n = 17
	case m.kind == TimeItem:
		n += 8
	}
	to, ok := parts[n]
	if !ok || m.kind == DateItem && to > dayPart || m.kind == TimeItem && to < hourPart {
		return m, false
	}
	edge := m.at(m.start())
	if high {
		end := m.end()
		if m.part == secondPart {
			end = m.start().Add(m.step())
		}
		edge = m.at(end.Add(-time.Millisecond))
	}
	edge.part, edge.digits = to, 0
	if n == 17 {
		edge.digits = 3
	} else if to == secondPart {
		edge.nanos = 0
	}
	switch {
	case to < hourPart:
		edge.zoned = false
	case m.kind == DateTimeItem && !m.zoned:
		edge.zoned, edge.offset = true, 14*60
		if high {
			edge.offset = -12 * 60
		}
	}
	return edge, true
}

// step returns the length of the last digit of the seconds.
func (m moment) step() time.Duration {
	d := time.Second
	for range min(m.digits, 3) {
		d /= 10
	}
	return d
}

// comparable tells whether two quantities have a common unit.
func comparable(f *frame, _ *Expr, i Item, args []Item) Item {
	a, b := i.quantity(), args[0].quantity()
	if a.unit == b.unit && a.ucum == b.ucum {
		return Boolean(true)
	}
	_, ok := f.factor(a, b, false)
	return Boolean(ok)
}

// The functions of https://hl7.org/fhirpath/#extract-datedatetimetime-components
// and #date-and-time-interval-functions: of releases after N1, for trial use.
var dateFunctions = map[string]function{
	"yearOf":        component(yearPart, func(m moment) int { return m.year }),
	"monthOf":       component(monthPart, func(m moment) int { return m.month }),
	"dayOf":         component(dayPart, func(m moment) int { return m.day }),
	"hourOf":        component(hourPart, func(m moment) int { return m.hour }),
	"minuteOf":      component(minutePart, func(m moment) int { return m.minute }),
	"secondOf":      component(secondPart, func(m moment) int { return m.second }),
	"millisecondOf": component(secondPart, func(m moment) int { return m.nanos / 1_000_000 }),
	"timezoneOffsetOf": scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		m := i.moment()
		if i.kind != DateTimeItem || !m.zoned {
			return Item{}
		}
		return decimals("/", Integer(int64(m.offset)), Item{kind: DecimalItem, text: "60.0"})
	}),
	"dateOf": scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		if i.kind != DateItem && i.kind != DateTimeItem {
			return Item{}
		}
		return toDate(i)
	}),
	"timeOf": scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		m := i.moment()
		if i.kind != DateTimeItem || m.part < hourPart {
			return Item{}
		}
		m.kind, m.zoned = TimeItem, false
		return m.item()
	}),
	"duration":   scalar(wantMoment, interval, wantMoment, wantString),
	"difference": scalar(wantMoment, interval, wantMoment, wantString),
}

// component makes a function that returns one part of a date or time, if it has
// that.
func component(p part, get func(moment) int) function {
	return scalar(wantAny, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		if !i.isMoment() {
			return Item{}
		}
		m := i.moment()
		if m.part < p || (m.kind == TimeItem) && p < hourPart || m.kind == DateItem && p > dayPart {
			return Item{}
		}
		return Integer(int64(get(m)))
	})
}

// interval is duration and difference: whole periods between two dates or times,
// or boundaries of periods crossed.
func interval(f *frame, e *Expr, i Item, args []Item) Item {
	unit := args[1].text
	a, b := i.moment(), args[0].moment()
	need, ok := map[string]part{
		"year": yearPart, "month": monthPart, "week": dayPart, "day": dayPart,
		"hour": hourPart, "minute": minutePart, "second": secondPart, "millisecond": secondPart,
	}[unit]
	if !ok || (a.kind == TimeItem) != (b.kind == TimeItem) || a.kind == TimeItem && need < hourPart {
		f.fail(fhir.Invalid, e, "%s() of a %s and a %s is not counted in %q", e.Text, systemNames[i.kind], systemNames[args[0].kind], unit)
		return Item{}
	}
	if a.part < need || b.part < need || need > dayPart && a.zoned != b.zoned {
		return Item{}
	}
	if need > dayPart && a.zoned {
		a, b = a.utc(), b.utc()
	}
	if e.Text == "difference" {
		a, b = a.floor(unit), b.floor(unit)
	}
	return Integer(between(a.start(), b.start(), unit))
}

// floor returns the beginning of the period that m is in; weeks begin on Sunday.
func (m moment) floor(unit string) moment {
	t := m.start()
	switch unit {
	case "year":
		t = time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	case "month":
		t = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case "week":
		t = time.Date(t.Year(), t.Month(), t.Day()-int(t.Weekday()), 0, 0, 0, 0, time.UTC)
	case "day":
		t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	default:
		t = t.Truncate(time.Duration(durations[unit].milli) * time.Millisecond)
	}
	return m.at(t)
}

// between counts whole periods from a to b; negative if b is earlier.
func between(a, b time.Time, unit string) int64 {
	if b.Before(a) {
		return -between(b, a, unit)
	}
	if unit == "year" || unit == "month" {
		months := int64(b.Year()-a.Year())*12 + int64(b.Month()-a.Month())
		if a.AddDate(0, int(months), 0).After(b) {
			months--
		}
		if unit == "year" {
			return months / 12
		}
		return months
	}
	// Durations of time.Time end at 292 years: count days and the rest apart.
	days := (b.Unix() - a.Unix()) / 86400
	rest := b.Sub(a.Add(0).AddDate(0, 0, int(days)))
	milli := durations[unit].milli
	return (days*86400*1000 + rest.Milliseconds()) / milli
}
