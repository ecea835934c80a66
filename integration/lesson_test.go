package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// What each lesson promises, in the order in which it is to be seen.
var lessons = [...][]string{
	{"c1#1 -> o1#1", "c3#1 -> o1#4", "client-asked/kept", "o1 was idle and is used", "c1#1 -> o1#1", "c2#1 -> o2#1", "letter: exchange"},
	{"slow-accept", "c1#4 -> o1#4", "c1#4 -> o4#1", "kept/pool-full", "edge FIN pool-full"},
	{"stale: 100%", "client < HTTP/1.1 200 OK", "replayed", "the request is sent", "origin o2", "without a byte", "origin-stale"},
	{"Connection: keep-alive, X-Trace⏎      │-", "X-Trace: a⏎                           │-", "│+ TE: trailers⏎", "-│  Keep-Alive: timeout=75⏎",
		"client-asked/request-closes", "Connection: close⏎                    │  Connection: close⏎"},
	{"51 bytes of content, the same", "sha-256=", "chunk-size", "last-chunk", "HTTP/1.0⏎", "42 bytes of content to or from the client, 51"},
	{"client < HTTP/1.1 413 ", "request-unfinished", "close announced", "413  kept/response-early", "3000000 to or from the origin"},
	{"POST /post", "c1#2 -> o1#2   404", "GET /admin", "400 Bad Request", `details="content-length-and-transfer-encoding"`,
		`details="framing-field-misspelled"`, "c7#1           400"},
	{"c1#3 -> o1#3   202", "GET /_/status/202", "c3#1 -> ", "letter: exchange"},
}

func lesson(args ...string) *exec.Cmd {
	cmd := exec.Command("scripts/lesson", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HOPWIRE_BIN="+binaries, "COLUMNS=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// nothingIsLeft asserts that what a lesson started has ended.
func nothingIsLeft(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	eventually(t, func() string {
		if err := syscall.Kill(-cmd.Process.Pid, 0); err != syscall.ESRCH {
			return fmt.Sprintf("processes of the lesson are left: %v", err)
		}
		return ""
	})
}

// Each lesson shows what it promises, within 80 columns and in good time.
func TestLessons(t *testing.T) {
	for i, promises := range lessons {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			cmd := lesson(fmt.Sprint(i + 1))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			nothingIsLeft(t, cmd)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			rest := string(out)
			for _, promise := range promises {
				_, after, found := strings.Cut(rest, promise)
				if !found {
					t.Fatalf("no %q behind what was promised before it, in:\n%s", promise, out)
				}
				rest = after
			}
			for line := range strings.Lines(string(out)) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !strings.HasPrefix(line, "$ ") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// Without a number they are listed, one line each.
func TestLessonsAreListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "scripts/lessons/[1-9]-*"))
	if err != nil || len(files) != len(lessons) {
		t.Fatalf("%v, %v: there should be %d lessons", files, err, len(lessons))
	}
	out, err := lesson().CombinedOutput()
	if lines := bytes.Count(out, []byte("\n")); err != nil || lines != len(lessons) || !bytes.HasPrefix(out, []byte("1  Reuse: ")) {
		t.Errorf("%v\n%s", err, out)
	}
	for _, args := range [][]string{{"0"}, {"9"}, {"x"}, {"1", "2"}} {
		out, err := lesson(args...).CombinedOutput()
		if err == nil || string(out) != "usage: scripts/lesson [1..8]\n" {
			t.Errorf("scripts/lesson %q: %v\n%s", args, err, out)
		}
	}
}

// Nobody reads on, as behind scripts/lesson 3 | head -1: it ends, and says nothing of that.
func TestLessonWithoutAReader(t *testing.T) {
	cmd := lesson("3")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout.Read(make([]byte, 10))
	stdout.Close()
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Errorf("%v\n%s", err, &stderr)
	}
	nothingIsLeft(t, cmd)
}

// A lesson that is ended in the middle takes its servers with it.
func TestLessonThatIsEnded(t *testing.T) {
	cmd := lesson("8")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out []byte
	buffer := make([]byte, 4096)
	for !bytes.Contains(out, []byte(" client > ")) {
		n, err := stdout.Read(buffer)
		if out = append(out, buffer[:n]...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err == nil {
		t.Error("it came to its end")
	}
	nothingIsLeft(t, cmd)
}
