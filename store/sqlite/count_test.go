package sqlite

import "testing"

// TestCountMeeting counts by going through conditions, where that is cheap, and
// compares that with asking candidates one by one.
func TestCountMeeting(t *testing.T) {
	b := newBench(t)
	s := b.open()
	b.fill(s, 400)
	s.tuning.countRows = 10
	for _, test := range []struct {
		query   string
		counted bool
	}{
		{"category=survey&status=final", true},
		{"category=survey,laboratory&date=ge2010&status=final", true},
		{"category=survey&category=laboratory", true},
		{"code=http://loinc.org|0-1&status=final", false}, // 38 and 400 rows
		{"patient=p1&status=final", true},
		{"patient=p1&code=http://loinc.org|99-1&status=final", true},
		{"category=survey&_lastUpdated=gt2000", false},
		{"category=survey", false},
	} {
		q := b.query("Observation", test.query)
		q.Count = 1000
		page, err := s.Search(t.Context(), everything, q)
		b.must(err)
		n, err := s.Count(t.Context(), everything, q)
		b.must(err)
		if n != int64(len(page.Versions)) {
			t.Errorf("%s: counted %d, found %d", test.query, n, len(page.Versions))
		}
		b.must(s.snapshot(t.Context(), func(v *view) error {
			f, err := v.newFinder(t.Context(), everything, q)
			b.must(err)
			if n, counted, err := f.countMeeting(); err != nil || counted != test.counted || counted && n != int64(len(page.Versions)) {
				t.Errorf("%s: counted %d of %d, %t, %v", test.query, n, len(page.Versions), counted, err)
			}
			return nil
		}))
	}
}
