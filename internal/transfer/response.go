package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A failure is something that was not loaded.
type failure struct {
	at      place
	entry   int // of the Bundle that stands there, from 1; 0: what stands there as a whole
	entries int // resources lost
	err     error
}

// everyPlace returns a failure for each place a unit is from.
func everyPlace(u *unit, err error) []failure {
	if u.whole {
		return []failure{{at: u.places[0], entries: u.count, err: err}}
	}
	list := make([]failure, len(u.places))
	for i, at := range u.places {
		list[i] = failure{at: at, entries: 1, err: alone(err)}
	}
	return list
}

// alone takes out of an error about the only resource of a Bundle where it stood
// there: whoever brought the resource knows nothing of a Bundle.
func alone(err error) error {
	const place = "Bundle.entry[0].resource"
	e, ok := errors.AsType[*fhir.Error](err)
	if !ok || !strings.HasPrefix(e.Expression, place) {
		return err
	}
	told := *e
	told.Expression = strings.TrimPrefix(strings.TrimPrefix(e.Expression, place), ".")
	return &told
}

// readFailures returns what the response to a batch says went wrong, where its
// entries stood in files.
func readFailures(u *unit, response []byte) ([]failure, error) {
	tree, err := fhir.ScanJSON(response, anyNumber)
	if err != nil {
		return nil, fmt.Errorf("the response: %w", err)
	}
	var list []failure
	i := 0
	for e := range tree.Root().Get("entry").Children {
		answer := e.Get("response")
		i++
		if status := answer.Get("status").Text(); !succeeded(status) {
			lost := failure{at: u.places[0], entry: i, entries: 1, err: refusal(status, answer.Get("outcome"))}
			if u.loose && i <= len(u.places) {
				lost.at, lost.entry = u.places[i-1], 0
			}
			list = append(list, lost)
		}
	}
	if i != u.count {
		return nil, fmt.Errorf("the response has %d entries for %d", i, u.count)
	}
	return list, nil
}

// refusal returns the error for a status that is no success, with what the
// OperationOutcome says.
func refusal(status string, outcome fhir.Value) error {
	kind := fhir.Internal
	switch code, _, _ := strings.Cut(status, " "); code {
	case "429", "503":
		kind = fhir.Unavailable
	case "413":
		kind = fhir.TooLarge
	}
	return &fhir.Error{Kind: kind, Text: status + outcomeText(outcome)}
}

func succeeded(status string) bool {
	return len(status) >= 3 && (status[0] == '2' || status[:3] == "304")
}

// outcomeText returns what an OperationOutcome says, to be appended to a status.
func outcomeText(outcome fhir.Value) string {
	text := ""
	for issue := range outcome.Get("issue").Children {
		for _, said := range []string{issue.Get("expression").First().Text(), issue.Get("diagnostics").Text(), issue.Get("details").Get("text").Text()} {
			if said != "" {
				text += ": " + said
			}
		}
	}
	return text
}
