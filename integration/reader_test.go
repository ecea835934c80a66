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
			words := strings.Fields(test.line + " --listen 127.0.0.1:0")
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := command(words[0], words[1:]...)
			cmd.Stdout = w
			server := start(t, words[0], cmd)
			addr, err := server.Listening(patience)
			if err := errors.Join(err, w.Close(), r.Close()); err != nil {
				t.Fatal(err)
			}
			client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
			for range 2 {
				res, err := client.Get("http://" + addr)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
			if err := server.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := server.Wait(patience); err != nil && !(errors.As(err, &exit) && exit.Exited()) {
				t.Error(err)
			}
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
			words := strings.Fields(line + " --listen 127.0.0.1:0")
			cmd := command(words[0], words[1:]...)
			cmd.Stdout = w
			server := start(t, words[0], cmd)
			addr, err := server.Listening(patience)
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
			for range 100 { // of which each is told in more than 50 octets
				res, err := client.Get("http://" + addr)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			}
			if err := server.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := server.Wait(patience); err != nil && !(errors.As(err, &exit) && exit.Exited()) {
				t.Error(err)
			}
			if !strings.Contains(server.Log(), "its end was not taken within") {
				t.Error("it does not say what is lost")
			}
		})
	}
}
