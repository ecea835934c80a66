package simnet

import (
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// An Engine is a world as one loop sees it.
type Engine struct {
	world     *World
	ready     []*watch    // those with something to report, in no order
	listeners []*listener // those that this engine reports
	woken     atomic.Bool
}

var _ loop.Engine = (*Engine)(nil)

// Now reads the world's clock.
func (e *Engine) Now() loop.Time { return e.world.now }

// Wall reads the world's wall clock.
func (e *Engine) Wall() time.Time { return e.world.Wall() }

// Wake makes a Wait return. Any goroutine may call it.
func (e *Engine) Wake() { e.woken.Store(true) }

// Close does nothing: sockets are closed by their owners, and a world is left to
// the garbage collector.
func (e *Engine) Close() error { return nil }

// Wait moves the clock as far as it takes until there is something to report, to
// the instant given at most. It returns with no event after Wake, and when
// another engine of the world has something to report. It returns ErrQuiet where
// the kernel would wait forever.
func (e *Engine) Wait(events []loop.Event, until loop.Time) (int, error) {
	w := e.world
	for {
		w.doDue()
		if w.anyDue() || until <= w.now {
			e.woken.Store(false)
			return e.report(events), nil
		}
		next := w.schedule.next()
		if next == loop.Never && until == loop.Never {
			return 0, ErrQuiet
		}
		if w.now = min(next, until); w.tooOld() {
			return 0, ErrLifetime
		}
	}
}

// doDue does everything that is due.
func (w *World) doDue() {
	for w.schedule.next() <= w.now {
		a := w.schedule.pop()
		w.do(&a)
	}
}

// anyDue says whether an engine has a reason to return from Wait.
func (w *World) anyDue() bool {
	for _, e := range w.engines {
		if e.due() {
			return true
		}
	}
	return false
}

// due looks at the listeners first, which are reported in every Wait while a
// connection waits.
func (e *Engine) due() bool {
	for _, l := range e.listeners {
		if len(l.queue) > 0 {
			l.post(loop.ReadyRead)
		}
	}
	return len(e.ready) > 0 || e.woken.Load()
}

// report hands over what is ready, in random order.
func (e *Engine) report(events []loop.Event) int {
	n := 0
	for n < len(events) && len(e.ready) > 0 {
		s := e.ready[e.world.chance.index(len(e.ready))]
		events[n] = loop.Event{Token: s.token, Ready: s.pending}
		e.world.record(Step{What: Reported, Conn: s.conn, Side: s.side, Ready: s.pending})
		s.unpost()
		n++
	}
	return n
}

// Register begins to report a socket.
func (e *Engine) Register(h loop.Handle, token uint64) error {
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	return s.register(e, token)
}

// Peek is ErrAgain when a Read would be.
func (e *Engine) Peek(h loop.Handle) error {
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	return s.peek()
}

// Read gives what has arrived, as far as it fits.
func (e *Engine) Read(h loop.Handle, p []byte) (int, error) {
	s, err := e.world.socket(h)
	if err != nil {
		return 0, err
	}
	return s.read(p)
}

// Discard is Read into nothing.
func (e *Engine) Discard(h loop.Handle, n int) (int, error) {
	s, err := e.world.socket(h)
	if err != nil {
		return 0, err
	}
	return s.discard(n)
}

// Write takes as much as there is room for.
func (e *Engine) Write(h loop.Handle, p []byte) (int, error) {
	s, err := e.world.socket(h)
	if err != nil {
		return 0, err
	}
	return s.write(p)
}

// Writev takes as much as there is room for.
func (e *Engine) Writev(h loop.Handle, bufs [][]byte) (int, error) {
	s, err := e.world.socket(h)
	if err != nil {
		return 0, err
	}
	return s.writev(bufs)
}

// Sendfile takes as much as there is room for out of a file of the machine.
func (e *Engine) Sendfile(h loop.Handle, f *os.File, off int64, n int) (int, error) {
	s, err := e.world.socket(h)
	if err != nil {
		return 0, err
	}
	return s.sendfile(f, off, n)
}

// Ended reports whether the peer's end, or its reset, has arrived.
func (e *Engine) Ended(h loop.Handle) bool {
	s, err := e.world.socket(h)
	return err == nil && s.possible()&(loop.ReadyEnd|loop.ReadyReset) != 0
}

// Unsent is how many octets written have not arrived.
func (e *Engine) Unsent(h loop.Handle) int {
	s, err := e.world.socket(h)
	if err != nil || s.out == nil {
		return 0
	}
	return int(s.out.written - s.out.arrived)
}

// CloseWrite ends the sending direction.
func (e *Engine) CloseWrite(h loop.Handle) error {
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	return s.closeWrite()
}

// Reset closes the socket and resets the connection.
func (e *Engine) Reset(h loop.Handle) error {
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	s.close(true)
	return nil
}

// CloseSocket closes a socket or a listener.
func (e *Engine) CloseSocket(h loop.Handle) error {
	if l, err := e.world.listener(h); err == nil {
		l.close()
		return nil
	}
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	s.close(false)
	return nil
}

// LocalAddr is the zero AddrPort for a Unix socket and for what is not open.
func (e *Engine) LocalAddr(h loop.Handle) netip.AddrPort {
	if l, err := e.world.listener(h); err == nil {
		return l.at.TCP
	}
	s, err := e.world.socket(h)
	if err != nil {
		return netip.AddrPort{}
	}
	return s.local
}
