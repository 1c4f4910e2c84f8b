package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/internal/transfer"
)

func importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|DIR...",
		Short: "Load resources from files into a store or a server",
		Long: `import loads FHIR resources. A file may hold

  a Bundle that is a batch or transaction: it is performed as if posted;
  any other Bundle but a history: its entries are loaded, all or none (but those
    in a file called Bundle.ndjson, as export writes it, are resources themselves);
  a single resource, in JSON or XML;
  NDJSON: any of these in JSON, one a line;

each also compressed with gzip. What a file is, is told by its content. Files are
loaded in the order given, and those of a folder by name, folders within it
included. A resource with an id replaces the one of that id; one without gets a
new id. Transactions that refer to what is not there yet are tried again after
all others.

On SIGINT what is being written is finished; with --resume the same command goes
on from there later. The exit code is 0 if everything was loaded.`,
		Example: `  noafhir import --store sqlite:./trial/n.db ./bundles
  noafhir import --server http://127.0.0.1:8080/fhir --report failed.ndjson patients.ndjson.gz`,
		Args: cobra.MinimumNArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("store") && cmd.Flags().Changed("server") {
				return errors.New("--store and --server exclude each other")
			}
			return nil
		},
	}
}

// importFiles loads the files of the command line.
func importFiles(ctx context.Context, p *program, args []string) (err error) {
	c := &p.settings
	if err := c.checkImport(); err != nil {
		return err
	}
	files, err := transfer.Find(args)
	if err != nil {
		return err
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		return err
	}
	o := transfer.ImportOptions{Files: files, Codec: defs.codec, Workers: c.Workers}
	end := ending{&err}
	if c.Report != "" {
		report, err := os.OpenFile(c.Report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		o.Report = report
		defer end.with(report)
	}
	name := c.Server
	if c.Server != "" {
		remote := transfer.NewRemote(ctx, c.Server)
		transactions, err := remote.Transactions(ctx)
		if err != nil {
			return err
		}
		o.Target, o.Batches = remote, !transactions
	} else {
		target, st, err := c.storeTarget(ctx, defs)
		if err != nil {
			return err
		}
		defer end.with(st)
		if name, err = st.ID(ctx); err != nil {
			return err
		}
		o.Target, o.Batches = target, !st.Traits().Transactions
	}
	if c.Resume != "" {
		if o.Journal, err = transfer.OpenJournal(c.Resume, name); err != nil {
			return err
		}
		defer end.with(o.Journal)
	}
	return runImport(ctx, p, o)
}

// An ending closes things when a function returns, without losing an error.
type ending struct{ err *error }

func (e ending) with(c io.Closer) {
	if err := c.Close(); err != nil {
		*e.err = errors.Join(*e.err, err)
	}
}

// storeTarget opens the store of the settings for import.
func (c *settings) storeTarget(ctx context.Context, defs definitions) (transfer.Target, database, error) {
	st, err := c.openStore(ctx, defs, true, nil)
	if err != nil && ctx.Err() != nil {
		return nil, nil, errors.New("interrupted before anything was loaded")
	}
	if err != nil {
		return nil, nil, err
	}
	server, err := handlers.New(handlers.Options{
		Store: st, Registry: defs.registry, Codec: defs.codec, BaseURL: "http://localhost/fhir", Version: version,
		Access: handlers.Open, Prepare: c.preparer(defs, st), Limits: handlers.Limits{BundleEntries: 1 << 30},
	})
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return bundleTarget{server}, st, nil
}

// toldFailures is how many failures are shown; the report has them all.
const toldFailures = 20

// runImport imports with progress on standard error, and a summary on standard
// output.
func runImport(ctx context.Context, p *program, o transfer.ImportOptions) error {
	total := int64(0)
	for _, f := range o.Files {
		total += f.Size
	}
	progress := transfer.NewProgress(p.stderr, isTerminal(p.stderr), "loaded", total)
	failures := 0
	o.Read, o.Loaded, o.Note = progress.Step, progress.Count, progress.Note
	o.Failed = func(f transfer.Failure) {
		if failures++; failures <= toldFailures {
			progress.Note(f.String())
		}
	}
	sum, err := transfer.Import(ctx, o)
	text := progress.End()
	if failures > toldFailures {
		fmt.Fprintf(p.stderr, "… and %d more failures; --report FILE lists all\n", failures-toldFailures)
	}
	if sum.Before > 0 {
		text += fmt.Sprintf(", %d files before", sum.Before)
	}
	fmt.Fprintf(p.stdout, "%s, %d files, %d errors\n", text, sum.Files, sum.Failures)
	switch {
	case err != nil:
		return err
	case sum.Interrupted:
		return errors.New("interrupted before everything was loaded")
	case sum.Failures > 0:
		return fmt.Errorf("%d errors: not everything was loaded", sum.Failures)
	}
	return nil
}

// isTerminal reports whether a person is looking.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
