package report

import (
	"fmt"
	"io"
	"strings"
)

// benchUnits says what of a benchmark's figures is better. The format is that of Go's
// benchmarks (golang.org/design/14313-benchmark-format), as benchstat reads it.
const benchUnits = `Unit ns/op better=lower
Unit p50-ns better=lower
Unit p99-ns better=lower
Unit cpu-ns/op better=lower
Unit requests/s better=higher
Unit connections better=lower
`

// benchLine writes a round as a benchmark's result. An operation is a request that did
// not fail. As in Go's parallel benchmarks, ns/op is the duration of the round, divided
// by their number; how long one was waited for say p50-ns and p99-ns.
func benchLine(name string, r *Round) string {
	answered := r.Requests - r.Errors
	perRequest := 0.0
	if answered > 0 {
		perRequest = r.DurationS * 1e9 / float64(answered)
	}
	return fmt.Sprintf("%s %d %.1f ns/op %.0f p50-ns %.0f p99-ns %.0f cpu-ns/op %.1f requests/s %d connections\n",
		name, answered, perRequest, r.LatencyP50US*1e3, r.LatencyP99US*1e3, r.CPUPerRequestUS*1e3, r.RequestsPerS, r.ConnectionsOpened)
}

// WriteBench writes each round as a result of Go's benchmarks.
func (rep *Report) WriteBench(w io.Writer) error {
	name := fmt.Sprintf("BenchmarkReplay/connections=%d", rep.Settings.Connections)
	_, err := io.WriteString(w, benchUnits+benchLines(name, rep.Rounds))
	return err
}

// WriteBench writes each round as a result of Go's benchmarks. Those of a and b are
// told apart by the key side, for benchstat -col /side.
func (c *Comparison) WriteBench(w io.Writer) error {
	name := "BenchmarkReplay"
	if n := c.A.Settings["connections"]; n == c.B.Settings["connections"] {
		name += fmt.Sprintf("/connections=%v", n)
	}
	_, err := io.WriteString(w, benchUnits+benchLines(name+"/side=a", c.A.Rounds)+benchLines(name+"/side=b", c.B.Rounds))
	return err
}

func benchLines(name string, rounds []Round) string {
	var b strings.Builder
	for i := range rounds {
		b.WriteString(benchLine(name, &rounds[i]))
	}
	return b.String()
}
