package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
)

// An Ending says why a run was over. Its String is a stable name.
type Ending uint8

// The endings.
const (
	// Complete: every request was sent, or as many as were asked for.
	Complete Ending = iota
	// Elapsed: the duration was over.
	Elapsed
	// Interrupted: the context was cancelled.
	Interrupted
	// Unreachable: no connection could be opened any more.
	Unreachable
	// Limited: nor could that, but by a limit of this machine.
	Limited
)

var endingNames = [...]string{"complete", "elapsed", "interrupted", "unreachable", "limited"}

// String is the ending's name, such as "complete".
func (e Ending) String() string { return endingNames[e] }

// A Result is what a run has measured.
type Result struct {
	Tally
	Ending Ending
	// Elapsed is the time from the first connection attempt to the last
	// response, or to the end of the duration if that was later.
	Elapsed time.Duration
	// Steady is the rate of requests that did not fail until no more were sent; 0 if all
	// had been before, and of several runs. What was under way then is left out, and so is
	// the time that it took: the last response of all may be a slow one, which in a short
	// run has the Rate look lower.
	Steady float64
	// CPU is the processor time, user and system, that the whole process took
	// for the run.
	CPU time.Duration
	// Busy is the share of the time in which the busiest loop did not wait.
	Busy float64
	// Wanted connections are those for which there was a request, of as many as were
	// asked for; Reached of them were open at some time.
	Wanted, Reached int
	// Processor is the only one on which we and the server may run, such as "0"; empty
	// if that is not so, or not known.
	Processor string
	// Kept is how much of the rate of an open loop was kept, of 1; 0 where the loop was
	// closed.
	Kept float64
	// Unsent requests are those of the plan, or of the number that was asked
	// for, that are neither Requests nor Unfinished; where there was no number, those
	// of an open loop that were due before the end and found no connection free.
	Unsent int64
	// GaveUp is how many connections were given up, since no attempt to open one had
	// succeeded for too long.
	GaveUp int
	// Explanations describe the first failed requests, one line for all that failed
	// alike.
	Explanations []string
	// LastConnectError is why a connection could not be opened, and
	// LastConnectCause its cause; Answered if there was no such attempt.
	LastConnectError error
	LastConnectCause Cause
}

// Progress is how far a run has come: what the lanes have counted by then.
type Progress struct {
	Elapsed          time.Duration
	Requests, Errors int64
	ConnectFailures  int64
	// P99 is the 99th percentile of the latencies; 0 when there is none.
	P99 time.Duration
	// Done is how much of what ends the run is done, of 1, warm-up included, and Left
	// how long the rest takes if it goes on like that. Both are 0 as long as nobody can
	// know.
	Done float64
	Left time.Duration
}

// Rate is that of the Result.
func (p Progress) Rate() float64 { return rate(p.Requests-p.Errors, p.Elapsed) }

// A run is what the lanes have in common. What they all write is atomic, and
// touched at most once for a session.
type run struct {
	plan     *plan.Plan
	config   Config
	schedule pace.Schedule
	tempo    pace.Tempo
	sources  []*loop.Address
	group    *loop.Group
	lanes    []*lane

	turns  atomic.Int64 // turns taken so far
	active atomic.Int32 // lanes that still have workers
	// cpuBefore is what the process had taken when the measuring began; 0 before.
	cpuBefore atomic.Int64
	gaveUp    atomic.Int32 // workers that found the server unreachable
	ending    atomic.Int32 // an Ending plus one; 0 while none is settled
	broken    atomic.Pointer[loop.PanicError]
}

// Run replays a plan and returns what it measured. Cancelling the context ends
// the run early, which is no error. An error says that there is no result.
func Run(ctx context.Context, p *plan.Plan, config Config) (*Result, error) {
	r, err := newRun(p, config)
	if err != nil {
		return nil, err
	}
	group, err := loop.NewGroup(r.config.Loops, loop.Config{Report: r.report, CountWaiting: true})
	if err != nil {
		return nil, err
	}
	processor := sharedProcessor("/proc", r.config.Target)
	before := cpuTime()
	r.startOn(group)
	err = r.untilDone(ctx)
	used := cpuTime() - cmp.Or(time.Duration(r.cpuBefore.Load()), before)
	if broken := r.broken.Load(); broken != nil {
		err = broken
	}
	if err != nil {
		return nil, err
	}
	result := r.result()
	result.CPU, result.Processor = used, processor
	return result, nil
}

func newRun(p *plan.Plan, config Config) (*run, error) {
	if p.Len() == 0 {
		return nil, errors.New("there is no request to send")
	}
	config = config.withDefaults(p)
	r := &run{plan: p, config: config, sources: sourcesOf(&config)}
	if config.Speed > 0 {
		r.plan = p.InTime()
		r.tempo = pace.NewTempo(p.Last(), p.Len(), config.Speed)
	}
	if config.Close == CloseHeader {
		r.plan = withFinals(r.plan)
	}
	r.schedule = pace.NewSchedule(r.plan.Lengths(), config.Requests)
	return r, nil
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
	var latency measure.Histogram
	var spent time.Duration
	var ended int64
	for _, l := range r.lanes {
		spent = max(spent, time.Duration(l.published.spent.Load()))
		ended += l.published.ended.Load()
		p.Elapsed = max(p.Elapsed, time.Duration(l.published.elapsed.Load()))
		p.Requests += l.published.requests.Load()
		p.Errors += l.published.errors.Load()
		p.ConnectFailures += l.published.connectFailures.Load()
		if h := l.published.latency.Load(); h != nil {
			latency.Merge(h)
		}
	}
	p.P99 = latency.Percentile(99)
	if d := r.config.Duration; d > 0 {
		p.foresee(spent, float64(spent), float64(r.config.Warmup+d))
	}
	p.foresee(spent, float64(ended), float64(r.config.Requests))
	return p
}

// foresee tells when the run ends if this is what ends it: of two bounds the nearer.
func (p *Progress) foresee(spent time.Duration, done, bound float64) {
	if bound == 0 || done <= p.Done*bound {
		return
	}
	p.Done = min(done/bound, 1)
	p.Left = time.Duration(float64(spent) * (1 - p.Done) / p.Done)
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

// endsAsRecorded says that a connection ends where the recorded one did.
// In an open loop it is not its requests that go out on it.
func (r *run) endsAsRecorded() bool {
	return r.config.RequestsPerConnection == 0 && !r.plan.Joined && r.config.Arrivals.PerSecond == 0
}

// interrupted is known before the lanes have been told, which may be busy.
func (r *run) interrupted() bool { return r.ending.Load() == int32(Interrupted)+1 }

// laneDone is called by each lane when its last worker has left.
func (r *run) laneDone() {
	if r.active.Add(-1) > 0 {
		return
	}
	r.settle(r.ownEnding())
	r.group.Stop()
}

// ownEnding is why the workers have left, when nothing had ended the run.
func (r *run) ownEnding() Ending {
	var opened, ended int64
	var last Cause
	for _, l := range r.lanes {
		opened += l.tally.Opened
		ended += l.tally.Requests + l.tally.Unfinished + l.tally.Warmup
		last = cmp.Or(l.connectFailure.cause, last)
	}
	switch {
	case opened > 0 && r.schedule.Unsent(ended) == 0 && int(r.gaveUp.Load()) < r.config.Connections:
		return Complete
	case last.Ours():
		return Limited
	}
	return Unreachable
}

// result merges what the lanes have counted.
func (r *run) result() *Result {
	res := &Result{Ending: Ending(max(r.ending.Load()-1, 0)), GaveUp: int(r.gaveUp.Load())}
	var explained explanations
	var overdue int64
	var busiest time.Duration
	for _, l := range r.lanes {
		if r.config.Warmup > 0 {
			l.warmedUp() // if the run was over before
		}
		res.merge(&l.tally)
		overdue += l.overdue
		res.Elapsed = max(res.Elapsed, l.elapsed())
		res.Steady += l.steady
		busiest = max(busiest, l.busy())
		for i := range l.workers {
			w := &l.workers[i]
			res.Wanted += count(w.dialled)
			res.Reached += count(w.reached)
		}
		for _, e := range l.explanations {
			explained.merge(e, r.config.explain)
		}
		if f := l.connectFailure; f.cause != Answered {
			res.LastConnectError, res.LastConnectCause = f.err, f.cause
		}
	}
	if res.Elapsed > 0 {
		res.Busy = min(float64(busiest)/float64(res.Elapsed), 1)
	}
	if r.config.Arrivals.PerSecond > 0 {
		res.Kept = r.kept(res.Lateness.Count(), overdue)
	}
	res.Unsent = max(r.schedule.Unsent(res.Requests+res.Unfinished+res.Warmup), overdue)
	for _, e := range explained {
		res.Explanations = append(res.Explanations, e.String())
	}
	return res
}

// kept is how much of its rate an open loop kept, which has taken up so many requests
// and left others that were due: it has sent fewer in its time, or has taken longer for
// them. To be late in the end by no more than a moment is another matter.
func (r *run) kept(taken, overdue int64) float64 {
	const moment = 10 * time.Millisecond
	var due, needed time.Duration
	for _, l := range r.lanes {
		due = max(due, l.lastDue.Sub(l.began))
		needed = max(needed, l.lastTaken.Sub(l.began)-moment)
	}
	kept := 1.0
	if needed > due {
		kept = float64(due) / float64(needed)
	}
	if overdue > 0 {
		kept = min(kept, float64(taken)/float64(taken+overdue))
	}
	return kept
}

func count(it bool) int {
	if it {
		return 1
	}
	return 0
}

// Rate is the number of requests per second that did not fail.
func (r *Result) Rate() float64 { return rate(r.Requests-r.Errors, r.Elapsed) }

func rate(n int64, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return float64(n) / in.Seconds()
}

// Attempts is how many attempts to connect failed.
func (r *Result) Attempts() int64 {
	var n int64
	for _, c := range r.ConnectFailures {
		n += c
	}
	return n
}

// Err is nil when no request failed, and hardly any request is unfinished or
// connection still being opened. Otherwise it is one sentence that says how many, and
// why most of them. Attempts to connect that failed before another one succeeded are no
// failure: all that was asked for was done.
func (r *Result) Err() error {
	switch {
	case r.Ending == Limited:
		return fmt.Errorf("%s: %w", remedies[r.LastConnectCause], r.LastConnectError)
	case r.Ending == Unreachable && r.Opened == 0:
		return fmt.Errorf("no connection could be opened: %w", r.LastConnectError)
	case r.Ending == Unreachable:
		return fmt.Errorf("the server stopped accepting connections: %w", r.LastConnectError)
	case r.Errors > 0:
		return fmt.Errorf("%d of %s failed, %s", r.Errors, english.Plural(r.Requests, "request"), most(&r.Causes))
	case r.Unfinished*1000 > r.Requests+r.Unfinished:
		return fmt.Errorf("%d of %s had no whole response when the run was over%s", r.Unfinished, english.Plural(r.Requests+r.Unfinished, "request"), r.andConnecting())
	case r.Connecting*1000 > r.Opened+r.Connecting:
		return fmt.Errorf("%s still being opened when the run was over", english.Plural(r.Connecting, "connection"))
	case r.Requests == 0 && r.Warmup > 0:
		return fmt.Errorf("all of %s came to their end within --warmup, and none was measured; send more, or warm up for less", english.Plural(r.Warmup, "request"))
	case r.Requests == 0:
		return errors.New("no request was completed")
	}
	return nil
}

// andConnecting is why requests are unfinished for which there was no connection.
func (r *Result) andConnecting() string {
	if r.Connecting == 0 {
		return ""
	}
	return fmt.Sprintf(", %s still being opened", english.Plural(r.Connecting, "connection"))
}

// Remedies say what to do where the limits of this machine were met.
func (r *Result) Remedies() (all []string) {
	for c, remedy := range remedies {
		if remedy != "" && r.Causes[c]+r.ConnectFailures[c] > 0 {
			all = append(all, remedy)
		}
	}
	return all
}

// most names the cause of most failures: "by timeout", "most by timeout".
func most(counts *[causes]int64) string {
	first, sum := Answered, int64(0)
	for _, c := range Causes() {
		if sum += counts[c]; counts[c] > counts[first] {
			first = c
		}
	}
	if counts[first] == sum {
		return "by " + first.String()
	}
	return "most by " + first.String()
}
