package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/internal/transfer"
)

func reindexCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Make the search index of a store anew",
		Long: `reindex reads every resource and makes the search index anew. It is needed only
if an index is suspected to be wrong: when search parameters have changed, serve
and import do it by themselves. The old index stays until the new one is complete,
so it can be interrupted at any time.`,
		Example: `  noafhir reindex --store sqlite:./trial/n.db`,
		Args:    cobra.NoArgs,
	}
}

// reindex makes the index of the store anew.
func reindex(ctx context.Context, p *program, _ []string) (err error) {
	c := &p.settings
	problems := c.problems
	if c.checkStore(&problems); len(problems) > 0 {
		return problems
	}
	if err := c.storeExists(ctx); err != nil {
		return err
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	st, err := c.openStore(ctx, defs, true, nil)
	if err != nil {
		return err
	}
	defer ending{&err}.with(st)
	var progress *transfer.Progress
	last := int64(0)
	err = st.Reindex(ctx, func(done, total int64) {
		if progress == nil {
			progress = transfer.NewProgress(p.stderr, isTerminal(p.stderr), "indexed", total)
		}
		progress.Step(int(done - last))
		progress.Count(int(done-last), 0)
		last = done
	})
	if progress != nil {
		fmt.Fprintln(p.stdout, progress.End())
	}
	return err
}
