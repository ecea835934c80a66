package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestCompareForBenchstat has stock benchstat read what loadgen prints: the rounds of a
// comparison, and those of two replays.
func TestCompareForBenchstat(t *testing.T) {
	origin := startOrigin(t, "")
	loadgen := filepath.Join(binaries, "loadgen")
	line := "replay " + origin.url("/") + " -n 100 -c 1"
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"turns": {"compare", "--repeat", "4", "--format", "bench", "--a", line, "--b", line + " --requests-per-connection 1"},
		"old":   {"replay", origin.url("/"), "-n", "100", "-c", "1", "--repeat", "4", "--format", "bench"},
		"new":   {"replay", origin.url("/"), "-n", "100", "-c", "1", "--repeat", "4", "--format", "bench", "--requests-per-connection", "1"},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(run(t, "", nil, loadgen, args...)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	benchstat := filepath.Join(dir, "benchstat") // a tool of go.mod
	run(t, "", nil, "go", "build", "-o", benchstat, "golang.org/x/perf/cmd/benchstat")
	row := regexp.MustCompile(`(?m)^Replay/connections=1 +1\.000 ± .* 100\.000 ± .* \+9900\.00% \(p=0\.029 n=4\)$`)
	for _, args := range [][]string{{"-col", "/side", "turns"}, {"old", "new"}} {
		cmd := exec.CommandContext(t.Context(), benchstat, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || !row.Match(out) {
			t.Errorf("benchstat %v: %v\n%s", args, err, out)
		}
	}
}
