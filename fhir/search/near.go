package search

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// What near takes if it is not told.
const (
	defaultDistance = 50_000      // metres
	earthRadius     = 6_371_008.8 // metres, the mean
)

// A nearValue is a place, and how far around it counts.
// See https://hl7.org/fhir/R4/location.html#search.
type nearValue struct {
	latitude, longitude float64 // degrees
	distance            float64 // metres
}

// parseNear reads latitude|longitude|distance|unit. The unit is km, or any length
// of UCUM, or mi.
func parseNear(_ *Param, text string, _ *Options) (comparison, error) {
	f, err := fields(text, '|')
	if err != nil {
		return nil, err
	}
	if len(f) < 2 || len(f) > 4 {
		return nil, invalid("a place is written latitude|longitude|distance|unit")
	}
	v := &nearValue{distance: defaultDistance}
	var ok1, ok2 bool
	v.latitude, ok1 = degrees(f[0], 90)
	v.longitude, ok2 = degrees(f[1], 180)
	if !ok1 || !ok2 {
		return nil, invalid("latitude and longitude are decimal degrees, up to 90 and 180")
	}
	if len(f) == 2 || len(f) == 3 && f[2] == "" || len(f) == 4 && f[2] == "" && f[3] == "" {
		return v, nil
	}
	unit := "km"
	if len(f) == 4 && f[3] != "" {
		unit = f[3]
	}
	if v.distance, err = metres(f[2], unit); err != nil {
		return nil, err
	}
	return v, nil
}

// degrees reads an angle.
func degrees(text string, limit float64) (float64, bool) {
	if _, _, ok := parseDecimal(text); !ok || len(text) > 64 {
		return 0, false
	}
	d, err := strconv.ParseFloat(text, 64)
	return d, err == nil && math.Abs(d) <= limit
}

// metres reads a distance.
func metres(text, unit string) (float64, error) {
	d, ok := degrees(text, math.MaxFloat64)
	if !ok || d < 0 {
		return 0, invalid("%q is no distance", clip(text))
	}
	switch unit {
	case "mi", "mile", "miles":
		unit = "[mi_i]"
	}
	base, factor, ok := fhirpath.CanonicalUnit(unit)
	if !ok || base != "m" {
		return 0, invalid("%q is no unit of length", clip(unit))
	}
	scale, _ := factor.Float64()
	return d * scale, nil
}

// place returns the position of a Location in degrees.
func (el *element) place() (latitude, longitude float64, ok bool) {
	if el.kind != positionKind {
		return 0, 0, false
	}
	latitude, ok1 := degrees(el.v.Get("latitude").Text(), 90)
	longitude, ok2 := degrees(el.v.Get("longitude").Text(), 180)
	return latitude, longitude, ok1 && ok2
}

func (n *nearValue) matches(el *element) bool {
	latitude, longitude, ok := el.place()
	return ok && n.to(latitude, longitude) <= n.distance
}

// to returns the distance to a place along a great circle, in metres.
func (n *nearValue) to(latitude, longitude float64) float64 {
	a, b := radians(n.latitude), radians(latitude)
	h := square(math.Sin((b-a)/2)) + math.Cos(a)*math.Cos(b)*square(math.Sin(radians(longitude-n.longitude)/2))
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

func square(x float64) float64 { return x * x }

// maxCells bounds the cells that cover the surroundings, by side.
const maxCells = 4

func (n *nearValue) ranges(r *ranger, _ branch) {
	r.inexact = true
	south, north, west, east := n.box()
	for _, span := range lengths(west, east) {
		low := [2]uint32{scale((south + 90) / 180), scale((span[0] + 180) / 360)}
		high := [2]uint32{scale((north + 90) / 180), scale((span[1] + 180) / 360)}
		shift := 0 // bits of a coordinate within one cell
		for shift < 32 && (high[0]>>shift-low[0]>>shift >= maxCells || high[1]>>shift-low[1]>>shift >= maxCells) {
			shift++
		}
		for y := low[0] >> shift; y <= high[0]>>shift; y++ {
			for x := low[1] >> shift; x <= high[1]>>shift; x++ {
				r.cell(y<<shift, x<<shift, shift)
			}
		}
	}
}

// cell adds the keys of the places in a cell that begins at y and x.
func (r *ranger) cell(y, x uint32, shift int) {
	first := interleave(y, x)
	last := first | (1<<(2*shift) - 1)
	low := binary.BigEndian.AppendUint64(nil, first)
	if last == math.MaxUint64 {
		r.span(cellForm, low, nil)
		return
	}
	r.span(cellForm, low, binary.BigEndian.AppendUint64(nil, last+1))
}

// box returns the limits of the surroundings, a little wide. West may be less than
// -180 and east more than 180.
func (n *nearValue) box() (south, north, west, east float64) {
	const slack = 1e-6
	angle := n.distance / earthRadius
	reach := angle*180/math.Pi + slack
	south, north = n.latitude-reach, n.latitude+reach
	if south <= -90 || north >= 90 {
		return max(south, -90), min(north, 90), -180, 180 // a pole is within
	}
	wide := math.Asin(min(math.Sin(angle)/math.Cos(radians(n.latitude)), 1))*180/math.Pi + slack
	return south, north, n.longitude - wide, n.longitude + wide
}

// lengths returns longitudes from west to east as spans that do not cross the
// 180th meridian.
func lengths(west, east float64) [][2]float64 {
	switch {
	case east-west >= 360:
		return [][2]float64{{-180, 180}}
	case west < -180:
		return [][2]float64{{west + 360, 180}, {-180, east}}
	case east > 180:
		return [][2]float64{{west, 180}, {-180, east - 360}}
	}
	return [][2]float64{{west, east}}
}
