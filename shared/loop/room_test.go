package loop

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/list"
)

func TestWhoGivesWayFirst(t *testing.T) {
	somebody := func(silent bool, idle time.Duration) candidate {
		return candidate{silent: silent, idle: idle, giveWay: func() {}}
	}
	order := []struct {
		name string
		candidate
	}{
		{"silent for long", somebody(true, time.Minute)},
		{"silent", somebody(true, leastIdle)},
		{"idle for long", somebody(false, time.Hour)},
		{"idle", somebody(false, leastIdle)},
		{"almost idle for long enough", somebody(false, leastIdle-1)},
		{"just come", somebody(true, leastIdle/2)},
		{"nobody", candidate{}},
	}
	for i, a := range order {
		for j, b := range order {
			if got := a.before(b.candidate); got != (i < j) {
				t.Errorf("%s before %s: %v", a.name, b.name, got)
			}
		}
		if a.mayGo() != (i < 4) {
			t.Errorf("%s may go: %v", a.name, a.mayGo())
		}
	}
}

// A guest is a connection that is idle from its beginning.
type guest struct {
	list.Links[*guest]
	conn  *Conn
	idle  *Idlers[*guest]
	since Time
}

func (g *guest) IdleSince() Time { return g.since }
func (g *guest) GiveWay()        { g.leave() }
func (g *guest) Readable(*Conn)  { g.leave() }
func (g *guest) Expired(*Conn)   { g.leave() }
func (g *guest) Aborted(*Conn)   { g.leave() }

func (g *guest) leave() {
	g.idle.Remove(g, false)
	g.conn.Close()
}

// Of the idle ones of all loops it is always the first that gives way, whichever
// loop it lives on, and no more of them than there are others who wait.
func TestGuestsGiveWayInTurn(t *testing.T) {
	const loops, places, all = 3, 6, 15
	said := make(chan error, all)
	g := newGroup(t, loops, Config{MaxConns: places, Report: func(err error) { said <- err }})
	idle := make([]*Idlers[*guest], loops)
	for i := range idle {
		idle[i] = NewIdlers[*guest](g.Loop(i))
	}
	var number atomic.Int32
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		l := c.Loop()
		// They come with their ages, a minute apart, so that the test need not wait.
		age := time.Duration(all-number.Add(1)+1) * time.Minute
		one := &guest{conn: c, idle: idle[l.Index()], since: l.Now().Add(-age)}
		one.idle.Add(one, false)
		c.Park(one, 0)
	})
	g.start()
	defer func() {
		if err := <-said; !errors.Is(err, ErrFull) || len(said) > 0 {
			t.Errorf("reported: %v, and %d more", err, len(said))
		}
	}()
	var came []net.Conn
	for n := range all {
		c := dial(t, ln)
		came = append(came, c)
		eventually(t, "it has come in", func() bool { return int(number.Load()) == n+1 })
		if n >= places {
			if _, err := came[n-places].Read(make([]byte, 1)); err != io.EOF {
				t.Fatalf("the first of those that were there has not gone: %v", err)
			}
		}
	}
	left := 0
	for i := range idle {
		on(t, g.Loop(i), func() { left += idle[i].Len() })
	}
	if left != places {
		t.Errorf("%d are left, want %d", left, places)
	}
}
