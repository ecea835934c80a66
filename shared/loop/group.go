package loop

import (
	"fmt"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Config is how a group is set up. The zero value works.
type Config struct {
	// Engine makes the engine of the loop with the given index. Nil means
	// the kernel's.
	Engine func(index int) (Engine, error)
	// ReusePort lets several groups, of one user's programs, listen at the same
	// TCP address, so that one may take another's place. Each new client comes
	// to one of them. It is for the kernel's engine only.
	ReusePort bool
	// MaxConns bounds the accepted connections of all loops together. At the
	// bound accepting pauses, and clients wait in the kernel's queue; those that
	// are among a loop's Idlers give way to them. Several listeners may exceed it,
	// by one each, when they accept at the same instant. 0 means no bound but that
	// of descriptors.
	MaxConns int
	// MaxPipes bounds the pipes of all loops together, two descriptors each; it is
	// shared out among them. Without one a Splice fails. 0 means no bound.
	MaxPipes int
	// CountWaiting has loops count for how long they wait, which costs a look at the
	// clock for each wait.
	CountWaiting bool
	// Report is told what went wrong where nobody is left to return it to:
	// panics, and failures to accept. It is called on the loops, several at
	// once. Nil means that nobody wants to know.
	Report func(error)
}

// A Group is the loops of a program, which share its listeners.
type Group struct {
	config    Config
	loops     []*Loop
	listening int          // how many listeners were opened
	conns     atomic.Int64 // accepted and not yet closed
	paused    atomic.Int32 // listeners that wait for a connection to close
	gaveWay   atomic.Uint64
}

// NewGroup makes the loops; Run runs them.
func NewGroup(loops int, config Config) (*Group, error) {
	if loops < 1 {
		return nil, fmt.Errorf("loop: a group has at least 1 loop, not %d", loops)
	}
	if config.Engine == nil {
		config.Engine = kernelEngine
		if config.ReusePort {
			config.Engine = sharingEngine
		}
	}
	g := &Group{config: config}
	for i := range loops {
		e, err := config.Engine(i)
		if err != nil {
			g.closeEngines()
			return nil, err
		}
		g.loops = append(g.loops, newLoop(g, i, e))
	}
	return g, nil
}

func (g *Group) closeEngines() {
	for _, l := range g.loops {
		l.engine.Close()
	}
}

// Loop is the loop with the given index.
func (g *Group) Loop(i int) *Loop { return g.loops[i] }

// Len is the number of loops.
func (g *Group) Len() int { return len(g.loops) }

// Share is this loop's part of n, a bound on all loops of the group together.
// The parts add up to n, but each is at least 1, so that no loop is without. 0 is
// no bound, or nothing, and so is each part of it.
func (l *Loop) Share(n int) int {
	if n == 0 {
		return 0
	}
	loops := len(l.group.loops)
	part := n / loops
	if l.index < n%loops {
		part++
	}
	return max(part, 1)
}

// Conns is how many accepted connections are open. Any goroutine may ask.
func (g *Group) Conns() int { return int(g.conns.Load()) }

// Run runs the loops until Stop, or until one of them fails, which stops the
// others. It returns when every connection is closed and every task has ended.
// A group that will not be run after all is stopped, and then run, to release
// what it has.
func (g *Group) Run() error {
	var all errgroup.Group
	for _, l := range g.loops {
		all.Go(func() (err error) {
			defer g.Stop()
			return l.run()
		})
	}
	return all.Wait()
}

// Stop ends every connection and task and makes Run return. Any goroutine may
// call it, more than once.
func (g *Group) Stop() {
	for _, l := range g.loops {
		l.Post(func() { l.stopping = true })
	}
}

func (g *Group) full() bool {
	return g.config.MaxConns > 0 && g.conns.Load() >= int64(g.config.MaxConns)
}

// assign counts a new connection, and chooses the loop that has the fewest.
func (g *Group) assign() *Loop {
	g.conns.Add(1)
	to := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.load.Load() < to.load.Load() {
			to = l
		}
	}
	to.load.Add(1)
	return to
}

// connClosed counts a closed connection, and lets paused listeners go on.
func (g *Group) connClosed() {
	g.conns.Add(-1)
	if g.paused.Load() == 0 {
		return
	}
	for _, l := range g.loops {
		if len(l.listeners) > 0 {
			l.Post(l.resumeListeners)
		}
	}
}

func (l *Loop) resumeListeners() {
	for _, ln := range l.listeners {
		ln.resume()
	}
}

// adoptAccepted makes a connection of a socket that was accepted for this loop.
func (l *Loop) adoptAccepted(h Handle, remote netip.AddrPort, ln *Listener) {
	if l.stopping {
		ln.dropAccepted(h, l, l)
		return
	}
	state := writable | accepted
	if ln.uncounted {
		state = writable
	}
	c, err := l.adopt(h, remote, state)
	if err != nil {
		ln.dropAccepted(h, l, l)
		l.report(fmt.Errorf("a connection from %s was dropped: %w", remote, err))
		return
	}
	l.inNewScope(func() {
		c.scope = l.scope
		ln.accept(c)
	})
}

// dropAccepted closes a socket that was meant for another loop than the one that
// runs, or for this one.
func (ln *Listener) dropAccepted(h Handle, runs, meantFor *Loop) {
	runs.engine.CloseSocket(h)
	if !ln.uncounted {
		meantFor.load.Add(-1)
		runs.group.connClosed()
	}
}
