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
