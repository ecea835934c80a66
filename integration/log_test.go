package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// Logs can be moved away and opened anew by SIGHUP while clients come and go: each
// request is in one of the files, once and whole.
func TestLogIsMovedAway(t *testing.T) {
	const clients, each, moves = 4, 500, 10
	origin := startOrigin(t, "")
	for _, line := range []string{"origin", "edge --origin " + origin.Addr} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "access.log")
			words := strings.Fields(line + " --access-log " + path)
			server := startServer(t, words[0], words[1:]...)
			var asked atomic.Int64
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
					defer client.CloseIdleConnections()
					for range each {
						if t.Failed() {
							return
						}
						visit(t, client, server.url(fmt.Sprint("/?", asked.Add(1))))
					}
				})
			}
			for i := range moves {
				eventually(t, func() string {
					if asked.Load() < int64(i+1)*clients*each/(moves+1) {
						return "the clients do not ask"
					}
					return moved(path, fmt.Sprint(path, i))
				})
				if err := server.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
			all.Wait()
			if err := server.Stop(patience); err != nil {
				t.Error(err)
			}
			logged := map[string]bool{}
			for i := range moves {
				readLog(t, fmt.Sprint(path, i), logged)
			}
			if readLog(t, path, logged); len(logged) != clients*each {
				t.Errorf("%d requests are in the logs, want %d", len(logged), clients*each)
			}
		})
	}
}

// moved moves a file, or says why it cannot be.
func moved(from, to string) string {
	if err := os.Rename(from, to); err != nil {
		return err.Error()
	}
	return ""
}

func visit(t *testing.T, client *http.Client, url string) {
	response, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	response.Body.Close()
}

var logLine = regexp.MustCompile(`^\S+ - - \[[^]]+\] "GET /\?(\d+) HTTP/1\.1" 200 \d+( .*)?\n$`)

// readLog notes the requests of a log, none of which is to be noted already.
func readLog(t *testing.T, path string, logged map[string]bool) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(content) {
		match := logLine.FindSubmatch(line)
		if match == nil || logged[string(match[1])] {
			t.Fatalf("%s has a line %q", path, line)
		}
		logged[string(match[1])] = true
	}
}

// A log that is a fifo which nobody reads keeps a server neither from beginning
// nor from ending. Once somebody reads, the lines come.
func TestLogIsFifo(t *testing.T) {
	origin := startOrigin(t, "")
	for _, line := range []string{"origin", "edge --origin " + origin.Addr} {
		for _, read := range []bool{false, true} {
			t.Run(fmt.Sprint(line, " read ", read), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "fifo")
				if err := syscall.Mkfifo(path, 0o600); err != nil {
					t.Fatal(err)
				}
				words := strings.Fields(line + " --listen 127.0.0.1:0 --access-log " + path)
				server := startListening(t, command(words[0], words[1:]...))
				client := &http.Client{Timeout: patience, Transport: singly}
				visit(t, client, server.url("/?1"))
				unread := regexp.MustCompile(`(?m)^` + words[0] + `: the access log cannot be written: nobody reads the fifo; lines lost so far: 0$`)
				if _, err := server.WaitLog(unread, patience); err != nil {
					t.Fatal(err)
				}
				want := 1
				if read {
					r, err := os.Open(path)
					if err != nil {
						t.Fatal(err)
					}
					defer r.Close()
					got := make([]byte, len("127.0.0.1"))
					if _, err := io.ReadFull(r, got); err != nil || string(got) != "127.0.0.1" {
						t.Errorf("%q, %v", got, err)
					}
					want = 0
				}
				if err := server.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if err := server.Wait(patience); status(err) != want {
					t.Errorf("%v, want exit status %d", err, want)
				}
				if says := strings.Contains(server.Log(), "the access log is not complete: lines lost: 1: nobody reads the fifo"); says == read {
					t.Errorf("it says that a line was lost: %v", says)
				}
			})
		}
	}
}

// While the disk is full, nothing happens to clients. When it has room again, the
// log goes on, and no part of a line is in it.
func TestLogOnFullDisk(t *testing.T) {
	requireTool(t, "unshare")
	apart := []string{"--user", "--map-root-user", "--mount", "sh", "-c"}
	if out, err := exec.Command("unshare", append(apart, "mount -t tmpfs tmpfs /mnt")...).CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("no disk can be mounted: %v: %s", err, out))
	}
	origin := startOrigin(t, "")
	for _, line := range []string{"origin", "edge --origin " + origin.Addr} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			const script = `mount -t tmpfs -o size=64k tmpfs "$0" && head -c 61000 /dev/zero >"$0/filler" && exec "$@"`
			words := strings.Fields(line + " --listen 127.0.0.1:0 --access-log " + dir + "/access.log")
			words[0] = filepath.Join(binaries, words[0])
			server := startListening(t, exec.Command("unshare", slices.Concat(apart, []string{script, dir}, words)...))
			inside := fmt.Sprintf("/proc/%d/root%s/", server.PID(), dir)
			client := &http.Client{Timeout: patience, Transport: singly}
			asked := 0
			askSome := func(n int) {
				for range n {
					asked++
					visit(t, client, server.url("/?"+strconv.Itoa(asked)))
				}
			}
			askSome(200)
			full := regexp.MustCompile(`(?m)^\w+: the access log cannot be written: .*no space left on device; lines lost so far: 0$`)
			if _, err := server.WaitLog(full, patience); err != nil {
				t.Fatal(err)
			}
			askSome(10)
			if err := os.Remove(inside + "filler"); err != nil {
				t.Fatal(err)
			}
			var content []byte
			eventually(t, func() (problem string) {
				var err error
				if content, err = os.ReadFile(inside + "access.log"); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err.Error()
				}
				if n := bytes.Count(content, []byte("\n")); n != asked {
					return fmt.Sprintf("%d requests are in the log, want %d", n, asked)
				}
				return ""
			})
			for line := range bytes.Lines(content) {
				if !logLine.Match(line) {
					t.Errorf("a line %q", line)
				}
			}
			if err := server.Stop(patience); err != nil {
				t.Error(err)
			}
		})
	}
}

// SIGHUP from a terminal that has been closed lets requests come to their end, and
// ends the server, which serves on if the terminal is there.
func TestTerminalIsClosed(t *testing.T) {
	origin := startOrigin(t, "")
	for _, line := range []string{"origin", "edge --origin " + origin.Addr} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			master, terminal := wiretest.Terminal(t)
			socket := filepath.Join(t.TempDir(), "socket")
			words := strings.Fields(line + " --listen unix:" + socket)
			cmd := command(words[0], words[1:]...)
			cmd.Stderr = terminal
			server := start(t, words[0], cmd)
			client := clientOfSocket(t, socket)
			if err := server.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			body, part := io.Pipe()
			answered := make(chan error, 1)
			go func() {
				response, err := client.Post("http://a/post", "text/plain", body)
				if err == nil {
					_, err = io.ReadAll(response.Body)
				}
				answered <- err
			}()
			if _, err := io.WriteString(part, "the terminal "); err != nil {
				t.Fatal(err)
			}
			if err := master.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := server.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := io.WriteString(part, "is closed"); err != nil {
				t.Fatal(err)
			}
			part.Close()
			if err := <-answered; err != nil {
				t.Error(err)
			}
			if err := server.Wait(patience); err != nil {
				t.Error(err)
			}
		})
	}
}
