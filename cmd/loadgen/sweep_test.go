package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// swept reads some of the JSON report of a sweep, which has to be as the schema has it.
type swept struct {
	Verdict struct {
		State string `json:"state"`
	} `json:"verdict"`
	Settings struct {
		Target, Against string
		Rounds, Runs    int
		DelayedBy       string `json:"delayed_by"`
		Seed            uint64
	} `json:"settings"`
	Cells []struct {
		To                    string
		Connections           int
		IdleS                 float64 `json:"idle_s"`
		DelayS                float64 `json:"delay_s"`
		RequestsPerConnection int     `json:"requests_per_connection"`
		Requests, Errors      int64
		RequestsPerS          struct{ Rounds []float64 } `json:"requests_per_s"`
		Processes             []struct{ Name string }
	} `json:"cells"`
	BreakEven []struct {
		To    string
		Gains []any
	} `json:"break_even"`
	Ratios []any    `json:"ratios"`
	Notes  []string `json:"notes"`
}

func sweptOf(t *testing.T, stdout string) (s swept) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("internal/report/sweep.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
	if err = errors.Join(err, schema.Validate(report), json.Unmarshal([]byte(stdout), &s)); err != nil {
		t.Fatalf("the report is not as the schema has it: %v\n%s", err, stdout)
	}
	return s
}

// exit is the status that a sweep has that ended early, for a machine that is too busy for
// runs so short makes figures invalid.
func (s *swept) exit() int {
	if s.Verdict.State == "invalid" {
		return statusInvalid
	}
	return 1
}

// TestSweep: each cell of the grid is measured as often as there are rounds, of both
// servers, and what is told of it is what was asked for.
func TestSweep(t *testing.T) {
	one, _ := origin(t)
	other, asked := origin(t)
	page := filepath.Join(t.TempDir(), "sweep.html")
	stdout, stderr, status := loadgen(t, "sweep", one, "--against", other, "--requests-per-connection", "0,1", "--connections", "2,1", "--idle", "0,1ms", "--delay", "0",
		"--duration", "150ms", "--repeat", "2", "--seed", "7", "--pid", fmt.Sprintf("test=%d,test=%d", os.Getpid(), os.Getppid()), "--html", page, "--format", "json")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s%s", status, stderr, stdout)
	}
	s := sweptOf(t, stdout)
	if s.Settings.Target != one || s.Settings.Against != other || s.Settings.Runs != 32 || s.Settings.Seed != 7 || s.Settings.DelayedBy != "" || len(s.Cells) != 16 || asked.Load() == 0 {
		t.Errorf("%+v, %d cells", s.Settings, len(s.Cells))
	}
	var order []string
	for _, c := range s.Cells {
		if c.Requests == 0 || c.Errors > 0 || len(c.RequestsPerS.Rounds) != 2 || len(c.Processes) != 1 || c.Processes[0].Name != "test" {
			t.Errorf("%+v", c)
		}
		order = append(order, fmt.Sprint(c.To, c.IdleS, c.Connections, c.RequestsPerConnection))
	}
	if want := []string{"target0 1 1", "against0 1 1", "target0 1 0", "against0 1 0", "target0 2 1"}; !slices.Equal(order[:len(want)], want) {
		t.Errorf("the cells stand in the order %q", order)
	}
	if len(s.BreakEven) != 8 || len(s.BreakEven[0].Gains) != 1 || len(s.Ratios) != 8 {
		t.Errorf("%d break-evens, %d ratios", len(s.BreakEven), len(s.Ratios))
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "</html>") || strings.Count(string(html), "<svg") != 8 {
		t.Errorf("%v, %s", err, html)
	}
}

// TestSweepOfARecording over a distance: connections end where the grid says, and nowhere
// else.
func TestSweepOfARecording(t *testing.T) {
	address, asked := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response("a")}, []string{request("/b"), response("b")})
	stdout, stderr, status := loadgen(t, "sweep", file, "--target", address, "--requests-per-connection", "0,2", "--connections", "2", "--delay", "2ms",
		"--duration", "200ms", "--rounds", "1")
	if status != 0 || stderr != "" || asked.Load() < 20 {
		t.Errorf("status %d, %s, asked %d times", status, stderr, asked.Load())
	}
	for _, want := range []string{"2 connections, delay 2ms\n", "\n      2", "\n      ∞", "Break-even: ", "by a hop inside loadgen, not by the network"} {
		if !strings.Contains(stdout, want) && !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("there is no %q in\n%s", want, stdout)
		}
	}
}

// TestEndsOfASweep: what fails, and what is not so, is in the exit status.
func TestEndsOfASweep(t *testing.T) {
	address, _ := origin(t)
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	// inThirdRun waits until that has begun, where each run opens one connection.
	inThirdRun := func() {
		for want, late := opened.Load()+3, time.Now().Add(20*time.Second); opened.Load() < want && time.Now().Before(late); {
			time.Sleep(time.Millisecond)
		}
	}
	t.Run("nobody listens", func(t *testing.T) {
		_, stderr, status := loadgen(t, "sweep", "http://h/", "--target", "unix:"+t.TempDir()+"/nobody", "-d", "50ms")
		if status != 1 || !strings.Contains(stderr, "no connection could be opened") {
			t.Errorf("status %d, %s", status, stderr)
		}
	})
	t.Run("nothing but 404", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		stdout, stderr, status := loadgen(t, "sweep", server.URL, "-d", "200ms", "--rounds", "1", "--requests-per-connection", "0")
		stdout = strings.Join(strings.Fields(stdout), " ")
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "SUSPECT") || !strings.Contains(stdout, "had status 404, which no recording has") || !strings.Contains(stdout, "Statuses: 404 ×") {
			t.Errorf("status %d, %s%s", status, stderr, stdout)
		}
	})
	t.Run("no response in time", func(t *testing.T) {
		stdout, stderr, status := loadgen(t, "sweep", address, "--delay", "200ms", "-d", "20ms", "--rounds", "1", "--requests-per-connection", "0", "--timeout", "50ms", "--no-backoff")
		if status != 3 || !strings.Contains(stderr, "the figures are invalid") && !strings.Contains(stderr, "requests failed") || !strings.HasPrefix(stdout, "INVALID\n") {
			t.Errorf("status %d, %s%s", status, stderr, stdout)
		}
	})
	t.Run("a process that ends", func(t *testing.T) {
		sleep := exec.Command("sleep", "1000")
		if err := sleep.Start(); err != nil {
			t.Fatal(err)
		}
		pid := sleep.Process.Pid
		cmd, stdout, stderr := process("sweep", server.URL, "-d", "20ms", "-c", "1", "--requests-per-connection", "0", "--rounds", "900", "--format", "json", "--pid", fmt.Sprintf("edge=%d", pid))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		inThirdRun()
		sleep.Process.Kill()
		sleep.Wait()
		cmd.Wait()
		status := cmd.ProcessState.ExitCode()
		gone := fmt.Sprintf("there is no process %d, edge", pid)
		if s := sweptOf(t, stdout.String()); status != s.exit() || stderr.String() != "loadgen: "+gone+"\n" || len(s.Notes) != 1 || !strings.HasSuffix(s.Notes[0], " of 900 runs: "+gone) {
			t.Errorf("status %d, %s%q", status, stderr, s.Notes)
		}
	})
	t.Run("a signal", func(t *testing.T) {
		cmd, stdout, stderr := process("sweep", server.URL, "-d", "20ms", "-c", "1", "--requests-per-connection", "0", "--rounds", "100", "--format", "json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		inThirdRun()
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		s := sweptOf(t, stdout.String())
		if status := cmd.ProcessState.ExitCode(); status != s.exit() || stderr.String() != "loadgen: stopped by a signal before it was done\n" || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "interrupted after") {
			t.Errorf("status %d, %s%q", status, stderr, s.Notes)
		}
	})
}

// TestSweepPageIsSafe: the page does not replace what it is made of, and as long as there is
// none, no file is made or changed.
func TestSweepPageIsSafe(t *testing.T) {
	dir := t.TempDir()
	file := pcapOf(t, "127.0.0.1:9", []string{request("/a"), response("a")})
	link, older, absent := filepath.Join(dir, "link"), filepath.Join(dir, "older"), filepath.Join(dir, "absent")
	if err := errors.Join(os.Symlink(absent, link), os.WriteFile(older, []byte("a page"), 0o644)); err != nil {
		t.Fatal(err)
	}
	nobody := "unix:" + filepath.Join(dir, "nobody")
	before, _ := os.ReadFile(file)
	for _, test := range []struct {
		page, says string
		status     int
	}{
		{file, "--html would overwrite " + file, 2},
		{link, "--html: " + link + " is a symbolic link", 1},
		{older, "no connection could be opened", 1},
		{absent, "no connection could be opened", 1},
	} {
		if _, stderr, status := loadgen(t, "sweep", file, "--target", nobody, "-d", "20ms", "--no-backoff", "--html", test.page); status != test.status || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: status %d, %s", test.page, status, stderr)
		}
	}
	after, _ := os.ReadFile(file)
	kept, _ := os.ReadFile(older)
	if _, err := os.Lstat(absent); len(before) == 0 || !slices.Equal(before, after) || string(kept) != "a page" || err == nil {
		t.Errorf("the recording had %d bytes and has %d, the page is %q, there is a new one: %t", len(before), len(after), kept, err == nil)
	}
	address, _ := origin(t)
	_, stderr, status := loadgen(t, "sweep", address, "-d", "20ms", "--rounds", "1", "--requests-per-connection", "0", "--html", older)
	kept, _ = os.ReadFile(older)
	if info, err := os.Stat(older); err != nil || info.Mode() != 0o600 || !strings.HasPrefix(string(kept), "<!DOCTYPE") {
		t.Errorf("status %d, %s%v, %.20q", status, stderr, err, kept)
	}
}

// TestSweepFlags: what means nothing is refused in one sentence, and the environment of
// replay is not that of sweep.
func TestSweepFlags(t *testing.T) {
	for _, test := range []struct{ args, says string }{
		{"", "name a recording or a URL"},
		{"--requests-per-connection 1,few", "--requests-per-connection is numbers such as 1,4,16,0"},
		{"--requests-per-connection 1,-1", "--requests-per-connection is"},
		{"--requests-per-connection 4,4", "each once"},
		{"--connections 0", "--connections is numbers from 1 up"},
		{"-c 0", "-c is numbers from 1 up"},
		{"--connections 99999999", "--connections: 99999999 connections"},
		{"--idle 5", "--idle is times such as 0,10ms"},
		{"--idle -5ms", "--idle is times"},
		{"--delay soon", "--delay is times such as 0,1ms,20ms"},
		{"--duration 0s", "--duration is longer than 0"},
		{"--rounds 0", "--rounds is from 1 to 1000"},
		{"--repeat 1001", "--repeat is from 1 to 1000"},
		{"--pid 5", "--pid is NAME=PID"},
		{"--pid edge=0", "--pid is NAME=PID"},
		{"--pid edge=999999999", "--pid: there is no process 999999999, edge"},
		{"--format bench", "--format is text or json"},
		{"--against nowhere", "nowhere"},
		{"--timeout 0s", "--timeout is longer than 0"},
		{"--insecure", "--insecure is for TLS"},
		{"--html -", "--html names a file"},
		{"unix:/tmp/x", "unix:/tmp/x does not say what to ask for: write http://HOST/PATH --target unix:/tmp/x"},
	} {
		args := append([]string{"sweep"}, strings.Fields(test.args)...)
		if test.args != "" {
			args = append(args, "127.0.0.1:9")
		}
		stdout, stderr, status := loadgen(t, args...)
		if status != 2 || !strings.Contains(stderr, test.says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: status %d, %s", test.args, status, stderr)
		}
	}
	if _, stderr, status := loadgen(t, "sweep", "127.0.0.1:9", "--html", t.TempDir()+"/no/page"); status != 1 || !strings.Contains(stderr, "--html") {
		t.Errorf("status %d, %s", status, stderr)
	}
	address, _ := origin(t)
	t.Setenv("LOADGEN_REQUESTS_PER_CONNECTION", "5")
	t.Setenv("LOADGEN_SWEEP_REQUESTS_PER_CONNECTION", "3")
	t.Setenv("LOADGEN_CONNECTIONS", "2")
	stdout, stderr, status := loadgen(t, "sweep", "http://"+address, "-d", "20ms", "--rounds", "1", "--format", "json")
	if status != 0 {
		t.Fatal(stderr)
	}
	if s := sweptOf(t, stdout); len(s.Cells) != 1 || s.Cells[0].RequestsPerConnection != 3 || s.Cells[0].Connections != defaultConnections {
		t.Errorf("%+v", s.Cells)
	}
}
