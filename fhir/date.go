package fhir

import "time"

// A Precision says which parts of a date are given.
type Precision uint8

// The precisions of FHIR dates and times.
const (
	Year Precision = iota + 1
	Month
	Day
	Minute // only in searches: https://hl7.org/fhir/R4/search.html#date
	Second
	Fraction // of a second, to the digits given
)

// A Date is a FHIR date, dateTime or instant: a span of time whose length is
// its precision.
type Date struct {
	Start     time.Time // first instant, in the zone given; UTC if there is none
	End       time.Time // first instant after the span
	Precision Precision
	Zoned     bool // a zone or Z was given
}

// ParseDate reads YYYY, YYYY-MM, YYYY-MM-DD or a date with a time of the forms
// hh:mm, hh:mm:ss and hh:mm:ss.f…, with or without a zone. What is less than R4
// allows for an element (https://hl7.org/fhir/R4/datatypes.html#dateTime) is for
// the caller to refuse; impossible days are refused here. Second 60 counts as
// the first of the next minute.
func ParseDate(s string) (Date, bool) {
	year, ok := number(s, 0, 4)
	if !ok || year == 0 {
		return Date{}, false
	}
	month, day := 1, 1
	precision := Year
	if len(s) > 4 {
		if month, ok = number(s, 5, 2); !ok || s[4] != '-' || month < 1 || month > 12 {
			return Date{}, false
		}
		precision = Month
	}
	if len(s) > 7 {
		if day, ok = number(s, 8, 2); !ok || s[7] != '-' || day < 1 || day > daysIn(year, month) {
			return Date{}, false
		}
		precision = Day
	}
	if len(s) > 10 {
		if s[10] != 'T' {
			return Date{}, false
		}
		return parseTimed(s[11:], year, month, day)
	}
	start := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return Date{Start: start, End: after(start, precision, 0), Precision: precision}, true
}

// parseTimed reads the time of a date of which the day is known.
func parseTimed(s string, year, month, day int) (Date, bool) {
	clock, ok := parseClock(s)
	if !ok {
		return Date{}, false
	}
	zone, zoned, ok := parseZone(s[clock.length:])
	if !ok {
		return Date{}, false
	}
	start := time.Date(year, time.Month(month), day, clock.hour, clock.minute, clock.second, clock.nanos, zone)
	return Date{Start: start, End: after(start, clock.precision, clock.digits), Precision: clock.precision, Zoned: zoned}, true
}

// after returns the instant at which a span of that precision ends.
func after(start time.Time, p Precision, digits int) time.Time {
	switch p {
	case Year:
		return start.AddDate(1, 0, 0)
	case Month:
		return start.AddDate(0, 1, 0)
	case Day:
		return start.AddDate(0, 0, 1)
	case Minute:
		return start.Add(time.Minute)
	case Second:
		return start.Add(time.Second)
	}
	step := time.Second
	for range digits {
		step /= 10
	}
	return start.Add(max(step, 1))
}

// A clock is the time of day at the start of a string.
type clock struct {
	hour, minute, second, nanos int
	digits                      int // of the fraction
	precision                   Precision
	length                      int
}

// parseClock reads hh:mm, hh:mm:ss or hh:mm:ss.f… at the start of s.
func parseClock(s string) (clock, bool) {
	var c clock
	var ok1, ok2 bool
	c.hour, ok1 = number(s, 0, 2)
	c.minute, ok2 = number(s, 3, 2)
	if !ok1 || !ok2 || s[2] != ':' || c.hour > 23 || c.minute > 59 {
		return c, false
	}
	c.length, c.precision = 5, Minute
	if len(s) <= 5 || s[5] != ':' {
		return c, true
	}
	second, ok := number(s, 6, 2)
	if !ok || second > 60 {
		return c, false
	}
	c.second, c.length, c.precision = second, 8, Second
	if len(s) <= 8 || s[8] != '.' {
		return c, true
	}
	scale := 100_000_000
	for c.length = 9; c.length < len(s) && s[c.length] >= '0' && s[c.length] <= '9'; c.length++ {
		c.nanos += int(s[c.length]-'0') * scale
		scale /= 10
		c.digits++
	}
	c.precision = Fraction
	return c, c.digits > 0
}

// parseZone reads Z, ±hh:mm or nothing.
func parseZone(s string) (*time.Location, bool, bool) {
	switch {
	case s == "":
		return time.UTC, false, true
	case s == "Z":
		return time.UTC, true, true
	case len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':':
		return nil, false, false
	}
	h, ok1 := number(s, 1, 2)
	m, ok2 := number(s, 4, 2)
	if !ok1 || !ok2 || m > 59 || h > 14 || h == 14 && m > 0 {
		return nil, false, false
	}
	offset := h*3600 + m*60
	if s[0] == '-' {
		offset = -offset
	}
	if offset == 0 {
		return time.UTC, true, true
	}
	return time.FixedZone("", offset), true, true
}

// number reads exactly n decimal digits at s[at:].
func number(s string, at, n int) (int, bool) {
	if len(s) < at+n {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[at : at+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// daysIn returns the number of days of a month.
func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// instantLayout is how this server writes instants: UTC, microseconds.
const instantLayout = "2006-01-02T15:04:05.000000Z"

// AppendInstant appends t as an instant in UTC with microseconds, 27 bytes.
func AppendInstant(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, instantLayout)
}
