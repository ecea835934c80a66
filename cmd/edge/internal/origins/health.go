package origins

import (
	"fmt"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
)

// Ejection says when an origin is left out for its failures, and how long.
type Ejection struct {
	// After is how many failures in a row eject. Zero: none do.
	After int
	// For is how long the first time, and each further time, without a success
	// between them, twice as long as before.
	For time.Duration
	// Max bounds the doubling. Zero: it is not bounded.
	Max time.Duration
}

// duration is that of an ejection after n others.
func (e Ejection) duration(n uint) time.Duration {
	longest := e.Max
	if longest <= 0 {
		longest = 1<<63 - 1
	}
	if n >= 62 || e.For > longest>>n {
		return longest
	}
	return e.For << n
}

// jitter makes a time up to a tenth longer, so that gateways and loops that saw
// an origin fail at one instant do not come back to it at one instant. chance is
// in [0, 1).
func jitter(d time.Duration, chance float64) time.Duration {
	return d + time.Duration(float64(d)*chance/10)
}

// health is what is known of an origin's.
type health struct {
	down      bool // says a check
	ejected   bool
	onTrial   bool // a request is on its way that decides whether it comes back
	failures  int  // in a row
	ejections uint // in a row
	until     loop.Time
}

// fit reports whether requests go to the origin: to an ejected one whose time is
// over, one at once.
func (h *health) fit(now loop.Time) bool {
	return !h.down && (!h.ejected || now >= h.until && !h.onTrial)
}

// succeed forgets the failures.
func (h *health) succeed() {
	if !h.ejected {
		h.failures, h.ejections = 0, 0
	}
}

// fail counts a failure, and reports whether the origin has to be ejected for it.
// While it is ejected, failures tell nothing new, but for that of the trial.
func (h *health) fail(e Ejection, m mode) bool {
	if h.ejected && m != trial {
		return false
	}
	h.failures++
	return e.After > 0 && (h.ejected || h.failures >= e.After)
}

// eject leaves the origin out until then.
func (h *health) eject(until loop.Time) {
	h.ejected, h.until = true, until
	h.ejections++
}

// restore takes it back. How often it was ejected is forgotten by a whole success
// only: an origin that begins responses and never ends them is no good.
func (h *health) restore() {
	h.ejected, h.onTrial, h.failures = false, false, 0
}

// A Change of an origin's health is reported.
type Change struct {
	Address  *loop.Address
	Loop     int           // that it happened on; each has its own view
	Ejected  bool          // or it is back
	For      time.Duration // the ejection
	Failures int           // in a row, before it
	Why      string        // the last one
}

func (c Change) String() string {
	if !c.Ejected {
		return fmt.Sprintf("origin %v is back (loop %d)", c.Address, c.Loop)
	}
	return fmt.Sprintf("origin %v is left out for %v after %s: %s (loop %d)",
		c.Address, c.For.Round(10*time.Millisecond), english.Plural(c.Failures, "failure"), c.Why, c.Loop)
}

// failed counts a failure. The only origin there is stays, whatever it does.
func (s *Set) failed(o *Origin, m mode, why string) {
	if !o.fail(s.config.Eject, m) || len(s.members) < 2 || o.gone {
		return
	}
	d := jitter(s.config.Eject.duration(o.ejections), s.random.Float64())
	o.eject(s.loop.Now().Add(d))
	s.totals.Ejections++
	s.loop.After(d, s.serveQueue) // who waits may be on trial then
	s.report(Change{Address: o.address, Ejected: true, For: d, Failures: o.failures, Why: why})
}

func (s *Set) restore(o *Origin) {
	o.restore()
	s.totals.Restorations++
	s.report(Change{Address: o.address})
	s.serveQueue()
}

func (s *Set) report(c Change) {
	if s.config.Report != nil {
		c.Loop = s.loop.Index()
		s.config.Report(c)
	}
}
