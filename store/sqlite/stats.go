package sqlite

import "sync/atomic"

// A Stats tells what a store has done since it was opened.
type Stats struct {
	Units    int64 // units of work that were stored
	Commits  int64 // transactions made durable, with one fsync each
	Postings int64 // rows of the search index written or removed
	Failures int64 // transactions that could not be made durable
	Resets   int64 // times the write-ahead log was copied into the database
	LogPages int64 // pages in the write-ahead log now
	Searches int64 // searches and counts carried out
	Examined int64 // resources that were looked at for them
}

type counters struct {
	units, commits, postings, failures, resets, logPages, searches, examined atomic.Int64
}

// Stats returns counts for monitoring.
func (s *Store) Stats() Stats {
	return Stats{
		Units:    s.stats.units.Load(),
		Commits:  s.stats.commits.Load(),
		Postings: s.stats.postings.Load(),
		Failures: s.stats.failures.Load(),
		Resets:   s.stats.resets.Load(),
		LogPages: s.stats.logPages.Load(),
		Searches: s.stats.searches.Load(),
		Examined: s.stats.examined.Load(),
	}
}
