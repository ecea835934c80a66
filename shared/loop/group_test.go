package loop

import (
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestNewGroupErrors(t *testing.T) {
	if _, err := NewGroup(0, Config{}); err == nil {
		t.Error("a group without a loop was made")
	}
	before := descriptors(t)
	_, err := NewGroup(3, Config{Engine: func(i int) (Engine, error) {
		if i == 2 {
			return nil, errTest
		}
		return kernelEngine(i)
	}})
	if err != errTest {
		t.Errorf("NewGroup gave %v, want %v", err, errTest)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are left of a group that was not made", after-before)
	}
}

// A number for all is shared out, and every loop has at least one.
func TestShare(t *testing.T) {
	for _, test := range []struct {
		n, loops int
		want     []int
	}{
		{0, 2, []int{0, 0}},
		{1, 2, []int{1, 1}},
		{2, 2, []int{1, 1}},
		{7, 3, []int{3, 2, 2}},
		{8, 3, []int{3, 3, 2}},
	} {
		g := newGroup(t, test.loops, Config{})
		var got []int
		for i := range test.loops {
			got = append(got, g.Loop(i).Share(test.n))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%d among %d: %v, want %v", test.n, test.loops, got, test.want)
		}
	}
}

// When the group is stopped with everything under way, nothing stays: no
// goroutine, no descriptor.
func TestNothingIsLeft(t *testing.T) {
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	file := makeFile(t, 64<<20)
	g := newGroup(t, 3, Config{MaxConns: 40})
	n := 0
	var mu sync.Mutex
	ln := listen(t, g, "127.0.0.1:0", func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		n++
		underWay(t, g, c, n, func() (int64, error) { return c.Sendfile(file, 0, 64<<20) })
	})
	g.start()
	var clients []net.Conn
	for range 50 { // ten more than are let in
		c := dial(t, ln)
		io.WriteString(c, "hello")
		clients = append(clients, c)
	}
	eventually(t, "accepting pauses", func() bool { return g.paused.Load() == 1 })
	for i := range g.Len() {
		g.Loop(i).Post(func() { g.Loop(i).After(time.Hour, func() {}) })
	}
	g.end()
	for _, c := range clients {
		c.Close()
	}
	file.Close()
	eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= before })
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// underWay has the n-th connection do one of the things that connections do.
func underWay(t *testing.T, g *testGroup, c *Conn, n int, sendfile func() (int64, error)) {
	l := c.Loop()
	var s Signal
	things := []func(){
		func() { c.Read(make([]byte, 9)); c.Read(make([]byte, 9)) },
		func() { c.Write(make([]byte, 64<<20)) },
		func() { sendfile() },
		func() { c.spliceFrom(c, 1<<20) },
		func() { l.Sleep(time.Hour) },
		func() { s.Wait(l, 0) },
		func() { beside(l, func() { l.Sleep(time.Hour) })(); s.Wait(l, l.soon()) },
		func() { c.Linger(time.Hour, time.Hour) },
		func() { c.Park(&echoer{c}, l.Now().Add(time.Hour)) },
		func() { c.CloseWrite(); c.ReadDeadline(l.soon()); io.Copy(io.Discard, c) },
	}
	thing := things[n%len(things)]
	c.Park(&notes{then: func(c *Conn) { l.Go(Func(thing)) }}, 0)
}

// A group that is not run after all is stopped and run to release what it has.
func TestStopBeforeRun(t *testing.T) {
	g := newGroup(t, 2, Config{})
	ln := listen(t, g, "127.0.0.1:0", echo)
	ran := false
	g.Loop(1).Post(func() { ran = true })
	g.Stop()
	g.end()
	if !ran {
		t.Error("a function that was posted before did not run")
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling gave %v, want %v", err, syscall.ECONNREFUSED)
	}
	if g.Loop(0).Post(func() { t.Error("a function ran after the end") }) {
		t.Error("a loop that has ended took a function")
	}
	ln.CloseThen(func() {})
	g.Stop()
}

// Functions are posted from all sides while the group stops: each one runs, or
// the caller is told that it will not. Tasks that begin at the last moment see
// that the loop has stopped.
func TestPostWhileStopping(t *testing.T) {
	for round := range 50 {
		goroutines := runtime.NumGoroutine()
		g := newGroup(t, 2, Config{})
		g.start()
		var posters sync.WaitGroup
		var taken, ran, ended atomic.Int32
		for i := range 4 {
			l := g.Loop(i % 2)
			task := Func(func() {
				l.Sleep(time.Hour)
				ended.Add(1)
			})
			posters.Go(func() {
				for range 500 {
					if !l.Post(func() { ran.Add(1); l.Go(task) }) {
						return
					}
					if taken.Add(1) == int32(40*round) {
						g.Stop()
					}
				}
			})
		}
		posters.Wait()
		g.end()
		if taken.Load() != ran.Load() || taken.Load() != ended.Load() {
			t.Fatalf("%d functions were taken, %d ran, %d of their tasks ended", taken.Load(), ran.Load(), ended.Load())
		}
		eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	}
}

// A loop that fails stops the others, and Run says why.
func TestALoopThatFails(t *testing.T) {
	failed := make(chan struct{})
	g, err := NewGroup(3, Config{Engine: func(i int) (Engine, error) {
		k, err := kernelEngine(i)
		if i == 1 {
			return &brokenEngine{k, failed}, err
		}
		return k, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error)
	go func() { ran <- g.Run() }()
	if err := wait(t, "the end of Run", ran); !errors.Is(err, syscall.EBADF) {
		t.Errorf("Run gave %v, want %v", err, syscall.EBADF)
	}
}

// brokenEngine fails to wait.
type brokenEngine struct {
	Engine
	failed chan struct{}
}

func (e *brokenEngine) Wait([]Event, Time) (int, error) {
	close(e.failed)
	return 0, syscall.EBADF
}

// A task that does not look at errors is reported; a stopped loop does not run
// it for ever.
func TestTasksWithoutEnd(t *testing.T) {
	g, err := NewGroup(1, Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := g.Loop(0)
	turns := 0
	var again func()
	again = func() {
		if turns++; turns < 1e6 {
			l.Go(Func(again)) // a child instead of a wait
		}
	}
	l.Go(Func(again))
	g.Stop()
	if err := g.Run(); err == nil || !strings.Contains(err.Error(), "loop: 1 tasks do not end") {
		t.Errorf("Run gave %v, which does not say that there is a task without end", err)
	}
	turns = 1e6
}
