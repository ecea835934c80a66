package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 20 * time.Second

// asProgram has the test's own binary be the program.
const asProgram = "ORIGIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command makes the program ready to start.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// launch starts the program on a free port, and gives its address and what it
// says from then on.
func launch(t *testing.T, cmd *exec.Cmd) (addr string, said *bufio.Reader) {
	t.Helper()
	cmd.Env = append(cmd.Env, "ORIGIN_LISTEN=127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	said = bufio.NewReader(stderr)
	line, err := said.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program says %q, %v", line, err)
	}
	return addr, said
}

func fetch(t *testing.T, url string) (status int, content string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

func TestExampleIsServed(t *testing.T) {
	cmd := command(t)
	addr, said := launch(t, cmd)
	if status, page := fetch(t, "http://"+addr+"/"); status != 200 || !strings.Contains(page, "one&nbsp;hop") {
		t.Errorf("%d, %q", status, page)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	rest, _ := io.ReadAll(said)
	if err := cmd.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("after SIGTERM: %v, %q", err, rest)
	}
}

func TestStudyIsOffered(t *testing.T) {
	addr, _ := launch(t, command(t, "--study"))
	if status, text := fetch(t, "http://"+addr+"/_/status/418"); status != 418 || text != "418\n" {
		t.Errorf("%d, %q", status, text)
	}
	if _, page := fetch(t, "http://"+addr+"/"); !strings.Contains(page, `href="/_/status/418"`) {
		t.Errorf("the page does not show the endpoints: %s", page)
	}
	addr, _ = launch(t, command(t))
	if status, _ := fetch(t, "http://"+addr+"/_/status/418"); status != 404 {
		t.Errorf("without the flag: %d", status)
	}
	if _, page := fetch(t, "http://"+addr+"/"); strings.Contains(page, "/_/") {
		t.Errorf("without the flag the page shows endpoints: %s", page)
	}
}

func TestRootAndLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "access.log")
	cmd := command(t, "--root", dir, "--access-log", log, "--loops", "2", "--post-path", "/echo")
	addr, _ := launch(t, cmd)
	if status, content := fetch(t, "http://"+addr+"/a.txt"); status != 200 || content != "a file\n" {
		t.Errorf("%d, %q", status, content)
	}
	if status, _ := fetch(t, "http://"+addr+"/echo"); status != 405 {
		t.Errorf("GET of the post path: %d", status)
	}
	cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	lines, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(lines), `"GET /a.txt HTTP/1.1" 200 7`) || strings.Count(string(lines), "\n") != 2 {
		t.Errorf("the log is %q, %v", lines, err)
	}
}

// What was posted is there again after the next start, and so is the bound that only a
// store has.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		cmd := command(t, "--post", "store", "--upload-dir", dir)
		addr, _ := launch(t, cmd)
		for _, c := range []struct {
			length int64
			status int
		}{{5, 201 + i*208}, {1<<30 + 1, 413}} {
			client, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(client, "POST /post/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nhello", c.length)
			answer, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil || answer.StatusCode != c.status {
				t.Errorf("start %d, %d bytes: %v, %v", i, c.length, answer, err)
			}
			client.Close()
		}
		if status, content := fetch(t, "http://"+addr+"/post/a.txt"); status != 200 || content != "hello" {
			t.Errorf("start %d: %d, %q", i, status, content)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	cmd := command(t, "--drain-timeout", "1h")
	addr, said := launch(t, cmd)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200 OK"))); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	for {
		if c, err := net.Dial("tcp", addr); err != nil {
			break // it accepts no more, so the first signal has arrived
		} else {
			c.Close()
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	io.ReadAll(said)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// Whatever is wrong is said in one line, and by the exit status.
func TestErrors(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	badScript := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(badScript, []byte("faults:\n  - delay: 1s\n    dealy: 2s\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		says   string
		status int
	}{
		{[]string{"--nonsense"}, "nonsense", 2},
		{[]string{"--idle-timeout", "soon"}, "idle-timeout", 2},
		{[]string{"--loops", "0"}, "--loops", 2},
		{[]string{"--max-connections", "-1"}, "--max-connections", 2},
		{[]string{"folder"}, "folder", 2},
		{[]string{"--fault", "nonsense"}, "one of list, early-413, flapping,", 2},
		{[]string{"--fault", badScript}, badScript + `:3:5: there is no key "dealy" here`, 2},
		{[]string{"--fault", "/nothing.yaml"}, "/nothing.yaml", 1},
		{[]string{"--idle-timeout", "-1s"}, "--idle-timeout", 2},
		{[]string{"--head-timeout", "0"}, "--head-timeout", 2},
		{[]string{"--admin", "0.0.0.0:0"}, "--admin-open", 2},
		{[]string{"--admin-open"}, "--admin-open means something only with --admin", 2},
		{[]string{"--admin", busy.Addr().String()}, "choose another address", 1},
		{[]string{"--post", "keep"}, `"keep"`, 2},
		{[]string{"--post", "store"}, "--upload-dir", 2},
		{[]string{"--post", "sink", "--post-path", ""}, "--post-path", 2},
		{[]string{"--post", "echo", "--post-path", ""}, "--post echo needs a --post-path", 2},
		{[]string{"--drain-idle", "11s"}, "--drain-idle is no longer than --drain-timeout, which is 10s", 2},
		{[]string{"--upload-dir", "."}, "--post store", 2},
		{[]string{"--max-body", "much"}, "--max-body", 2},
		{[]string{"--max-body", ""}, "--max-body", 2},
		{[]string{"--post-path", "post"}, `"post"`, 2},
		{[]string{"--post", "store", "--upload-dir", "/nothing/here"}, "/nothing/here", 1},
		{[]string{"--root", "/nothing/here"}, "/nothing/here", 1},
		{[]string{"--root", os.Args[0]}, "not a directory", 1},
		{[]string{"--listen", busy.Addr().String()}, "listens there already", 1},
		{[]string{"--listen", "nonsense"}, "host:port", 2},
		{[]string{"--access-log", "/nothing/here"}, "access log", 1},
	} {
		cmd := command(t, c.args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		cmd.Run()
		said := stderr.String()
		if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(said, c.says) ||
			!strings.HasPrefix(said, "origin: ") || strings.Count(said, "\n") != 1 {
			t.Errorf("%v: status %d, %q; want %d, one line with %q", c.args, status, said, c.status, c.says)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, flag := range []string{"--help", "--version"} {
		out, err := command(t, flag).Output()
		if err != nil || len(out) == 0 {
			t.Errorf("%s: %q, %v", flag, out, err)
		}
		for line := range strings.SplitSeq(string(out), "\n") {
			if len(line) > 80 {
				t.Errorf("%s: %q has %d columns", flag, line, len(line))
			}
		}
	}
}
