package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the program",
		Args:  cobra.NoArgs,
	}
}

// printVersion prints what is needed to report a problem.
func printVersion(_ context.Context, p *program, _ []string) error {
	_, err := fmt.Fprintf(p.stdout, "noafhir %s (FHIR R4 4.0.1, %s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
