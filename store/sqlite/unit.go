package sqlite

import (
	"bytes"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// maxValueUnits bounds the units of a parameter that an order is narrowed by.
const maxValueUnits = 64

// narrowUnits finds out where in the index the values are of matches that are asked
// for in units of UCUM.
func (f *finder) narrowUnits(p *search.Param) error {
	var units []string
	for i := range f.conditions {
		c := f.conditions[i].of
		if c == nil || c.Param != p || p.Type != fhir.QuantityParam {
			continue
		}
		if _, ok := p.NarrowUnits(c, nil, nil); !ok {
			continue
		}
		if units == nil {
			var err error
			if units, err = f.unitsOf(p); err != nil || units == nil {
				return err
			}
		}
		if narrow, ok := p.NarrowUnits(c, units, f.narrow); ok {
			f.narrow = narrow
		}
	}
	return nil
}

// unitsOf returns the units of all values of a parameter, nil if they are too many.
func (v *view) unitsOf(p *search.Param) ([]string, error) {
	units := []string{}
	for _, run := range p.UnitRuns() {
		for at := run.Low; ; {
			key, n, err := v.firstKey(at, run.High)
			if err != nil {
				return nil, err
			}
			if key == nil {
				break
			}
			unit, err := v.unitOf(p, key[:search.UnitLead], n)
			if err != nil {
				return nil, err
			}
			if units = append(units, unit); len(units) > maxValueUnits || unit == "" {
				return nil, nil
			}
			at = bytes.Clone(key[:search.UnitLead])
			for i := len(at) - 1; ; i-- {
				if at[i]++; at[i] != 0 {
					break
				}
			}
		}
	}
	return units, nil
}

// firstKey returns the first key in a range, and a resource that has it.
func (v *view) firstKey(low, high []byte) (key []byte, n int64, err error) {
	s, err := v.c.prepare("SELECT k, n FROM post WHERE k>=? AND k<? ORDER BY k LIMIT 1")
	if err != nil {
		return nil, 0, err
	}
	defer s.reset()
	row, err := s.blob(low).blob(high).step()
	if err != nil || !row {
		return nil, 0, err
	}
	return bytes.Clone(s.view(0)), s.num(1), nil
}

// unitOf returns the unit that keys begin with, which a resource has.
func (v *view) unitOf(p *search.Param, lead []byte, n int64) (string, error) {
	hash := string(lead[len(lead)-6:])
	if known, ok := v.s.units.Load(hash); ok {
		return known.(string), nil
	}
	s, err := v.c.prepare("SELECT vid FROM cur WHERE n=?")
	if err != nil {
		return "", err
	}
	row, err := s.int(n).step()
	vid := int64(0)
	if row {
		vid = s.num(0)
	}
	if s.reset(); err != nil || !row {
		return "", err
	}
	version, err := v.byVid(vid)
	if err != nil {
		return "", err
	}
	r, err := v.parse(version)
	if err != nil {
		return "", err
	}
	unit := p.UnitOf(r, lead)
	if unit != "" {
		v.s.units.Store(hash, unit)
	}
	return unit, nil
}
