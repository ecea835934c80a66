package integration

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A server goes on when whoever reads its standard output has gone, and says in
// the end what was lost by that.
func TestReaderOfStandardOutputGoesAway(t *testing.T) {
	origin := startOrigin(t, "")
	for _, test := range []struct{ line, says string }{
		{"origin --access-log -", "the access log cannot be written"},
		{"edge --access-log - --origin " + origin.Addr, "the access log cannot be written"},
		{"edge --record - --origin " + origin.Addr, "the recording is not complete"},
	} {
		t.Run(test.line, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			server := startWriting(t, test.line, w)
			if err := errors.Join(w.Close(), r.Close()); err != nil {
				t.Fatal(err)
			}
			askAndEnd(t, server, 2)
			if !strings.Contains(server.Log(), test.says) {
				t.Errorf("it does not say %q", test.says)
			}
		})
	}
}

// Nor does it wait for ever for one that is there and does not read.
func TestReaderOfStandardOutputStops(t *testing.T) {
	origin := startOrigin(t, "")
	for _, line := range []string{"origin --access-log -", "edge --access-log - --origin " + origin.Addr, "edge --record - --origin " + origin.Addr} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			const setPipeSize = 1031 // F_SETPIPE_SZ, which package syscall does not name
			if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), setPipeSize, 4096); errno != 0 {
				t.Fatal(errno)
			}
			server := startWriting(t, line, w)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			askAndEnd(t, server, 100) // of which each is told in more than 50 octets
			if !strings.Contains(server.Log(), "its end was not taken within") {
				t.Error("it does not say what is lost")
			}
		})
	}
}

// startWriting starts a server by a command line, with that standard output.
func startWriting(t *testing.T, line string, stdout *os.File) *server {
	t.Helper()
	words := strings.Fields(line + " --listen 127.0.0.1:0")
	cmd := command(words[0], words[1:]...)
	cmd.Stdout = stdout
	return startListening(t, cmd)
}

// askAndEnd asks a server so many times, then tells it to end, which it has to do
// by itself, with whatever status.
func askAndEnd(t *testing.T, s *server, requests int) {
	t.Helper()
	for range requests {
		response, err := (&http.Client{Timeout: patience, Transport: singly}).Get(s.url(""))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := s.Wait(patience); err != nil && !(errors.As(err, &exit) && exit.Exited()) {
		t.Error(err)
	}
}
