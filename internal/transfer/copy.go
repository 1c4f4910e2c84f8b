package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// CopyOptions say what to copy, and where to.
type CopyOptions struct {
	From, To store.Archive
	Codec    *fhir.Codec // reads what is stored, so it has no limits
	Most     int         // versions added at once; 0: 2000

	Begin func(verb, noun string, total int64) // told that a part of the work begins; nil: not
	Step  func(n int, earlier bool)            // told how far that has come, and whether that was in an earlier run
}

// A CopySummary says how a copy went.
type CopySummary struct {
	Copied int64 // versions, in all runs
	Moved  int64 // of these, in this run: versions that got another instant
	Before bool  // the copy was complete before, and has only been compared
	Sums   []TypeSum
}

const (
	copyMost  = 2000
	copyBytes = 8 << 20 // of bodies that are added at once, about
)

// A copyMark says, in the target, how far a copy has come.
type copyMark struct {
	After  store.Place // the last version copied, as the source has it
	Last   time.Time   // its instant as the target has it
	Copied int64
}

// Copy copies all versions of one store into another, which is empty or a copy
// that was not completed; then it compares both. It may be interrupted at any
// moment, by whatever means, and run again: it goes on where it was. The error is
// a [Difference] if the stores turn out not to hold the same. Only when they do is
// the target a store like any other.
//
// Versions keep number, instant, method and bytes. Only if two versions of a store
// share an instant, which some stores can not exclude, the later one is moved by
// as many microseconds as it takes.
func Copy(ctx context.Context, o CopyOptions) (CopySummary, error) {
	if o.Begin == nil {
		o.Begin = func(string, string, int64) {}
	}
	if o.Step == nil {
		o.Step = func(int, bool) {}
	}
	o.Most = cmp.Or(o.Most, copyMost)
	id, err := o.From.ID(ctx)
	if err != nil {
		return CopySummary{}, err
	}
	to, err := o.To.Restore(ctx, id)
	if err != nil {
		return CopySummary{}, fmt.Errorf("the store to copy to: %w", err)
	}
	c := &copier{CopyOptions: o, to: to}
	err = c.run(ctx)
	return c.summary, err
}

// A copier is a copy at work.
type copier struct {
	CopyOptions
	to      store.Restoration
	mark    copyMark
	summary CopySummary
}

func (c *copier) run(ctx context.Context) error {
	if text := c.to.Mark(); text != "" {
		if err := json.Unmarshal([]byte(text), &c.mark); err != nil {
			return fmt.Errorf("the store to copy to: its mark %q is not one of a copy", text)
		}
	}
	if c.summary.Before = c.to.Complete(); !c.summary.Before {
		if err := c.copyAll(ctx); err != nil {
			return err
		}
		if err := c.index(ctx); err != nil {
			return err
		}
	}
	c.summary.Copied = c.mark.Copied
	if err := c.compare(ctx); err != nil || c.summary.Before {
		return err
	}
	return c.to.Finish(ctx)
}

// copyAll copies the versions that are missing.
func (c *copier) copyAll(ctx context.Context) error {
	total, err := versionsOf(ctx, c.From)
	if err != nil {
		return err
	}
	c.Begin("copied", "versions", total)
	c.Step(int(c.mark.Copied), true)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for b := range c.batches(ctx) {
		if b.err != nil {
			return b.err
		}
		mark, err := json.Marshal(b.mark)
		if err != nil {
			return err
		}
		if err := c.to.Add(ctx, b.versions, string(mark)); err != nil {
			return fmt.Errorf("the store to copy to: %w", err)
		}
		c.mark = b.mark
		c.summary.Moved += b.moved
		c.Step(len(b.versions), false)
	}
	return ctx.Err()
}

func versionsOf(ctx context.Context, a store.Archive) (int64, error) {
	census, err := a.Census(ctx)
	total := int64(0)
	for _, t := range census {
		total += t.Versions
	}
	return total, err
}

// A copyBatch is what is added at once.
type copyBatch struct {
	versions []store.Archived
	moved    int64
	mark     copyMark // when it has been added
	err      error
}

// batches reads what is to be copied, one batch ahead of who takes them, until
// ctx ends.
func (c *copier) batches(ctx context.Context) <-chan copyBatch {
	out := make(chan copyBatch, 1)
	send := func(b copyBatch) bool {
		select {
		case out <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		b, size := copyBatch{mark: c.mark}, 0
		for v, err := range c.From.Versions(ctx, b.mark.After) {
			if err != nil {
				send(copyBatch{err: err})
				return
			}
			b.mark.After = v.Place()
			v, err = later(v, b.mark.Last, c.Codec)
			if err != nil {
				send(copyBatch{err: err})
				return
			}
			if !v.LastUpdated.Equal(b.mark.After.Time) {
				b.moved++
			}
			b.mark.Last = v.LastUpdated
			b.mark.Copied++
			b.versions = append(b.versions, v)
			if size += len(v.Body); len(b.versions) >= c.Most || size >= copyBytes {
				if !send(b) {
					return
				}
				b, size = copyBatch{mark: b.mark}, 0
			}
		}
		if len(b.versions) > 0 {
			send(b)
		}
	}()
	return out
}

// later returns v, or if it is not later than an instant, v as made a microsecond
// after that.
func later(v store.Archived, last time.Time, codec *fhir.Codec) (store.Archived, error) {
	if v.LastUpdated.After(last) {
		return v, nil
	}
	moved := *v.Version
	moved.LastUpdated = last.Add(time.Microsecond)
	if !v.Deleted {
		r, err := codec.ParseJSON(v.Body)
		if err != nil {
			return v, fmt.Errorf("%s version %d can not be read: %w", v.Key, v.Number, err)
		}
		moved.Body = r.Stampable(v.Key.ID).Stamp(v.Number, moved.LastUpdated)
	}
	return store.Archived{Version: &moved, Newest: v.Newest}, nil
}

// apart walks all versions as they are when they are copied: each later than the
// one before.
func apart(ctx context.Context, a store.Archive, codec *fhir.Codec) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		var last time.Time
		for v, err := range a.Versions(ctx, store.Place{}) {
			if err == nil {
				v, err = later(v, last, codec)
			}
			if err != nil {
				yield(store.Archived{}, err)
				return
			}
			last = v.LastUpdated
			if !yield(v, nil) {
				return
			}
		}
	}
}

// index makes what was copied be found.
func (c *copier) index(ctx context.Context) error {
	last := int64(-1)
	return c.to.Index(ctx, func(done, total int64) {
		if last < 0 {
			c.Begin("indexed", "resources", total)
			last = 0
		}
		c.Step(int(done-last), false)
		last = done
	})
}
