package search

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestParseDecimal(t *testing.T) {
	for _, row := range []struct {
		text      string
		low, high string // around it; empty: no number
	}{
		{"100", "99.5", "100.5"},
		{"100.00", "99.995", "100.005"},
		{"1e2", "50", "150"},
		{"1.00e2", "99.5", "100.5"},
		{"5.40", "5.395", "5.405"},
		{"-5.4", "-5.45", "-5.35"},
		{"0", "-0.5", "0.5"},
		{"0.00", "-0.005", "0.005"},
		{"120E-2", "1.195", "1.205"},
		{"007", "6.5", "7.5"},
		{text: ""}, {text: "-"}, {text: "+1"}, {text: "1."}, {text: ".5"}, {text: "1e"}, {text: "1e99999"},
		{text: "1,5"}, {text: "0x1"}, {text: "1 "}, {text: "1e+"}, {text: "NaN"}, {text: "--1"}, {text: "1.-2"},
	} {
		d, ulp, ok := parseDecimal(row.text)
		if ok != (row.low != "") {
			t.Errorf("parseDecimal(%q) = %v, %v", row.text, d, ok)
			continue
		}
		if !ok {
			continue
		}
		low, high := d.around(ulp)
		wantLow, _, _ := parseDecimal(row.low)
		wantHigh, _, _ := parseDecimal(row.high)
		if low != wantLow || high != wantHigh {
			t.Errorf("around %s is %v to %v, want %s to %s", row.text, low, high, row.low, row.high)
		}
	}
}

// TestDecimalOrder holds compare and the order of keys against math/big.
func TestDecimalOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	number := func() string {
		s := strconv.Itoa(r.IntN(3000) - 1500)
		if r.IntN(2) == 0 {
			s += "." + strconv.Itoa(r.IntN(1000))
		}
		if r.IntN(3) == 0 {
			s += "e" + strconv.Itoa(r.IntN(12)-6)
		}
		return s
	}
	for range 20_000 {
		a, b := number(), number()
		x, ulp, ok1 := parseDecimal(a)
		y, _, ok2 := parseDecimal(b)
		if !ok1 || !ok2 {
			t.Fatalf("%s or %s is refused", a, b)
		}
		exactA, _ := new(big.Rat).SetString(a)
		exactB, _ := new(big.Rat).SetString(b)
		want := exactA.Cmp(exactB)
		if got := x.compare(y); got != want {
			t.Fatalf("compare %s with %s: %d, want %d", a, b, got, want)
		}
		if got := bytes.Compare(appendDecimal(nil, x), appendDecimal(nil, y)); got != want {
			t.Fatalf("keys of %s and %s compare as %d, want %d", a, b, got, want)
		}
		low, high := x.around(ulp)
		if low.compare(x) >= 0 || high.compare(x) <= 0 {
			t.Fatalf("%s is not within %v and %v", a, low, high)
		}
		if low, high = x.about(); low.compare(high) > 0 || low.compare(x) > 0 || high.compare(x) < 0 {
			t.Fatalf("%s is not about %v to %v", a, low, high)
		}
	}
}
