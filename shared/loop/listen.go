package loop

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// listenerGen is the generation in the tokens of listeners; no connection has
// it.
const listenerGen = 0

// A Listener accepts connections for all loops of a group. One loop waits on
// the socket, so that no herd of them wakes for one connection, and hands each
// connection to the loop that has the fewest.
type Listener struct {
	loop      *Loop
	handle    Handle
	address   *Address
	accept    func(*Conn)
	uncounted bool
	paused    bool
	closed    bool
	retry     *Timer
	muteUntil Time // until then no further failure is reported

	muteFullUntil Time // nor that idle connections give way

	inquiry *inquiry // for a connection that gives way; the last one

	drainTimer *Timer // when to look at the backlog again; nil until CloseThen
	sawConn    bool   // one was accepted since it was set
	onClosed   []func()
}

// Listen opens a socket at the address, "host:port" or "unix:/path", and has
// accept called with each new connection, on the connection's loop and outside
// any task. Listen is called before Run.
func (g *Group) Listen(address string, accept func(*Conn)) (*Listener, error) {
	at, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	l := g.loops[g.listening%len(g.loops)]
	g.listening++
	ln := &Listener{loop: l, accept: accept}
	ln.retry = l.newTimer(ln.resume)
	if ln.handle, ln.address, err = l.engine.Listen(at); err != nil {
		return nil, ListenError(at, err)
	}
	if err := l.engine.Resume(ln.handle, uint64(ln.handle)); err != nil {
		l.engine.CloseSocket(ln.handle)
		return nil, ListenError(at, err)
	}
	l.listeners = append(l.listeners, ln)
	return ln, nil
}

// Uncounted has the listener accept whatever Config.MaxConns says, which its
// connections do not count against: they are not those that are bounded, and stay
// on the listener's loop. It is called before Run.
func (ln *Listener) Uncounted() { ln.uncounted = true }

// ListenError says what is wrong with the address by what the system answered, and what
// to choose instead. It wraps err.
func ListenError(at *Address, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && at.Path != "":
		return fmt.Errorf("cannot listen on %s: another program listens there, or the file is none of a socket; choose another path: %w", at, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s: another program listens there already; choose another address, or port 0 for any free one: %w", at, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("cannot listen on %s: permission denied; choose a port from 1024 up: %w", at, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this machine does not have that address: %w", at, err)
	}
	return fmt.Errorf("cannot listen on %s: %w", at, err)
}

// Address is where the listener listens, with the port that was chosen for
// port 0.
func (ln *Listener) Address() *Address { return ln.address }

// Addr is Address as a net.Addr.
func (ln *Listener) Addr() net.Addr { return ln.address.netAddr() }

// acceptBatch bounds how many connections are accepted in a turn, so that
// those already there are served too.
const acceptBatch = 64

func (l *Loop) acceptAt(h Handle) {
	for _, ln := range l.listeners {
		if ln.handle == h && !ln.closed && !ln.paused {
			ln.acceptSome()
			return
		}
	}
}

func (ln *Listener) acceptSome() {
	for range acceptBatch {
		if ln.full() {
			ln.waitForRoom()
			return
		}
		if !ln.acceptOne() {
			return
		}
	}
}

// waitForRoom has somebody make room, unless nobody waits for it: then it will be
// reported when somebody does.
func (ln *Listener) waitForRoom() {
	if !ln.loop.engine.HasBacklog(ln.handle) {
		return
	}
	if ln.pause(ln.full); ln.paused {
		ln.makeRoom()
	}
}

func (ln *Listener) full() bool { return !ln.uncounted && ln.loop.group.full() }

// acceptOne reports whether it is worth trying for another connection.
func (ln *Listener) acceptOne() bool {
	l := ln.loop
	h, remote, err := l.engine.Accept(ln.handle)
	switch {
	case err == nil:
		ln.sawConn = true
		to := l
		if !ln.uncounted {
			to = l.group.assign()
		}
		if to == l {
			to.adoptAccepted(h, remote, ln)
		} else if !to.Post(func() { to.adoptAccepted(h, remote, ln) }) {
			ln.dropAccepted(h, l, to)
		}
		return true
	case err == ErrAgain:
		return false
	case errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.EPROTO):
		return true // the client went away while it waited
	}
	// Most likely the program has no descriptor left. Those who wait in the
	// kernel's queue are better off than those accepted and dropped.
	ln.pause(nil)
	ln.failed("accepting connections pauses", err)
	return false
}

// retryAfter is how long after a failure accepting is tried again, if no
// connection closes before.
const retryAfter = 100 * time.Millisecond

// muteFor is how long something is not said again.
const muteFor = 10 * time.Second

// failed has a paused listener try again later. While descriptors are short,
// each connection that closes lets one in and the next one fail, which is worth
// telling once in a while only.
func (ln *Listener) failed(what string, err error) {
	ln.retry.Reset(retryAfter)
	if now := ln.loop.now; now >= ln.muteUntil {
		ln.muteUntil = now.Add(muteFor)
		ln.loop.report(fmt.Errorf("%s on %s: %w", what, ln.address, err))
	}
}

// pause stops accepting until a connection closes. In case the last one did so
// on another loop just now, the reason is looked at again afterwards.
func (ln *Listener) pause(still func() bool) {
	ln.paused = true
	ln.loop.engine.Pause(ln.handle)
	ln.loop.group.paused.Add(1)
	if still != nil && !still() {
		ln.resume()
	}
}

func (ln *Listener) resume() {
	if !ln.paused || ln.closed {
		return
	}
	if err := ln.loop.engine.Resume(ln.handle, uint64(ln.handle)); err != nil {
		ln.failed("accepting connections cannot go on", err)
		return
	}
	ln.paused = false
	ln.retry.Stop()
	ln.loop.group.paused.Add(-1)
}
