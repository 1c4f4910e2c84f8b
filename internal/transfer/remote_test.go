package transfer

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

func TestRemote(t *testing.T) {
	tests := []struct {
		Name     string
		Statuses []int // one after the other; the last for all that come
		Kind     fhir.Kind
		Tries    int
	}{
		{Name: "at once", Statuses: []int{200}, Tries: 1},
		{Name: "busy at first", Statuses: []int{429, 503, 200}, Tries: 3},
		{Name: "busy for long", Statuses: []int{503}, Kind: fhir.Unavailable, Tries: 4},
		{Name: "refused", Statuses: []int{400}, Kind: fhir.Internal, Tries: 1},
		{Name: "too large", Statuses: []int{413}, Kind: fhir.TooLarge, Tries: 1},
		{Name: "an error in between", Statuses: []int{503, 500}, Kind: fhir.Internal, Tries: 2},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := test.Statuses[min(tries, len(test.Statuses)-1)]
				tries++
				if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/fhir+json" {
					t.Errorf("got %s of %q", r.Method, r.Header.Get("Content-Type"))
				}
				w.WriteHeader(status)
				w.Write([]byte(`{"resourceType":"OperationOutcome","issue":[{"diagnostics":"because"}]}`))
			}))
			defer server.Close()
			r := &Remote{URL: server.URL, Client: server.Client(), Tries: 4, First: time.Microsecond, Stop: t.Context()}
			body, err := r.Process(t.Context(), []byte(`{}`))
			if (err == nil) != (test.Statuses[len(test.Statuses)-1] == 200) || err != nil && fhir.KindOf(err) != test.Kind {
				t.Errorf("got %s, %v", body, err)
			}
			if tries != test.Tries {
				t.Errorf("tried %d times, want %d", tries, test.Tries)
			}
		})
	}
}

func TestRemoteAway(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	r := &Remote{URL: url, Client: http.DefaultClient, Tries: 2, First: time.Microsecond, Stop: t.Context()}
	if _, err := r.Process(t.Context(), []byte(`{}`)); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("got %v, want it Unavailable", err)
	}
}

func TestRemoteTransactions(t *testing.T) {
	for statement, want := range map[string]bool{
		`{"rest":[{"interaction":[{"code":"batch"},{"code":"transaction"}]}]}`: true,
		`{"rest":[{"interaction":[{"code":"batch"}]}]}`:                        false,
		`{}`: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/fhir/metadata" {
				t.Errorf("got %s %s", r.Method, r.URL)
			}
			w.Write([]byte(statement))
		}))
		if got, err := NewRemote(t.Context(), server.URL+"/fhir/").Transactions(t.Context()); err != nil || got != want {
			t.Errorf("%s: got %t, %v", statement, got, err)
		}
		server.Close()
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := NewRemote(t.Context(), server.URL).Transactions(t.Context()); err == nil {
		t.Error("took what is no FHIR server for one")
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "2": 2 * time.Second, "-1": 0, "soon": 0, "99999": time.Minute} {
		if got := retryAfter(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
