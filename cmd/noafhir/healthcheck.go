package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthcheckCommand lets a container without a shell or curl ask itself.
func healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "healthcheck [URL]",
		Short:  "Exit with 0 if the server at URL is ready",
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
	}
}

// healthcheck asks a server whether it is ready.
func healthcheck(ctx context.Context, _ *program, args []string) error {
	url := "http://127.0.0.1:8080/readyz"
	if len(args) == 1 {
		url = args[0]
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
