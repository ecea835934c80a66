package origins

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// at is the address of the origin with this name: a, b and so on.
func at(name rune) *loop.Address {
	return &loop.Address{TCP: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(name)}), 80)}
}

func (o *Origin) name() string { return string(rune(o.address.TCP.Addr().As4()[3])) }

// named are members with the weight 1: "ab" are a and b. An upper case letter has
// the weight 2.
func named(names string) (all []Member) {
	for _, r := range strings.ToLower(names) {
		all = append(all, Member{Address: at(r)})
	}
	for i, r := range names {
		if r < 'a' {
			all[i].Weight = 2
		}
	}
	return all
}

// spell is the reverse of named.
func spell(s *Set) (names string) {
	for o := range s.All() {
		if o.weight == 2 {
			names += strings.ToUpper(o.name())
		} else {
			names += o.name()
		}
	}
	return names
}

// onLoop runs f in a task, with a Set of that loop, in simulated time.
func onLoop(t *testing.T, config Config, f func(l *loop.Loop, s *Set)) {
	t.Helper()
	err := simnet.New(1, simnet.Options{}).Run(loop.Config{}, func(g *loop.Group) error {
		l := g.Loop(0)
		l.Post(func() {
			l.Go(loop.Func(func() {
				defer g.Stop()
				f(l, New(l, config))
			}))
		})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// An update is what a source says.
type update struct {
	source  int
	members string
}

func TestUpdate(t *testing.T) {
	for _, test := range []struct {
		name    string
		updates []update
		want    string // the members afterwards
		told    string // of the watcher: + and who came, - and who left
	}{
		{"one source", []update{{0, "abc"}}, "abc", "+a+b+c"},
		{"nobody", []update{{0, ""}}, "", ""},
		{"one leaves, one comes", []update{{0, "abc"}, {0, "acd"}}, "acd", "+a+b+c-b+d"},
		{"another order", []update{{0, "abc"}, {0, "cba"}}, "abc", "+a+b+c"},
		{"two sources", []update{{0, "a"}, {1, "bc"}}, "abc", "+a+b+c"},
		{"a source that is not the next", []update{{3, "a"}}, "a", "+a"},
		{"the same from two", []update{{0, "ab"}, {1, "bc"}}, "abc", "+a+b+c"},
		{"one of two takes it back", []update{{0, "ab"}, {1, "bc"}, {1, "c"}}, "abc", "+a+b+c"},
		{"both do", []update{{0, "ab"}, {1, "bc"}, {1, "c"}, {0, "a"}}, "ac", "+a+b+c-b"},
		{"a weight changes", []update{{0, "ab"}, {0, "aB"}}, "aB", "+a+b"},
		{"two weights: the first source's", []update{{1, "A"}, {0, "a"}}, "a", "+a"},
		{"the same twice in one", []update{{0, "aab"}}, "ab", "+a+b"},
		{"all leave", []update{{0, "ab"}, {0, ""}}, "", "+a+b-a-b"},
	} {
		onLoop(t, Config{}, func(_ *loop.Loop, s *Set) {
			var w watcher
			s.Watch(&w)
			for _, u := range test.updates {
				s.Update(u.source, named(u.members))
			}
			if got := spell(s); got != test.want || w.told != test.told || len(s.leaving) > 0 {
				t.Errorf("%s: %q and %q, want %q and %q; %d are leaving", test.name, got, w.told, test.want, test.told, len(s.leaving))
			}
			late := watcher{}
			if s.Watch(&late); strings.ReplaceAll(late.told, "+", "") != strings.ToLower(test.want) {
				t.Errorf("%s: who watches from now on is told %q", test.name, late.told)
			}
		})
	}
}

type watcher struct{ told string }

func (w *watcher) Joined(o *Origin) { w.told += "+" + o.name() }
func (w *watcher) Left(o *Origin)   { w.told += "-" + o.name() }

// An origin that leaves while it is in use stays until that has ended, and is the
// same one if it returns before.
func TestLeavingOrigin(t *testing.T) {
	onLoop(t, Config{Eject: Ejection{After: 5}}, func(_ *loop.Loop, s *Set) {
		s.Update(0, named("ab"))
		var first, second Ticket
		a := placed(t, s, &first)
		placed(t, s, &second)
		a.failures = 4
		s.Update(0, named("b"))
		if !a.Gone() || len(s.leaving) != 1 {
			t.Errorf("it is gone: %v; %d are leaving", a.Gone(), len(s.leaving))
		}
		s.Update(0, named("ba"))
		if a.Gone() || len(s.leaving) != 0 || s.members[1] != a || a.failures != 4 || a.InUse() != 1 {
			t.Errorf("after its return: %+v; %d are leaving", a.health, len(s.leaving))
		}
		s.Update(0, named("b"))
		s.Leave(&first, Success, "")
		if len(s.leaving) != 0 {
			t.Errorf("%d are leaving after the last use", len(s.leaving))
		}
		s.Leave(&second, Success, "")
	})
}

// placed has t placed, which has to be possible.
func placed(t *testing.T, s *Set, ticket *Ticket) *Origin {
	t.Helper()
	ticket.Begin()
	if got := s.Place(ticket); got != Placed {
		t.Fatalf("%v instead of a place", got)
	}
	return ticket.Origin()
}

// A condition is that of one origin when a request comes.
type condition struct {
	busy        int
	health      // until is in seconds from now
	unreachable bool
	priority    int
}

func TestPlace(t *testing.T) {
	in := condition{}
	full := condition{busy: 2}
	out := condition{health: health{ejected: true, until: 5}}
	outLonger := condition{health: health{ejected: true, until: 9}}
	over := condition{health: health{ejected: true, until: -1}}
	onTrialNow := condition{health: health{ejected: true, until: -1, onTrial: true}}
	down := condition{health: health{down: true}}
	downAndOut := condition{health: health{down: true, ejected: true, until: 1}}
	with := func(c condition, change func(*condition)) condition { change(&c); return c }
	unreachable := func(c *condition) { c.unreachable = true }
	busy := func(c *condition) { c.busy = 2 }
	reserve := func(c *condition) { c.priority = 1 }

	for _, test := range []struct {
		name    string
		origins []condition // a, b, c
		placing Placing
		want    string // where, if placed
		mode    mode
	}{
		{"one", []condition{in}, Placed, "a", ordinary},
		{"none", nil, Nobody, "", 0},
		{"one, full", []condition{full}, Full, "", 0},
		{"one, out", []condition{out}, Placed, "a", lastResort},
		{"one, down", []condition{down}, Placed, "a", ordinary},
		{"one, unreachable", []condition{with(in, unreachable)}, Nobody, "", 0},
		{"past the full one", []condition{full, in}, Placed, "b", ordinary},
		{"past the one that is out", []condition{out, in}, Placed, "b", ordinary},
		{"past the one that is down", []condition{down, in}, Placed, "b", ordinary},
		{"past the unreachable one", []condition{with(in, unreachable), in}, Placed, "b", ordinary},
		{"on trial", []condition{over, full}, Placed, "a", trial},
		{"one trial at once", []condition{onTrialNow, in}, Placed, "b", ordinary},
		{"all full", []condition{full, full}, Full, "", 0},
		{"the fit one is full, and is waited for", []condition{full, out}, Full, "", 0},
		{"the fit one is unreachable, the other is full", []condition{with(in, unreachable), full}, Full, "", 0},
		{"all are unreachable", []condition{with(in, unreachable), with(out, unreachable)}, Nobody, "", 0},
		{"all out: the first to be back", []condition{outLonger, out}, Placed, "b", lastResort},
		{"the fit one is unreachable", []condition{with(in, unreachable), out}, Placed, "b", lastResort},
		{"out before down", []condition{down, downAndOut, outLonger}, Placed, "c", lastResort},
		{"all down: as if none were", []condition{down, downAndOut}, Placed, "a", lastResort},
		{"all down, the first one busy", []condition{with(down, busy)}, Full, "", 0},
		{"the last resort is full", []condition{with(out, busy), outLonger}, Full, "", 0},
		{"the trial is under way, the other is out", []condition{onTrialNow, out}, Placed, "a", lastResort},
		{"not to the reserve", []condition{with(in, reserve), in}, Placed, "b", ordinary},
		{"the reserve for one that is out", []condition{with(in, reserve), out}, Placed, "a", ordinary},
		{"the reserve for one that is down", []condition{down, with(in, reserve)}, Placed, "b", ordinary},
		{"the reserve for one that is unreachable", []condition{with(in, unreachable), with(in, reserve)}, Placed, "b", ordinary},
		{"no reserve for one that is full", []condition{with(in, reserve), full}, Full, "", 0},
		{"no reserve while another is on trial", []condition{with(in, reserve), over}, Placed, "b", trial},
		{"the reserve is full", []condition{out, with(full, reserve)}, Full, "", 0},
		{"all down, the reserve too", []condition{with(down, reserve), down}, Placed, "b", lastResort},
	} {
		onLoop(t, Config{MaxConnections: 2}, func(l *loop.Loop, s *Set) {
			l.Sleep(time.Minute)
			var ticket Ticket
			s.Update(0, named("abc"[:len(test.origins)]))
			for i, c := range test.origins {
				o := s.members[i]
				o.busy, o.health, o.priority = c.busy, c.health, c.priority
				o.until = l.Now().Add(time.Duration(c.until) * time.Second)
				if c.unreachable {
					ticket.unreachable = append(ticket.unreachable, o)
				}
			}
			placing, where := s.Place(&ticket), ""
			if placing == Placed {
				where = ticket.origin.name()
			}
			if placing != test.placing || where != test.want || placing == Placed && ticket.mode != test.mode {
				t.Errorf("%s: %d %s in mode %d, want %d %s %d", test.name, placing, where, ticket.mode, test.placing, test.want, test.mode)
			}
		})
	}
}

// Each ejection is longer than the one before, by up to a tenth more than
// doubled, until a whole success.
func TestEjectionsBecomeLonger(t *testing.T) {
	var spans []time.Duration
	config := Config{Eject: Ejection{After: 2, For: time.Second, Max: 5 * time.Second}, Report: func(c Change) {
		if c.Ejected {
			spans = append(spans, c.For)
		}
	}}
	onLoop(t, config, func(l *loop.Loop, s *Set) {
		s.Update(0, named("ab"))
		var ticket Ticket
		fails := func() {
			for range 4 { // in turn with the other one, which succeeds
				if placed(t, s, &ticket).name() == "a" {
					s.Leave(&ticket, Failure, "it was not good")
				} else {
					s.Leave(&ticket, Success, "")
				}
			}
		}
		fails()
		for range 4 {
			l.Sleep(6 * time.Second)
			fails()
		}
		l.Sleep(6 * time.Second)
		for range 2 {
			placed(t, s, &ticket)
			s.Leave(&ticket, Success, "")
		}
		fails()
		if totals := s.Totals(); totals.Ejections != 6 || totals.Restorations != 1 {
			t.Errorf("%d ejections, %d restorations", totals.Ejections, totals.Restorations)
		}
	})
	want := []time.Duration{1, 2, 4, 5, 5, 1}
	if len(spans) != len(want) {
		t.Fatalf("ejected for %v", spans)
	}
	for i, d := range spans {
		if low := want[i] * time.Second; d < low || d > low+low/10 {
			t.Errorf("ejected for %v, want %v seconds and up to a tenth more", spans, want)
		}
	}
}

// A check that says an origin is up again ends its ejection as well.
func TestCheckEndsEjection(t *testing.T) {
	onLoop(t, Config{Eject: Ejection{After: 1, For: time.Hour}}, func(_ *loop.Loop, s *Set) {
		s.Update(0, named("ab"))
		a := s.members[0]
		var ticket Ticket
		placed(t, s, &ticket)
		s.Leave(&ticket, Failure, "")
		s.SetHealth(at('a'), true) // which says nothing new
		s.SetHealth(at('z'), false)
		if !a.ejected || a.down {
			t.Errorf("%+v", a.health)
		}
		s.SetHealth(at('a'), false)
		s.SetHealth(at('a'), true)
		if !a.fit(0) || s.Totals().Restorations != 1 {
			t.Errorf("%+v", a.health)
		}
	})
}
