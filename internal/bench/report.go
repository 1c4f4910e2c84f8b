package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A figure is something measured, beside its floor if it has one.
type figure struct {
	Size  int     `json:"size"` // resources in the store
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
	f := figure{Size: b.size, Name: name, Value: value, Unit: unit, Floor: floor, FloorValue: floorValue}
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

// report prints everything as Markdown.
func report(w io.Writer, figures []figure) {
	fmt.Fprintf(w, "\n%s, %s, %d cores, %s, load %s\n", time.Now().Format("2 January 2006"), processor(), runtime.NumCPU(), runtime.Version(), loadAverage())
	last := 0
	for i := range figures {
		f := &figures[i]
		if f.Size != last {
			fmt.Fprintf(w, "\nWith %s resources in the store:\n\n| what | measured | floor in the same run | ratio | goal | |\n| --- | --: | --: | --: | --: | --- |\n", number(float64(f.Size)))
			last = f.Size
		}
		fmt.Fprintln(w, f.row())
	}
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
