// Command compare sets two reports of loadgen side by side and says how far
// they are apart.
//
//	compare NAME=FILE NAME=FILE
//
// where FILE holds what loadgen wrote with --format json.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// A report is what is wanted of loadgen's.
type report struct {
	name string

	Requests     float64 `json:"requests"`
	Errors       float64 `json:"errors"`
	RequestsPerS float64 `json:"requests_per_s"`
	LatencyUS    struct {
		P50, P99 float64
	} `json:"latency_with_connect_us"` // what a user waits for
	Connections struct {
		Opened float64 `json:"opened"`
	} `json:"connections"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: compare NAME=FILE NAME=FILE")
		os.Exit(2)
	}
	var reports [2]*report
	for i, arg := range os.Args[1:] {
		r, err := read(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, "compare:", err)
			os.Exit(1)
		}
		reports[i] = r
	}
	write(os.Stdout, reports[0], reports[1])
}

func read(arg string) (*report, error) {
	name, file, ok := strings.Cut(arg, "=")
	if !ok {
		return nil, fmt.Errorf("%q is not NAME=FILE", arg)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &report{name: name}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s is not a report of loadgen: %w", file, err)
	}
	return r, nil
}

// write prints one line for each figure. Where more or less of it is better, the
// last column says how a compares with b.
func write(w io.Writer, a, b *report) {
	fmt.Fprintf(w, "%-32s %12s %12s\n", "", a.name, b.name)
	for _, row := range []struct {
		label    string
		a, b     float64
		compared bool
	}{
		{"requests", a.Requests, b.Requests, false},
		{"connections opened", a.Connections.Opened, b.Connections.Opened, false},
		{"responses not as expected", a.Errors, b.Errors, false},
		{"requests per second", a.RequestsPerS, b.RequestsPerS, true},
		{"connecting + latency, median, us", a.LatencyUS.P50, b.LatencyUS.P50, true},
		{"connecting + latency, p99, us", a.LatencyUS.P99, b.LatencyUS.P99, true},
	} {
		line := fmt.Sprintf("%-32s %12s %12s", row.label, figure(row.a), figure(row.b))
		if row.compared {
			line += "   " + ratio(row.a, row.b)
		}
		fmt.Fprintln(w, line)
	}
}

// figure writes x with decimals only if it is small and has some.
func figure(x float64) string {
	if x < 100 && x != math.Trunc(x) {
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// ratio says how many times as much, or how much less, a is than b.
func ratio(a, b float64) string {
	switch {
	case a <= 0 || b <= 0:
		return ""
	case a >= b:
		return fmt.Sprintf("%.1f times as much", a/b)
	}
	return fmt.Sprintf("%.1f times less", b/a)
}
