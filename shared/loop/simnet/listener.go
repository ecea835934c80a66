package simnet

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/hopwire/hopwire/shared/loop"
)

// A listener is an address where connections arrive.
type listener struct {
	watch
	handle loop.Handle
	at     loop.Address
	sealed bool      // who connects is not answered
	queue  []*socket // established, not accepted yet
}

// firstListenPort is the first that port 0 stands for.
const firstListenPort = 20000

func (l *listener) describe() string {
	return fmt.Sprintf("handle %d: a listener at %v", l.handle, &l.at)
}

// Listen opens a listener. Port 0 becomes a port that is free.
func (e *Engine) Listen(at *loop.Address) (loop.Handle, *loop.Address, error) {
	w := e.world
	l := &listener{watch: watch{world: w}, at: w.withFreePort(*at)}
	if w.bound[l.at] != nil {
		return -1, nil, syscall.EADDRINUSE
	}
	var err error
	if l.handle, err = w.open(l); err != nil {
		return -1, nil, err
	}
	w.bound[l.at] = l
	bound := l.at
	return l.handle, &bound, nil
}

// withFreePort puts a free port in the place of port 0.
func (w *World) withFreePort(at loop.Address) loop.Address {
	if at.Path != "" || at.TCP.Port() != 0 {
		return at
	}
	for {
		w.lastPort = max(w.lastPort+1, firstListenPort)
		at.TCP = netip.AddrPortFrom(at.TCP.Addr(), w.lastPort)
		if w.bound[at] == nil {
			return at
		}
	}
}

// find is the listener at an address, or at the port of all addresses.
func (w *World) find(to loop.Address) *listener {
	if l := w.bound[to]; l != nil || to.Path != "" {
		return l
	}
	port := to.TCP.Port()
	for _, every := range []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()} {
		if l := w.bound[loop.Address{TCP: netip.AddrPortFrom(every, port)}]; l != nil {
			return l
		}
	}
	return nil
}

// Accept takes the connection that has waited longest.
func (e *Engine) Accept(h loop.Handle) (loop.Handle, netip.AddrPort, error) {
	l, err := e.world.listener(h)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	if len(l.queue) == 0 {
		return -1, netip.AddrPort{}, loop.ErrAgain
	}
	s := l.queue[0]
	if s.handle, err = e.world.open(s); err != nil {
		return -1, netip.AddrPort{}, err
	}
	l.queue = l.queue[1:]
	s.record(Accepted, nil)
	return s.handle, s.remote, nil
}

// Resume begins to report that connections wait in a listener.
func (e *Engine) Resume(h loop.Handle, token uint64) error {
	l, err := e.world.listener(h)
	if err != nil {
		return err
	}
	if err := l.watch.register(e, token, 0); err != nil {
		return err
	}
	e.listeners = append(e.listeners, l)
	return nil
}

// Pause ends the reports; connections go on to wait.
func (e *Engine) Pause(h loop.Handle) error {
	l, err := e.world.listener(h)
	if err != nil {
		return err
	}
	if l.engine == nil {
		return syscall.ENOENT
	}
	l.unregister()
	return nil
}

// HasBacklog reports whether a connection waits.
func (e *Engine) HasBacklog(h loop.Handle) bool {
	l, err := e.world.listener(h)
	return err == nil && len(l.queue) > 0
}

// Seal leaves connection requests unanswered from now on; they try again. A path
// is no longer there.
func (e *Engine) Seal(h loop.Handle) error {
	l, err := e.world.listener(h)
	if err != nil {
		return err
	}
	if l.sealed = true; l.at.Path != "" {
		l.unbind()
	}
	return nil
}

// unbind frees the address, unless somebody else has it by now.
func (l *listener) unbind() {
	if l.world.bound[l.at] == l {
		delete(l.world.bound, l.at)
	}
}

// unregister ends the reports.
func (l *listener) unregister() {
	if e := l.engine; e != nil {
		e.listeners = slices.DeleteFunc(e.listeners, func(other *listener) bool { return other == l })
	}
	l.watch.unregister()
}

// close resets the connections that nobody has accepted.
func (l *listener) close() {
	w := l.world
	w.release(l.handle)
	l.unbind()
	for _, s := range l.queue {
		s.abandon()
	}
	w.record(Step{What: Closed})
}
