package statistics_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir/statistics"
)

// of summarizes numbers in a text, one a day from 2020 on.
func of(t *testing.T, numbers string) *statistics.Summary {
	t.Helper()
	var all []statistics.Measurement
	for i, text := range strings.Fields(numbers) {
		value, ok := statistics.Parse(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		all = append(all, statistics.Measurement{Value: value, At: origin.AddDate(0, 0, i)})
	}
	return statistics.Of(all)
}

var origin = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func TestSummary(t *testing.T) {
	type number func() (*big.Rat, bool)
	quantile := func(s *statistics.Summary, n, of int64) number {
		return func() (*big.Rat, bool) { return s.Quantile(big.NewRat(n, of)) }
	}
	tests := []struct {
		Name    string
		Numbers string
		// Empty: it means nothing.
		Sum, Average, Variance, Deviation, Skew, Kurtosis string
		Least, Fifth, Lower, Median, Upper, Greatest      string
		Gradient, Intercept                               string
	}{
		{Name: "nothing"},
		{
			Name: "one", Numbers: "5.40", Sum: "5.4", Average: "5.4",
			Least: "5.4", Fifth: "5.4", Lower: "5.4", Median: "5.4", Upper: "5.4", Greatest: "5.4",
		},
		{
			Name: "two", Numbers: "2 1", Sum: "3", Average: "1.5", Variance: "0.5", Deviation: "0.707106781187",
			Least: "1", Fifth: "1.2", Lower: "1.25", Median: "1.5", Upper: "1.75", Greatest: "2", Gradient: "-1", Intercept: "2",
		},
		{
			Name: "a tenth is a tenth", Numbers: "0.1 0.2 0.3", Sum: "0.6", Average: "0.2", Variance: "0.01", Deviation: "0.1", Skew: "0",
			Least: "0.1", Fifth: "0.14", Lower: "0.15", Median: "0.2", Upper: "0.25", Greatest: "0.3", Gradient: "0.1", Intercept: "0.1",
		},
		{
			// As any spreadsheet has them.
			Name: "ten", Numbers: "3 4 5 2 3 4 5 6 4 7", Sum: "43", Average: "4.3", Variance: "2.23333333333", Deviation: "1.4944341181",
			Skew: "0.359543071407", Kurtosis: "-0.151799637208",
			Least: "2", Fifth: "3", Lower: "3.25", Median: "4", Upper: "5", Greatest: "7", Gradient: "0.309090909091", Intercept: "2.90909090909",
		},
		{
			Name: "all the same", Numbers: "4 4 4 4", Sum: "16", Average: "4", Variance: "0", Deviation: "0",
			Least: "4", Fifth: "4", Lower: "4", Median: "4", Upper: "4", Greatest: "4", Gradient: "0", Intercept: "4",
		},
		{
			Name: "alike, where floating point has nothing left", Numbers: "1000000000.1 1000000000.2 1000000000.3 1000000000.6", Sum: "4000000001.2", Average: "1000000000.3",
			Variance: "0.0466666666667", Deviation: "0.216024689947", Skew: "1.19034012828", Kurtosis: "1.5",
			Least: "1000000000.1", Fifth: "1000000000.16", Lower: "1000000000.175", Median: "1000000000.25", Upper: "1000000000.375", Greatest: "1000000000.6",
			Gradient: "0.16", Intercept: "1000000000.06",
		},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			s := of(t, test.Numbers)
			gradient, intercept, fits := s.Regression(origin)
			for _, c := range []struct {
				name string
				want string
				get  number
			}{
				{"sum", test.Sum, s.Sum}, {"average", test.Average, s.Average},
				{"variance", test.Variance, s.Variance}, {"deviation", test.Deviation, s.Deviation},
				{"skew", test.Skew, s.Skew}, {"kurtosis", test.Kurtosis, s.Kurtosis},
				{"least", test.Least, quantile(s, 0, 1)}, {"fifth", test.Fifth, quantile(s, 1, 5)},
				{"lower", test.Lower, quantile(s, 1, 4)}, {"median", test.Median, quantile(s, 1, 2)},
				{"upper", test.Upper, quantile(s, 3, 4)}, {"greatest", test.Greatest, quantile(s, 1, 1)},
				{"gradient", test.Gradient, func() (*big.Rat, bool) { return gradient, fits }},
				{"intercept", test.Intercept, func() (*big.Rat, bool) { return intercept, fits }},
			} {
				got := ""
				if r, ok := c.get(); ok {
					got = statistics.Text(r)
				}
				if got != c.want {
					t.Errorf("%s of %s is %q, want %q", c.name, test.Numbers, got, c.want)
				}
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ Rat, Want string }{
		{"0", "0"}, {"1/8", "0.125"}, {"-1/3", "-0.333333333333"}, {"2/3000000", "0.000000666666666667"},
		{"1/1000000000000", "0.000000000001"}, {"2000000000001/3", "666666666667"}, {"123456789012345678", "123456789012345678"},
	} {
		r, _ := new(big.Rat).SetString(test.Rat)
		if got := statistics.Text(r); got != test.Want {
			t.Errorf("%s is %s, want %s", test.Rat, got, test.Want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		Text string
		Want string // empty: refused
	}{
		{"5.40", "5.4"}, {"-1e2", "-100"}, {"1E-3", "0.001"}, {"0", "0"}, {"0e5", "0"},
		{"1e999999999", ""}, {"1e-41", ""}, {"1/2", ""}, {"0x10", ""}, {"1_0", ""}, {"", ""}, {"many", ""}, {strings.Repeat("9", 200), ""},
	} {
		got := ""
		if r, ok := statistics.Parse(test.Text); ok {
			got = statistics.Text(r)
		}
		if got != test.Want {
			t.Errorf("%s is %q, want %q", test.Text, got, test.Want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("5.40")
	f.Add("1e-39")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := statistics.Parse(text)
		if !ok {
			return
		}
		again, ok := new(big.Rat).SetString(statistics.Text(r))
		if !ok {
			t.Fatalf("%q is written as %q, which can not be read", text, statistics.Text(r))
		}
		difference := new(big.Rat).Sub(r, again)
		if difference.Abs(difference).Cmp(new(big.Rat).Mul(new(big.Rat).Abs(r), big.NewRat(1, 1e11))) > 0 {
			t.Errorf("%q is written as %q", text, statistics.Text(r))
		}
	})
}
