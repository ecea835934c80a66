package loop

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Tasks run in the order in which they became able to.
func TestTasksTakeTurns(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	var order []string
	do(t, l, func() {
		var joins []func()
		for _, name := range []string{"a", "b", "c"} {
			joins = append(joins, beside(l, func() {
				for i := range 3 {
					order = append(order, fmt.Sprint(name, i))
					pauseOnce(l)
				}
			}))
		}
		order = append(order, "started")
		for _, join := range joins {
			join()
		}
	})
	want := []string{"started", "a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"}
	if !slices.Equal(order, want) {
		t.Errorf("the order was %q, want %q", order, want)
	}
}

func TestTasksAreUsedAgain(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	do(t, l, func() {})
	on(t, l, func() {}) // the task has been put aside
	var first *task
	on(t, l, func() { first = l.tasks.items[0] })
	do(t, l, func() {
		if l.current != first {
			t.Error("a task was made although there was one to be used again")
		}
	})
	for range 2 {
		on(t, l, l.trim)
	}
	on(t, l, func() {
		if n := len(l.tasks.items); n != 0 {
			t.Errorf("%d tasks are kept that nobody needs", n)
		}
	})
	do(t, l, func() {})
}

var errTest = errors.New("panicked in a test")

// A task that panics takes its connections and those of the tasks it started
// along, and nothing else: not one that another task used since, nor one that
// is parked.
func TestPanicEndsItsFamily(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add})
	arrived := make(chan *Conn, 1)
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { arrived <- c })
	l := g.start()
	connect := func() (net.Conn, *Conn) { return dial(t, ln), wait(t, "the connection", arrived) }
	parent, atParent := connect()
	child, atChild := connect()
	given, atGiven := connect()
	parked, atParked := connect()

	do(t, l, func() {
		for _, c := range []*Conn{atParent, atGiven, atParked} {
			say(t, c, "1")
		}
		atParked.Park(&notes{}, 0)
		beside(l, func() {
			say(t, atChild, "1")
			if err := atChild.WaitReadable(); err != net.ErrClosed {
				t.Errorf("the child of a task that panicked waited until %v, want %v", err, net.ErrClosed)
			}
		})
		var used Signal
		l.Post(func() {
			l.Go(Func(func() {
				say(t, atGiven, "2")
				used.Fire()
			}))
		})
		used.Wait(l, l.soon())
		panic(errTest)
	})
	for name, c := range map[string]net.Conn{"parent": parent, "child": child} {
		hear(t, c, "1")
		if _, err := c.Read(make([]byte, 1)); !isReset(err) {
			t.Errorf("the peer of the %s's connection read %v, want a reset", name, err)
		}
	}
	do(t, l, func() {
		say(t, atGiven, "3")
		say(t, atParked, "3")
	})
	hear(t, given, "123")
	hear(t, parked, "13")
	all.want(t, errTest)
	var p *PanicError
	if got := all.get(); !errors.As(got[0], &p) || !strings.Contains(got[0].Error(), "TestPanicEndsItsFamily") {
		t.Errorf("the report does not say where it happened:\n%v", got[0])
	}
}

// New tasks of one turn run one after the other on one stack. That makes no
// scope of them: one that panics leaves those behind it alone.
func TestPanicBeforeOthersOfTheTurn(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add})
	arrived := make(chan *Conn, 1)
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { arrived <- c })
	l := g.start()
	var clients []net.Conn
	var conns []*Conn
	for range 4 {
		clients = append(clients, dial(t, ln))
		conns = append(conns, wait(t, "the connection", arrived))
	}
	on(t, l, func() {
		for i, c := range conns { // each from a function, and so a scope, of its own
			l.Post(func() {
				l.Go(Func(func() {
					say(t, c, "1")
					if i%2 == 0 {
						panic(errTest)
					}
				}))
			})
		}
	})
	do(t, l, func() {
		say(t, conns[1], "2")
		say(t, conns[3], "2")
	})
	for i, c := range clients {
		if i%2 == 1 {
			hear(t, c, "12")
			continue
		}
		hear(t, c, "1")
		if _, err := c.Read(make([]byte, 1)); !isReset(err) {
			t.Errorf("the peer of connection %d read %v, want a reset", i, err)
		}
	}
	all.want(t, errTest, errTest)
	if on(t, l, func() {}); l.live.Len() != 0 {
		t.Errorf("%d tasks are taken for alive", l.live.Len())
	}
}

// runtime.Goexit, which testing's Fatal calls, ends a task as a panic does. The
// loop goes on.
func TestGoexitEndsItsFamily(t *testing.T) {
	var all reports
	g := newGroup(t, 1, Config{Report: all.add})
	n := 0
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		if n++; n == 1 {
			c.Loop().Go(Func(func() {
				c.WaitReadable()
				runtime.Goexit()
			}))
		} else {
			echo(c)
		}
	})
	g.start()
	first := dial(t, ln)
	say(t, first, "x")
	if _, err := first.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("the peer of a task that ended its goroutine read %v, want a reset", err)
	}
	second := dial(t, ln)
	say(t, second, "hello")
	hear(t, second, "hello")
	all.want(t, errGoexit)
}

// In a handler it ends the loop, and so the group, in good order.
func TestGoexitInAHandler(t *testing.T) {
	var all reports
	g := newGroup(t, 2, Config{Report: all.add})
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		c.Park(&notes{then: func(c *Conn) { runtime.Goexit() }}, 0)
	})
	g.start()
	c := dial(t, ln)
	say(t, c, "x")
	if _, err := c.Read(make([]byte, 1)); !isReset(err) {
		t.Errorf("the peer read %v, want a reset", err)
	}
	if err := wait(t, "the end of Run", g.ran); err != nil {
		t.Error(err)
	}
	g.ran <- nil
	all.want(t, errGoexit)
}

// A connection that is always ready does not keep the loop for itself.
func TestTasksGiveWay(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		served := false
		say(t, b, "x")
		greedy := beside(l, func() {
			for !served {
				if err := a.WaitReadable(); err != nil { // does not wait
					t.Error(err)
					return
				}
			}
		})
		modest := beside(l, func() {
			for range 20 {
				say(t, a, "hello")
				hear(t, b, "hello")
			}
			served = true
		})
		modest()
		greedy()
	})
}

// Code that waits where no task is says so.
func TestWaitingOutsideATask(t *testing.T) {
	l := newGroup(t, 1, Config{}).start()
	on(t, l, func() {
		mustPanic(t, "Sleep outside a task", func() { l.Sleep(1) })
		mustPanic(t, "Dial outside a task", func() { l.Dial(&Address{Path: "/nowhere"}, 0) })
		mustPanic(t, "Wait outside a task", func() { new(Signal).Wait(l, 0) })
	})
}

// Tasks that a loop is stopped with are told, whatever they wait for.
func TestStopReachesEveryWait(t *testing.T) {
	overTCPUntilStop := map[string]func(l *Loop, a, b *Conn) error{
		"Read":         func(l *Loop, a, b *Conn) error { _, err := a.Read(make([]byte, 1)); return err },
		"WaitReadable": func(l *Loop, a, b *Conn) error { return a.WaitReadable() },
		"Write":        func(l *Loop, a, b *Conn) error { _, err := a.Write(make([]byte, 64<<20)); return err },
		"Writev": func(l *Loop, a, b *Conn) error {
			_, err := a.Writev([][]byte{make([]byte, 32<<20), make([]byte, 32<<20)})
			return err
		},
		"splice, reading": func(l *Loop, a, b *Conn) error { _, err := a.spliceFrom(b, 1); return err },
		"splice, writing": func(l *Loop, a, b *Conn) error {
			join := beside(l, func() { a.Write(make([]byte, 64<<20)) })
			defer join()
			_, err := b.spliceFrom(b, 64<<20) // a gets back what it sends, and does not read it
			return err
		},
		"Sleep":                      func(l *Loop, a, b *Conn) error { return l.Sleep(patience) },
		"Signal":                     func(l *Loop, a, b *Conn) error { return new(Signal).Wait(l, 0) },
		"Signal, with a deadline":    func(l *Loop, a, b *Conn) error { return new(Signal).Wait(l, l.soon()) },
		"a task that only gives way": func(l *Loop, a, b *Conn) error { return giveWayForEver(l) },
	}
	for name, waits := range overTCPUntilStop {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 1, Config{})
			var b *Conn
			var arrived Signal
			ln := listen(t, g, "127.0.0.1:0", func(c *Conn) { b = c; arrived.Fire() })
			l := g.start()
			result := make(chan error, 1)
			waiting := make(chan struct{})
			l.Post(func() {
				l.Go(Func(func() {
					a, err := l.Dial(ln.Address(), l.soon())
					if err != nil {
						t.Error(err)
					}
					for b == nil {
						arrived.Wait(l, l.soon())
					}
					close(waiting)
					result <- waits(l, a, b)
				}))
			})
			wait(t, "the beginning", waiting)
			on(t, l, func() {})
			g.end()
			err := wait(t, "the end of the wait", result)
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrStopped) {
				t.Errorf("the wait ended with %v, want %v or %v", err, net.ErrClosed, ErrStopped)
			}
		})
	}
}

func giveWayForEver(l *Loop) error {
	for {
		if err := l.running().giveWay(); err != nil {
			return err
		}
	}
}

// pauseOnce lets the others have one turn.
func pauseOnce(l *Loop) { l.running().giveWay() }
