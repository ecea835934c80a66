package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What cannot work is said in one sentence, with an exit status to match.
func TestMistakesAreExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pcapng")
	if err := os.WriteFile(garbage, []byte("this is no capture"), 0o644); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent")
	port := taken.Addr().String()

	for _, test := range []struct {
		line   string
		status int
		names  string // what the sentence has to name
	}{
		{"origin --nonsense", 2, "--nonsense"},
		{"origin --listen", 2, "--listen"},
		{"origin --listen nowhere", 2, "nowhere"},
		{"origin --listen 127.0.0.1:99999", 2, "99999"},
		{"origin --listen " + port, 1, port},
		{"origin --listen 127.0.0.1:0 --root " + absent, -1, absent},
		{"origin --listen 127.0.0.1:0 --root " + garbage, -1, garbage},
		{"origin --post-path post", 2, "--post-path"},
		{"origin --loops 0", 2, "--loops"},
		{"origin --loops many", 2, "--loops"},
		{"origin argument", 2, "argument"},
		{"edge --nonsense", 2, "--nonsense"},
		{"edge --listen 127.0.0.1:0", 2, "--origin"},
		{"edge --origin nowhere --listen 127.0.0.1:0", 2, "nowhere"},
		{"edge --origin https://app.test --listen 127.0.0.1:0", 2, "TLS is not spoken"},
		{"edge --origin dns://app.test --listen 127.0.0.1:0", 2, "dns://app.test"},
		{"edge --origin srv://app..test --listen 127.0.0.1:0", 2, "srv://app..test"},
		{"edge --origin 127.0.0.1:1 --listen " + port, 1, port},
		{"edge --origin 127.0.0.1:1 --listen 127.0.0.1:0 --record " + absent + "/x.pcapng", -1, absent},
		{"edge --origin 127.0.0.1:1 --listen 127.0.0.1:0 --record " + dir, -1, dir},
		{"edge --origin 127.0.0.1:1 argument", 2, "argument"},
		{"edge --origin 127.0.0.1:1 --trace --redact X:Y", 2, "X:Y"},
		{"loadgen", 2, "command"},
		{"loadgen nonsense", 2, "nonsense"},
		{"loadgen replay", 2, "recording"},
		{"loadgen replay --nonsense", 2, "--nonsense"},
		{"loadgen replay " + absent + " --target " + port, 1, absent},
		{"loadgen replay " + garbage + " --target " + port, 1, garbage},
		{"loadgen replay " + garbage, -1, "garbage"},
		{"loadgen replay http://127.0.0.1:1/ --connections 0", 2, "--connections"},
		{"loadgen replay http://127.0.0.1:1/ --duration soon", 2, "--duration"},
		{"loadgen replay http://127.0.0.1:1/ -d soon", 2, ": -d is"},
	} {
		t.Run(test.line, func(t *testing.T) {
			words := strings.Fields(test.line)
			var stdout, stderr strings.Builder
			cmd := command(words[0], words[1:]...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := runWithin(t, cmd)
			exit, ok := err.(*exec.ExitError)
			if !ok || test.status > 0 && exit.ExitCode() != test.status {
				t.Errorf("%v, want exit status %d", err, test.status)
			}
			sentence := strings.TrimSuffix(stderr.String(), "\n")
			if !strings.HasPrefix(sentence, words[0]+": ") || strings.Contains(sentence, "\n") || !strings.Contains(sentence, test.names) {
				t.Errorf("standard error is not one sentence that names %q:\n%s", test.names, &stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output:\n%s", &stdout)
			}
		})
	}
}

// runWithin runs a command that ends by itself.
func runWithin(t *testing.T, cmd *exec.Cmd) error {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	return cmd.Wait()
}

var (
	flagLine = regexp.MustCompile(`(?m)^  --([a-z0-9-]+)`)
	pages    = []string{"origin", "edge", "loadgen", "loadgen replay", "loadgen compare", "loadgen merge"}
)

// The help fits a terminal, gives examples, and names the environment variable
// of each flag.
func TestHelp(t *testing.T) {
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			words := strings.Fields(page)
			help := run(t, "", nil, filepath.Join(binaries, words[0]), append(words[1:], "--help")...)
			for line := range strings.Lines(help) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			if page != "loadgen" && !strings.Contains(help, "\nEXAMPLES\n") {
				t.Errorf("no examples:\n%s", help)
			}
			for _, match := range flagLine.FindAllStringSubmatch(help, -1) {
				name := match[1]
				variable := strings.ToUpper(strings.ReplaceAll(words[0]+"_"+name, "-", "_"))
				if name != "help" && name != "version" && !strings.Contains(help, variable) {
					t.Errorf("--%s has no environment variable %s", name, variable)
				}
			}
		})
	}
}

// The examples in the help use flags that exist.
func TestExamplesInHelp(t *testing.T) {
	used := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	for _, page := range pages {
		words := strings.Fields(page)
		help := run(t, "", nil, filepath.Join(binaries, words[0]), append(words[1:], "--help")...)
		flags, examples, _ := strings.Cut(help, "\nEXAMPLES\n")
		for line := range strings.Lines(examples) {
			if !strings.HasPrefix(strings.TrimSpace(line), page+" ") {
				continue
			}
			for _, flag := range used.FindAllString(line, -1) {
				if !regexp.MustCompile(`(?m)^  ` + flag + `\b`).MatchString(flags) {
					t.Errorf("the example %q uses %s, which does not exist", strings.TrimSpace(line), flag)
				}
			}
		}
	}
}

// A flag may come from the environment, and the command line overrules it.
func TestEnvironment(t *testing.T) {
	t.Setenv("ORIGIN_LISTEN", "127.0.0.2:0")
	if s := startListening(t, command("origin")); !strings.HasPrefix(s.Addr, "127.0.0.2:") {
		t.Errorf("origin listens on %q, want ORIGIN_LISTEN", s.Addr)
	}
	if s := startOrigin(t, ""); !strings.HasPrefix(s.Addr, "127.0.0.1:") {
		t.Errorf("origin listens on %q, want --listen", s.Addr)
	}
}

func TestVersion(t *testing.T) {
	for _, name := range []string{"origin", "edge", "loadgen"} {
		out := run(t, "", nil, filepath.Join(binaries, name), "--version")
		if !regexp.MustCompile(`^` + name + ` version \S+\n$`).MatchString(out) {
			t.Errorf("%s --version: %q", name, out)
		}
	}
}

// The soft limit of open files is raised to the hard one, or next to it.
func TestOpenFilesLimit(t *testing.T) {
	s := startListening(t, exec.Command("sh", "-c", fmt.Sprintf("ulimit -S -n 64; exec %s/origin --listen 127.0.0.1:0", binaries)))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	var soft, hard int
	_, line, _ := strings.Cut(string(limits), "Max open files")
	if _, err := fmt.Sscan(line, &soft, &hard); err != nil || soft < hard-1 {
		t.Errorf("the limit is %d of %d (%v), want all of it", soft, hard, err)
	}
}

// Both servers listen on Unix sockets as well, and talk to each other by them.
func TestUnixSockets(t *testing.T) {
	dir := t.TempDir()
	origin := startListening(t, command("origin", "--listen", "unix:"+dir+"/origin")).Addr
	if want := "unix:" + dir + "/origin"; origin != want {
		t.Errorf("origin listens on %s, want %s", origin, want)
	}
	edge := startListening(t, command("edge", "--listen", "unix:"+dir+"/edge", "--origin", origin)).Addr
	c, err := net.Dial("unix", strings.TrimPrefix(edge, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	raw := newRaw(t, c)
	raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if response, body := raw.response("GET"); response.StatusCode != 200 || body == "" {
		t.Errorf("%s, %q", response.Status, body)
	}
}
