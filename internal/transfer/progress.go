package transfer

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress shows how far long work has come: as a bar on a terminal, as a line
// now and then elsewhere. Its methods are safe for concurrent use.
type Progress struct {
	w     io.Writer
	verb  string // "loaded"
	noun  string // "resources"
	total int64  // of what Step counts; 0: not known
	bar   *progressbar.ProgressBar
	begun time.Time
	ended chan struct{}
	shown sync.WaitGroup

	mu     sync.Mutex
	done   int64 // of total
	number int   // of what noun says
	failed int
}

// every is how often a line is printed where there is no terminal, and fresh how
// often a bar is drawn.
const (
	every = 5 * time.Second
	fresh = 200 * time.Millisecond
)

// NewProgress shows progress on w until [Progress.End]. Verb says what is being
// done to the resources.
func NewProgress(w io.Writer, terminal bool, verb string, total int64) *Progress {
	return NewProgressOf(w, terminal, verb, "resources", total)
}

// NewProgressOf is NewProgress for something else than resources.
func NewProgressOf(w io.Writer, terminal bool, verb, noun string, total int64) *Progress {
	p := &Progress{w: w, verb: verb, noun: noun, total: total, begun: time.Now(), ended: make(chan struct{})}
	between := every
	if terminal {
		between = fresh
		p.bar = progressbar.NewOptions64(max(total, -1), progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(24),
			progressbar.OptionSetRenderBlankState(true), progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(total > 0))
	}
	p.shown.Go(func() {
		tick := time.NewTicker(between)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.show()
			case <-p.ended:
				return
			}
		}
	})
	return p
}

// Step says that n of the total are behind us.
func (p *Progress) Step(n int) {
	p.mu.Lock()
	p.done += int64(n)
	p.mu.Unlock()
}

// Count says that so many resources are done, and so many failed.
func (p *Progress) Count(done, failed int) {
	p.mu.Lock()
	p.number += done
	p.failed += failed
	p.mu.Unlock()
}

// Note prints a line without harming the bar.
func (p *Progress) Note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.w, line)
}

// End stops showing and returns what was done, as text, and how long it took.
func (p *Progress) End() string {
	close(p.ended)
	p.shown.Wait()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	return p.state() + " in " + time.Since(p.begun).Round(100*time.Millisecond).String()
}

// show draws the bar or prints a line.
func (p *Progress) show() {
	if p.bar == nil {
		percent := ""
		if p.total > 0 {
			p.mu.Lock()
			percent = fmt.Sprintf("%d %%: ", 100*p.done/p.total)
			p.mu.Unlock()
		}
		fmt.Fprintln(p.w, percent+p.state())
		return
	}
	p.bar.Describe(p.state())
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.bar.Set64(min(p.done, max(p.total, 1)))
}

// state tells the numbers and the rate.
func (p *Progress) state() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate := float64(p.number) / max(time.Since(p.begun).Seconds(), 0.001)
	text := fmt.Sprintf("%s %s %s, %s/s", p.verb, Thousands(p.number), p.noun, Thousands(int(rate)))
	if p.failed > 0 {
		text += fmt.Sprintf(", %s failed", Thousands(p.failed))
	}
	return text
}

// Thousands writes a number that is not negative with commas: 92,114.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
