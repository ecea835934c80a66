package main

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// TestProgressOnATerminal: what is written over again and again, and how wide it is;
// nothing where it could not be.
func TestProgressOnATerminal(t *testing.T) {
	address, _ := origin(t)
	for _, test := range []struct {
		name    string
		env     []string
		columns uint16
		want    []string // "": nothing at all
		without string   // "": anything may be there
	}{
		{"wide", []string{"TERM=xterm", "NO_COLOR="}, 80, []string{"  [█", "round 1/2, ", "round 2/2, ", "s left   ", " errors", " per second   p99 ", "\x1b[31m"}, ""},
		{"narrow", []string{"TERM=xterm", "NO_COLOR="}, 50, []string{"s left   ", " errors"}, "p99"},
		{"without colour", []string{"TERM=xterm", "NO_COLOR=1"}, 80, []string{"s left   "}, "\x1b[31m"},
		{"dumb", []string{"TERM=dumb"}, 80, nil, "\r"},
		{"unknown", []string{"TERM="}, 80, nil, "\r"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			master, terminal := wiretest.Terminal(t)
			if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: test.columns}); err != nil {
				t.Fatal(err)
			}
			// Every other response is not what was recorded.
			recording := pcapOf(t, address, []string{request("/a"), response("you asked for /a"), request("/b"), response("something else")})
			cmd, _, _ := process("replay", recording, "--verify", "--target", address, "-d", "900ms", "-c", "2", "--repeat", "2")
			cmd.Stderr, cmd.Env = terminal, append(cmd.Env, test.env...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			terminal.Close()
			limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
			defer limit.Stop()
			shown, _ := io.ReadAll(master) // the error at the end is that the program has ended
			cmd.Wait()
			for _, want := range test.want {
				if !strings.Contains(string(shown), want) {
					t.Errorf("there is no %q in %q", want, shown)
				}
			}
			if text := strings.ReplaceAll(string(shown), "\r\n", "\n"); test.without != "" && strings.Contains(text, test.without) {
				t.Errorf("there is %q in %q", test.without, shown)
			}
			for line := range strings.SplitSeq(string(shown), "\r\x1b[K") {
				line = strings.NewReplacer("\x1b[31m", "", "\x1b[m", "").Replace(line)
				if strings.HasPrefix(line, "  ") && utf8.RuneCountInString(line) >= int(test.columns) {
					t.Errorf("%d columns: %q", test.columns, line)
				}
			}
		})
	}
}

// TestCompareOnATerminal: the runs are told, and that is gone before the comparison comes.
func TestCompareOnATerminal(t *testing.T) {
	address, _ := origin(t)
	master, terminal := wiretest.Terminal(t)
	line := "http://" + address + "/ -n 2"
	cmd, _, _ := process("compare", "--repeat", "1", "--a", line, "--b", line)
	cmd.Stdout, cmd.Stderr, cmd.Env = terminal, terminal, append(cmd.Env, "TERM=xterm")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	shown, _ := io.ReadAll(master) // the error at the end is that the program has ended
	cmd.Wait()
	const clear = "\r\x1b[K"
	told, comparison, _ := strings.Cut(string(shown), "SUSPECT")
	if want := clear + "  run 1 of 2: a" + clear + clear + "  run 2 of 2: b" + clear; told != want || strings.Contains(comparison, clear) || !strings.Contains(comparison, "too few rounds") {
		t.Errorf("%q", shown)
	}
}
