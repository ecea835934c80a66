package gateway

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/accesslog"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A rule is one of the gateway's rules, as a scene in which it shows: what the
// client does, what the origin does on each connection that is made to it, to
// the octet, and what the gateway says of it afterwards.
//
// The rules stand in the tables of rules_*_test.go.
type rule struct {
	name    string // where the rule stands, and what it says
	client  []move
	origins [][]move // by connection, in the order in which they are made

	// log is the lines of the access log, without time and phases. They say
	// what is to be counted, too: an exchange for each line, and the causes in
	// it.
	log []string
	// also is what is counted beyond that, once each, by the names of
	// Counters.All. A client of which nothing says how it ended has closed.
	also string
	// config is for rules with a limit or a bound. Origins and Log are filled in.
	config Config
	// whole says that the rule is about what arrives together. It is tried in a
	// world in which octets arrive as they were written, and in no other.
	whole bool
	// long says that on a slow network, where octets go one by one, the scene would
	// come to the gateway's timeouts. It is not tried there.
	long bool
	// world, unless nil, is the one in which the rule shows.
	world *simnet.Options
}

var rules = slices.Concat(framingRules, versionRules, interimRules, earlyRules, poolRules, staleRules, clientRules, requestRules, responseRules)

func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, r.try)
	}
}

// Whatever is counted shows in a rule. What does not is not reached, or not tried.
func TestEveryCauseShows(t *testing.T) {
	shown := make(map[string]bool)
	for _, r := range rules {
		for name := range r.counts() {
			shown[name] = true
		}
	}
	var c Counters
	for name := range c.All {
		if !shown[name] && !shownElsewhere.MatchString(name) {
			t.Errorf("%s shows in no rule", name)
		}
	}
}

// shownElsewhere is what one client and one origin do not bring about.
var shownElsewhere = regexp.MustCompile(strings.Join([]string{
	`^log-lines-lost$`,                     // package accesslog
	`^(origins|queue)\.|\.origin-removed$`, // origins_sim_test.go, queue_sim_test.go
	`\.made-room$`,                         // origins_test.go
	`^tunnels\.|\.tunnel-|upgrade`,         // the tests of tunnels
	`^checks\.|\.dns_|\.destination_`,      // those of names and checks, and TestFailuresBecomeRefusals
	`-too-slow$`,                           // slow_test.go
	`\.request-closes$`,                    // package pool
	`\.origin-asked$`,                      // verbatim_test.go
	`^client-ends\.(broken|cut-off|kept)$`, // broken_test.go; the program's own tests; and what is no end
}, "|"))

// try plays the scene in its worlds.
func (r *rule) try(t *testing.T) {
	for _, w := range r.worlds() {
		s := &showing{rule: r}
		if err := errors.Join(append([]error{s.run(simnet.New(1, w.options))}, s.faults...)...); err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
	}
}

// A setting is a world to play a scene in.
type setting struct {
	name    string
	options simnet.Options
}

// worlds are those in which octets arrive as they were written, or one by one,
// and then networks that are rough in all the ways there are.
func (r *rule) worlds() (all []setting) {
	add := func(name string, o simnet.Options) {
		o.Lifetime = 24 * time.Hour
		all = append(all, setting{name, o})
	}
	if r.world != nil {
		add("its own world", *r.world)
		return all
	}
	add("whole", simnet.Options{})
	if r.whole {
		return all
	}
	add("octet by octet", simnet.Options{Piece: 1})
	if r.long {
		return all
	}
	for seed := range seeds(20) {
		o := simnet.Rough(seed)
		o.Spurious = 0 // a pool gives up a connection that is said to be readable
		add(fmt.Sprint("rough, seed ", seed), o)
	}
	return all
}

// A showing is one performance of a rule's scene.
type showing struct {
	rule   *rule
	group  *loop.Group
	server *Server
	page   page
	made   int // connections to the origin
	faults []error
}

func (s *showing) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf(format, args...))
}

// run performs the scene, and compares what the gateway says of it.
func (s *showing) run(w *simnet.World) error {
	err := s.stage(w, s.rule.config, s.accept, s.visit)
	return errors.Join(err, s.compareLog())
}

// stage puts the gateway between an origin and a client, and runs the world until
// the client ends it. What the gateway logs is on the page.
func (s *showing) stage(w *simnet.World, config Config, origin func(*loop.Conn), client func(to *loop.Address)) error {
	config.Log = accesslog.New(&s.page, nil)
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		s.group = g
		at, err := g.Listen("127.0.0.1:0", origin)
		if err != nil {
			return err
		}
		config.Origins = []*loop.Address{at.Address()}
		if s.server, err = New(g, config); err != nil {
			return err
		}
		ln, err := s.server.Listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		g.Loop(0).Post(func() { g.Loop(0).Go(loop.Func(func() { client(ln.Address()) })) })
		return nil
	})
	return errors.Join(err, config.Log.Close())
}

// visit is the client's part, with which the scene ends.
func (s *showing) visit(to *loop.Address) {
	defer s.group.Stop()
	l := s.group.Loop(0)
	conn, err := l.Dial(to, 0)
	if err != nil {
		s.fault("dial: %v", err)
		return
	}
	s.perform("client", conn, s.rule.client)
	conn.Close()
	l.Sleep(lingerTime + time.Minute)
	s.inspect()
}

// accept is the origin's part.
func (s *showing) accept(conn *loop.Conn) {
	i := s.made
	s.made++
	if i >= len(s.rule.origins) {
		s.fault("the origin is connected to %d times", s.made)
		conn.Close()
		return
	}
	conn.Loop().Go(loop.Func(func() {
		defer conn.Close()
		s.perform(fmt.Sprintf("origin, connection %d", i+1), conn, s.rule.origins[i])
	}))
}

func (s *showing) perform(who string, conn *loop.Conn, moves []move) {
	a := &side{showing: s, conn: conn}
	for i, m := range moves {
		if err := m(a); err != nil {
			s.fault("%s, move %d: %v", who, i+1, err)
			return
		}
	}
	if who != "client" && !a.over {
		if err := a.stays(); err != nil {
			s.fault("%s, after its last move: %v", who, err)
		}
	}
}

// inspect looks at the gateway after the client has gone: nothing may be left in
// its hands, and it has counted what it has logged.
func (s *showing) inspect() {
	s.checkRest()
	if s.made != len(s.rule.origins) {
		s.fault("the origin was connected to %d times, want %d", s.made, len(s.rule.origins))
	}
	want := s.rule.counts()
	counters := s.server.gateways[0].snapshot()
	for name, n := range counters.All {
		if n != want[name] {
			s.fault("%s %d, want %d", name, n, want[name])
		}
	}
}

// checkRest looks for what the gateway still holds.
func (s *showing) checkRest() {
	g := s.server.gateways[0]
	if g.clients.Len() != 0 {
		s.fault("%d clients are said to be there", g.clients.Len())
	}
	for _, x := range g.free {
		if x.clientHop.buffer != nil || x.originHop.buffer != nil || x.pad != nil || x.upstream.conn != nil || x.client != nil || x.upload.running {
			s.fault("an exchange has not let go: %+v", x)
		}
	}
}

// outcome is the end of a log line: causes, and refusal.
var outcome = regexp.MustCompile(`-> \S+ (\S+)/(\S+)( replayed)?(?: !([^:]+)\S*)?$`)

// counts is what is to be counted, by name.
func (r *rule) counts() map[string]uint64 {
	n := map[string]uint64{"client-connections": 1, "exchanges": uint64(len(r.log)), "origin-connections": uint64(len(r.origins))}
	for _, line := range r.log {
		m := outcome.FindStringSubmatch(line)
		if m[1] != "kept" {
			n["client-ends."+m[1]]++
		}
		if m[2] != "-" {
			n["origin-ends."+m[2]]++
		}
		if m[3] != "" { // the stale connection, and that this was done about it
			n["origin-ends.failed"]++
			n["replays.replayed"]++
		}
		if m[4] != "" {
			n["refusals."+m[4]]++
		}
	}
	for name := range strings.FieldsSeq(r.also) {
		n[name]++
	}
	for name := range n {
		if strings.HasPrefix(name, "client-ends.") {
			return n
		}
	}
	n["client-ends.client-closed"] = 1
	return n
}

// unsaid is what of a log line differs from run to run.
var unsaid = regexp.MustCompile(`(?m)^127\.0\.0\.1 - - \[[^]]+\] | read=.* total=\d+us`)

func (s *showing) compareLog() error {
	got := strings.TrimSuffix(unsaid.ReplaceAllString(s.page.String(), ""), "\n")
	if want := strings.Join(s.rule.log, "\n"); got != want {
		return fmt.Errorf("logged\n%.500s\nwant\n%.500s", got, want)
	}
	return nil
}
