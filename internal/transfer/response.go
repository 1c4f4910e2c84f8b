package transfer

import (
	"errors"
	"fmt"

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
	if u.own {
		return []failure{{at: u.places[0], entries: u.entries, err: err}}
	}
	list := make([]failure, len(u.places))
	for i, at := range u.places {
		list[i] = failure{at: at, entries: 1, err: err}
	}
	return list
}

// readFailures returns what the response to a batch says went wrong.
func readFailures(u *unit, response []byte) ([]failure, error) {
	tree, err := fhir.ScanJSON(response, anyNumber)
	if err != nil {
		return nil, fmt.Errorf("the response: %w", err)
	}
	var list []failure
	i := 0
	for e := range tree.Root().Get("entry").Children {
		answer := e.Get("response")
		if status := answer.Get("status").Text(); i < u.entries && !succeeded(status) {
			list = append(list, failureOf(u, i, status, answer.Get("outcome")))
		}
		i++
	}
	if i != u.entries {
		return nil, fmt.Errorf("the response has %d entries for %d", i, u.entries)
	}
	return list, nil
}

// failureOf returns the failure of entry i.
func failureOf(u *unit, i int, status string, outcome fhir.Value) failure {
	f := failure{entries: 1, err: errors.New(status + outcomeText(outcome))}
	if u.own {
		f.at, f.entry = u.places[0], i+1
	} else {
		f.at = u.places[i]
	}
	return f
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
