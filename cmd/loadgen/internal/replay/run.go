package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Config says how a plan is replayed. Only Target is required.
type Config struct {
	// Target is the server.
	Target *loop.Address
	// Connections is how many sessions are under way at once; 0 means 1.
	Connections int
	// Loops is how many event loops share them; 0 means 1. There are never more
	// than connections.
	Loops int
	// Requests ends the run when that many were sent; 0: no such bound.
	Requests int64
	// Duration ends the run after that time; 0: no such bound. Without either
	// bound every session is sent once.
	Duration time.Duration
	// RequestsPerConnection closes a connection after so many requests,
	// whichever sessions they are of; 0: where the recorded connection ended.
	RequestsPerConnection int
	// Timeout is how long opening a connection may take, and how long a whole
	// exchange; 0 means 10 seconds.
	Timeout time.Duration
	// Verify compares responses with the recorded ones.
	Verify bool
	// Progress, if not nil, is called several times a second, in a goroutine of
	// its own, and not any more once Run has returned.
	Progress func(Progress)
	// Hurry, when closed, ends the run at once, whatever is still under way.
	Hurry <-chan struct{}

	// explain is how many failed requests the result describes; 0 means 5.
	explain int
	// patience is how long the run goes on trying to connect to a server that
	// does nothing else than refuse; 0 means 2 seconds.
	patience time.Duration
}

// grace is how long responses are waited for that are outstanding when the
// duration is over. Cutting them off at once would hide the slowest ones.
const grace = 2 * time.Second

func (c Config) withDefaults(plan *Plan) Config {
	c.Connections = max(c.Connections, 1)
	c.Loops = min(max(c.Loops, 1), c.Connections)
	if c.Requests == 0 && c.Duration == 0 {
		c.Requests = int64(plan.Len())
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.explain = cmp.Or(c.explain, 5)
	c.patience = cmp.Or(c.patience, 2*time.Second)
	return c
}

// An Ending says why a run was over. Its String is a stable name.
type Ending uint8

// The endings.
const (
	// Complete: as many requests were sent as were asked for.
	Complete Ending = iota
	// Elapsed: the duration was over.
	Elapsed
	// Interrupted: the context was cancelled.
	Interrupted
	// Unreachable: no connection could be opened any more.
	Unreachable
)

var endingNames = [...]string{"complete", "elapsed", "interrupted", "unreachable"}

// String is the ending's name, such as "complete".
func (e Ending) String() string { return endingNames[e] }

// A Result is what a run has measured.
type Result struct {
	Tally
	Ending Ending
	// Elapsed is the time from the first connection attempt to the last
	// response, or to the end of the duration if that was later.
	Elapsed time.Duration
	// CPU is the processor time, user and system, that the whole process took
	// for the run.
	CPU time.Duration
	// Explanations describe the first failed requests, one line each.
	Explanations []string
	// LastConnectError is why no connection could be opened, when Ending is
	// Unreachable.
	LastConnectError error
}

// Progress is how far a run has come: what the lanes have counted by then.
type Progress struct {
	Elapsed          time.Duration
	Requests, Errors int64
	ConnectFailures  int64
}

// Rate is that of the Result.
func (p Progress) Rate() float64 { return rate(p.Requests-p.Errors, p.Elapsed) }

// A run is what the lanes have in common. What they all write is atomic, and
// touched at most once for a session.
type run struct {
	plan     *Plan
	config   Config
	schedule schedule
	group    *loop.Group
	lanes    []*lane

	turns  atomic.Int64 // turns taken so far
	active atomic.Int32 // lanes that still have workers
	gaveUp atomic.Int32 // workers that found the server unreachable
	ending atomic.Int32 // an Ending plus one; 0 while none is settled
	broken atomic.Pointer[loop.PanicError]
}

// Run replays a plan and returns what it measured. Cancelling the context ends
// the run early, which is no error. An error says that there is no result.
func Run(ctx context.Context, plan *Plan, config Config) (*Result, error) {
	r, err := newRun(plan, config)
	if err != nil {
		return nil, err
	}
	group, err := loop.NewGroup(r.config.Loops, loop.Config{Report: r.report})
	if err != nil {
		return nil, err
	}
	before := cpuTime()
	r.startOn(group)
	err = r.untilDone(ctx)
	used := cpuTime() - before
	if broken := r.broken.Load(); broken != nil {
		err = broken
	}
	if err != nil {
		return nil, err
	}
	result := r.result()
	result.CPU = used
	return result, nil
}

func newRun(plan *Plan, config Config) (*run, error) {
	if plan.Len() == 0 {
		return nil, errors.New("there is no request to send")
	}
	config = config.withDefaults(plan)
	return &run{plan: plan, config: config, schedule: newSchedule(plan.Sessions, config.Requests)}, nil
}

// startOn gives each loop its lane. They begin when the loops run.
func (r *run) startOn(group *loop.Group) {
	r.group = group
	r.active.Store(int32(group.Len()))
	for i := range group.Len() {
		l := newLane(r, group.Loop(i))
		r.lanes = append(r.lanes, l)
		l.loop.Post(l.start)
	}
}

// report is told by the loops what nobody else is there to hear: that a task
// panicked. Its counts are lost, so there is no result to be had any more.
func (r *run) report(err error) {
	var p *loop.PanicError
	if errors.As(err, &p) {
		r.broken.Store(p)
		r.group.Stop()
	}
}

// untilDone runs the loops, and what may end them early.
func (r *run) untilDone(ctx context.Context) error {
	interrupted := context.AfterFunc(ctx, func() { r.end(Interrupted) })
	defer interrupted()
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(over) })
	err := r.group.Run()
	close(over)
	watching.Wait()
	return err
}

// watch tells the progress, and listens for who is in a hurry.
func (r *run) watch(over <-chan struct{}) {
	var tick <-chan time.Time
	if r.config.Progress != nil {
		ticker := time.NewTicker(publishEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-over:
			return
		case <-r.config.Hurry:
			r.end(Interrupted)
			r.group.Stop()
			<-over
			return
		case <-tick:
			r.config.Progress(r.progress())
		}
	}
}

func (r *run) progress() (p Progress) {
	for _, l := range r.lanes {
		p.Elapsed = max(p.Elapsed, time.Duration(l.published.elapsed.Load()))
		p.Requests += l.published.requests.Load()
		p.Errors += l.published.errors.Load()
		p.ConnectFailures += l.published.connectFailures.Load()
	}
	return p
}

// end settles why the run is over, unless that is settled, and has the lanes
// send nothing more.
func (r *run) end(why Ending) {
	r.settle(why)
	for _, l := range r.lanes {
		l.loop.Post(l.stop)
	}
}

func (r *run) settle(why Ending) { r.ending.CompareAndSwap(0, int32(why)+1) }

// laneDone is called by each lane when its last worker has left.
func (r *run) laneDone() {
	if r.active.Add(-1) > 0 {
		return
	}
	if int(r.gaveUp.Load()) == r.config.Connections {
		r.settle(Unreachable)
	}
	r.settle(Complete)
	r.group.Stop()
}

// result merges what the lanes have counted.
func (r *run) result() *Result {
	res := &Result{Ending: Ending(max(r.ending.Load()-1, 0))}
	for _, l := range r.lanes {
		res.merge(&l.tally)
		res.Elapsed = max(res.Elapsed, l.elapsed())
		res.Explanations = append(res.Explanations, l.explanations...)
		if l.connectErr != nil {
			res.LastConnectError = l.connectErr
		}
	}
	res.Explanations = res.Explanations[:min(len(res.Explanations), r.config.explain)]
	return res
}

// Rate is the number of requests per second that did not fail.
func (r *Result) Rate() float64 { return rate(r.Requests-r.Errors, r.Elapsed) }

func rate(n int64, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}

// Err is nil when no request failed, and otherwise one sentence that says how
// many, and why most of them.
func (r *Result) Err() error {
	switch {
	case r.Ending == Unreachable && r.Opened == 0:
		return fmt.Errorf("no connection could be opened: %w", r.LastConnectError)
	case r.Ending == Unreachable:
		return fmt.Errorf("the server stopped accepting connections: %w", r.LastConnectError)
	case r.Errors > 0:
		return fmt.Errorf("%d of %s failed, %s", r.Errors, english.Plural(r.Requests, "request"), r.reasons())
	case r.Requests == 0:
		return errors.New("no request was completed")
	}
	return nil
}

// reasons names the causes: "all by timeout", "most by timeout".
func (r *Result) reasons() string {
	most := Answered
	for _, c := range Causes() {
		if r.Causes[c] > r.Causes[most] || most == Answered {
			most = c
		}
	}
	if r.Causes[most] == r.Errors {
		return "by " + most.String()
	}
	return "most by " + most.String()
}
