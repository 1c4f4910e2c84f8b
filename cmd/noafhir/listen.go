package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A listening server is an HTTP server and where it listens.
type listening struct {
	server   *http.Server
	listener net.Listener
}

// serveUntil serves until ctx ends or a server fails. Then it drains: it calls
// drain, which takes the process out of readiness, accepts no more connections,
// and lets running requests end for at most the timeout, after which they are
// cut off and their contexts end. The error is that of a server that failed.
func serveUntil(ctx context.Context, servers []listening, drain func(), timeout time.Duration, log *slog.Logger) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	failed := make(chan error, len(servers))
	for _, s := range servers {
		s.server.BaseContext = func(net.Listener) context.Context { return requests }
		go func() { failed <- s.server.Serve(s.listener) }()
	}
	var failure error
	running := len(servers)
	select {
	case <-ctx.Done():
		log.Info("stopping", "timeout", timeout.String())
	case failure = <-failed:
		running--
	}
	drain()
	deadline, stop := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer stop()
	for _, s := range servers {
		if err := s.server.Shutdown(deadline); err != nil {
			log.Warn("requests that were still running are cut off", "error", err)
			cancel()
			s.server.Close()
		}
	}
	for range running {
		<-failed
	}
	if errors.Is(failure, http.ErrServerClosed) {
		return nil
	}
	return failure
}
