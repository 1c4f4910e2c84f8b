package sqlite

// A tuning holds the numbers that decide how things are done. Whatever they are,
// the results are the same.
type tuning struct {
	rowsKept  int // rows of ranges kept while they are put into order
	weight    int // of these rows as dear as a candidate
	few       int // rows; a condition with fewer drives
	budget    int // candidates to examine before the other conditions are counted
	growth    int // of the budget from then on
	gathered  int // rows of a condition that have to be put into order, at most
	kept      int // candidates kept while they are put into order
	countKept int // the same, to count
	countRows int // rows of a condition gone through to count, for each of the smallest, at most
	probeKeys int // keys of a condition that is asked within a statement, at most
	batch     int // candidates fetched at once, at most
	deferFrom int // postings of a transaction that a bulk store writes later, at least
	deferred  int // postings that wait to be written later, at most
	streams   int // keys whose rows are merged, at most
	targets   int // resources that a condition on others is resolved to, at most
	walked    int // resources brought up to date at once
	sought    int // resources looked at for those without a value before it is read from the index which have one
	fan       int // resources that others are sorted by in one value of which what refers to them is gathered
	run       int // candidates alike by the first key that are sorted by the others, at most
	counted   int // rows that are counted rather than estimated from a sample, fewer than this
	sample    int // rows at either end that are a sample
	enough    int // matches in a sample from which the rest is estimated, at least
}

var defaultTuning = tuning{
	rowsKept: 1_000_000, weight: 64,
	few: 100, budget: 100, growth: 8, gathered: 4_000_000, kept: 20_000, countKept: 500_000, countRows: 20, probeKeys: 8, batch: 512,
	streams: 128, targets: 20_000, walked: 200, deferFrom: 5_000, deferred: 1_000_000, run: 64, fan: 5000, sought: 1000,
	counted: 20_000, sample: 1000, enough: 20,
}
