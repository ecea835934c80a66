package simnet

import (
	"net/netip"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// firstDialPort and lastDialPort bound the ports of sockets that dial.
const (
	firstDialPort = 32768
	lastDialPort  = 60999
)

// Connect begins to connect: what becomes of it is decided here, and seen when
// it has happened.
func (e *Engine) Connect(to *loop.Address) (loop.Handle, error) {
	w := e.world
	if to.Path != "" && w.find(*to) == nil {
		return -1, syscall.ENOENT // a path is looked up at once
	}
	s := &socket{watch: watch{world: w, conn: w.dials + 1, side: Dialer}, to: reachable(*to)}
	var err error
	if s.handle, err = w.open(s); err != nil {
		return -1, err
	}
	w.dials++
	s.bind()
	s.fate = w.decide(Dial{Number: w.dials, To: &s.to})
	s.record(Dialed, nil)
	if s.fate.Connect != ConnectHangs {
		w.after(w.options.Delay, action{what: requestArrives, socket: s})
	}
	return s.handle, nil
}

// reachable puts the loopback address in the place of every address, as the
// kernel does.
func reachable(to loop.Address) loop.Address {
	switch {
	case to.Path != "" || !to.TCP.Addr().IsUnspecified():
		return to
	case to.TCP.Addr().Is4():
		to.TCP = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.TCP.Port())
	default:
		to.TCP = netip.AddrPortFrom(netip.IPv6Loopback(), to.TCP.Port())
	}
	return to
}

// bind gives a socket that dials an address, unless it dials a Unix socket. One
// loopback address has too few ports for long runs; there are many.
func (s *socket) bind() {
	if s.to.Path != "" {
		return
	}
	w := s.world
	addr, port := w.lastEnd.Addr(), w.lastEnd.Port()+1
	if port > lastDialPort {
		addr, port = addr.Next(), firstDialPort
	}
	w.lastEnd = netip.AddrPortFrom(addr, port)
	s.local, s.remote = w.lastEnd, s.to.TCP
	switch {
	case s.to.From.IsValid():
		s.local = netip.AddrPortFrom(s.to.From, port)
		s.to.From = netip.Addr{} // which is no part of where it goes
	case s.to.TCP.Addr().Is6():
		s.local = netip.AddrPortFrom(netip.IPv6Loopback(), port)
	}
}

// decide draws a connection's fate, unless the options have somebody decide it.
func (w *World) decide(d Dial) Fate {
	if w.options.Fate != nil {
		return w.options.Fate(d)
	}
	f := Fate{Up: w.drawCut(), Down: w.drawCut()}
	switch {
	case w.chance.happens(w.options.Refuse):
		f.Connect = ConnectRefused
	case w.chance.happens(w.options.Hang):
		f.Connect = ConnectHangs
	}
	return f
}

func (w *World) drawCut() Cut {
	var c Cut
	switch {
	case w.chance.happens(w.options.Reset):
		c.Kind = CutReset
	case w.chance.happens(w.options.End):
		c.Kind = CutEnd
	default:
		return c
	}
	c.At = int64(w.chance.magnitude(w.options.FaultWithin+1)) - 1
	return c
}

// requestArrive is a connect that has got to its address.
func (w *World) requestArrive(s *socket, attempt int) {
	if s.state == closed {
		return
	}
	l := w.find(s.to)
	switch {
	case l == nil || s.fate.Connect == ConnectRefused:
		w.after(w.options.Delay, action{what: refusalArrives, socket: s})
	case l.sealed || len(l.queue) >= w.options.Backlog:
		w.requestAgain(s, attempt)
	default:
		l.queue = append(l.queue, w.join(s))
	}
}

// attempts is how often a connect is tried at a full listener.
const attempts = 7

// requestAgain lets a request which found the listener full or sealed arrive later, twice
// as late each time.
func (w *World) requestAgain(s *socket, attempt int) {
	a := action{what: requestArrives, socket: s, n: attempt + 1}
	if a.n == attempts {
		a.what = retriesEnd
	}
	a.at = w.now.Add(time.Second << attempt)
	w.schedule.add(a)
}

// join makes the other socket of a connection, and the streams between the two.
func (w *World) join(s *socket) *socket {
	peer := &socket{
		watch:  watch{world: w, conn: s.conn, side: Acceptor},
		handle: -1, state: connected, to: s.to, local: s.remote, remote: s.local,
	}
	up := &stream{world: w, from: s, to: peer, cut: s.fate.Up}
	down := &stream{world: w, from: peer, to: s, cut: s.fate.Down}
	s.out, s.in, peer.out, peer.in = up, down, down, up
	down.travel(action{what: answerArrives, socket: s}) // before any octet does
	up.fetch()
	down.fetch() // a cut may be before the first octet
	return peer
}

func (s *socket) established() {
	if s.state != connecting {
		return
	}
	s.state = connected
	s.record(Connected, nil)
	s.became(loop.ReadyWrite)
}

func (s *socket) connectFailed(err syscall.Errno) {
	if s.state != connecting {
		return
	}
	s.err = err
	s.die()
}

// ConnectResult is ErrAgain while the connect is under way.
func (e *Engine) ConnectResult(h loop.Handle) error {
	s, err := e.world.socket(h)
	if err != nil {
		return err
	}
	switch s.state {
	case connecting:
		s.await(loop.ReadyWrite)
		return loop.ErrAgain
	case dead:
		if err := s.takeErr(); err != 0 {
			return err
		}
		return syscall.ENOTCONN
	}
	return nil
}
