package simnet

import (
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestListenersAreReportedByLevel(t *testing.T) {
	r := bareRig(t, 1, Options{})
	r.connect()
	r.reports(r.listener, loop.ReadyRead)
	r.reports(r.listener, loop.ReadyRead)
	r.must(r.Pause(r.listener))
	r.reports(r.listener, 0)
	r.must(r.Resume(r.listener, uint64(r.listener)))
	r.reports(r.listener, loop.ReadyRead)
	r.accept()
	r.reports(r.listener, 0)
	if _, _, err := r.Accept(r.listener); err != loop.ErrAgain {
		t.Errorf("Accept = %v", err)
	}
}

// Who connects to a sealed listener is not answered, and reaches the next one at
// the address. Who was there stays.
func TestSeal(t *testing.T) {
	r := bareRig(t, 1, Options{})
	r.connect()
	r.settleUnaccepted()
	r.must(r.Seal(r.listener))
	h := r.connect()
	r.settleUnaccepted()
	if err := r.ConnectResult(h); err != loop.ErrAgain {
		t.Errorf("ConnectResult = %v at a sealed listener", err)
	}
	if !r.HasBacklog(r.listener) {
		t.Error("the one who waited before is gone")
	}
	r.accept()
	if r.HasBacklog(r.listener) {
		t.Error("another one waits")
	}
	r.must(r.CloseSocket(r.listener))
	next, _, err := r.Listen(r.at)
	r.must(err)
	r.settle()
	if err := r.ConnectResult(h); err != nil || !r.HasBacklog(next) {
		t.Errorf("ConnectResult = %v at the next listener", err)
	}
}

func TestConnects(t *testing.T) {
	elsewhere := address(t, "127.0.0.1:9")
	for _, c := range []struct {
		name  string
		o     Options
		to    func(r *rig) *loop.Address
		want  error
		after time.Duration
	}{
		{"at once", Options{}, nil, nil, 0},
		{"after two delays", Options{Delay: Range{Min: time.Second}}, nil, nil, 2 * time.Second},
		{"nobody listens", Options{Delay: Range{Min: time.Second}}, func(*rig) *loop.Address { return elsewhere }, syscall.ECONNREFUSED, 2 * time.Second},
		{"refused by fate", Options{Refuse: 1}, nil, syscall.ECONNREFUSED, 0},
		{"backlog full for three seconds", Options{Backlog: 1}, func(r *rig) *loop.Address {
			r.connect()
			r.settleUnaccepted()
			return r.at
		}, nil, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := bareRig(t, 1, c.o)
			to := r.at
			if c.to != nil {
				to = c.to(r)
			}
			r.must(r.Pause(r.listener))
			begin := r.Now()
			h, err := r.Connect(to)
			r.must(err)
			r.must(r.Register(h, uint64(h)))
			if err := r.ConnectResult(h); err != loop.ErrAgain {
				t.Errorf("ConnectResult = %v before the end", err)
			}
			if c.o.Backlog > 0 { // make room after the second attempt
				r.stepUntil(r.Now().Add(2 * time.Second))
				r.accept()
			}
			for r.step()[h]&loop.ReadyWrite == 0 {
			}
			if err := r.ConnectResult(h); err != c.want {
				t.Errorf("ConnectResult = %v, want %v", err, c.want)
			}
			if got := r.Now().Sub(begin); got != c.after {
				t.Errorf("it took %v, want %v", got, c.after)
			}
		})
	}
}

func TestConnectNeverEnds(t *testing.T) {
	r := bareRig(t, 1, Options{Hang: 1})
	h := r.connect()
	if got := r.step(); len(got) != 0 {
		t.Errorf("reported: %v", got)
	}
	if n, err := r.Wait(make([]loop.Event, 1), loop.Never); n != 0 || err != ErrQuiet {
		t.Errorf("Wait = %d, %v; want ErrQuiet", n, err)
	}
	r.must(r.CloseSocket(h))
}

func TestConnectGivesUp(t *testing.T) {
	r := bareRig(t, 1, Options{Backlog: 1})
	r.connect()
	r.settleUnaccepted()
	r.must(r.Pause(r.listener))
	begin := r.Now()
	h := r.connect()
	for r.step()[h]&loop.ReadyWrite == 0 {
	}
	if err := r.ConnectResult(h); err != syscall.ETIMEDOUT {
		t.Errorf("ConnectResult = %v", err)
	}
	if got, want := r.Now().Sub(begin), 127*time.Second; got != want {
		t.Errorf("it took %v, want %v, as in Linux", got, want)
	}
}

func TestListenersClose(t *testing.T) {
	r := bareRig(t, 1, Options{})
	h := r.connect()
	r.settleUnaccepted()
	r.must(r.CloseSocket(r.listener))
	if r.step()[h]&loop.ReadyReset == 0 {
		t.Error("a connection that nobody accepted outlived its listener")
	}
	r.reads(h, 1, "", syscall.ECONNRESET)
	late := r.connect()
	r.step()
	if err := r.ConnectResult(late); err != syscall.ECONNREFUSED {
		t.Errorf("connecting to a closed listener: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		listen, dial, local string
	}{
		{"127.0.0.1:80", "127.0.0.1:80", "127.0.0.1:80"},
		{":80", "127.0.0.1:80", "127.0.0.1:80"},
		{":80", "[::1]:80", "[::1]:80"},
		{":80", ":80", "[::1]:80"},
		{"0.0.0.0:80", "0.0.0.0:80", "127.0.0.1:80"},
		{"unix:/run/x", "unix:/run/x", "invalid AddrPort"},
	} {
		e, _ := New(1, Options{}).Engine(0)
		listener, at, err := e.Listen(address(t, c.listen))
		if err != nil || at.String() != address(t, c.listen).String() {
			t.Errorf("Listen(%q) = %v, %v", c.listen, at, err)
		}
		if _, _, err := e.Listen(at); err != syscall.EADDRINUSE {
			t.Errorf("listening twice on %v: %v", at, err)
		}
		h, err := e.Connect(address(t, c.dial))
		if err != nil {
			t.Errorf("Connect(%q): %v", c.dial, err)
			continue
		}
		e.Wait(nil, e.Now())
		peer, remote, err := e.Accept(listener)
		if err != nil {
			t.Errorf("Accept after Connect(%q): %v", c.dial, err)
			continue
		}
		if remote != e.LocalAddr(h) || e.LocalAddr(peer).String() != c.local {
			t.Errorf("Connect(%q): local %v, accepted from %v at %v", c.dial, e.LocalAddr(h), remote, e.LocalAddr(peer))
		}
	}
}

// A client loses patience at each moment of connecting.
func TestAbandonedConnects(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		for after := range 4 {
			r := bareRig(t, 1, Options{Delay: Range{Min: time.Second}})
			to := r.at
			if elsewhere {
				to = address(t, "127.0.0.1:9")
			}
			h, err := r.Connect(to)
			r.must(err)
			r.must(r.Register(h, uint64(h)))
			r.must(r.Pause(r.listener))
			r.stepUntil(r.Now().Add(time.Duration(after) * 900 * time.Millisecond))
			r.must(r.CloseSocket(h))
			r.settle()
			if b, _, err := r.Accept(r.listener); err == nil {
				r.must(r.Register(b, uint64(b)))
				if got := r.step()[b]; got&loop.ReadyEnd == 0 {
					t.Errorf("closed after %d steps: the accepted side was told%s", after, readyNames(got))
				}
				r.must(r.CloseSocket(b))
			}
			r.must(r.CloseSocket(r.listener))
			r.settle()
			r.must(r.world.Leaks())
		}
	}
}

func TestNoSuchPath(t *testing.T) {
	r := bareRig(t, 1, Options{})
	if _, err := r.Connect(&loop.Address{Path: "/nowhere"}); err != syscall.ENOENT {
		t.Errorf("Connect = %v", err)
	}
}

func TestMaxSockets(t *testing.T) {
	r := bareRig(t, 1, Options{MaxSockets: 2})
	h := r.connect()
	if _, err := r.Connect(r.at); err != syscall.EMFILE {
		t.Errorf("Connect = %v", err)
	}
	if _, _, err := r.Listen(address(t, "127.0.0.1:0")); err != syscall.EMFILE {
		t.Errorf("Listen = %v", err)
	}
	r.step()
	if _, _, err := r.Accept(r.listener); err != syscall.EMFILE {
		t.Errorf("Accept = %v", err)
	}
	r.must(r.CloseSocket(h))
	if got := r.accept(); got != h {
		t.Errorf("the connection that waited has handle %d; want %d, which is free", got, h)
	}
}
