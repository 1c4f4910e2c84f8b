package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// A Remote is a server to import into, over HTTP.
type Remote struct {
	URL    string // of the FHIR base
	Client *http.Client

	Tries int           // at one Bundle, while the server is busy or not there
	First time.Duration // to wait before the second try; then twice as long each time, or as long as the server says
	Stop  context.Context
}

// NewRemote returns a remote server that is tried for about a minute, until stop
// ends.
func NewRemote(stop context.Context, url string) *Remote {
	return &Remote{URL: url, Client: &http.Client{Timeout: 10 * time.Minute}, Tries: 8, First: 500 * time.Millisecond, Stop: stop}
}

// Process implements [Target]. It tries again on 429 and 503, and when no
// connection can be made. Then nothing has been stored; after any other failure
// that is not known, so it is not tried again. Errors: Unavailable if the server
// stays busy or away, and kinds that fit the status for what it refuses.
func (r *Remote) Process(ctx context.Context, bundle []byte) ([]byte, error) {
	return r.patiently(func() ([]byte, time.Duration, error) { return r.send(ctx, http.MethodPost, "", bundle) })
}

// Transactions reports whether the server says in its CapabilityStatement that it
// performs transactions.
func (r *Remote) Transactions(ctx context.Context) (bool, error) {
	body, err := r.patiently(func() ([]byte, time.Duration, error) { return r.send(ctx, http.MethodGet, "/metadata", nil) })
	if err != nil {
		return false, fmt.Errorf("asking %s what it can do: %w", r.URL, err)
	}
	statement, err := fhir.ScanJSON(body, anyNumber)
	if err != nil {
		return false, fmt.Errorf("asking %s what it can do: %w", r.URL, err)
	}
	for rest := range statement.Root().Get("rest").Children {
		for interaction := range rest.Get("interaction").Children {
			if interaction.Get("code").Text() == "transaction" {
				return true, nil
			}
		}
	}
	return false, nil
}

// patiently sends a request until it is answered or patience ends.
func (r *Remote) patiently(send func() ([]byte, time.Duration, error)) ([]byte, error) {
	wait := r.First
	for try := 1; ; try++ {
		body, after, err := send()
		if err == nil || fhir.KindOf(err) != fhir.Unavailable || try == r.Tries {
			return body, err
		}
		if after == 0 {
			after = wait/2 + rand.N(wait)
		}
		select {
		case <-time.After(after):
		case <-r.Stop.Done():
			return nil, err
		}
		wait *= 2
	}
}

// send tries once. After is how long the server wants us to wait, if it says so.
func (r *Remote) send(ctx context.Context, method, path string, bundle []byte) (body []byte, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.URL, "/")+path, bytes.NewReader(bundle))
	if err != nil {
		return nil, 0, err
	}
	if bundle != nil {
		req.Header.Set("Content-Type", "application/fhir+json")
		req.Header.Set("Prefer", "return=minimal")
	}
	req.Header.Set("Accept", "application/fhir+json")
	resp, err := r.Client.Do(req)
	if err != nil {
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			err = fhir.Because(fhir.Unavailable, err, "no connection")
		}
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxItem))
	if err != nil || resp.StatusCode == http.StatusOK {
		return body, 0, err
	}
	var outcome fhir.Value
	if tree, err := fhir.ScanJSON(body, anyNumber); err == nil {
		outcome = tree.Root()
	}
	return nil, retryAfter(resp.Header.Get("Retry-After")), refusal(resp.Status, outcome)
}

// retryAfter reads the header of that name, at most a minute; 0 if it says
// nothing in seconds.
func retryAfter(s string) time.Duration {
	seconds, err := strconv.Atoi(s)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 60)) * time.Second
}
