package fhirpath

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// A part says which parts of a date or time are given: all up to this one.
type part uint8

// The parts of dates and times. Seconds and their fraction are one part.
const (
	yearPart part = iota + 1
	monthPart
	dayPart
	hourPart
	minutePart
	secondPart
)

// A moment is a Date, DateTime or Time taken apart.
type moment struct {
	kind         Kind
	part         part
	year, month  int
	day          int
	hour, minute int
	second       int
	nanos        int
	digits       int // of the fraction of the second, at most 9
	zoned        bool
	offset       int // of the zone, in minutes east
}

func (i Item) isMoment() bool { return i.kind >= DateItem && i.kind <= TimeItem }

// moment takes a date or time item apart; its text has been checked.
func (i Item) moment() moment {
	m, _ := parseMoment(i.kind, i.text)
	return m
}

// item returns m as an item.
func (m moment) item() Item { return Item{kind: m.kind, text: m.String()} }

// parseMoment reads a date, a dateTime or a time of any precision, as FHIR and
// FHIRPath write them, without @. A second of 60 is read as 59.
func parseMoment(kind Kind, s string) (moment, bool) {
	m := moment{kind: kind, month: 1, day: 1}
	if kind != TimeItem {
		day, clock, timed := strings.Cut(s, "T")
		if !m.parseDay(day) || timed && kind == DateItem {
			return m, false
		}
		if clock == "" {
			return m, true
		}
		if m.part != dayPart {
			return m, false
		}
		s = clock
	}
	if at := strings.IndexAny(s, "Z+-"); at >= 0 {
		if kind == TimeItem || !m.parseZone(s[at:]) {
			return m, false
		}
		s = s[:at]
	}
	return m, m.parseClock(s)
}

// digits reads a number of exactly n digits.
func digits(s string, n int) (int, bool) {
	v := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, len(s) == n
}

// parseDay reads YYYY, YYYY-MM or YYYY-MM-DD.
func (m *moment) parseDay(s string) bool {
	parts := [3]*int{&m.year, &m.month, &m.day}
	for k, p := range parts {
		width := 2
		if k == 0 {
			width = 4
		}
		if len(s) < width {
			return false
		}
		v, ok := digits(s[:width], width)
		if !ok || v == 0 {
			return false
		}
		*p, s = v, s[width:]
		m.part = part(k + 1)
		if s == "" {
			return m.month <= 12 && m.day <= daysIn(m.year, m.month)
		}
		if s[0] != '-' {
			return false
		}
		s = s[1:]
	}
	return false
}

// parseClock reads hh, hh:mm, hh:mm:ss or hh:mm:ss.f….
func (m *moment) parseClock(s string) bool {
	clock, fraction, split := strings.Cut(s, ".")
	for k, p := range [3]*int{&m.hour, &m.minute, &m.second} {
		if len(clock) < 2 {
			return false
		}
		v, ok := digits(clock[:2], 2)
		if !ok {
			return false
		}
		*p, clock = v, clock[2:]
		m.part = hourPart + part(k)
		if clock == "" {
			break
		}
		if clock[0] != ':' || len(clock) < 3 {
			return false
		}
		clock = clock[1:]
	}
	if m.second == 60 {
		m.second = 59
	}
	if clock != "" || m.hour > 23 || m.minute > 59 || m.second > 59 {
		return false
	}
	return !split || m.part == secondPart && m.parseFraction(fraction)
}

// parseFraction reads the digits of a fraction; what is less than a nanosecond is
// dropped.
func (m *moment) parseFraction(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	m.digits = min(len(s), 9)
	v, _ := digits((s + "000000000")[:9], 9)
	m.nanos = v
	return s != ""
}

// parseZone reads Z or ±hh:mm.
func (m *moment) parseZone(s string) bool {
	m.zoned = true
	if s == "Z" {
		return true
	}
	if len(s) != 6 || s[3] != ':' {
		return false
	}
	hours, ok := digits(s[1:3], 2)
	minutes, fine := digits(s[4:], 2)
	m.offset = hours*60 + minutes
	if s[0] == '-' {
		m.offset = -m.offset
	}
	return ok && fine && hours <= 14 && minutes <= 59
}

// daysIn returns the number of days of a month.
func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// String writes m as FHIR does, a DateTime that ends before the hour without T.
func (m moment) String() string {
	var b strings.Builder
	if m.kind != TimeItem {
		fmt.Fprintf(&b, "%04d", m.year)
		if m.part >= monthPart {
			fmt.Fprintf(&b, "-%02d", m.month)
		}
		if m.part >= dayPart {
			fmt.Fprintf(&b, "-%02d", m.day)
		}
		if m.part < hourPart {
			return b.String()
		}
		b.WriteByte('T')
	}
	fmt.Fprintf(&b, "%02d", m.hour)
	if m.part >= minutePart {
		fmt.Fprintf(&b, ":%02d", m.minute)
	}
	if m.part >= secondPart {
		fmt.Fprintf(&b, ":%02d", m.second)
	}
	if m.digits > 0 {
		fmt.Fprintf(&b, ".%s", fmt.Sprintf("%09d", m.nanos)[:m.digits])
	}
	b.WriteString(m.zone())
	return b.String()
}

// zone writes the zone.
func (m moment) zone() string {
	switch {
	case !m.zoned:
		return ""
	case m.offset == 0:
		return "Z"
	case m.offset < 0:
		return fmt.Sprintf("-%02d:%02d", -m.offset/60, -m.offset%60)
	}
	return fmt.Sprintf("+%02d:%02d", m.offset/60, m.offset%60)
}

// start returns the first instant of m, read as if it were UTC.
func (m moment) start() time.Time {
	return time.Date(m.year, time.Month(m.month), m.day, m.hour, m.minute, m.second, m.nanos, time.UTC)
}

// end returns the first instant after m, read as if it were UTC.
func (m moment) end() time.Time {
	t := m.start()
	switch m.part {
	case yearPart:
		return t.AddDate(1, 0, 0)
	case monthPart:
		return t.AddDate(0, 1, 0)
	case dayPart:
		return t.AddDate(0, 0, 1)
	case hourPart:
		return t.Add(time.Hour)
	case minutePart:
		return t.Add(time.Minute)
	}
	return t.Add(1) // seconds are one part with their fraction: an instant
}

// utc returns m in UTC; m must have a zone, and so a time.
func (m moment) utc() moment {
	if m.offset == 0 {
		return m
	}
	u := m.at(m.start().Add(-time.Duration(m.offset) * time.Minute))
	u.offset = 0
	return u
}

// at returns m with the parts it has set to those of t.
func (m moment) at(t time.Time) moment {
	m.year, m.month, m.day = t.Year(), int(t.Month()), t.Day()
	m.hour, m.minute, m.second, m.nanos = t.Hour(), t.Minute(), t.Second(), t.Nanosecond()
	return m
}

// compareMoments compares two times, or two dates and dateTimes, part by part. The
// order is not known if they agree as far as one goes and the other goes on. If
// only one has a zone, the other could be anywhere on earth, and the order is
// known if it is the same everywhere.
// See https://hl7.org/fhirpath/N1/#comparison.
func compareMoments(a, b moment) (order int, known bool) {
	switch {
	case a.zoned && b.zoned:
		a, b = a.utc(), b.utc()
	case a.zoned:
		return compareZoned(a.utc(), b)
	case b.zoned:
		order, known = compareZoned(b.utc(), a)
		return -order, known
	}
	fields := [...]struct {
		part part
		a, b int
	}{
		{yearPart, a.year, b.year}, {monthPart, a.month, b.month}, {dayPart, a.day, b.day},
		{hourPart, a.hour, b.hour}, {minutePart, a.minute, b.minute},
		{secondPart, a.second, b.second}, {secondPart, a.nanos, b.nanos},
	}
	for _, f := range fields {
		switch {
		case a.part < f.part && b.part < f.part:
			return 0, true
		case a.part < f.part || b.part < f.part:
			return 0, false
		case f.a != f.b:
			return cmp.Compare(f.a, f.b), true
		}
	}
	return 0, true
}

// The zones of the earth reach from UTC-12 to UTC+14.
const (
	mostEast = 14 * time.Hour
	mostWest = 12 * time.Hour
)

// compareZoned compares a, in UTC, with b, whose zone is not known.
func compareZoned(a, b moment) (order int, known bool) {
	switch {
	case !a.end().After(b.start().Add(-mostEast)):
		return -1, true
	case !a.start().Before(b.end().Add(mostWest)):
		return 1, true
	}
	return 0, false
}
