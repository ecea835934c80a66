package program

import (
	"bytes"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
	"golang.org/x/sys/unix"
)

// The width is that of the terminal; COLUMNS is asked where there is none.
func TestWidth(t *testing.T) {
	master, terminal := wiretest.Terminal(t)
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 132}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		columns      string
		screen, pipe int
	}{{"", 132, 80}, {"100", 132, 100}, {"0", 132, 80}, {"-3", 132, 80}, {"many", 132, 80}, {"99999999", 132, 80}} {
		t.Setenv("COLUMNS", test.columns)
		if got, isTerminal := Width(terminal); got != test.screen || !isTerminal {
			t.Errorf("COLUMNS=%s: %d on a terminal, want %d", test.columns, got, test.screen)
		}
		if got, isTerminal := Width(new(bytes.Buffer)); got != test.pipe || isTerminal {
			t.Errorf("COLUMNS=%s: %d in a pipe, want %d", test.columns, got, test.pipe)
		}
	}
}

func TestColours(t *testing.T) {
	_, terminal := wiretest.Terminal(t)
	for _, test := range []struct {
		when, noColor, kind string
		screen, pipe        bool
	}{
		{"auto", "", "xterm", true, false},
		{"auto", "1", "xterm", false, false},
		{"auto", "", "dumb", false, false},
		{"auto", "", "", false, false},
		{"always", "1", "dumb", true, true},
		{"never", "", "xterm", false, false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.kind)
		if got := Colours(terminal, test.when); got != test.screen {
			t.Errorf("%+v: %t on a terminal", test, got)
		}
		if got := Colours(new(bytes.Buffer), test.when); got != test.pipe {
			t.Errorf("%+v: %t in a pipe", test, got)
		}
	}
}
