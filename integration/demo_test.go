package integration

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The demo fits a terminal, says how many connections the recording has, and leads on.
func TestDemo(t *testing.T) {
	notForRaces(t)
	t.Parallel()
	cmd := exec.Command("scripts/demo", "0.1")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HOPWIRE_BIN="+binaries)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if n := utf8.RuneCountInString(line); n > 81 && !strings.Contains(line, binaries) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	want := regexp.MustCompile(`(?s)requests_per_connection 0 and 1.*120 requests on (9|10) connections of its users.*` +
		`\n  (\S+ show --exchange c1#1 \S+)\n.*\n  scripts/up\n.*\n  (scripts/lesson)\n`)
	match := want.FindStringSubmatch(string(out))
	if match == nil {
		t.Fatalf("no %s in:\n%s", want, out)
	}
	if shown := run(t, root, nil, "bash", "-c", match[2]); !strings.Contains(shown, "User-Agent: browse") {
		t.Error(shown)
	}
	run(t, root, nil, match[3])
}
