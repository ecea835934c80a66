package loop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// The same loop in a simulated network: what takes hours, chance or a fault in
// the kernel takes a moment and a seed here.

const seeds = 200

// server answers each request of requestSize octets with as many, and leaves the
// connection to the loop in between.
type server struct {
	conn           *loop.Conn
	idle           time.Duration
	until          loop.Time
	expired, ended *int
}

const requestSize = 100

func (s *server) park() {
	s.until = s.conn.Loop().Now().Add(s.idle)
	s.conn.Park(s, s.until)
}

func (s *server) Readable(c *loop.Conn) { c.Loop().Go(s) }
func (s *server) Aborted(c *loop.Conn)  { *s.ended++; c.Close() }
func (s *server) Expired(c *loop.Conn)  { *s.expired++; *s.ended++; c.Close() }

func (s *server) Run() {
	buf := s.conn.Loop().Buffer()
	defer buf.Release()
	s.conn.ReadDeadline(s.until)
	for buf.Len() < requestSize {
		if _, err := buf.FillFrom(s.conn); err != nil {
			if err == os.ErrDeadlineExceeded {
				*s.expired++
			}
			*s.ended++
			s.conn.Linger(time.Second, time.Second)
			return
		}
	}
	half := buf.Unread()[:requestSize/2]
	if _, err := s.conn.Writev([][]byte{half, buf.Unread()[len(half):]}); err != nil {
		*s.ended++
		s.conn.Reset()
		return
	}
	s.park()
}

// converse has clients send several requests each, with an hour between them,
// and returns how many connections of the server ended, and how many of those
// because they were idle for longer than it allows.
func converse(w *simnet.World, idle time.Duration, failed func(error)) (ended, expired int, err error) {
	const clients, requests = 4, 3
	left := clients
	err = w.Run(loop.Config{}, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", func(c *loop.Conn) {
			(&server{conn: c, idle: idle, expired: &expired, ended: &ended}).park()
		})
		if err != nil {
			return err
		}
		l := g.Loop(0)
		for i := range clients {
			l.Go(loop.Func(func() {
				if err := client(l, ln.Address(), byte(i), requests); err != nil {
					failed(err)
				}
				if left--; left == 0 {
					l.Sleep(24 * time.Hour) // whatever lingers has ended
					g.Stop()
				}
			}))
		}
		return nil
	})
	return ended, expired, err
}

func client(l *loop.Loop, to *loop.Address, id byte, requests int) error {
	c, err := l.Dial(to, l.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range requests {
		request := bytes.Repeat([]byte{id, byte(i)}, requestSize/2)
		c.WriteDeadline(l.Now().Add(time.Minute))
		if _, err := c.Write(request); err != nil {
			return err
		}
		var got []byte
		for len(got) < requestSize {
			p := make([]byte, requestSize-len(got))
			c.ReadDeadline(l.Now().Add(time.Minute))
			n, err := c.Read(p)
			if err != nil {
				return err
			}
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, request) {
			return fmt.Errorf("the answer is another request's: %v", got)
		}
		l.Sleep(time.Hour)
	}
	return nil
}

// In a rough network everything takes its time and comes in pieces, and it works
// all the same.
func TestRoughNetwork(t *testing.T) {
	for seed := range uint64(seeds) {
		ended, expired, err := converse(simnet.New(seed, simnet.Rough(seed)), 2*time.Hour, func(err error) {
			t.Errorf("seed %d: a client: %v", seed, err)
		})
		if err != nil || ended != 4 || expired != 0 {
			t.Errorf("seed %d: %d connections ended, %d of them expired, %v", seed, ended, expired, err)
		}
	}
}

// A server with less patience than the clients' pauses ends every connection.
func TestImpatientServer(t *testing.T) {
	for seed := range uint64(seeds) {
		failures := 0
		ended, expired, err := converse(simnet.New(seed, simnet.Rough(seed)), 30*time.Minute, func(error) { failures++ })
		if err != nil || ended != 4 || expired != 4 || failures != 4 {
			t.Errorf("seed %d: %d connections ended, %d of them expired, %d clients were told, %v",
				seed, ended, expired, failures, err)
		}
	}
}

// Connections break anywhere; nothing hangs, and nothing is left.
func TestHostileNetwork(t *testing.T) {
	failures := 0
	for seed := range uint64(seeds) {
		_, _, err := converse(simnet.New(seed, simnet.Hostile(seed)), 2*time.Hour, func(err error) {
			failures++
			for _, known := range []error{os.ErrDeadlineExceeded, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE, io.EOF} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Errorf("seed %d: a client: %v", seed, err)
		})
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if failures == 0 {
		t.Error("no client was disturbed; the network is not hostile")
	}
}

// A world with few descriptors: accepting pauses, and everybody is served.
func TestFewDescriptors(t *testing.T) {
	for seed := range uint64(seeds) {
		o := simnet.Rough(seed)
		o.MaxSockets = 7 // the listener, four clients, two of their connections
		var reported []error
		ended := 0
		w := simnet.New(seed, o)
		err := w.Run(loop.Config{Report: func(err error) { reported = append(reported, err) }}, func(g *loop.Group) error {
			ln, err := g.Listen("127.0.0.1:0", func(c *loop.Conn) {
				(&server{conn: c, idle: 4 * time.Second, expired: new(int), ended: &ended}).park()
			})
			if err != nil {
				return err
			}
			l, left := g.Loop(0), 4
			for i := range 4 {
				l.Go(loop.Func(func() {
					if err := client(l, ln.Address(), byte(i), 1); err != nil {
						t.Errorf("seed %d: a client: %v", seed, err)
					}
					if left--; left == 0 {
						l.Sleep(2 * time.Hour)
						g.Stop()
					}
				}))
			}
			return nil
		})
		if err != nil || ended != 4 {
			t.Errorf("seed %d: %d of 4 connections were served, %v", seed, ended, err)
		}
		if len(reported) != 1 || !errors.Is(reported[0], syscall.EMFILE) {
			t.Errorf("seed %d: %v was reported, want %v once", seed, reported, syscall.EMFILE)
		}
	}
}

// One seed is one history: the loop adds no chance of its own.
func TestHistoryRepeatsItself(t *testing.T) {
	for seed := range uint64(20) {
		var digests [2]uint64
		for i := range digests {
			w := simnet.New(seed, simnet.Hostile(seed))
			converse(w, 45*time.Minute, func(error) {})
			digests[i] = w.Digest()
		}
		if digests[0] != digests[1] {
			t.Errorf("seed %d has two histories", seed)
		}
	}
}
