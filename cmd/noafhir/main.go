// Command noafhir is a FHIR R4 server in one binary. It needs no set-up:
//
//	noafhir serve --demo
//
// This package is the edge of the program: flags, environment, files of
// settings, signals, and the wiring of everything else, which is told what it
// needs to know. Exit codes are 0, 1 for what went wrong while working, 2 for a
// wrong command line or setting, and 3 for copies that turn out to differ.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/noafhir/noafhir/internal/config"
	"github.com/noafhir/noafhir/internal/transfer"
)

// version is set by the linker: see the Makefile.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program: it carries out a command line and returns the exit code.
// When ctx ends, it finishes what it is doing and returns.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	root := newRoot(&program{getenv: getenv, stdout: stdout, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		fmt.Fprintf(stderr, "%s: the settings have problems:\n  %s\n", cmd.CommandPath(), strings.Join(problems, "\n  "))
		return 2
	case errors.As(err, new(*transfer.Difference)):
		fmt.Fprintf(stderr, "%s: %v\n", cmd.CommandPath(), err)
		return 3
	case errors.As(err, new(workError)):
		fmt.Fprintf(stderr, "%s: %v\n", cmd.CommandPath(), err)
		return 1
	}
	fmt.Fprintf(stderr, "%s: %v; see %s --help\n", cmd.CommandPath(), err, cmd.CommandPath())
	return 2
}

// A workError is an error met while working, rather than one of the command
// line, which is all that cobra itself reports.
type workError struct{ error }

// Unwrap returns the error.
func (e workError) Unwrap() error { return e.error }

// A usageError is about the arguments of a command, like those that cobra reports.
type usageError struct{ error }

// A program is what commands have in common: where settings come from, and where
// output goes.
type program struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	file           string // of settings
	settings       settings
}

// A command is what a subcommand does once its settings are known.
type command func(ctx context.Context, p *program, args []string) error

// newRoot returns the command line.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "noafhir",
		Short:         "A FHIR R4 server",
		Long:          "noafhir keeps FHIR R4 resources and serves them over HTTP.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.SetUsageTemplate(root.UsageTemplate() + settingsHelp)
	root.PersistentFlags().StringVar(&p.file, "config", "", "YAML file of settings")
	root.PersistentFlags().SortFlags = false
	root.AddCommand(
		p.subcommand(serveCommand(), serveSettings, serve),
		p.subcommand(importCommand(), importSettings, importFiles),
		p.subcommand(exportCommand(), exportSettings, exportFiles),
		p.subcommand(copyCommand(), copySettings, copyStore),
		p.subcommand(reindexCommand(), reindexSettings, reindex),
		p.subcommand(shardCommand(), shardSettings, shard),
		p.subcommand(fhirpathCommand(), nil, evaluate),
		p.subcommand(versionCommand(), nil, printVersion),
		p.subcommand(healthcheckCommand(), nil, healthcheck),
	)
	return root
}

// settingsHelp ends the help of every command.
const settingsHelp = `
Every flag is also an environment variable and a key of the file that --config
names: --read-timeout is NOAFHIR_READ_TIMEOUT and "read-timeout: 30s". A flag wins
over a variable, a variable over the file. What is secret (the addresses of stores,
--cursor-key) can be read from a file, too: NOAFHIR_STORE_FILE.
`

// configVariable is the environment variable for --config.
const configVariable = "NOAFHIR_CONFIG"

// subcommand completes a command with flags for settings, the checks of all
// settings, and the work.
func (p *program) subcommand(cmd *cobra.Command, names []string, work command) *cobra.Command {
	set := p.settings.declare()
	cmd.Flags().SortFlags = false
	set.Bind(cmd.Flags(), names...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.file == "" {
			p.file = p.getenv(configVariable)
		}
		if names != nil {
			if err := set.Resolve(p.getenv, p.file); !errors.As(err, &p.settings.problems) && err != nil {
				return err
			}
		}
		err := work(cmd.Context(), p, args)
		if err == nil || errors.As(err, new(config.Problems)) || errors.As(err, new(usageError)) {
			return err
		}
		return workError{err}
	}
	return cmd
}
