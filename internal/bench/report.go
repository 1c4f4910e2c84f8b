package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A figure is something measured, beside its floor if it has one.
type figure struct {
	Size  int     `json:"size"`  // resources in the store
	Group string  `json:"group"` // what it is about
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`

	Floor      string  `json:"floor,omitempty"`
	FloorValue float64 `json:"floorValue,omitempty"`
	Ratio      float64 `json:"ratio,omitempty"` // Value to FloorValue

	Goal string `json:"goal,omitempty"`
	Met  *bool  `json:"met,omitempty"`
}

// A goal bounds a figure's ratio to its floor, or its value where there is none.
type goal struct {
	atLeast bool
	bound   float64
}

func atLeast(v float64) *goal { return &goal{true, v} }
func atMost(v float64) *goal  { return &goal{false, v} }

// add notes a figure.
func (b *bench) add(name string, value float64, unit, floor string, floorValue float64, g *goal) {
	f := figure{Size: b.size, Group: b.group, Name: name, Value: value, Unit: unit, Floor: floor, FloorValue: floorValue}
	compared := value
	if floor != "" {
		f.Ratio = value / floorValue
		compared = f.Ratio
	}
	if g != nil {
		sign, met := "≤", compared <= g.bound
		if g.atLeast {
			sign, met = "≥", compared >= g.bound
		}
		f.Met = &met
		f.Goal = sign + " " + number(g.bound)
		if floor != "" {
			f.Goal += " ×"
		}
	}
	b.figures = append(b.figures, f)
	fmt.Fprintln(b.progress, f.row())
}

// A remark is told below the figures of a group.
type remark struct {
	size  int
	group string
	text  string
}

func (b *bench) remark(format string, args ...any) {
	b.remarks = append(b.remarks, remark{b.size, b.group, fmt.Sprintf(format, args...)})
}

// row returns the figure as a row of a Markdown table.
func (f *figure) row() string {
	floor, ratio, met := "", "", ""
	if f.Floor != "" {
		floor, ratio = f.Floor+": "+number(f.FloorValue), number(f.Ratio)+" ×"
	}
	if f.Met != nil {
		met = "met"
		if !*f.Met {
			met = "**missed**"
		}
	}
	return fmt.Sprintf("| %s | %s %s | %s | %s | %s | %s |", f.Name, number(f.Value), f.Unit, floor, ratio, f.Goal, met)
}

// number writes three digits of a number or more.
func number(v float64) string {
	switch {
	case v >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", v), "0"), ".0")
}

// titles are the headings of the groups.
var titles = map[string]string{
	groupImport: "import and size",
	groupCore:   "reads and writes",
	groupSearch: "searches over HTTP, one connection unless it is said",
	groupInside: "searches within the process",
	groupMix:    "a mix of real use over HTTP",
}

// report prints everything as Markdown.
func (b *bench) report(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, %d cores, %s, load at the end %s; it took %s.\n", time.Now().Format("2 January 2006"), processor(), runtime.NumCPU(), runtime.Version(), loadAverage(), time.Since(b.began).Round(time.Second))
	var sizes []int
	for i := range b.figures {
		if n := b.figures[i].Size; !slices.Contains(sizes, n) {
			sizes = append(sizes, n)
		}
	}
	for _, size := range sizes {
		for _, group := range allGroups {
			table(w, b.figures, size, group)
			for _, r := range b.remarks {
				if r.size == size && r.group == group {
					fmt.Fprintf(w, "\n%s\n", r.text)
				}
			}
		}
	}
	if len(b.notes) > 0 {
		fmt.Fprintf(w, "\nNot measured, or wrong:\n\n")
		for _, note := range b.notes {
			fmt.Fprintf(w, "- %s\n", strings.ReplaceAll(note, "\n", " "))
		}
	}
}

// table prints the figures of one group with one size.
func table(w io.Writer, figures []figure, size int, group string) {
	begun := false
	for i := range figures {
		f := &figures[i]
		if f.Size != size || f.Group != group {
			continue
		}
		if !begun {
			fmt.Fprintf(w, "\nWith %s resources, %s:\n\n| what | measured | floor in the same run | ratio | goal | |\n| --- | --: | --: | --: | --: | --- |\n", number(float64(size)), titles[group])
			begun = true
		}
		fmt.Fprintln(w, f.row())
	}
}

// save writes what there is so far to the file that was asked for.
func (b *bench) save() error {
	if b.settings.out == "" {
		return nil
	}
	var text bytes.Buffer
	b.report(&text)
	return os.WriteFile(b.settings.out, text.Bytes(), 0o644)
}

// reportJSON prints everything as JSON.
func reportJSON(w io.Writer, figures []figure) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"date": time.Now().Format(time.DateOnly), "processor": processor(), "cores": runtime.NumCPU(),
		"go": runtime.Version(), "load": loadAverage(), "figures": figures,
	})
}

// processor names the machine's.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "model name"); ok {
			return strings.TrimLeft(name, "\t :")
		}
	}
	return runtime.GOARCH
}

// loadAverage returns how busy the machine has been in the last minute.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(data), " ")
	return load
}
