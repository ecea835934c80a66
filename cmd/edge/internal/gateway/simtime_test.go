package gateway

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// scene runs one client against the gateway and one origin, both of which are
// scripts, on a smooth simulated network, whose clock makes an hour pass in no
// time. The client's part ends the scene.
func scene(t *testing.T, o simnet.Options, config Config, client, origin func(*loop.Conn)) {
	t.Helper()
	for seed := range uint64(10) {
		if err := act(t, simnet.New(seed, o), config, client, origin); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func act(t *testing.T, w *simnet.World, config Config, client, origin func(*loop.Conn)) error {
	_, err := enact(t, w, config, client, origin)
	return err
}

// enact is act that also gives back what the gateway counted.
func enact(t *testing.T, w *simnet.World, config Config, client, origin func(*loop.Conn)) (Counters, error) {
	var g *Gateway
	err := actWith(t, w, config, &g, client, origin)
	return g.counters, err
}

// actWith is act for whoever wants to look at the gateway, in a script or
// afterwards.
func actWith(t *testing.T, w *simnet.World, config Config, g **Gateway, client, origin func(*loop.Conn)) error {
	return w.Run(loop.Config{Report: func(err error) { t.Error(err) }}, func(group *loop.Group) (err error) {
		*g, err = setTheScene(t, group, config, client, origin)
		return err
	})
}

func setTheScene(t *testing.T, group *loop.Group, config Config, client, origin func(*loop.Conn)) (*Gateway, error) {
	l := group.Loop(0)
	at, err := group.Listen("127.0.0.1:0", func(conn *loop.Conn) {
		l.Go(loop.Func(func() {
			defer conn.Close()
			origin(conn)
		}))
	})
	if err != nil {
		return nil, err
	}
	config.Origins = append(config.Origins, at.Address())
	server, err := New(group, config)
	if err != nil {
		return nil, err
	}
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.Post(func() { l.Go(loop.Func(func() { visit(t, l, ln.Address(), client); group.Stop() })) })
	return server.gateways[0], nil
}

func visit(t *testing.T, l *loop.Loop, to *loop.Address, client func(*loop.Conn)) {
	conn, err := l.Dial(to, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	client(conn)
}

// hear reads up to and including the mark.
func hear(c *loop.Conn, mark string) string {
	var got []byte
	var p [1]byte
	for !bytes.HasSuffix(got, []byte(mark)) {
		if _, err := c.Read(p[:]); err != nil {
			break
		}
		got = append(got, p[0])
	}
	return string(got)
}

// say writes the piece n times, with a pause before each.
func say(c *loop.Conn, n int, pause time.Duration, piece string) {
	for range n {
		c.Loop().Sleep(pause)
		if _, err := c.Write([]byte(piece)); err != nil {
			return
		}
	}
}

// A response may take as long as it likes as long as something comes.
func TestSlowResponses(t *testing.T) {
	for _, test := range []struct{ name, head, piece, end string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "0123456789", ""},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r\n"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\n", "piece", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			scene(t, simnet.Options{}, Config{ResponseTimeout: time.Minute}, func(c *loop.Conn) {
				c.Write([]byte(get("/", "Connection: close")))
				got, err := io.ReadAll(c)
				_, body, _ := strings.Cut(string(got), "\r\n\r\n")
				if want := strings.Repeat(test.piece, 10) + test.end; body != want || err != nil {
					t.Errorf("received %q, %v", got, err)
				}
			}, func(c *loop.Conn) {
				hear(c, "\r\n\r\n")
				c.Write([]byte(test.head))
				say(c, 10, 50*time.Second, test.piece)
				c.Write([]byte(test.end))
			})
		})
	}
}

func TestSlowRequests(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
	for _, test := range []struct {
		name, start string
		pause       time.Duration
		want        string
	}{
		{"body", post, time.Minute, "HTTP/1.1 200 OK\r\n"},
		{"body that stops", post, 2 * time.Minute, "HTTP/1.1 408 Request Timeout\r\n"},
		{"head, octet by octet", "GET / HTTP/1.1\r\nA: ", 3 * time.Second, "HTTP/1.1 408 Request Timeout\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			scene(t, simnet.Options{}, Config{}, func(c *loop.Conn) {
				c.Write([]byte(test.start))
				c.Loop().Go(loop.Func(func() { say(c, 10, test.pause, "x") }))
				if got := hear(c, "\r\n"); got != test.want {
					t.Errorf("answered %q, want %q", got, test.want)
				}
			}, func(c *loop.Conn) {
				hear(c, "\r\n\r\nxxxxxxxxxx")
				c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			})
		})
	}
}

// An upload that takes long is not the origin's silence, but silence after it is.
func TestResponseTimeoutBeginsAfterTheRequest(t *testing.T) {
	scene(t, simnet.Options{}, Config{ResponseTimeout: time.Second}, func(c *loop.Conn) {
		c.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"))
		say(c, 10, time.Minute, "x")
		sent := c.Loop().Now()
		if got := hear(c, "\r\n"); got != "HTTP/1.1 504 Gateway Timeout\r\n" {
			t.Errorf("answered %q", got)
		}
		if waited := c.Loop().Now().Sub(sent); waited < time.Second || waited > 2*time.Second {
			t.Errorf("after %v", waited)
		}
	}, func(c *loop.Conn) {
		io.Copy(io.Discard, c)
	})
}

// An origin may answer before it was asked, and then nobody waits for the body
// that the client still owes.
func TestAnswerAtOnce(t *testing.T) {
	// Late reports let the answer come together with the connection.
	late := simnet.Options{Late: 0.5, LateBy: simnet.Range{Max: time.Millisecond}}
	scene(t, late, Config{}, func(c *loop.Conn) {
		c.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"))
		began := c.Loop().Now()
		if got := hear(c, "\r\n"); got != "HTTP/1.1 503 Busy\r\n" {
			t.Errorf("answered %q", got)
		}
		io.Copy(io.Discard, c)
		if waited := c.Loop().Now().Sub(began); waited > lingerTime+time.Second {
			t.Errorf("closed after %v", waited)
		}
	}, func(c *loop.Conn) {
		c.Write([]byte("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
		hear(c, "\r\n\r\n")
	})
}

func TestConnectTimeout(t *testing.T) {
	hangs := func(d simnet.Dial) (f simnet.Fate) {
		if d.Number == 2 { // the first one is the client's
			f.Connect = simnet.ConnectHangs
		}
		return f
	}
	scene(t, simnet.Options{Fate: hangs}, Config{}, func(c *loop.Conn) {
		c.Write([]byte(get("/")))
		got := hear(c, "\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 504 ") || !strings.Contains(got, "error=connection_timeout") {
			t.Errorf("answered %q", got)
		}
		if waited := c.Loop().Now().Sub(0); waited < 5*time.Second {
			t.Errorf("after %v", waited)
		}
	}, func(*loop.Conn) { t.Error("connected") })
}

// Idle time counts from the last response on.
func TestIdleTimeouts(t *testing.T) {
	scene(t, simnet.Options{}, Config{IdleTimeout: time.Hour}, func(c *loop.Conn) {
		for range 3 {
			c.Loop().Sleep(59 * time.Minute)
			c.Write([]byte(get("/")))
			hear(c, "\r\n\r\nhello")
		}
		began := c.Loop().Now()
		if got := hear(c, "anything"); got != "" {
			t.Errorf("received %q", got)
		}
		if waited := c.Loop().Now().Sub(began); waited < time.Hour || waited > time.Hour+time.Minute {
			t.Errorf("closed after %v", waited)
		}
	}, func(c *loop.Conn) {
		for hear(c, "\r\n\r\n") != "" {
			c.Write([]byte(hello))
		}
	})
}
