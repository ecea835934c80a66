package integration

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// readLogs prints of logs, by tag, what another implementation of HdrHistogram reads in
// them and adds up.
const readLogs = `
const hdr = require("hdr-histogram-js"), sum = {};
for (const file of process.argv.slice(1)) {
  const log = new hdr.HistogramLogReader(require("fs").readFileSync(file, "utf8"));
  for (let h; (h = log.nextIntervalHistogram()) != null; ) {
    if (sum[h.tag]) sum[h.tag].add(h); else sum[h.tag] = h;
  }
}
const of = (h) => ({
  count: h.totalCount, max: h.maxValue / 1000,
  p50: h.getValueAtPercentile(50) / 1000, p90: h.getValueAtPercentile(90) / 1000, p99: h.getValueAtPercentile(99) / 1000,
});
console.log(JSON.stringify(Object.fromEntries(Object.entries(sum).map(([tag, h]) => [tag, of(h)]))));
`

// TestLogsByAnotherImplementation: HdrHistogram of JavaScript reads the logs of two
// runs, and finds in them what loadgen merge reports.
func TestLogsByAnotherImplementation(t *testing.T) {
	node := requireTool(t, "node", "nodejs")
	if exec.Command(node, "-e", `require("hdr-histogram-js")`).Run() != nil {
		missing(t, "the npm package hdr-histogram-js is not where NODE_PATH says")
	}
	origin := startOrigin(t, "")
	loadgen := filepath.Join(binaries, "loadgen")
	dir := t.TempDir()
	logs := []string{filepath.Join(dir, "a.hlog"), filepath.Join(dir, "b.hlog")}
	for i, n := range []string{"1000", "3000"} { // of hundreds the ranks are whole, however they are rounded
		run(t, "", nil, loadgen, "replay", origin.url("/"), "-n", n, "-c", "1", "--repeat", "2", "--requests-per-connection", "10", "--hdr-log", logs[i])
	}
	type distribution struct {
		Count              int64
		P50, P90, P99, Max float64
	}
	var theirs map[string]distribution
	if err := json.Unmarshal([]byte(run(t, "", nil, node, append([]string{"-e", readLogs}, logs...)...)), &theirs); err != nil {
		t.Fatal(err)
	}
	var report map[string]json.RawMessage
	if err := json.Unmarshal([]byte(run(t, "", nil, loadgen, append([]string{"merge", "--format", "json"}, logs...)...)), &report); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"latency", "first_byte", "connect", "latency_with_connect", "first_request", "first_request_with_connect"} {
		var ours distribution
		if err := json.Unmarshal(report[tag+"_us"], &ours); err != nil {
			t.Fatal(err)
		}
		their := theirs[tag]
		same := ours.Count == their.Count && ours.Count > 0
		for _, pair := range [][2]float64{{ours.P50, their.P50}, {ours.P90, their.P90}, {ours.P99, their.P99}} {
			same = same && pair[0] > pair[1]*0.998-0.1 && pair[0] < pair[1]*1.002+0.1
		}
		// Ours is exact; theirs may be the end of the step behind it. A step is 1/1024 at most.
		same = same && ours.Max > their.Max*(1-3./1024)-0.1 && ours.Max < their.Max+0.1
		if !same {
			t.Errorf("%s: loadgen merges %+v, and they %+v", tag, ours, their)
		}
	}
}
