package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// shift adds a quantity of time to a date or time, or takes it away.
// See https://hl7.org/fhirpath/N1/#datetime-arithmetic.
func (f *frame) shift(e *Expr, when, by Item, sign int) Item {
	unit := by.calendar()
	if by.ucum {
		unit = definite[by.unit]
	}
	m := when.moment()
	if unit == "" || m.kind == TimeItem && durations[unit].rank > durations["hour"].rank || m.kind == DateItem && durations[unit].rank < durations["day"].rank {
		f.fail(fhir.Invalid, e, "a quantity in %q can not be added to a %s", by.unit, systemNames[when.kind])
		return Item{}
	}
	d, ok := by.decimal()
	if !ok {
		return Item{}
	}
	n, ok := whole(d, unit)
	if !ok {
		return Item{}
	}
	if sign < 0 {
		n = -n
	}
	m, ok = m.add(n, unit)
	if !ok {
		return Item{}
	}
	return m.item()
}

// definite are the UCUM codes that can be added to dates: those whose length
// agrees with a calendar unit.
var definite = map[string]string{"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}

// maxShift bounds what is added, in any unit: more leads out of the calendar.
const maxShift = 1 << 50

// whole returns how many units to add, without the fraction; of seconds and
// milliseconds it is the number of nanoseconds.
func whole(d *decimal, unit string) (int64, bool) {
	switch unit {
	case "second":
		d = scaled(d, 9)
	case "millisecond":
		d = scaled(d, 6)
	}
	n, err := quantized(d, 0, apd.RoundDown).Int64()
	if unit != "second" && unit != "millisecond" && (n > maxShift || n < -maxShift) {
		return 0, false
	}
	return n, err == nil
}

// scaled returns d times ten to the n.
func scaled(d *decimal, n int32) *decimal {
	r := new(decimal).Set(d)
	r.Exponent += n
	return r
}

// add adds n units; it is false if that leads out of the years 1 to 9999.
func (m moment) add(n int64, unit string) (moment, bool) {
	switch unit {
	case "year":
		return m.addMonths(12 * n)
	case "month":
		if m.part == yearPart {
			return m.addMonths(n / 12 * 12)
		}
		return m.addMonths(n)
	case "week":
		return m.addDays(7 * n)
	case "day":
		return m.addDays(n)
	}
	return m.addTime(n, unit)
}

// addMonths adds months. A day that the month lacks becomes its last.
func (m moment) addMonths(n int64) (moment, bool) {
	months := int64(m.year)*12 + int64(m.month-1) + n
	if months < 12 || months >= 10000*12 {
		return m, false
	}
	m.year, m.month = int(months/12), int(months%12)+1
	m.day = min(m.day, daysIn(m.year, m.month))
	return m, true
}

// addDays adds days. To a month or a year it adds as many as the days make, of 30
// and 365 days.
func (m moment) addDays(n int64) (moment, bool) {
	switch m.part {
	case yearPart:
		return m.addMonths(n / 365 * 12)
	case monthPart:
		return m.addMonths(n / 30)
	}
	const calendar = 10000 * 366 // more days than there are
	if n > calendar || n < -calendar {
		return m, false
	}
	m = m.at(m.start().AddDate(0, 0, int(n)))
	return m, m.year >= 1 && m.year <= 9999
}

// addTime adds hours or minutes, or nanoseconds for the smaller units. Times go
// round the clock.
func (m moment) addTime(n int64, unit string) (moment, bool) {
	step := int64(1)
	switch unit {
	case "hour":
		step = int64(time.Hour)
	case "minute":
		step = int64(time.Minute)
	}
	const day = int64(24 * time.Hour)
	perDay := day / step
	if m.kind != TimeItem {
		if m.part < hourPart {
			return m.addDays(n / perDay)
		}
		var ok bool
		if m, ok = m.addDays(n / perDay); !ok {
			return m, false
		}
	}
	rest := n % perDay * step
	rest -= rest % m.grain()
	t := m.start().Add(time.Duration(rest))
	if m.kind == TimeItem {
		t = time.Date(m.year, time.Month(m.month), m.day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	m = m.at(t)
	return m.withDigits(), m.kind == TimeItem || m.year >= 1 && m.year <= 9999
}

// grain returns the length of the smallest part that m has, in nanoseconds.
func (m moment) grain() int64 {
	switch m.part {
	case hourPart:
		return int64(time.Hour)
	case minutePart:
		return int64(time.Minute)
	}
	return 1
}

// withDigits gives m as many digits behind the second as it needs, at least three
// if any.
func (m moment) withDigits() moment {
	needed := 9
	for n := m.nanos; needed > 0 && n%10 == 0; n /= 10 {
		needed--
	}
	if needed > 0 {
		m.digits = max(m.digits, needed, 3)
	}
	return m
}
