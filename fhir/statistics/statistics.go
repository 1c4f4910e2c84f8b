package statistics

import (
	"math/big"
	"slices"
	"time"
)

// A Measurement is one number, and when it was taken.
type Measurement struct {
	Value *big.Rat
	At    time.Time // zero: it is not known
}

// A Summary is what can be told of some measurements. Each of its methods returns
// false where there are too few of them, or they are too much alike, for it to mean
// anything.
type Summary struct {
	all    []Measurement // by value
	powers [5]*big.Rat   // sums of the powers of the values
}

// Of summarizes measurements.
func Of(all []Measurement) *Summary {
	s := &Summary{all: slices.Clone(all)}
	slices.SortStableFunc(s.all, func(a, b Measurement) int { return a.Value.Cmp(b.Value) })
	// Over one denominator they are whole numbers, whose powers are cheap to add up.
	denominator := big.NewInt(1)
	for _, m := range s.all {
		denominator = lcm(denominator, m.Value.Denom())
	}
	var sums [5]big.Int
	var n, power big.Int
	for _, m := range s.all {
		n.Quo(denominator, m.Value.Denom())
		n.Mul(&n, m.Value.Num())
		power.SetInt64(1)
		for k := 1; k < len(sums); k++ {
			power.Mul(&power, &n)
			sums[k].Add(&sums[k], &power)
		}
	}
	power.SetInt64(1)
	for k := 1; k < len(sums); k++ {
		power.Mul(&power, denominator)
		s.powers[k] = new(big.Rat).SetFrac(&sums[k], &power)
	}
	return s
}

// lcm returns the least common multiple of two positive numbers.
func lcm(a, b *big.Int) *big.Int {
	if new(big.Int).Rem(a, b).Sign() == 0 {
		return a
	}
	common := new(big.Int).GCD(nil, nil, a, b)
	return common.Mul(new(big.Int).Quo(a, common), b)
}

// Count returns how many measurements there are.
func (s *Summary) Count() int { return len(s.all) }

func (s *Summary) n() *big.Rat { return big.NewRat(int64(len(s.all)), 1) }

// Sum returns the sum.
func (s *Summary) Sum() (*big.Rat, bool) { return s.powers[1], len(s.all) > 0 }

// Average returns the arithmetic mean.
func (s *Summary) Average() (*big.Rat, bool) {
	if len(s.all) == 0 {
		return nil, false
	}
	return new(big.Rat).Quo(s.powers[1], s.n()), true
}

// Quantile returns the value below which a part of the measurements lie, from 0, the
// least, to 1, the greatest. Between two measurements it is interpolated.
func (s *Summary) Quantile(part *big.Rat) (*big.Rat, bool) {
	last := int64(len(s.all) - 1)
	if last < 0 {
		return nil, false
	}
	place := new(big.Rat).Mul(part, big.NewRat(last, 1))
	below := new(big.Int).Quo(place.Num(), place.Denom()).Int64()
	value := s.all[below].Value
	if rest := place.Sub(place, big.NewRat(below, 1)); rest.Sign() > 0 {
		step := new(big.Rat).Sub(s.all[below+1].Value, value)
		value = step.Add(step.Mul(step, rest), value)
	}
	return value, true
}

// moment returns the sum of a power of the distances from the mean: 2, 3 or 4. There
// must be measurements.
func (s *Summary) moment(power int) *big.Rat {
	mean, _ := s.Average()
	negative := new(big.Rat).Neg(mean)
	// Σ(x−m)^p = Σ_k C(p,k)·(−m)^(p−k)·Σx^k
	sum, factor := new(big.Rat), big.NewRat(1, 1)
	for k := power; k >= 0; k-- {
		of := s.n()
		if k > 0 {
			of = new(big.Rat).Set(s.powers[k])
		}
		choose := new(big.Rat).SetInt(new(big.Int).Binomial(int64(power), int64(k)))
		sum.Add(sum, of.Mul(of, choose.Mul(choose, factor)))
		factor = new(big.Rat).Mul(factor, negative)
	}
	return sum
}

// Variance returns the variance of what the measurements are a sample of (n−1).
func (s *Summary) Variance() (*big.Rat, bool) {
	if len(s.all) < 2 {
		return nil, false
	}
	m2 := s.moment(2)
	return m2.Quo(m2, whole(len(s.all)-1)), true
}

// Deviation returns the standard deviation, the root of the variance.
func (s *Summary) Deviation() (*big.Rat, bool) {
	v, ok := s.Variance()
	if !ok {
		return nil, false
	}
	return root(v), true
}

// Skew returns the adjusted skewness of the sample, G1. It takes three measurements
// that are not all the same.
func (s *Summary) Skew() (*big.Rat, bool) {
	n := len(s.all)
	if n < 3 {
		return nil, false
	}
	m2, m3 := s.moment(2), s.moment(3)
	if m2.Sign() == 0 {
		return nil, false
	}
	// n·√(n−1)/(n−2) · m3/m2^(3/2), in which the roots are taken together.
	skew := root(new(big.Rat).Quo(whole(n-1), m2))
	skew.Mul(skew, m3.Quo(m3, m2))
	return skew.Mul(skew, big.NewRat(int64(n), int64(n-2))), true
}

// Kurtosis returns the excess kurtosis of the sample, G2: 0 for a normal
// distribution. It takes four measurements that are not all the same.
func (s *Summary) Kurtosis() (*big.Rat, bool) {
	n := len(s.all)
	if n < 4 {
		return nil, false
	}
	m2, m4 := s.moment(2), s.moment(4)
	if m2.Sign() == 0 {
		return nil, false
	}
	// n(n+1)(n−1)/((n−2)(n−3)) · m4/m2² − 3(n−1)²/((n−2)(n−3))
	rest := new(big.Rat).Mul(whole(n-2), whole(n-3))
	k := m4.Quo(m4, new(big.Rat).Mul(m2, m2))
	k.Mul(k, new(big.Rat).Mul(whole(n), new(big.Rat).Mul(whole(n+1), whole(n-1))))
	return k.Sub(k, new(big.Rat).Mul(whole(3), new(big.Rat).Mul(whole(n-1), whole(n-1)))).Quo(k, rest), true
}

// Regression returns the line that fits best the measurements whose time is known: by
// how much they grow in a day, and the value at an instant. It takes measurements at
// two times.
func (s *Summary) Regression(origin time.Time) (gradient, intercept *big.Rat, ok bool) {
	n, x, y, xx, xy := new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
	for _, m := range s.all {
		if m.At.IsZero() {
			continue
		}
		t := days(origin, m.At)
		n.Add(n, whole(1))
		x.Add(x, t)
		y.Add(y, m.Value)
		xx.Add(xx, new(big.Rat).Mul(t, t))
		xy.Add(xy, new(big.Rat).Mul(t, m.Value))
	}
	below := new(big.Rat).Sub(xx.Mul(xx, n), new(big.Rat).Mul(x, x))
	if below.Sign() == 0 {
		return nil, nil, false
	}
	gradient = xy.Sub(xy.Mul(xy, n), new(big.Rat).Mul(x, y))
	gradient.Quo(gradient, below)
	intercept = y.Sub(y, x.Mul(x, gradient))
	return gradient, intercept.Quo(intercept, n), true
}

// First returns the time of the earliest measurement whose time is known.
func (s *Summary) First() time.Time {
	var first time.Time
	for _, m := range s.all {
		if !m.At.IsZero() && (first.IsZero() || m.At.Before(first)) {
			first = m.At
		}
	}
	return first
}

// days returns how many days of 24 hours lie between two instants, to the millisecond.
func days(from, to time.Time) *big.Rat {
	return big.NewRat(to.UnixMilli()-from.UnixMilli(), (24 * time.Hour).Milliseconds())
}

func whole(n int) *big.Rat { return big.NewRat(int64(n), 1) }

// rootBits is the precision of roots, far beyond what is shown of them.
const rootBits = 256

// root returns the square root of a number that is not negative.
func root(r *big.Rat) *big.Rat {
	f := new(big.Float).SetPrec(rootBits).SetRat(r)
	out, _ := f.Sqrt(f).Rat(nil)
	return out
}
