package pool

import (
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A report of what has not come does not lengthen the time for which a connection
// waits. It is over at that instant, even if nobody has closed the connection yet.
func TestWaitsNoLonger(t *testing.T) {
	for _, test := range []struct {
		limit, announced time.Duration
		cause            Cause
	}{
		{4500 * time.Millisecond, 0, Expired},
		{0, 5 * time.Second, Announced},
	} {
		onLoop(t, func(l *loop.Loop, origin *loop.Address) {
			p := New(l, origin, Limits{Idle: test.limit}, nil)
			c, err := p.Dial(0)
			if err != nil {
				t.Fatal(err)
			}
			c.Announce(test.announced)
			p.Give(c, Kept)
			l.Sleep(4 * time.Second)
			(*idling)(c).Readable(c.Conn)
			l.Sleep(400 * time.Millisecond)
			if p.Idle() != 1 {
				t.Errorf("%v: the connection waits no longer after 4.4 s: %v", test.cause, p.Ends())
			}
			l.Sleep(200 * time.Millisecond)
			if p.Open() != 0 || p.Ends()[test.cause] != 1 {
				t.Errorf("%v: after 4.6 s %d connections are open: %v", test.cause, p.Open(), p.Ends())
			}

			if c, err = p.Dial(0); err != nil {
				t.Fatal(err)
			}
			c.Announce(test.announced)
			p.Give(c, Kept)
			c.until = l.Now()
			c.Serial = 7
			var passed []PassedOver
			if c = p.Take(&passed); c != nil || p.Ends()[test.cause] != 2 || len(passed) != 1 || passed[0] != (PassedOver{7, test.cause}) {
				t.Errorf("%v: a connection is taken whose time is over: %v, passed over %v", test.cause, p.Ends(), passed)
			}
		})
	}
}

// onLoop runs f in a task, in simulated time, beside an origin that says nothing.
func onLoop(t *testing.T, f func(l *loop.Loop, origin *loop.Address)) {
	t.Helper()
	err := simnet.New(1, simnet.Options{}).Run(loop.Config{}, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:0", func(*loop.Conn) {})
		if err != nil {
			return err
		}
		l := g.Loop(0)
		l.Post(func() {
			l.Go(loop.Func(func() {
				defer g.Stop()
				f(l, ln.Address())
			}))
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
