package simnet

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// ErrQuiet is what Wait returns, in place of waiting forever, when nothing is
// ready, nothing travels, and the loop asked for no instant to be woken at. In a
// test it means that all is done, or that a task waits for what will not come.
var ErrQuiet = errors.New("simnet: nothing is under way and no deadline is set, so nothing can happen any more")

// ErrLifetime is what Wait returns when more time has passed than Options
// allow.
var ErrLifetime = errors.New("simnet: the world has reached the end of its lifetime; a task or a timer goes on for ever")

// A World is one simulated network and its clock. It belongs to the goroutine
// that drives its engines; only Engine.Wake may be called from another.
type World struct {
	options  Options
	chance   *chance
	now      loop.Time
	schedule schedule
	history  history

	engines  []*Engine
	sockets  []endpoint // by handle; nil where none is open
	lowest   int        // no handle below is free
	bound    map[loop.Address]*listener
	pipes    int
	dials    uint64
	lastPort uint16         // given to a listener
	lastEnd  netip.AddrPort // given to a socket that dials
	scratch  []byte         // what sendfile reads into
}

// An endpoint is what a handle stands for: a *socket or a *listener.
type endpoint interface {
	// reportSpuriously reports it for no reason.
	reportSpuriously()
	// unregister ends the reports.
	unregister()
	// describe names it in an error.
	describe() string
}

// beginning is the clock's first instant. It is not 0, which as a deadline means none.
const beginning = loop.Time(time.Second)

// New makes a world. Together the seed, the options and what the program does
// determine everything that happens in it.
func New(seed uint64, o Options) *World {
	w := &World{
		options:  o.complete(),
		chance:   newChance(seed, worldStream),
		now:      beginning,
		bound:    make(map[loop.Address]*listener),
		lastPort: firstListenPort - 1,
		lastEnd:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), firstDialPort-1),
	}
	w.history.tell = w.options.History
	return w
}

// Engine adds an engine to the world: that of the loop with index i. It has the
// form that loop.Config asks for.
//
// One goroutine drives all engines of a world, which for a loop.Group means that
// it has one loop. Who drives several by hand gives each Wait the earliest
// instant that any of them waits for: time passes for all of them.
func (w *World) Engine(int) (loop.Engine, error) {
	e := &Engine{world: w}
	w.engines = append(w.engines, e)
	return e, nil
}

// Now is the world's clock.
func (w *World) Now() loop.Time { return w.now }

// Elapsed is how long the world exists.
func (w *World) Elapsed() time.Duration { return w.now.Sub(beginning) }

// Wall is the world's wall clock.
func (w *World) Wall() time.Time { return w.options.Epoch.Add(w.Elapsed()) }

func (w *World) tooOld() bool {
	most := w.options.Lifetime
	return most > 0 && w.Elapsed() > most
}

// Digest is a number that stands for all steps taken until now: the same for the
// same history, and as good as never for another.
func (w *World) Digest() uint64 { return w.history.digest }

// Steps is how many steps were taken until now.
func (w *World) Steps() uint64 { return w.history.steps }

// OpenSockets is how many sockets are open, listeners included. Those are
// counted which somebody still has to close: connections that wait in a listener
// are not, nor is what a closed socket has yet to send.
func (w *World) OpenSockets() int {
	n := 0
	for _, s := range w.sockets {
		if s != nil {
			n++
		}
	}
	return n
}

// Leaks is nil when every socket and every pipe is closed, else an error that
// names those which are not.
func (w *World) Leaks() error {
	var open []string
	for _, s := range w.sockets {
		if s != nil {
			open = append(open, s.describe())
		}
	}
	if w.pipes > 0 {
		open = append(open, fmt.Sprintf("%d pipes", w.pipes))
	}
	if len(open) == 0 {
		return nil
	}
	return fmt.Errorf("simnet: left open: %s", strings.Join(open, "; "))
}

// open gives an endpoint the smallest free handle, as the kernel does, so that
// the use of a closed socket hits somebody else's soon.
func (w *World) open(s endpoint) (loop.Handle, error) {
	at := w.freeHandle()
	if most := w.options.MaxSockets; most > 0 && at >= most {
		return -1, syscall.EMFILE
	}
	if at == len(w.sockets) {
		w.sockets = append(w.sockets, nil)
	}
	w.sockets[at] = s
	return loop.Handle(at), nil
}

func (w *World) freeHandle() int {
	for w.lowest < len(w.sockets) && w.sockets[w.lowest] != nil {
		w.lowest++
	}
	return w.lowest
}

func (w *World) release(h loop.Handle) {
	w.sockets[h].unregister()
	w.sockets[h] = nil
	w.lowest = min(w.lowest, int(h))
}

func (w *World) endpoint(h loop.Handle) (endpoint, error) {
	if h < 0 || int(h) >= len(w.sockets) || w.sockets[h] == nil {
		return nil, syscall.EBADF
	}
	return w.sockets[h], nil
}

func (w *World) socket(h loop.Handle) (*socket, error) {
	e, err := w.endpoint(h)
	if err != nil {
		return nil, err
	}
	s, ok := e.(*socket)
	if !ok {
		return nil, syscall.ENOTCONN
	}
	return s, nil
}

func (w *World) listener(h loop.Handle) (*listener, error) {
	e, err := w.endpoint(h)
	if err != nil {
		return nil, err
	}
	l, ok := e.(*listener)
	if !ok {
		return nil, syscall.EINVAL
	}
	return l, nil
}
