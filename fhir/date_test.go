package fhir_test

import (
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

func TestParseDate(t *testing.T) {
	tests := []struct {
		Text       string
		Start, End string // RFC 3339
		Precision  fhir.Precision
		Zoned      bool
	}{
		{Text: "2020", Start: "2020-01-01T00:00:00Z", End: "2021-01-01T00:00:00Z", Precision: fhir.Year},
		{Text: "2020-12", Start: "2020-12-01T00:00:00Z", End: "2021-01-01T00:00:00Z", Precision: fhir.Month},
		{Text: "2020-02-29", Start: "2020-02-29T00:00:00Z", End: "2020-03-01T00:00:00Z", Precision: fhir.Day},
		{Text: "1900-02-28", Start: "1900-02-28T00:00:00Z", End: "1900-03-01T00:00:00Z", Precision: fhir.Day},
		{Text: "2000-02-29", Start: "2000-02-29T00:00:00Z", End: "2000-03-01T00:00:00Z", Precision: fhir.Day},
		{Text: "9999", Start: "9999-01-01T00:00:00Z", End: "9999-12-31T24:00:00Z", Precision: fhir.Year},
		{Text: "2020-01-01T10:30", Start: "2020-01-01T10:30:00Z", End: "2020-01-01T10:31:00Z", Precision: fhir.Minute},
		{Text: "2020-01-01T10:30+02:00", Start: "2020-01-01T08:30:00Z", End: "2020-01-01T08:31:00Z", Precision: fhir.Minute, Zoned: true},
		{Text: "2020-01-01T23:59:59", Start: "2020-01-01T23:59:59Z", End: "2020-01-02T00:00:00Z", Precision: fhir.Second},
		{Text: "2020-01-01T23:59:59Z", Start: "2020-01-01T23:59:59Z", End: "2020-01-02T00:00:00Z", Precision: fhir.Second, Zoned: true},
		{Text: "2020-01-01T00:00:00+01:00", Start: "2019-12-31T23:00:00Z", End: "2019-12-31T23:00:01Z", Precision: fhir.Second, Zoned: true},
		{Text: "2020-01-01T00:00:00-03:30", Start: "2020-01-01T03:30:00Z", End: "2020-01-01T03:30:01Z", Precision: fhir.Second, Zoned: true},
		{Text: "2020-01-01T00:00:00-00:00", Start: "2020-01-01T00:00:00Z", End: "2020-01-01T00:00:01Z", Precision: fhir.Second, Zoned: true},
		{Text: "2016-12-31T23:59:60Z", Start: "2017-01-01T00:00:00Z", End: "2017-01-01T00:00:01Z", Precision: fhir.Second, Zoned: true},
		{Text: "2020-01-01T00:00:00.1Z", Start: "2020-01-01T00:00:00.1Z", End: "2020-01-01T00:00:00.2Z", Precision: fhir.Fraction, Zoned: true},
		{Text: "2020-01-01T00:00:00.120Z", Start: "2020-01-01T00:00:00.12Z", End: "2020-01-01T00:00:00.121Z", Precision: fhir.Fraction, Zoned: true},
		{Text: "2020-01-01T00:00:00.123456789Z", Start: "2020-01-01T00:00:00.123456789Z", End: "2020-01-01T00:00:00.12345679Z", Precision: fhir.Fraction, Zoned: true},
		{Text: "2020-01-01T00:00:00.1234567891234Z", Start: "2020-01-01T00:00:00.123456789Z", End: "2020-01-01T00:00:00.12345679Z", Precision: fhir.Fraction, Zoned: true},
	}
	for _, test := range tests {
		d, ok := fhir.ParseDate(test.Text)
		if !ok {
			t.Errorf("%s is refused", test.Text)
			continue
		}
		start, end := d.Start.UTC().Format(time.RFC3339Nano), d.End.UTC().Format(time.RFC3339Nano)
		want := test.End
		if want == "9999-12-31T24:00:00Z" {
			want = "10000-01-01T00:00:00Z"
		}
		if start != test.Start || end != want || d.Precision != test.Precision || d.Zoned != test.Zoned {
			t.Errorf("%s: got %s to %s, precision %d, zoned %v; want %s to %s, %d, %v", test.Text,
				start, end, d.Precision, d.Zoned, test.Start, want, test.Precision, test.Zoned)
		}
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, s := range []string{
		"", "2", "202", "0000", "20201", "2020-", "2020-1", "2020-1-", "2020-13", "2020-00", "2020-01-", "2020-01-1",
		"2020-01-00", "2020-01-32", "2020-02-30", "2021-02-29", "1900-02-29", "2020-06-31", "2020-01-011",
		"2020-01-01T", "2020-01-01T1", "2020-01-01T10", "2020-01-01T10:", "2020-01-01T10:3", "2020-01-01T10:30:", "2020-01-01T10:30:0",
		"2020-01-01T24:00", "2020-01-01T10:60", "2020-01-01T10:30:61", "2020-01-01T10:30:00.", "2020-01-01T10:30:00.Z",
		"2020-01-01T10:30:00+", "2020-01-01T10:30:00+1", "2020-01-01T10:30:00+01", "2020-01-01T10:30:00+01:0", "2020-01-01T10:30:00+0100",
		"2020-01-01T10:30:00+15:00", "2020-01-01T10:30:00+14:30", "2020-01-01T10:30:00 01:00", "2020-01-01T10:30:00Z ",
		"2020-01-01 10:30:00Z", "x020", "2020x01", "2020-01x01", "2020-01-01T10x30",
	} {
		if d, ok := fhir.ParseDate(s); ok {
			t.Errorf("%q is read as %v", s, d)
		}
	}
}

// FuzzParseDate holds that a date is a span that is not empty and contains its
// start.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2020", "2020-02-29", "2020-01-01T10:30", "2020-01-01T10:30:00.5+14:00", "2020-12-31T23:59:60Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := fhir.ParseDate(s); ok && (!d.Start.Before(d.End) || d.Precision < fhir.Year || d.Precision > fhir.Fraction) {
			t.Fatalf("%q: %v", s, d)
		}
	})
}

func TestAppendInstant(t *testing.T) {
	at := time.Date(2020, 2, 29, 1, 2, 3, 4_567_891, time.FixedZone("", 3600))
	if got, want := string(fhir.AppendInstant([]byte("x"), at)), "x2020-02-29T00:02:03.004567Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
