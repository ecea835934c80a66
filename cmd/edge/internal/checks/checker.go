package checks

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// Config is what a Checker is set up with. Target, Host and Health have to be
// given.
type Config struct {
	// Target is what is asked for, such as "/healthz".
	Target string
	// Host is what the requests to an origin are for.
	Host func(at *loop.Address) string
	// Interval is the time from the end of a check to the next one of the same
	// origin. Zero means 2 seconds.
	Interval time.Duration
	// Timeout bounds a check as a whole. Zero means 1 second.
	Timeout time.Duration
	// Thresholds say when an origin changes between up and down.
	Thresholds Thresholds
	// Seed makes the checker's chance that of another one.
	Seed uint64

	// Health is told of each check whether the origin is up.
	Health func(at *loop.Address, up bool)
	// Report is told when an origin goes down or comes up. Nil: nobody is.
	Report func(Change)
}

// A Change is an origin's going down or coming up.
type Change struct {
	Address *loop.Address
	Up      bool
	Why     Finding // of the check that decided
}

func (c Change) String() string {
	if c.Up {
		return fmt.Sprintf("origin %v is up: the check passed", c.Address)
	}
	return fmt.Sprintf("origin %v is down: %v", c.Address, c.Why)
}

// Totals are what a Checker has counted.
type Totals struct {
	Findings    [Verdicts]uint64 // checks, by how they ended
	Connections uint64           // made, on each of which a request was sent
	Downs       uint64           // origins that went down
	Ups         uint64           // and came up again
}

// Add adds the totals of another one.
func (t *Totals) Add(o *Totals) {
	for i, n := range o.Findings {
		t.Findings[i] += n
	}
	t.Connections += o.Connections
	t.Downs += o.Downs
	t.Ups += o.Ups
}

// A Checker checks the origins that it is told of. All its methods are called
// on its loop, or before that runs.
type Checker struct {
	loop    *loop.Loop
	config  Config
	random  *rand.Rand
	watches []*watch
	totals  Totals
}

// New returns a Checker without origins.
func New(l *loop.Loop, config Config) *Checker {
	config.Interval = cmp.Or(config.Interval, 2*time.Second)
	config.Timeout = cmp.Or(config.Timeout, time.Second)
	return &Checker{loop: l, config: config, random: rand.New(rand.NewPCG(config.Seed, 0))}
}

// Totals is what has been counted so far.
func (c *Checker) Totals() Totals { return c.totals }

// Begin begins to check the origin at an address. The first check comes at once.
func (c *Checker) Begin(at *loop.Address) {
	w := &watch{checker: c, at: at, request: request(c.config.Target, c.config.Host(at))}
	w.timer = c.loop.After(0, w.start)
	c.watches = append(c.watches, w)
}

// End checks that origin no more. What a check under way finds does not count.
func (c *Checker) End(at *loop.Address) {
	i := slices.IndexFunc(c.watches, func(w *watch) bool { return *w.at == *at })
	if i < 0 {
		return
	}
	c.watches[i].end()
	c.watches = slices.Delete(c.watches, i, i+1)
}

// pause is the time until the next check of an origin. It varies, so that
// gateways which were started together do not check together for ever.
func (c *Checker) pause() time.Duration {
	return time.Duration(float64(c.config.Interval) * (0.9 + 0.2*c.random.Float64()))
}

// A watch is the checking of one origin.
type watch struct {
	checker  *Checker
	at       *loop.Address
	request  []byte
	timer    *loop.Timer
	probe    probe
	standing standing
	ended    bool
}

func (w *watch) start() { w.checker.loop.Go(w) }

// Run is the task of one check.
func (w *watch) Run() {
	defer w.again() // even after a panic: an origin nobody looks at stays what it was for ever
	c := w.checker
	found := w.probe.run(c, w.at, w.request)
	if !w.ended && !c.loop.Stopping() {
		w.learn(found)
	}
}

// again has the next check follow in its time.
func (w *watch) again() {
	if !w.ended {
		w.timer.Reset(w.checker.pause())
	}
}

// learn counts a finding and tells what it means. Whoever gathers the healths
// may come to know of the origin later than the checker does, so it is told each
// time and not only when something changes.
func (w *watch) learn(found Finding) {
	c := w.checker
	c.totals.Findings[found.Verdict]++
	changed := w.standing.learn(found.Verdict == Passed, c.config.Thresholds)
	c.config.Health(w.at, !w.standing.down)
	switch {
	case !changed:
		return
	case w.standing.down:
		c.totals.Downs++
	default:
		c.totals.Ups++
	}
	if c.config.Report != nil {
		c.config.Report(Change{w.at, !w.standing.down, found})
	}
}

func (w *watch) end() {
	w.ended = true
	w.timer.Stop()
	w.probe.abort()
}
