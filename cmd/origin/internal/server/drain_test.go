package server

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// reports collects what a server has to say.
type reports struct {
	mu    sync.Mutex
	texts []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, err.Error())
}

func TestDrain(t *testing.T) {
	r := start(t, files, Config{DrainIdle: time.Second})
	idle, fresh, busy, head, late := r.dial(), r.dial(), r.dial(), r.dial(), r.dial()
	late.send(get("GET", "/nothing"))
	late.expect(response("404 Not Found", "Content-Length: 0"))
	idle.send(get("GET", "/nothing"))
	idle.expect(response("404 Not Found", "Content-Length: 0"))
	busy.send(get("POST", "/post", "Transfer-Encoding: chunked"), "1\r\na\r\n")
	busy.expect(response("200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n")
	head.send(get("GET", "/nothing") + "GET /nothing HTTP/1.1\r\n")
	head.expect(response("404 Not Found", "Content-Length: 0"))

	r.signal()
	r.awaitDraining()

	// An idle client has one last request, and is told so.
	late.send(get("GET", "/nothing"))
	late.expect(response("404 Not Found", "Content-Length: 0", "Connection: close"))
	late.expectEnd()
	late.Close()
	idle.expectEnd()
	fresh.expectEnd()

	// What is under way goes on, and is the last on its connection.
	head.send("Host: test\r\n\r\n")
	head.expect(response("404 Not Found", "Content-Length: 0", "Connection: close"))
	head.expectEnd()
	head.Close()
	busy.send("1\r\nb\r\n0\r\n\r\n")
	busy.expect("1\r\nb\r\n0\r\n\r\n")
	busy.expectEnd()
	busy.Close()
	r.await()
}

// An upload that is under way may come to its end.
func TestDrainLetsUploadsEnd(t *testing.T) {
	r, _ := startStore(t, Config{}, "a")
	p := r.dial()
	p.send(get("POST", "/post/a", "Content-Length: 5", "Expect: 100-continue"))
	p.expect("HTTP/1.1 100 Continue\r\n\r\n")
	r.signal()
	r.awaitDraining()
	p.send("hello")
	if answer, _ := p.report(); answer.StatusCode != 201 {
		t.Error(answer.StatusCode)
	}
	p.Close()
	r.await()
}

func TestDrainEndsInTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		hurry  bool
		report string
	}{
		{"by the timeout", Config{DrainTimeout: 50 * time.Millisecond}, false, "1 connections were cut off"},
		{"by a second signal", Config{DrainTimeout: time.Hour}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said reports
			c.config.Report = said.add
			r := start(t, files, c.config)
			busy := r.dial()
			busy.send(get("POST", "/post", "Transfer-Encoding: chunked"), "1\r\na\r\n")
			busy.expect(response("200 OK", "Transfer-Encoding: chunked") + "1\r\na\r\n")
			r.signal()
			if c.hurry {
				close(r.hurry)
			}
			r.await()
			if got := strings.Join(said.texts, "\n"); !strings.HasPrefix(got, c.report) || c.report == "" && got != "" {
				t.Errorf("reported: %q; want %q", got, c.report)
			}
			if ends := r.server.workers[0].counters.ClientEnds; ends[CutOff] != 1 {
				t.Errorf("connections ended by %v", ends)
			}
		})
	}
}
