package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/hopwire/hopwire/integration/internal/process"
)

func up(args ...string) *exec.Cmd {
	cmd := exec.Command("scripts/up", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HOPWIRE_BIN="+binaries, "TMPDIR="+binaries)
	for _, name := range []string{"EDGE_LISTEN", "EDGE_ADMIN", "ORIGIN_LISTEN", "ORIGIN_ADMIN", "TLS_LISTEN"} {
		cmd.Env = append(cmd.Env, name+"=127.0.0.1:0")
	}
	return cmd
}

// startUp starts it, and waits until all is up.
func startUp(t *testing.T, cmd *exec.Cmd) *process.Process {
	t.Helper()
	p := start(t, "up", cmd)
	if _, err := p.WaitLog(regexp.MustCompile(`(?m)^All is up`), patience); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Signal(syscall.SIGINT)
		p.Wait(patience)
	})
	return p
}

// endsAndLeavesNothing asserts the exit status, and that nobody listens any more where
// somebody was said to.
func endsAndLeavesNothing(t *testing.T, p *process.Process, status int) {
	t.Helper()
	err := p.Wait(patience)
	if exit, ok := err.(*exec.ExitError); status == 0 && err != nil || status > 0 && (!ok || exit.ExitCode() != status) {
		t.Errorf("%v; want status %d", err, status)
	}
	servers := regexp.MustCompile(`(?m)^  \w+ +https?://(\S+)/$`).FindAllStringSubmatch(p.Log(), -1)
	if len(servers) < 2 {
		t.Errorf("%d servers", len(servers))
	}
	for _, server := range servers {
		if c, err := net.Dial("tcp", server[1]); err == nil {
			c.Close()
			t.Errorf("%s is still there", server[0])
		}
	}
}

// What scripts/up prints to be pasted into another terminal works as it stands there.
func TestUp(t *testing.T) {
	notForRaces(t)
	requireTool(t, "curl")
	file := filepath.Join(t.TempDir(), "a recording.pcapng")
	for _, test := range []struct {
		args  []string
		log   string // format
		lines int
		says  []string // by the commands, in this order
		left  string   // what is said in the end
	}{
		{[]string{"--origins", "2"}, "text", 4, []string{"<title>", "it balances", `"requests":`, "listening on"}, ""},
		{[]string{"--record", file, "--tls"}, "text", 9, []string{"<title>", "kept alive", "c1#1 -> o1#1 ", "│", "verified", "<title>", "1,000 opened", `"requests":`, "listening on"},
			"The recording is " + file + ".\n"},
		{[]string{"--fault=stale"}, "json", 4, []string{"<title>", "sent again", "listening on"}, ""},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			cmd := up(test.args...)
			cmd.Env = append(cmd.Env, "ORIGIN_LOG_FORMAT="+test.log, "EDGE_LOG_FORMAT="+test.log)
			p := startUp(t, cmd)
			_, text, _ := strings.Cut(p.Log(), "in this folder:\n")
			said, lines := "", 0
			for _, match := range regexp.MustCompile(`(?m)^  (\S(?:.*\\\n)*.*)$`).FindAllStringSubmatch(text, -1) {
				said += paste(t, match[1])
				lines++
			}
			if lines != test.lines {
				t.Errorf("%d lines to paste; want %d:\n%s", lines, test.lines, text)
			}
			rest := said
			for _, word := range test.says {
				_, after, found := strings.Cut(rest, word)
				if !found {
					t.Fatalf("no %q behind what was said before it, in:\n%s", word, said)
				}
				rest = after
			}
			for line := range strings.Lines(p.Log()) {
				if n := utf8.RuneCountInString(line); n > 81 && !strings.Contains(line, "/") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
			p.Signal(syscall.SIGINT)
			endsAndLeavesNothing(t, p, 0)
			if !strings.HasSuffix(p.Log(), "at once ...\n"+test.left) {
				t.Errorf("its last words:\n%s", p.Log())
			}
		})
	}
}

// paste runs a command line in the repository, which has to succeed; one that goes on
// until it is ended has a second.
func paste(t *testing.T, line string) string {
	t.Helper()
	if strings.HasPrefix(line, "tail -f ") {
		line = "timeout 1 " + line + " || (($? == 124))"
	}
	return run(t, root, nil, "bash", "-c", line)
}

// If one program dies, it is named, and the rest is ended; also if that is before all is up.
func TestUpWithoutAnOrigin(t *testing.T) {
	for _, early := range []bool{false, true} {
		p := start(t, "up", up("--origins", "2"))
		t.Cleanup(func() {
			p.Signal(syscall.SIGINT)
			p.Wait(patience)
		})
		childOf(t, p, "edge")
		if !early {
			if _, err := p.WaitLog(regexp.MustCompile(`(?m)^All is up`), patience); err != nil {
				t.Fatal(err)
			}
		}
		syscall.Kill(childOf(t, p, "origin"), syscall.SIGKILL)
		endsAndLeavesNothing(t, p, 1)
		if want := "scripts/up: origin1 has ended by itself, with status 137; its last words:\nadmin on http://"; !strings.Contains(p.Log(), want) {
			t.Errorf("no %q in:\n%s", want, p.Log())
		}
	}
}

// childOf waits until a process has started such a program, and returns the first one.
func childOf(t *testing.T, p *process.Process, program string) (pid int) {
	t.Helper()
	eventually(t, func() string {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID()))
		for _, child := range strings.Fields(string(children)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if strings.Contains(string(line), "/"+program+"\x00") {
				pid, _ = strconv.Atoi(child)
				return ""
			}
		}
		return fmt.Sprintf("no %s among %s, %v", program, children, err)
	})
	return pid
}

// Nobody reads what it says any more, as behind scripts/up | head -1.
func TestUpWithoutAReader(t *testing.T) {
	cmd := up()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stdout = w
	p := start(t, "up", cmd)
	w.Close()
	if err := p.Wait(patience); err == nil {
		t.Error("status 0")
	}
	eventually(t, func() string {
		if names, err := filepath.Glob(filepath.Join(binaries, "tmp.*", "*.log")); err != nil || len(names) > 0 {
			return fmt.Sprint(names, err)
		}
		return ""
	})
}

// Where a port is taken it is said what may have it, and which variable chooses another.
func TestUpTwice(t *testing.T) {
	p := startUp(t, up("--tls"))
	certificate := filepath.Join(binaries, "ca.pem")
	before, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	for variable, taken := range map[string]string{
		"EDGE_LISTEN":   `(?m)^  edge +http://(\S+)/$`,
		"EDGE_ADMIN":    `http://(\S+)/counters`,
		"ORIGIN_LISTEN": `(?m)^  origin +http://(\S+)/$`,
		"TLS_LISTEN":    `(?m)^  TLS +https://(\S+)/$`,
	} {
		at := regexp.MustCompile(taken).FindStringSubmatch(p.Log())[1]
		cmd := up("--tls")
		cmd.Env = append(cmd.Env, variable+"="+at)
		out, _ := cmd.CombinedOutput()
		advice := "did not start\nscripts/up: perhaps another one is running; " + variable + "=127.0.0.1:0 takes a free port\n"
		if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(out), advice) {
			t.Errorf("%s: status %d\n%s", variable, status, out)
		}
	}
	if now, err := os.ReadFile(certificate); err != nil || string(now) != string(before) {
		t.Errorf("the certificate has been replaced, %v", err)
	}
}

func TestMistakesWithUp(t *testing.T) {
	for args, says := range map[string]string{
		"--origins 0":      "--origins is a number from 1 to 9, not 0",
		"--record":         "--record needs a value",
		"--record -":       "--record is a file here",
		"--fault nonsense": "nginx-like-idle-close",
		"--verbose":        "there is no --verbose",
	} {
		cmd := up(strings.Fields(args)...)
		out, _ := cmd.CombinedOutput()
		if status := cmd.ProcessState.ExitCode(); status != 2 || !strings.Contains(string(out), says) {
			t.Errorf("%s: status %d\n%s", args, status, out)
		}
	}
	if out, err := up("--fault", "list").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "early-413 ") {
		t.Errorf("%v\n%s", err, out)
	}
}
