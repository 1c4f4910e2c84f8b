package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/internal/config"
	"github.com/noafhir/noafhir/internal/transfer"
	"github.com/noafhir/noafhir/store"
)

func copyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "copy --from STORE --to STORE",
		Short: "Copy a whole store, with all versions, into an empty one",
		Long: `copy moves everything a store holds into another one, of the same kind or not:
every version of every resource with its number, instant and method, deletions,
and with them search parameters of your own and the order of results. Then it reads
both stores again and compares counts and checksums of all versions. Only if they
agree is the target a store that can be served; until then it is an unfinished
copy, and nothing but copy opens it.

It can be interrupted at any time, and the process may die: the same command goes
on where it was. Given again for a complete copy, it compares the two.

The source must not be written to meanwhile: stop what has it open. The exit code
is 3 if the stores turn out to differ.`,
		Example: `  noafhir copy --from sqlite:./noafhir-data/noafhir.db --to sqlite:/srv/noafhir/noafhir.db`,
		Args:    cobra.NoArgs,
	}
}

// copyStore copies a store into another.
func copyStore(ctx context.Context, p *program, _ []string) (err error) {
	c := &p.settings
	if err := c.checkCopy(); err != nil {
		return err
	}
	if err := exists(ctx, c.From.Reveal()); err != nil {
		return err
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	end := ending{&err}
	from, err := c.openArchive(ctx, c.From.Reveal(), defs)
	if err != nil {
		return err
	}
	defer end.with(from)
	to, err := c.openArchive(ctx, c.To.Reveal(), defs)
	if err != nil {
		return err
	}
	defer end.with(to)
	show := &stages{p: p}
	sum, err := transfer.Copy(ctx, transfer.CopyOptions{From: from, To: to, Codec: defs.codec, Begin: show.begin, Step: show.step})
	show.end()
	switch {
	case ctx.Err() != nil && err != nil:
		return errors.New("interrupted: the same command goes on from here")
	case errors.As(err, new(*transfer.Difference)) && sum.Before:
		return fmt.Errorf("the copy was complete, but since then something was written: %w", err)
	case errors.As(err, new(*transfer.Difference)):
		return fmt.Errorf("the copy stays unfinished: if the source was in use, stop that, remove the target and copy again: %w", err)
	case err != nil:
		return err
	}
	printCopy(p.stdout, sum)
	return nil
}

// checkCopy returns what is wrong with the settings of copy.
func (c *settings) checkCopy() error {
	problems := c.problems
	for _, a := range []struct {
		flag  string
		value config.Secret
	}{{"--from", c.From}, {"--to", c.To}} {
		if a.value.Reveal() == "" {
			problems.Add("%s: must name a store, as in sqlite:PATH", a.flag)
			continue
		}
		checkAddress(&problems, a.flag, a.value.Reveal())
	}
	if c.From.Reveal() != "" && c.From.Reveal() == c.To.Reveal() {
		problems.Add("--from and --to: must not be the same store")
	}
	return problems.Err()
}

// printCopy tells what is in the copy.
func printCopy(w io.Writer, sum transfer.CopySummary) {
	var all store.TypeCensus
	for _, t := range sum.Sums {
		all.Resources += t.Resources
		all.Deleted += t.Deleted
		all.Versions += t.Versions
	}
	if sum.Moved > 0 {
		fmt.Fprintf(w, "%s versions of the instant of another one are now a moment later\n", transfer.Thousands(int(sum.Moved)))
	}
	what := "the copy is complete"
	if sum.Before {
		what = "the copy was complete before and still is"
	}
	fmt.Fprintf(w, "%s: %s resources of %d types, %s deleted ones, %s versions\nSHA-256 of both: %s\n", what,
		transfer.Thousands(int(all.Resources)), len(sum.Sums), transfer.Thousands(int(all.Deleted)), transfer.Thousands(int(all.Versions)), transfer.Digest(sum.Sums))
}

// stages shows the progress of one part of the work after the other.
type stages struct {
	p   *program
	now *transfer.Progress
}

func (s *stages) begin(verb, noun string, total int64) {
	s.end()
	s.now = transfer.NewProgressOf(s.p.stderr, isTerminal(s.p.stderr), verb, noun, total)
}

func (s *stages) step(n int, earlier bool) {
	s.now.Step(n)
	if !earlier {
		s.now.Count(n, 0)
	}
}

// end ends the part that is being shown, if there is one.
func (s *stages) end() {
	if s.now != nil {
		fmt.Fprintln(s.p.stdout, s.now.End())
	}
	s.now = nil
}
