package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/internal/transfer"
)

func exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export --out DIR",
		Short: "Write the resources of a store to NDJSON files",
		Long: `export writes the current version of every resource into a folder, one NDJSON
file for each resource type. A file has its name only when it is complete. No
other program can write to the store meanwhile, so the files agree with each
other. History and deleted resources are not written: this is no backup.`,
		Example: `  noafhir export --store sqlite:./trial/n.db --out ./copy
  noafhir export --out ./copy --type Patient,Observation --gzip`,
		Args: cobra.NoArgs,
	}
}

// exportFiles writes the resources of the store.
func exportFiles(ctx context.Context, p *program, _ []string) (err error) {
	c := &p.settings
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	types, err := c.checkExport(defs.codec.Schema)
	if err != nil {
		return err
	}
	if err := c.storeExists(ctx); err != nil {
		return err
	}
	st, err := c.openStore(ctx, defs, false, nil)
	if err != nil {
		return err
	}
	defer ending{&err}.with(st)
	progress := transfer.NewProgress(p.stderr, isTerminal(p.stderr), "wrote", 0)
	counts, err := transfer.Export(ctx, transfer.ExportOptions{
		Store: st, Who: everything, Types: types, Dir: c.Out, Gzip: c.Gzip,
		Written: func(n, _ int) { progress.Count(n, 0) },
	})
	fmt.Fprintf(p.stdout, "%s, %d files\n", progress.End(), len(counts))
	return err
}

// checkExport returns the types to export, or what is wrong with the settings.
func (c *settings) checkExport(schema *fhir.Schema) ([]string, error) {
	problems := c.problems
	c.checkStore(&problems)
	if c.Out == "" {
		problems.Add("--out: must name a folder")
	}
	types := slices.Compact(slices.Sorted(slices.Values(c.Types)))
	for _, name := range types {
		if schema.ResourceByName(name) == 0 {
			problems.Add("--type: %q is no R4 resource type", name)
		}
	}
	if len(types) == 0 {
		for _, t := range schema.Types {
			if t.Kind == fhir.ResourceType && !t.Abstract {
				types = append(types, t.Name)
			}
		}
		slices.Sort(types)
	}
	return types, problems.Err()
}
