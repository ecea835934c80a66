package loop

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/list"
)

// A Loop is one goroutine around one engine. Everything it owns, its
// connections, tasks, timers and buffers, is touched from that goroutine alone,
// so nothing on the path of an octet takes a lock.
//
// The methods of a Loop are called on the loop: from a task, a handler, a timer
// or a posted function. Post is the only one that any goroutine may call.
type Loop struct {
	engine Engine
	group  *Group
	index  int

	now       Time
	waited    time.Duration
	yieldedAt Time
	current   *task            // the task that runs, or nil
	scope     scope            // that of the task or handler that runs, or 0
	lastScope scope            // the newest
	ready     []turn           // of those that can go on, in order
	turnNow   int              // in ready, the next turn while they run
	turnEnd   int              // and the first that is not for now
	heavy     []*task          // those that can go on, in order
	stretched int              // octets that the first of them has moved, being it
	live      list.List[*task] // stopping reaches all of them
	tasks     freeList[*task]

	conns     []*Conn // by handle
	lastGen   uint32
	load      atomic.Int32     // connections that this loop has or will be handed
	listeners []*Listener      // those that this loop accepts for
	firstToGo func() candidate // of its Idlers; nil: it has none
	pending   []*Conn          // handlers have yet to be told what is known of them

	wheel    wheel
	alarm    Time // Never: none
	alarmed  Runner
	trimmer  *Timer
	trimming bool
	trims    []func() bool // of FreeLists
	buffers  freeList[*Buffer]
	lent     int // of the buffers, those borrowed
	pipes    freeList[Pipe]
	piped    int // pipes that are open

	events [256]Event

	postMu    sync.Mutex
	posted    []func()
	postedNow []func() // those that run now
	over      bool     // nothing posted will run any more
	hasPosts  atomic.Bool
	stopping  bool
}

func newLoop(g *Group, index int, e Engine) *Loop {
	l := &Loop{engine: e, group: g, index: index, now: e.Now(), alarm: Never}
	l.wheel.init(l.now)
	l.trimmer = l.newTimer(l.trim)
	return l
}

// Index is the loop's place in its group, from 0.
func (l *Loop) Index() int { return l.index }

// Now is the time at which the current turn of the loop began, which is exact
// enough for deadlines and costs nothing.
func (l *Loop) Now() Time { return l.now }

// Clock reads the clock, for measuring.
func (l *Loop) Clock() Time { return l.engine.Now() }

// Waited is for how long the loop has waited for events in all, if
// Config.CountWaiting, until it had a processor to go on with. The rest of the time it
// was busy.
func (l *Loop) Waited() time.Duration { return l.waited }

// Wall reads the wall clock; behind a simulated network, the simulated one.
func (l *Loop) Wall() time.Time { return l.engine.Wall() }

// Stopping reports whether the loop has been stopped, so that whatever waits
// fails. It tells such a failure from one of the peer.
func (l *Loop) Stopping() bool { return l.stopping }

// run turns until the loop is stopped. One turn: run the tasks that can go on,
// those that move much last and no longer than for a while; wait for events if
// nothing is left to do, and tell the connections of them; then the timers that are
// due, and the posted functions.
func (l *Loop) run() (err error) {
	defer func() { err = errors.Join(err, l.shutDown()) }()
	for !l.stopping && err == nil {
		err = l.turn()
	}
	return err
}

func (l *Loop) turn() error {
	l.runReady()
	l.tellPending()
	until := l.waitUntil()
	counts := until != 0 && l.group.config.CountWaiting
	if counts {
		l.waited -= time.Duration(l.engine.Now())
	}
	n, err := l.engine.Wait(l.events[:], until)
	if err != nil {
		return fmt.Errorf("loop: waiting for events: %w", err)
	}
	l.now = l.engine.Now()
	if counts {
		l.waited += time.Duration(l.now)
	}
	l.yieldToRuntime()
	l.dispatch(l.events[:n])
	l.wheel.advance(l.now)
	if l.alarm <= l.now {
		l.ring()
	}
	if l.hasPosts.Load() {
		l.runPosted()
	}
	return nil
}

// yieldEvery is well below the 10 ms after which the Go runtime takes a
// goroutine for one that hogs its processor.
const yieldEvery = 4 * time.Millisecond

// yieldToRuntime passes through the scheduler now and then. The runtime's monitor
// would otherwise interrupt the loop by a signal, take its processor away while
// it waits for events, and look after it every 20 us from then on, which costs
// some percent of what the loop does.
func (l *Loop) yieldToRuntime() {
	if l.now.Sub(l.yieldedAt) >= yieldEvery {
		l.yieldedAt = l.now
		runtime.Gosched()
	}
}

// waitUntil is 0, do not wait, while there is something to do.
func (l *Loop) waitUntil() Time {
	if len(l.ready) > 0 || len(l.heavy) > 0 || len(l.pending) > 0 || l.hasPosts.Load() {
		return 0
	}
	return min(l.wheel.next(), l.alarm)
}

// dispatch tells listeners and connections of their events.
func (l *Loop) dispatch(events []Event) {
	for _, ev := range events {
		handle, gen := Handle(uint32(ev.Token)), uint32(ev.Token>>32)
		if gen == listenerGen {
			l.acceptAt(handle)
		} else if c := l.conn(handle); c != nil && c.gen == gen {
			c.noteReady(ev.Ready)
		}
	}
}

// conn is the connection that has the handle now. Its generation tells it from
// an earlier one with the same handle, of which a report may still be under way.
func (l *Loop) conn(h Handle) *Conn {
	if int(h) < len(l.conns) {
		return l.conns[h]
	}
	return nil
}

// inNewScope runs f outside any task, and keeps a panic from passing beyond the
// scope.
func (l *Loop) inNewScope(f func()) {
	l.scope = l.newScope()
	defer l.leaveScope()
	f()
	l.scope = 0
}

func (l *Loop) leaveScope() {
	v := recover()
	if s := l.scope; s != 0 { // f did not return
		l.scope = 0
		l.endScope(s, v)
	}
}

// errGoexit is reported of code that neither returned nor panicked.
var errGoexit = errors.New("loop: a task or a handler called runtime.Goexit, as a test's Fatal does")

// endScope resets the connections of a scope in which something panicked with v,
// so that no peer waits for an answer that will not come, and reports it. Looking
// through all connections is slow, and happens only here.
func (l *Loop) endScope(s scope, v any) {
	for _, c := range l.conns {
		if c != nil && c.scope == s {
			c.Reset()
		}
	}
	if v == nil {
		l.report(errGoexit)
	} else {
		l.report(&PanicError{Value: v, Stack: debug.Stack()})
	}
}

func (l *Loop) report(err error) {
	if l.group.config.Report != nil {
		l.group.config.Report(err)
	}
}

// Post makes f run on the loop, outside any task, in the order of the calls.
// Any goroutine may call it. It reports false when the loop has ended, and f
// will not run.
func (l *Loop) Post(f func()) bool {
	l.postMu.Lock()
	defer l.postMu.Unlock()
	if l.over {
		return false
	}
	l.posted = append(l.posted, f)
	l.hasPosts.Store(true)
	l.engine.Wake()
	return true
}

func (l *Loop) runPosted() {
	l.postMu.Lock()
	l.hasPosts.Store(false)
	l.posted, l.postedNow = l.postedNow[:0], l.posted
	l.postMu.Unlock()
	for i, f := range l.postedNow {
		l.postedNow[i] = nil
		l.inNewScope(f)
	}
}

// shutDown ends what is left: listeners, then connections, whose waiting tasks
// see net.ErrClosed, then the other tasks, whose waits return ErrStopped.
func (l *Loop) shutDown() error {
	l.stopping = true
	for _, ln := range l.listeners {
		ln.closeNow()
	}
	for _, c := range l.conns {
		if c != nil {
			c.Close()
		}
	}
	l.endPosts()
	err := l.endTasks()
	l.tasks.dropAll((*task).end)
	l.pipes.dropAll(l.closePipe)
	return errors.Join(err, l.engine.Close())
}

// endPosts runs what was posted before the end: sockets that were handed to this
// loop are closed, and tasks begin, to see that the loop has stopped.
func (l *Loop) endPosts() {
	l.postMu.Lock()
	l.over = true
	l.postMu.Unlock()
	l.runPosted()
}

// endTasks lets every task run to its end. A wait made meanwhile returns at
// once, so a task that does not end within many turns ignores errors.
func (l *Loop) endTasks() error {
	for range 1000 {
		for t := range l.live.All() {
			l.wake(t, ErrStopped)
		}
		if l.runReady(); l.live.Len()+len(l.ready) == 0 {
			return nil
		}
	}
	return fmt.Errorf("loop: %d tasks do not end although the loop has stopped", l.live.Len()+len(l.ready))
}
