package replay

import (
	"crypto/tls"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
)

// A lane is what the workers of one loop share. Only that loop touches it, but
// for what it publishes.
type lane struct {
	run                *run
	loop               *loop.Loop
	tls                *tls.Config // nil: none is spoken
	workers            []worker
	active             int // workers that have not left
	firsts             int // aged connections that workers had first
	pacer              pacer
	random             *rand.Rand
	overdue            int64     // requests that should have gone out before the run was over
	lastDue, lastTaken loop.Time // when the last that did was due, and when it was taken up

	tally        Tally
	memo         memo
	readings     *loop.FreeList[*reading]
	explanations explanations
	evidence     *evidence // nil: failing exchanges are not saved

	connectFailure failure // the last one

	began        loop.Time
	measured     loop.Time // when the warm-up was over, or 0
	warm         bool
	heard        loop.Time     // when the server last did anything good
	stopped      loop.Time     // when stop was called, or 0
	left         loop.Time     // when the last worker left
	waited       time.Duration // by the loop, from when the measuring began to left
	waitedBefore time.Duration // by then
	stopping     bool
	steady       float64 // requests a second that did not fail, from then to stopped
	published    struct {
		elapsed, heard, requests, errors, connectFailures atomic.Int64
		spent, ended                                      atomic.Int64                      // time and requests, also before the measuring
		latency                                           atomic.Pointer[measure.Histogram] // nil if nobody is told
	}
}

// publishEvery is how often a lane shows how far it has come.
const publishEvery = 200 * time.Millisecond

func newLane(r *run, on *loop.Loop) *lane {
	workers := on.Share(r.config.Connections)
	l := &lane{run: r, loop: on, tls: tlsConfig(&r.config), workers: make([]worker, workers), active: workers}
	l.random = rand.New(rand.NewPCG(seed, uint64(on.Index())))
	l.pacer = newPacer(l, workers)
	l.readings = loop.NewFreeList[*reading](on)
	if r.config.Failures != nil {
		l.evidence = &r.config.Failures.lanes[on.Index()]
	}
	for i := range l.workers {
		l.workers[i].lane = l
		if r.config.Pipeline > 1 {
			l.workers[i].pipe = &pipeline{}
		}
		l.workers[i].target = r.sources[(i*r.config.Loops+on.Index())%len(r.sources)]
	}
	return l
}

// start is posted to the loop: the run begins.
func (l *lane) start() {
	l.began = l.loop.Clock()
	l.waitedBefore = l.loop.Waited()
	l.heard, l.left = l.began, l.began
	for i := range l.workers {
		l.loop.Go(&l.workers[i])
	}
	l.loop.Go(l)
	warmup := l.run.config.Warmup
	if warmup > 0 {
		l.loop.After(warmup, l.warmedUp)
	}
	if d := l.run.config.Duration; d > 0 {
		l.loop.After(warmup+d, func() { l.run.end(Elapsed) })
	}
	l.publish()
}

// Run is a task that waits for the end of the loop. Parked connections are closed then
// without a word, so it has their workers go on, to see that and leave.
func (l *lane) Run() {
	var never loop.Signal
	never.Wait(l.loop, 0)
	for i := range l.workers {
		if w := &l.workers[i]; w.parked {
			w.parked = false
			w.Run()
		}
	}
}

// stop is posted to the loop: nothing new is sent from here on, and what is
// outstanding has a last time to come in.
func (l *lane) stop() {
	if l.stopping {
		return
	}
	l.stopping, l.stopped = true, l.loop.Clock()
	l.steady = rate(l.tally.Requests-l.tally.Errors, l.stopped.Sub(l.since()))
	l.overdue = l.pacer.overdue(l.stopped)
	l.pacer.stop()
	l.loop.After(l.run.config.Grace, l.run.group.Stop)
}

// ending says that no further request begins.
func (l *lane) ending() bool { return l.stopping || l.run.interrupted() || l.loop.Stopping() }

// publish shows the counts to other goroutines, from time to time rather than
// with each request.
func (l *lane) publish() {
	connectFailures := int64(0)
	for _, n := range l.tally.ConnectFailures {
		connectFailures += n
	}
	now := l.loop.Clock()
	l.published.elapsed.Store(int64(now.Sub(l.since())))
	l.published.spent.Store(int64(now.Sub(l.began)))
	l.published.ended.Store(l.tally.Requests + l.tally.Warmup)
	l.published.heard.Store(int64(l.heard))
	l.published.errors.Store(l.tally.Errors)
	l.published.connectFailures.Store(connectFailures)
	if l.run.config.Progress != nil {
		latency := new(measure.Histogram)
		latency.Merge(&l.tally.Latency)
		l.published.latency.Store(latency)
	}
	l.published.requests.Store(l.tally.Requests) // behind their latencies, which they are to have
	l.loop.After(publishEvery, l.publish)
}

// nextTurn takes the next turn: the session and how many of its requests are to
// be sent. None means that there is nothing left to do.
func (l *lane) nextTurn() (*plan.Session, []plan.Request) {
	turn := l.run.turns.Add(1) - 1
	i, n := l.run.schedule.Turn(turn)
	s := &l.run.plan.Sessions[i]
	return s, s.Requests[:n]
}

// leave is called by each worker at its end.
func (l *lane) leave() {
	l.left = l.loop.Clock()
	l.waited = l.loop.Waited() - l.waitedBefore
	if l.active--; l.active == 0 {
		l.run.laneDone()
	}
}

// elapsed is how long the lane was at work. Waiting in vain for what was
// outstanding at the end does not count.
func (l *lane) elapsed() time.Duration {
	until := l.left
	if l.stopping {
		until = min(until, max(l.stopped, l.heard))
	}
	return max(until.Sub(l.since()), 0)
}

// busy is for how long the loop did not wait.
func (l *lane) busy() time.Duration { return max(l.left.Sub(l.since())-l.waited, 0) }

// failed counts a request that failed, and keeps the first few explanations.
func (l *lane) failed(s *plan.Session, i int, f failure) {
	switch f.cause {
	case Unsent:
		if l.pacer.source != nil {
			l.overdue++
		}
		return
	case Abandoned:
		l.tally.Unfinished++
		return
	}
	l.tally.Requests++
	l.tally.Errors++
	l.tally.Causes[f.cause]++
	l.explanations.add(s, i, f, l.run.config.explain)
}

// hopeless says that it makes no sense to go on trying to connect: since the given
// time the server has done nothing good to any worker of the run. Of other lanes this
// is known as they published it; the clocks of loops that began together agree.
func (l *lane) hopeless(since loop.Time) bool {
	heard := max(since, l.heard)
	for _, other := range l.run.lanes {
		heard = max(heard, loop.Time(other.published.heard.Load()))
	}
	return l.loop.Clock().Sub(heard) >= l.run.config.patience
}

// borrowReading takes a reading with an empty buffer.
func (l *lane) borrowReading() *reading {
	rd, ok := l.readings.Get()
	if !ok {
		rd = &reading{}
	}
	rd.buf = l.loop.Buffer()
	return rd
}

func (l *lane) returnReading(rd *reading) {
	rd.buf.Release()
	rd.buf = nil
	l.readings.Put(rd)
}
