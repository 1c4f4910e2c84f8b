package sqlite

import "context"

// Tighten makes a store change plans, fetch again and cut off as early as it can,
// so that few resources go through all of that. Results stay the same.
func Tighten(s *Store) {
	s.tuning = tight
}

var tight = tuning{
	rowsKept: 5, weight: 3,
	few: 3, budget: 2, growth: 2, gathered: 1000, kept: 3, countKept: 4, countRows: 1, probeKeys: 2, batch: 3, streams: 2, targets: 40, walked: 3, deferFrom: 40, deferred: 500, run: 2, fan: 3, sought: 2,
	counted: 8, sample: 3, enough: 1,
}

// OpenTight opens a store that is tight from the beginning.
func OpenTight(path string, o Options) (*Store, error) {
	before := defaultTuning
	defer func() { defaultTuning = before }()
	defaultTuning = tight
	return Open(path, o)
}

// Exec runs statements on the writer's connection, between two transactions.
func Exec(s *Store, statements ...string) error {
	return s.exclusively(context.Background(), func() error {
		for _, text := range statements {
			if err := s.writer.c.exec(text); err != nil {
				return err
			}
		}
		return nil
	})
}

// Spin asks a question that takes for ever.
func Spin(ctx context.Context, s *Store) error {
	return s.snapshot(ctx, func(v *view) error {
		return v.c.exec("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c")
	})
}

// Queued returns how many units wait for the writer.
func Queued(s *Store) int { return len(s.queue) }

// Walking reports whether the index is being brought up to date.
func Walking(s *Store) bool { return s.params.Load().walks }

// Sample sets the numbers of estimates.
func Sample(s *Store, counted, sample, enough int) {
	s.tuning.counted, s.tuning.sample, s.tuning.enough = counted, sample, enough
}

// Loosen undoes Tighten.
func Loosen(s *Store) { s.tuning = defaultTuning }
