package loop

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// bounded has the operations that a deadline bounds, each of which waits.
var bounded = map[string]struct {
	set   func(c *Conn, t Time)
	setAt func(c *Conn, t time.Time) error
	waits func(c *Conn) error
}{
	"Read": {(*Conn).ReadDeadline, (*Conn).SetReadDeadline,
		func(c *Conn) error { return second(c.Read(make([]byte, 1))) }},
	"WaitReadable": {(*Conn).ReadDeadline, (*Conn).SetDeadline,
		(*Conn).WaitReadable},
	"Write": {(*Conn).WriteDeadline, (*Conn).SetWriteDeadline,
		func(c *Conn) error { return second(c.Write(make([]byte, 64<<20))) }},
	"Writev": {(*Conn).WriteDeadline, (*Conn).SetDeadline,
		func(c *Conn) error { return second(c.Writev([][]byte{make([]byte, 64<<20)})) }},
}

func eachBounded(t *testing.T, f func(t *testing.T, c *Conn, set func(*Conn, Time), setAt func(*Conn, time.Time) error, waits func(*Conn) error)) {
	for name, b := range bounded {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, a, _ *Conn) { f(t, a, b.set, b.setAt, b.waits) })
		})
	}
}

func wantDeadline(t *testing.T, err error) {
	t.Helper()
	var ne net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("the wait ended with %v, want %v", err, os.ErrDeadlineExceeded)
	}
}

func TestDeadlines(t *testing.T) {
	eachBounded(t, func(t *testing.T, c *Conn, set func(*Conn, Time), setAt func(*Conn, time.Time) error, waits func(*Conn) error) {
		l := c.Loop()
		by := l.Now().Add(10 * time.Millisecond)
		set(c, by)
		wantDeadline(t, waits(c))
		if l.Clock() < by {
			t.Error("it came early")
		}
		wantDeadline(t, waits(c)) // it stays so, until the deadline is moved

		at := l.Wall().Add(10 * time.Millisecond)
		setAt(c, at)
		wantDeadline(t, waits(c))
		if l.Wall().Before(at) {
			t.Error("it came early")
		}
		setAt(c, time.Unix(1, 0))
		wantDeadline(t, waits(c))
	})
}

// While a task waits the deadline may be moved in any direction, or be set at
// all.
func TestDeadlinesThatMove(t *testing.T) {
	for name, moves := range map[string][]time.Duration{
		"later":         {5 * time.Millisecond, 20 * time.Millisecond},
		"earlier":       {patience, 10 * time.Millisecond},
		"set at last":   {0, 10 * time.Millisecond},
		"off and on":    {5 * time.Millisecond, 0, 15 * time.Millisecond},
		"back and on":   {patience, 5 * time.Millisecond, patience, 10 * time.Millisecond},
		"into the past": {patience, -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			eachBounded(t, func(t *testing.T, c *Conn, set func(*Conn, Time), _ func(*Conn, time.Time) error, waits func(*Conn) error) {
				l := c.Loop()
				began := l.Now()
				instant := func(d time.Duration) Time {
					if d == 0 {
						return 0
					}
					return max(began.Add(d), 1)
				}
				set(c, instant(moves[0]))
				join := beside(l, func() { wantDeadline(t, waits(c)) })
				for c.reader == nil && c.writer == nil {
					pauseOnce(l)
				}
				for _, d := range moves[1:] {
					set(c, instant(d))
				}
				join()
				if by := instant(moves[len(moves)-1]); l.Clock() < by {
					t.Errorf("it came %v early", by.Sub(l.Clock()))
				}
			})
		})
	}
}

// A deadline that lies beyond what numbers hold has not passed.
func TestDeadlineInTheFarFuture(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		for _, at := range []time.Time{{}, time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
			a.SetDeadline(at)
			join := beside(a.Loop(), func() { hear(t, a, "x") })
			pause(a.Loop())
			say(t, b, "x")
			join()
		}
		a.ReadDeadline(Never)
		join := beside(a.Loop(), func() { hear(t, a, "x") })
		pause(a.Loop())
		say(t, b, "x")
		join()
	})
}

// A timer that was set for a deadline which has moved wakes nobody.
func TestDeadlineThatMovedAwayIsLazy(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		a.ReadDeadline(l.Now().Add(5 * time.Millisecond))
		join := beside(l, func() { hear(t, a, "hello") })
		for a.reader == nil {
			pauseOnce(l)
		}
		set := a.timer.at
		for range 1000 {
			a.ReadDeadline(l.soon())
		}
		if a.timer.at != set {
			t.Error("moving a deadline away moved the timer")
		}
		for a.timer.at == set {
			pauseOnce(l)
		}
		if a.reader == nil {
			t.Error("the timer woke the reader")
		}
		say(t, b, "hello")
		join()
	})
}
