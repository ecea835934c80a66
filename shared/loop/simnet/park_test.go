package simnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// expiry remembers what its parked connection was told.
type expiry struct {
	w    *simnet.World
	told string
	at   time.Duration
}

func (e *expiry) tell(c *loop.Conn, what string) {
	e.told, e.at = what, e.w.Elapsed()
	c.Close()
}

func (e *expiry) Readable(c *loop.Conn) { e.tell(c, "readable") }
func (e *expiry) Expired(c *loop.Conn)  { e.tell(c, "expired") }
func (e *expiry) Aborted(c *loop.Conn)  { e.tell(c, "aborted") }

func TestParkedConnections(t *testing.T) {
	for _, c := range []struct {
		name string
		peer func(l *loop.Loop, c *loop.Conn)
		told string
		at   time.Duration
	}{
		{"nothing comes", func(l *loop.Loop, c *loop.Conn) { l.Sleep(2 * time.Hour) }, "expired", time.Hour},
		{"bytes", func(l *loop.Loop, c *loop.Conn) { l.Sleep(time.Minute); c.Write([]byte("x")) }, "readable", time.Minute},
		{"the end", func(l *loop.Loop, c *loop.Conn) { l.Sleep(time.Minute); c.CloseWrite() }, "readable", time.Minute},
		{"a reset", func(l *loop.Loop, c *loop.Conn) { l.Sleep(time.Minute); c.Reset() }, "aborted", time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := simnet.New(1, simnet.Options{Lifetime: 3 * time.Hour})
			e := &expiry{w: w}
			err := w.Run(loop.Config{}, func(g *loop.Group) error {
				ln, err := g.Listen("unix:/sim", func(c *loop.Conn) { c.Park(e, c.Loop().Now().Add(time.Hour)) })
				l := g.Loop(0)
				l.Go(loop.Func(func() {
					defer g.Stop()
					conn, err := l.Dial(ln.Address(), 0)
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					c.peer(l, conn)
					l.Sleep(2 * time.Second)
				}))
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if off := e.at - c.at; e.told != c.told || off < 0 || off > time.Second {
				t.Errorf("told %q at %v; want %q at %v", e.told, e.at, c.told, c.at)
			}
		})
	}
}

// A reset that arrives together with octets is told too, although the task that
// waited for them sees nothing but the octets.
func TestResetBehindOctets(t *testing.T) {
	w := simnet.New(1, simnet.Options{Lifetime: time.Hour})
	e := &expiry{w: w}
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		l := g.Loop(0)
		ln, err := g.Listen("unix:/sim", func(c *loop.Conn) {
			c.Watch(e)
			l.Go(loop.Func(func() {
				if n, err := c.Read(make([]byte, 10)); n != 5 || err != nil {
					t.Errorf("read %d bytes, %v", n, err)
				}
				l.Sleep(time.Minute) // with something else
			}))
		})
		l.Go(loop.Func(func() {
			defer g.Stop()
			conn, err := l.Dial(ln.Address(), 0)
			if err != nil {
				t.Error(err)
				return
			}
			l.Sleep(time.Second)
			conn.Write([]byte("hello"))
			conn.Reset()
			l.Sleep(2 * time.Minute)
		}))
		return err
	})
	if err != nil || e.told != "aborted" || e.at > 2*time.Second {
		t.Errorf("told %q at %v; %v", e.told, e.at, err)
	}
}

// An answer that is written before the request has come to its end arrives all
// the same, though every reset here throws away what was not read.
func TestLingeringClose(t *testing.T) {
	answer := octets(1, 300)
	seeds(t, 500, func(seed uint64) error {
		o := simnet.Rough(seed)
		o.ResetDiscards = 1
		refuse := func(c *loop.Conn) {
			c.Loop().Go(loop.Func(func() {
				if _, err := c.Read(make([]byte, 10)); err == nil {
					c.Write(answer)
				}
				c.Linger(time.Hour, time.Hour)
			}))
		}
		p, err := run(simnet.New(seed, o), loop.Config{}, refuse, 2, echoing(seed, 2000))
		for _, c := range p.clients {
			if !bytes.Equal(c.Got, answer) {
				err = errors.Join(err, fmt.Errorf("%d bytes of %d came: %w", len(c.Got), len(answer), c.Err))
			}
		}
		return err
	})
}
