package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// A server goes on when whoever reads its standard output has gone, and says in
// the end what was lost by that.
func TestReaderOfStandardOutputGoesAway(t *testing.T) {
	origin := startOrigin(t, "")
	for _, test := range []struct{ line, says string }{
		{"origin --access-log -", "the access log is not complete: lines lost: "},
		{"edge --access-log - --origin " + origin.Addr, "the access log is not complete: lines lost: "},
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
			_, w := smallPipe(t)
			server := startWriting(t, line, w)
			askAndEnd(t, server, 100) // of which each is told in more than 50 octets
			if !strings.Contains(server.Log(), "its end was not taken within") {
				t.Error("it does not say what is lost")
			}
		})
	}
}

// A server whose standard error is full before it begins, and stays so, serves and
// ends as if nothing were the matter. When the reader reads again, it learns how
// much it has missed.
func TestReaderOfStandardErrorStops(t *testing.T) {
	origin := startOrigin(t, "")
	for _, test := range []struct {
		line   string
		status int
	}{
		{"origin", 0},
		{"origin --access-log /dev/full", 1}, // of which there is much to say
		{"edge --eject-after 1 --eject-for 1ms --origin unix:/nobody/is/here --origin " + origin.Addr, 0},
		{"edge --access-log /dev/full --origin " + origin.Addr, 1},
		{"edge --access-log - --origin " + origin.Addr, 1}, // to where nobody reads either
	} {
		for _, readAgain := range []bool{false, true} {
			t.Run(fmt.Sprint(test.line, " read again ", readAgain), func(t *testing.T) {
				t.Parallel()
				stderr, w := fullPipe(t)
				socket := filepath.Join(t.TempDir(), "socket")
				words := strings.Fields(test.line + " --listen unix:" + socket)
				cmd := command(words[0], words[1:]...)
				cmd.Stderr = w
				_, cmd.Stdout = fullPipe(t)
				server := start(t, words[0], cmd)
				client := clientOfSocket(t, socket)
				const asked = 2000 // for what has been counted, each time in more than 50 bytes
				for range asked {
					if words[0] == "edge" {
						if err := server.Signal(syscall.SIGUSR1); err != nil {
							t.Fatal(err)
						}
					}
					response, err := client.Get("http://a/")
					if err != nil {
						t.Fatal(err)
					}
					response.Body.Close()
				}
				said := make(chan string, 1)
				if readAgain {
					go func() {
						text, err := io.ReadAll(stderr)
						if err != nil {
							t.Error(err)
						}
						said <- string(text)
					}()
					w.Close()
				}
				if err := server.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if err := server.Wait(patience); status(err) != test.status {
					t.Errorf("%v, want exit status %d", err, test.status)
				}
				if readAgain {
					text := <-said
					if !strings.Contains(text, "listening on unix:"+socket) {
						t.Error("what it said first is not there")
					}
					if missed := strings.Contains(text, "\nedge: lines left out here, since nobody took them: "); missed != (words[0] == "edge") {
						t.Errorf("it says that lines were left out: %v", missed)
					}
				}
			})
		}
	}
}

// Nobody reads what loadgen has to say. It ends at the second signal at the
// latest; if its report was taken, at the first.
func TestReaderOfLoadgenStops(t *testing.T) {
	for _, test := range []struct {
		name         string
		stdout       bool // is read
		signals      []os.Signal
		lastStatusIs int
	}{
		{"standard error", true, []os.Signal{syscall.SIGTERM}, 0},
		{"standard error, terminal closed", true, []os.Signal{syscall.SIGHUP}, 0},
		{"both", false, []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int64
			site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
			defer site.Close()
			cmd := command("loadgen", "replay", "--duration", "1h", site.URL)
			_, cmd.Stderr = fullPipe(t)
			if !test.stdout {
				_, cmd.Stdout = fullPipe(t)
			}
			loadgen := start(t, "loadgen", cmd)
			for _, sig := range test.signals {
				eventually(t, func() string {
					if served.Load() == 0 {
						return "it sends no requests"
					}
					return ""
				})
				if err := loadgen.Signal(sig); err != nil {
					t.Fatal(err)
				}
				loadgen.Wait(300 * time.Millisecond) // signals that arrive together may be delivered as one
			}
			if err := loadgen.Wait(patience); status(err) != test.lastStatusIs {
				t.Errorf("%v, want exit status %d", err, test.lastStatusIs)
			}
			if test.stdout && !strings.Contains(loadgen.Log(), "requests") {
				t.Errorf("the report is missing: %s", loadgen.Log())
			}
		})
	}
}

// A terminal that is stopped, where loadgen says how far it has come, is no reason
// to stop either.
func TestTerminalOfLoadgenIsStopped(t *testing.T) {
	var served atomic.Int64
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	defer site.Close()
	_, terminal := wiretest.Terminal(t)
	fill(t, terminal.Name())
	cmd := command("loadgen", "replay", "--requests", "1000", site.URL)
	cmd.Stderr = terminal
	loadgen := start(t, "loadgen", cmd)
	if err := loadgen.Wait(patience); err != nil {
		t.Error(err)
	}
	if !strings.Contains(loadgen.Log(), "requests") || served.Load() != 1000 {
		t.Errorf("%d requests sent, want 1000; the report: %s", served.Load(), loadgen.Log())
	}
}

// fill writes to a terminal until it takes nothing more.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for err == nil {
		_, err = syscall.Write(fd, []byte("."))
	}
	if err != syscall.EAGAIN {
		t.Fatal(err)
	}
}

// A recording that is a fifo which nobody writes does not keep loadgen from ending.
func TestRecordingThatNobodyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	loadgen := start(t, "loadgen", command("loadgen", "replay", "--target", "127.0.0.1:1", path))
	w, err := os.OpenFile(path, os.O_WRONLY, 0) // once loadgen reads
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := loadgen.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := loadgen.Wait(patience); status(err) != 1 || !strings.Contains(loadgen.Log(), "loadgen: stopped by a signal before it was done\n") {
		t.Errorf("%v, want exit status 1", err)
	}
}

// status is the exit status of a process that ended by itself, or else -1.
func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// smallPipe is a pipe that holds a page, until the test ends.
func smallPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	const setPipeSize = 1031 // F_SETPIPE_SZ, which package syscall does not name
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), setPipeSize, pageSize); errno != 0 {
		t.Fatal(errno)
	}
	return r, w
}

const pageSize = 4096

// fullPipe is one in which there is no room, since a line of dots is in it.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w = smallPipe(t)
	if _, err := io.WriteString(w, strings.Repeat(".", pageSize-1)+"\n"); err != nil {
		t.Fatal(err)
	}
	return r, w
}

// clientOfSocket asks a server at a Unix socket, once it is there.
func clientOfSocket(t *testing.T, socket string) *http.Client {
	t.Helper()
	eventually(t, func() string {
		c, err := net.Dial("unix", socket)
		if err != nil {
			return err.Error()
		}
		c.Close()
		return ""
	})
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport}
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
	if err := s.Wait(patience); status(err) < 0 {
		t.Error(err)
	}
}
