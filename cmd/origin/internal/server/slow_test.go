package server

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A step of a client: it waits, and then sends.
type step struct {
	after time.Duration
	sends string
}

// trickle is the octets of text, one for each interval.
func trickle(interval time.Duration, text string) (steps []step) {
	for i := range text {
		steps = append(steps, step{interval, text[i : i+1]})
	}
	return steps
}

// The clock of these tests is simulated, so that none of the waiting takes any
// time.
func TestSlowClients(t *testing.T) {
	dir := lay(t, files)
	page := response("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 10", validators(10), "Accept-Ranges: bytes") + hello
	timeout := response("408 Request Timeout", "Content-Length: 0", "Connection: close")
	post := get("POST", "/post", "Content-Length: 5000")
	for _, c := range []struct {
		name   string
		steps  []step
		want   string
		reset  bool // instead of the end of stream
		from   time.Duration
		to     time.Duration
		unread bool // the client does not read
	}{
		{name: "says nothing", from: 10 * time.Second, to: 11 * time.Second},
		{name: "sends half a head", steps: []step{{0, "GET / HT"}}, want: timeout, from: 10 * time.Second, to: 11 * time.Second},
		{name: "sends a head, byte for byte", steps: trickle(time.Second, get("GET", "/")), want: timeout, from: 10 * time.Second, to: 12 * time.Second},
		{name: "sends a head in time", steps: trickle(100*time.Millisecond, get("GET", "/")), want: page, from: 75 * time.Second, to: 85 * time.Second},
		{name: "sends nothing more", steps: []step{{9 * time.Second, get("GET", "/")}}, want: page, from: 84 * time.Second, to: 85 * time.Second},
		{name: "sends half of the next head", steps: []step{{0, get("GET", "/")}, {70 * time.Second, "G"}}, want: page + timeout, from: 80 * time.Second, to: 81 * time.Second},
		{name: "pipelines half of a head", steps: []step{{0, get("GET", "/") + "G"}}, want: page + timeout, from: 10 * time.Second, to: 11 * time.Second},

		{name: "sends no content", steps: []step{{0, post}}, want: timeout, from: 30 * time.Second, to: 31 * time.Second},
		{name: "sends no content that is discarded", steps: []step{{0, get("PUT", "/", "Content-Length: 5")}}, want: response("405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS", "Content-Length: 0"), from: 30 * time.Second, to: 36 * time.Second},
		{name: "sends content, byte for byte", steps: append([]step{{0, post}}, trickle(time.Second, strings.Repeat("x", 5000))...), want: response("200 OK", "Content-Length: 5000") + strings.Repeat("x", 30), reset: true, from: 30 * time.Second, to: 32 * time.Second},
		{name: "sends content at a fair pace", steps: append([]step{{0, post}}, trickle(20*time.Millisecond, strings.Repeat("x", 5000))...), want: response("200 OK", "Content-Length: 5000") + strings.Repeat("x", 5000), from: 175 * time.Second, to: 176 * time.Second},

		{name: "does not read", steps: []step{{0, get("GET", "/large.bin")}}, unread: true, reset: true, from: 60 * time.Second, to: 61 * time.Second},
		{name: "does not read what it sent", steps: []step{{0, get("POST", "/post", "Content-Length: 10000000")}, {0, strings.Repeat("x", 10_000_000)}}, unread: true, reset: true, from: 60 * time.Second, to: 61 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := simulate(t, dir, c.steps, c.unread)
			text := undatedAt(s.got)
			if c.reset {
				// A reset may overtake octets that were on their way.
				if !errors.Is(s.err, syscall.ECONNRESET) && !errors.Is(s.err, syscall.EPIPE) || !strings.HasPrefix(c.want, text) && !c.unread {
					t.Errorf("got\n%s (%v)\nwant a reset after\n%s", text, s.err, c.want)
				}
			} else if s.err != nil || text != c.want {
				t.Errorf("got\n%s (%v)\nwant\n%s", text, s.err, c.want)
			}
			if s.ended < c.from || s.ended > c.to {
				t.Errorf("it ended after %v; want %v to %v", s.ended, c.from, c.to)
			}
		})
	}
}

func undatedAt(text string) string { return dateField.ReplaceAllString(text, "Date: D\r\n") }

// A story is what one client experienced.
type story struct {
	got   string
	err   error // nil: the end of stream
	ended time.Duration
}

// simulate runs a server and a client in a world of their own.
func simulate(t *testing.T, dir string, steps []step, unread bool) (s story) {
	t.Helper()
	w := simnet.New(1, simnet.Options{Lifetime: time.Hour})
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		server, err := New(g, Config{Site: openSite(t, dir), PostPath: "/post", Study: true})
		if err != nil {
			return err
		}
		addr, err := server.Listen("127.0.0.1:80")
		if err != nil {
			return err
		}
		at, err := loop.ParseAddress(addr.String())
		if err != nil {
			return err
		}
		l := g.Loop(0)
		l.Go(loop.Func(func() {
			defer g.Stop()
			conn, err := l.Dial(at, 0)
			if err != nil {
				s.err = err
				return
			}
			defer conn.Close()
			sending := &sender{conn: conn, steps: steps}
			l.Go(sending)
			if unread {
				l.Sleep(2 * time.Minute)
				s.err, s.ended = sending.err, sending.ended
				if s.err == nil {
					_, s.err = io.Copy(io.Discard, conn)
					s.ended = 60 * time.Second // it is over by now; when it was the client cannot tell
				}
				return
			}
			got, err := io.ReadAll(conn)
			s = story{got: string(got), err: errors.Join(err, sending.reset), ended: w.Elapsed()}
			server.close()
		}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A sender is a client's sending direction.
type sender struct {
	conn       *loop.Conn
	steps      []step
	err, reset error
	ended      time.Duration
}

func (s *sender) Run() {
	began := s.conn.Loop().Now()
	for _, step := range s.steps {
		if step.after > 0 && s.conn.Loop().Sleep(step.after) != nil {
			return
		}
		if _, s.err = io.WriteString(s.conn, step.sends); s.err != nil {
			if errors.Is(s.err, syscall.ECONNRESET) {
				s.reset = s.err
			}
			s.ended = s.conn.Loop().Now().Sub(began)
			return
		}
	}
}
