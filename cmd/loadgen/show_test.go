package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/hopwire/hopwire/shared/wiretest"
	"golang.org/x/sys/unix"
)

// hop is a recording of both hops: twelve exchanges, of which one was replayed, two
// were refused, one became a tunnel and one did not come to its end, and a connection
// for none. There is ESC in the first target.
const hop = "testdata/hop.pcapng"

func TestShow(t *testing.T) {
	foreign := pcapOf(t, "127.0.0.1:80", []string{request("/a"), response("hi"), request("/b")})
	packed := changed(t, foreign, func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		z.Write(b)
		z.Close()
		return out.Bytes()
	})
	cut := changed(t, hop, func(b []byte) []byte { return b[:9000] })
	for _, test := range []struct {
		name   string
		args   []string
		status int
		has    []string // in the output, in this order
		hasNot string
		says   string // on standard error
		lines  int    // 0: any
	}{
		{name: "lines", args: []string{hop}, lines: 12,
			has: []string{`c1#1           400     175   0.056 GET /hello.txt?q=\x1b`, "c3#2 -> o3#1   200     271   5.113 GET /stale       kept/kept replayed", "c4             no request: opened by 127.0.0.1:"}},
		{name: "a picture", args: []string{hop, "--exchange", "c3#2"},
			has: []string{"client c3", "origin o1", "the request is sent\n   once more", "origin o3", "HTTP/1.1 200 OK⏎"}},
		{name: "by the origin's name", args: []string{hop, "--exchange", "o1#2"}, has: []string{"c3#2 -> o3#1  GET /stale"}},
		{name: "by both", args: []string{hop, "--exchange", "c3#1 -> o1#1"}, has: []string{"c3#1 -> o1#1  GET /hello.txt"}},
		{name: "all pictures", args: []string{hop, "--exchange", "all"}, has: []string{"c1#1  GET", "\n\nc3#1", "\n\nc7#2"}, hasNot: "c4  "},
		{name: "no such exchange", args: []string{hop, "--exchange", "c9#9"}, status: 1, says: "hop.pcapng has no exchange c9#9"},
		{name: "no name", args: []string{hop, "--exchange", "c9"}, status: 2, says: `--exchange: "c9" does not name an exchange`},
		{name: "an empty name", args: []string{hop, "--exchange", ""}, status: 2, says: `--exchange: "" does not name an exchange`},
		{name: "bytes", args: []string{hop, "--exchange", "c2#1", "--hex"}, has: []string{"request on c2, ", "00000000  50 4f 53 54", "method", "chunk-size: RFC 9112"}, status: 0},
		{name: "decisions", args: []string{hop, "--pool"}, has: []string{"pool: a new connection is to be opened", "pool: o1 was idle and is used", "replay: the connection gave no response"}},
		{name: "two forms", args: []string{hop, "--pool", "--hex"}, status: 2, says: "ask for one at a time"},
		{name: "a filter", args: []string{hop, "--filter", `status >= 400 and reuse != "no" and path matches "^/$"`}, lines: 1, has: []string{"c2#3"}},
		{name: "a filter of pictures", args: []string{hop, "--filter", `replayed`, "--exchange", "all"}, has: []string{"c3#2"}, hasNot: "c3#1"},
		{name: "a filter that lets none through", args: []string{hop, "--filter", "total > 1000000"}},
		{name: "a wrong name", args: []string{hop, "--filter", "1 == 1 and\nstats == 1"}, status: 2, says: "loadgen: --filter: unknown name stats, at line 2, column 1; see"},
		{name: "half an expression", args: []string{hop, "--filter", "status >="}, status: 2, says: "at column 9; see"},
		{name: "no condition", args: []string{hop, "--filter", "status"}, status: 2, says: "--filter: expected bool, but got int"},
		{name: "no expression", args: []string{hop, "--filter", ""}, status: 2, says: "--filter: "},
		{name: "what fails when it runs", args: []string{hop, "--filter", "1 % bytes == 0 and 1 % (status-400) == 0"}, status: 1, says: "--filter: "},
		{name: "a capture by others", args: []string{foreign}, lines: 2, has: []string{"c1#1           200", "GET /a", "c1#2           -", "GET /b"}},
		{name: "packed", args: []string{packed, "--exchange", "c1#1"}, has: []string{"client c1", "► server", "GET /a HTTP/1.1⏎"}},
		{name: "a recording that was cut off", args: []string{cut}, lines: 4, has: []string{"c3#3           -", "still under"}, says: "changed.pcap: the file is cut or damaged behind what was read ("},
		{name: "TLS", args: []string{"../../shared/capture/testdata/proto_tls.pcap"}, status: 1, says: "nothing to show: left out 1 connection that carried TLS"},
		{name: "no capture", args: []string{"show_test.go"}, status: 1, says: "show_test.go: this is neither a pcapng nor a pcap file"},
		{name: "no file", args: []string{"not-there"}, status: 1, says: "no such file"},
		{name: "none named", status: 2, says: "name one recording, or -"},
		{name: "two named", args: []string{hop, hop}, status: 2, says: "name one recording, or -"},
		{name: "lanes", args: []string{hop, "--lanes"}, has: []string{"11 connections from 2026-11-26 23:13:00", "c3      b---c---dd---|", "client FIN client-closed", "o3          c---dd---", "c: c3#2 -> o3#1"}},
		{name: "lanes of what was cut off", args: []string{cut, "--lanes"}, has: []string{"4 connections", "open"}, says: "is cut or damaged"},
		{name: "lanes of some", args: []string{hop, "--lanes", "--filter", "true"}, status: 2, says: "takes neither --filter nor --exchange"},
		{name: "two forms", args: []string{hop, "--json", "--hex"}, status: 2, says: "ask for one at a time"},
		{name: "standard input, followed", args: []string{"-", "--follow"}, status: 2, says: "--follow is for files"},
		{name: "standard input, twice", args: []string{"-", "--json", "--filter", "true"}, status: 2, says: "reads a file twice"},
		{name: "a wrong exchange as JSON", args: []string{hop, "--json", "--exchange", "c9#9"}, status: 1, says: "has no exchange c9#9"},
		{name: "JSON of a capture", args: []string{foreign, "--json", "--exchange", "c1#2"}, lines: 4, has: []string{`"event":"bytes"`, `"kind":"exchange"`}},
		{name: "little memory", args: []string{hop, "--memory", "1MiB"}, status: 2, says: "--memory is at least 64MiB"},
		{name: "a colour", args: []string{hop, "--color", "red"}, status: 2, says: "--color is auto, always or never"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, status := loadgen(t, append([]string{"show"}, test.args...)...)
			if status != test.status || !strings.Contains(stderr, test.says) || test.says == "" && stderr != "" || strings.Count(stderr, "\n") > 1 {
				t.Errorf("status %d, want %d; %q, want %q", status, test.status, stderr, test.says)
			}
			rest := stdout
			for _, want := range test.has {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("no %q in\n%s", want, rest)
				}
				rest = after
			}
			if test.hasNot != "" && strings.Contains(stdout, test.hasNot) {
				t.Errorf("%q in\n%s", test.hasNot, stdout)
			}
			if n := strings.Count(stdout, "\n"); test.lines > 0 && n != test.lines {
				t.Errorf("%d lines, want %d:\n%s", n, test.lines, stdout)
			}
			if strings.ContainsFunc(stdout, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
				t.Errorf("it controls the terminal: %q", stdout)
			}
		})
	}
}

// What comes on standard input is shown, packed or not.
func TestShowStandardInput(t *testing.T) {
	want, _, _ := loadgen(t, "show", hop)
	f, err := os.Open(hop)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd, stdout, stderr := process("show", "-")
	cmd.Stdin = f
	if err := cmd.Run(); err != nil || stdout.String() != want || want == "" {
		t.Errorf("%v %s\n%s", err, stderr, stdout)
	}
}

// What is written to a recording while it is followed is shown, also in a further
// file, until a signal.
func TestShowFollows(t *testing.T) {
	whole, err := os.ReadFile(hop)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "growing.pcapng")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd, _, stderr := process("show", "--follow", name)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	lines := bufio.NewScanner(out)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("no %q; %s", want, stderr)
	}
	file.Write(whole[:9000])
	until("c3#2 -> o3#1")
	file.Write(whole[9000:])
	until("c7#2")
	if err := os.WriteFile(name+".1", whole, 0o600); err != nil {
		t.Fatal(err)
	}
	until("c3#2 -> o3#1")
	until("c7#2")
	cmd.Process.Signal(syscall.SIGTERM)
	for lines.Scan() {
		t.Errorf("after the signal: %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr)
	}
}

// Each event is a line of JSON, of all exchanges or of those that are wanted.
func TestShowJSON(t *testing.T) {
	for _, test := range []struct {
		args []string
		want map[string]int // events by exchange, or by connection where there is none
	}{
		{[]string{"--filter", "replayed"}, map[string]int{"c3#2": 2, "c3#2 -> o1#2": 4, "c3#2 -> o3#1": 4, "c3": 1, "c3#4": 2, "o1": 1, "o3": 1, "c5#1 -> o3#3": 2}},
		{[]string{"--exchange", "c2#3"}, map[string]int{"c2#3": 4, "c2": 1}},
		{[]string{"--filter", "false"}, map[string]int{}},
	} {
		stdout, stderr, status := loadgen(t, append([]string{"show", hop, "--json"}, test.args...)...)
		got := map[string]int{}
		for line := range strings.Lines(stdout) {
			var e struct{ Exchange, Connection string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			got[cmp.Or(e.Exchange, e.Connection)]++
		}
		if status != 0 || stderr != "" || !maps.Equal(got, test.want) {
			t.Errorf("%v: status %d, %v, want %v %s", test.args, status, got, test.want, stderr)
		}
	}
	if stdout, _, status := loadgen(t, "show", hop, "--json"); status != 0 || strings.Count(stdout, "\n") != 92 {
		t.Errorf("status %d, %d events", status, strings.Count(stdout, "\n"))
	}
}

func TestShowWidthAndColours(t *testing.T) {
	t.Setenv("COLUMNS", "150")
	stdout, _, _ := loadgen(t, "show", hop)
	if !strings.Contains(stdout, "200     271   0.004   0.000   0.015   0.338   4.661   0.092   5.113 GET /stale") {
		t.Errorf("150 columns are not used:\n%s", stdout)
	}
	plain := stdout
	if stdout, _, _ = loadgen(t, "show", hop, "--color", "always"); !strings.Contains(stdout, "\x1b[32m200\x1b[0m") {
		t.Errorf("no colours:\n%q", stdout)
	}
	if stdout, _, _ = loadgen(t, "show", hop, "--color", "never"); stdout != plain {
		t.Errorf("colours:\n%q", stdout)
	}
}

// A terminal gets what it has columns for, colours, and a line that names the columns.
func TestShowOnATerminal(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	t.Setenv("TERM", "xterm")
	for noColour, want := range map[string]string{"": "\x1b[32m200\x1b[0m     271   0.103   0.590   0.823 GET /hello.txt", "1": " 200     271   0.103   0.590   0.823 GET /hello.txt"} {
		t.Setenv("NO_COLOR", noColour)
		master, terminal := wiretest.Terminal(t)
		if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 110}); err != nil {
			t.Fatal(err)
		}
		cmd, _, stderr := process("show", hop)
		cmd.Stdout = terminal
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v %s", err, stderr)
		}
		out := make([]byte, 16<<10)
		n, err := master.Read(out)
		for err == nil && bytes.Count(out[:n], []byte("\n")) < 13 {
			var more int
			more, err = master.Read(out[n:])
			n += more
		}
		text := string(out[:n])
		if !strings.HasPrefix(text, "  seconds exchange             bytes connect    wait   total request") || !strings.Contains(text, want) {
			t.Errorf("NO_COLOR=%s: %v\n%q\nhas no %q", noColour, err, text, want)
		}
	}
}

func TestShowHelpNamesEachField(t *testing.T) {
	stdout, _, status := loadgen(t, "show", "--help")
	for _, want := range []string{"  client_end  what became", "  reuse ", "--exchange EXCHANGE", "EXAMPLES"} {
		if status != 0 || !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if len([]rune(line)) > 81 {
			t.Errorf("too long: %s", line)
		}
	}
}
