package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A server that is told to stop answers every request it has been sent, and
// says with "Connection: close" which one was the last of its connection.
func TestStoppingLosesNothing(t *testing.T) {
	const clients, before = 24, 2000
	for _, name := range []string{"origin", "edge"} {
		t.Run(name, func(t *testing.T) {
			s := startOrigin(t, writeSite(t))
			if name == "edge" {
				s = startEdge(t, s.Addr)
			}
			var answered atomic.Int64
			var stopping sync.Once
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					err := askUntilClose(s.Addr, func() {
						if answered.Add(1) >= before {
							stopping.Do(func() { s.Signal(syscall.SIGTERM) })
						}
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if err := s.Wait(patience); err != nil {
				t.Errorf("%s ended with %v", name, err)
			}
			t.Logf("%d requests answered", answered.Load())
		})
	}
}

// askUntilClose sends one request after the other on one connection, until a
// response says that it was the last. Everything else is an error.
func askUntilClose(addr string, each func()) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	for i := 0; ; i++ {
		if _, err := io.WriteString(c, "GET "+mediumFile+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("response %d: %w", i, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || !bytes.Equal(body, site[mediumFile]) {
			return fmt.Errorf("response %d: %s with %d bytes, %v", i, response.Status, len(body), err)
		}
		each()
		if response.Close {
			return nil
		}
	}
}

// An exchange that is under way comes to its end after the signal.
func TestStoppingWaitsForResponses(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	_, edge, transport := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "first ")
		w.(http.Flusher).Flush()
		close(arrived)
		<-release
		fmt.Fprint(w, "second")
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := fetch(transport, edge.url("/"), []byte("first second")); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	if err := edge.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// Whoever does not wait ends now: give it the time to be caught.
	if err := edge.Wait(300 * time.Millisecond); err == nil {
		t.Error("the edge ended in the middle of a response")
	}
	close(release)
	wg.Wait()
	if err := edge.Wait(patience); err != nil {
		t.Error(err)
	}
}

// The second signal does not wait.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	_, edge, _ := behindEdge(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
	})
	defer close(release)
	c := dialRaw(t, edge.Addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	for range 2 {
		if err := edge.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		// Signals that arrive together may be delivered as one.
		edge.Wait(100 * time.Millisecond)
	}
	start := time.Now()
	edge.Wait(patience)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the edge went on for %v", took)
	}
}
