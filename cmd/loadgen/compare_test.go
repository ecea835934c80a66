package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// comparison reads some of the JSON of compare.
type comparison struct {
	A, B struct {
		Name   string
		Rounds []struct{ Requests int64 }
	}
	Figures []struct {
		Name, Finding string
		A, B, Ratio   float64
	}
	SettingsDiffer []string `json:"settings_differ"`
}

func comparisonOf(t *testing.T, stdout string) (c comparison) {
	t.Helper()
	if err := json.Unmarshal([]byte(stdout), &c); err != nil {
		t.Fatalf("the comparison is no JSON: %v\n%s", err, stdout)
	}
	return c
}

// TestRepeat: the report is of all rounds, and has each.
func TestRepeat(t *testing.T) {
	address, asked := origin(t)
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/", "-n", "50", "-c", "1", "--repeat", "3", "--format", "json")
	var rounds struct {
		Rounds []struct{ Requests int64 }
	}
	if err := json.Unmarshal([]byte(stdout), &rounds); err != nil {
		t.Fatal(err)
	}
	n := numbersOf(t, stdout)
	if status != 0 || stderr != "" || asked.Load() != 150 || n.Requests != 150 || n.Connections.Opened != 3 || len(rounds.Rounds) != 3 || rounds.Rounds[2].Requests != 50 {
		t.Errorf("status %d, %s, asked %d times: %s", status, stderr, asked.Load(), stdout)
	}
	stdout, _, _ = loadgen(t, "replay", "http://"+address+"/", "-n", "50", "--repeat", "3")
	if !regexp.MustCompile(`(?m)^  Rounds       3, of [\d,.]+ to [\d,.]+ requests per second$`).MatchString(stdout) {
		t.Errorf("the rounds are not told:\n%s", stdout)
	}
}

// TestVerdictOnRounds: that of each is told, and the gravest counts.
func TestVerdictOnRounds(t *testing.T) {
	address := answering(t, func(n int64, read *bufio.Reader, w net.Conn) {
		for next(read) && n == 1 { // the second round meets silence
			io.WriteString(w, response("hi"))
		}
	})
	stdout, stderr, status := loadgen(t, "replay", "http://"+address+"/", "-c", "1", "-d", "200ms", "--grace", "0", "--repeat", "2", "--format", "json")
	var rounds struct {
		Rounds []struct{ Verdict struct{ State string } }
	}
	if err := json.Unmarshal([]byte(stdout), &rounds); err != nil {
		t.Fatal(err)
	}
	v := numbersOf(t, stdout).Verdict
	if status != 3 || v.State != "invalid" || !strings.HasPrefix(v.Reasons[0], "round 2: 1 of 1 request had no whole response") || rounds.Rounds[0].Verdict.State == "invalid" {
		t.Errorf("status %d, %s%s", status, stderr, stdout)
	}
	file := filepath.Join(t.TempDir(), "invalid.json")
	if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, status = loadgen(t, "compare", file, file)
	if want := "loadgen: the figures are invalid: round 2 of a, like 1 other: 1 of 1 request"; status != 3 || !strings.HasPrefix(stderr, want) || !strings.HasPrefix(stdout, "INVALID\n- round 2 of a") {
		t.Errorf("status %d, %s, want %s\n%s", status, stderr, want, stdout)
	}
}

// TestRepeatEndsWithTheServer: there is no second round when nobody listens.
func TestRepeatEndsWithTheServer(t *testing.T) {
	stdout, _, status := loadgen(t, "replay", "http://127.0.0.1:1/", "-c", "2", "-n", "2", "--no-backoff", "--repeat", "3", "--format", "json")
	if n := numbersOf(t, stdout); status != 3 || n.Errors != 2 {
		t.Errorf("status %d, %+v", status, n)
	}
}

func TestCompareOfFiles(t *testing.T) {
	address, _ := origin(t)
	dir := t.TempDir()
	file := func(name string, args ...string) string {
		stdout, stderr, status := loadgen(t, append([]string{"replay", "http://" + address + "/", "-n", "40", "--repeat", "4", "--format", "json"}, args...)...)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(stdout), 0o600); err != nil || status != 0 {
			t.Fatal(err, stderr)
		}
		return path
	}
	a, b, other := file("a.json", "-c", "1"), file("b.json", "-c", "1"), file("other.json", "-c", "1", "--requests-per-connection", "1")

	stdout, stderr, status := loadgen(t, "compare", a, b, "--format", "json")
	if c := comparisonOf(t, stdout); status != 0 || stderr != "" || len(c.Figures) != 5 || c.Figures[4].Finding != "no difference" || c.Figures[4].A != 1 || len(c.SettingsDiffer) != 0 || c.A.Name != a {
		t.Errorf("status %d, %s%+v", status, stderr, c)
	}
	stdout, stderr, status = loadgen(t, "compare", a, other)
	if want := "loadgen: " + a + " and " + other + " are of different settings, requests_per_connection 0 and 1; --different compares them all the same\n"; status != 1 || stderr != want || stdout != "" {
		t.Errorf("status %d, %q, want %q", status, stderr, want)
	}
	stdout, stderr, status = loadgen(t, "compare", a, other, "--different")
	if !regexp.MustCompile(`(?m)^  Connections  +1  +40  +40\.00 +40\.00\.\.40\.00  0\.029  more$`).MatchString(stdout) || status != 0 || stderr != "" {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
}

// TestCompareOfCommandLines: each makes the rounds that are asked for, in turns.
func TestCompareOfCommandLines(t *testing.T) {
	address, asked := origin(t)
	t.Setenv("LOADGEN_REPEAT", "4")
	line := "replay 'http://" + address + "/?x=1&y=2' -n 30 -c 1"
	stdout, stderr, status := loadgen(t, "compare", "--format", "json", "--a", line, "--b", line+" --requests-per-connection 1")
	c := comparisonOf(t, stdout)
	if status != 0 || stderr != "" || asked.Load() != 240 || len(c.A.Rounds) != 4 || len(c.B.Rounds) != 4 || c.B.Name != line+" --requests-per-connection 1" {
		t.Fatalf("status %d, %s, asked %d times: %+v", status, stderr, asked.Load(), c)
	}
	if f := c.Figures[4]; f.Name != "connections_opened" || f.A != 1 || f.B != 30 || f.Ratio != 30 || f.Finding != "more" || strings.Join(c.SettingsDiffer, " ") != "requests_per_connection" {
		t.Errorf("%+v", c)
	}
}

// TestCompareTellsOfFailedRuns: what there is is compared if anything was answered.
func TestCompareTellsOfFailedRuns(t *testing.T) {
	address, _ := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response("you asked for /b"), request("/c"), response("you asked for /c")})
	silent := answering(t, func(_ int64, read *bufio.Reader, w net.Conn) {
		next(read)
		w.Close()
	})
	good, half, none := "http://"+address+"/ -n 2", "replay --verify --target "+address+" "+strconv.Quote(file), "http://"+silent+"/ -n 1"
	stdout, stderr, status := loadgen(t, "compare", "--repeat", "1", "--a", good, "--b", half)
	if want := "loadgen: run 2, of b, failed: 1 of 2 requests failed, by content-mismatch\n"; status != 1 || stderr != want || !strings.Contains(stdout, "\n  Errors       b: 1 of 2 requests failed\n") {
		t.Errorf("status %d, %q, want %q\n%s", status, stderr, want, stdout)
	}
	stdout, stderr, status = loadgen(t, "compare", "--a", good, "--b", none)
	if want := "loadgen: run 2, of b, failed: 1 of 1 request failed, by closed-before-response\n"; status != 1 || stderr != want || !strings.Contains(stdout, "\n  Rounds       1 of a, 1 of b\n") {
		t.Errorf("status %d, %q, want %q\n%s", status, stderr, want, stdout)
	}
	stdout, stderr, status = loadgen(t, "compare", "--a", none, "--b", good)
	if want := "loadgen: run 1, of a, failed: 1 of 1 request failed, by closed-before-response\n"; status != 1 || stderr != want || stdout != "" {
		t.Errorf("status %d, %q, want %q\n%s", status, stderr, want, stdout)
	}
}

// TestCompareWithErrors: a server whose every response is an error is not called as good
// as another.
func TestCompareWithErrors(t *testing.T) {
	good, _ := origin(t)
	bad := answering(t, func(_ int64, read *bufio.Reader, w net.Conn) {
		for next(read) {
			io.WriteString(w, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		}
	})
	stdout, stderr, status := loadgen(t, "compare", "--repeat", "1", "--a", "http://"+good+"/ -n 1000", "--b", "http://"+bad+"/ -n 1000")
	const reason = "SUSPECT\n- b: 1000 of 1000 responses had status 502, which the other side has not"
	if status != 0 || stderr != "" || !strings.HasPrefix(stdout, reason) || !strings.Contains(stdout, "\n  Statuses     a: 200 ×1,000\n               b: 502 ×1,000\n") {
		t.Errorf("status %d, %s\n%s", status, stderr, stdout)
	}
}

// TestInterruptedCompare: a signal ends the run that is under way, too, and what makes
// whole pairs by then is compared.
func TestInterruptedCompare(t *testing.T) {
	for _, test := range []struct {
		bound string
		runs  int64
		want  string // of standard output
	}{
		{"-d 1m", 1, `^$`},
		{"-n 1 -c 1", 4, `(?m)^  Rounds       (\d+) of a, (\d+) of b$`},
	} {
		address, asked := origin(t)
		line := "replay http://" + address + "/ " + test.bound
		cmd, stdout, stderr := process("compare", "--a", line, "--b", line, "--repeat", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		for deadline := time.Now().Add(20 * time.Second); asked.Load() < test.runs && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		rounds := regexp.MustCompile(test.want).FindStringSubmatch(stdout.String())
		if want := "loadgen: stopped by a signal before it was done\n"; cmd.ProcessState.ExitCode() != 1 || stderr.String() != want || rounds == nil || len(rounds) == 3 && rounds[1] != rounds[2] {
			t.Errorf("%s: status %d, %q, %q\n%s", test.bound, cmd.ProcessState.ExitCode(), stderr, rounds, stdout)
		}
	}
}

// TestWrongCompare tells what is said of what cannot be done: one sentence.
func TestWrongCompare(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.json")
	if err := os.WriteFile(old, []byte(`{"schema": 7, "settings": {"hop": "client"}, "rounds": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	address, asked := origin(t)
	good := "http://" + address + "/"
	defer func() {
		if asked.Load() > 0 {
			t.Error("a run was made before all was checked")
		}
	}()
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nothing", nil, 2, "name two files"},
		{"one file", []string{old}, 2, "name two files"},
		{"files and lines", []string{old, old, "--a", "replay"}, 2, "not both"},
		{"no such file", []string{"/absent", old}, 1, "/absent: no such file"},
		{"no report", []string{"compare_test.go", old}, 1, "compare_test.go is no report that loadgen replay"},
		{"another schema", []string{old, old}, 1, "old.json has version 7 of the schema"},
		{"one line", []string{"--a", "replay x"}, 2, `--b "": write replay`},
		{"another command", []string{"--a", "show x", "--b", "replay x"}, 2, `--a "show x": write replay`},
		{"an open quote", []string{"--a", "replay x", "--b", "replay 'x"}, 2, "has no end"},
		{"a format of one", []string{"--a", "replay x", "--b", "replay x --format=json"}, 2, "give --format to compare"},
		{"rounds of one", []string{"--a", "replay x -repeat 3", "--b", "replay x"}, 2, "give --repeat to compare"},
		{"no rounds", []string{"--repeat", "0", "--a", "replay x", "--b", "replay x"}, 2, "--repeat is from 1 to 1000"},
		{"no format", []string{old, old, "--format", "xml"}, 2, "--format is text, json or bench"},
		{"what replay does not know", []string{"--a", "replay --fast", "--b", "replay x"}, 2, `--a "replay --fast": unknown flag --fast; see 'loadgen replay --help'`},
		{"nor for b", []string{"--a", "http://127.0.0.1:1", "--b", "replay x -n many"}, 2, `--b "replay x -n many": -n is a whole number, not "many"`},
		{"what a run finds wrong", []string{"--a", "http://127.0.0.1:1 -c 0", "--b", "replay x"}, 2, `--a "http://127.0.0.1:1 -c 0": -c is at least 1, not 0`},
		{"a recording that is absent", []string{"--a", "replay /absent", "--b", "replay x"}, 1, `--a "replay /absent": open /absent: no such file`},
		{"one of b", []string{"--a", good, "--b", "replay /absent.pcap --target h:1"}, 1, `--b "replay /absent.pcap --target h:1": open /absent.pcap: no such file`},
		{"flags of b that contradict", []string{"--a", good, "--b", good + " --verify"}, 2, "--verify has nothing to compare with"},
		{"a URL of b that is none", []string{"--a", good, "--b", "http://"}, 2, `--b "http://": `},
		{"a server of b that has no name", []string{"--a", good, "--b", "http://nobody.invalid/"}, 2, `--b "http://nobody.invalid/": `},
		{"a ledger of b", []string{"--a", good, "--b", good + " --ledger edge=127.0.0.1:1"}, 1, "--ledger edge=127.0.0.1:1: dial tcp"},
		{"the log of one", []string{"--a", "replay x --hdr-log=y", "--b", "replay x"}, 2, "leave out --hdr-log"},
		{"failures of one", []string{"--a", "replay x", "--b", "replay x --save-failures y"}, 2, "leave out --save-failures"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := loadgen(t, append([]string{"compare"}, test.args...)...)
			if status != test.status || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("status %d, %q, want %d and %q\n%s", status, stderr, test.status, test.want, stdout)
			}
		})
	}
	t.Setenv("LOADGEN_HDR_LOG", filepath.Join(dir, "log"))
	if _, stderr, status := loadgen(t, "compare", "--a", "replay x", "--b", "replay x"); status != 2 || !strings.Contains(stderr, "unset LOADGEN_HDR_LOG") {
		t.Errorf("status %d, %q", status, stderr)
	}
}
