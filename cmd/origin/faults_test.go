package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/origin/internal/fault"
)

// Each ready script can be read, and says in a line what it does, what it imitates
// and what to look for.
func TestReadyScripts(t *testing.T) {
	wanted := "early-413 flapping lying-length nginx-like-idle-close rolling-restart slow-loris stale truncating"
	if names := strings.Join(readyNames(), " "); names != wanted {
		t.Errorf("%s; want %s", names, wanted)
	}
	for _, name := range readyNames() {
		text, err := readyText(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fault.Parse(name, text); err != nil {
			t.Error(err)
		}
		if what, rest, _ := strings.Cut(string(text), "\n"); !strings.HasPrefix(what, "# ") || len(what) > 70 || !strings.Contains(rest, "\n# Look for: ") {
			t.Errorf("%s begins with %q", name, what)
		}
	}
}

// The script in the README can be read.
func TestScriptInReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(text), "```yaml\n")
	script, _, _ = strings.Cut(script, "```")
	if _, err := fault.Parse("README.md", []byte(script)); err != nil || !strings.Contains(script, "answer: 413") {
		t.Errorf("%q: %v", script, err)
	}
}

func TestFaultList(t *testing.T) {
	out, err := command(t, "--fault", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range readyNames() {
		if !strings.Contains("\n"+string(out), "\n"+name+" ") {
			t.Errorf("%s is not in the list:\n%s", name, out)
		}
	}
	if !strings.Contains(string(out), "\n    connections:\n      - name: stale-by-fin\n") {
		t.Errorf("the scripts are not in the list:\n%s", out)
	}
}

// A ready script's name is that of the script, even where a file is called so.
func TestFaultFlag(t *testing.T) {
	dir := t.TempDir()
	const ours = "faults:\n  - answer: 418\n"
	for _, name := range []string{"early-413", "mine.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(ours), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"early-413": 200, "./early-413": 418, "mine.yaml": 418} {
		cmd := command(t, "--fault", name)
		cmd.Dir = dir
		addr, _ := launch(t, cmd)
		if status, _ := fetch(t, "http://"+addr+"/"); status != want {
			t.Errorf("%s: %d; want %d", name, status, want)
		}
	}
}
