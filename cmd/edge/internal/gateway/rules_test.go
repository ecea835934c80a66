package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wiretest"
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
	// Counters.All; with a dash before it, what is counted once less. A client of which nothing says how it ended has closed.
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

var rules = slices.Concat(framingRules, trailerRules, versionRules, interimRules, earlyRules, poolRules, staleRules, clientRules, requestRules, responseRules)

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
	`\.closed-by-`,                         // checkSums
	`^events-lost`,                         // package events
	`^(origins|queue)\.|\.origin-removed$`, // health_test.go, origins_test.go, queue_test.go
	`\.made-room$`,                         // origins_test.go
	`\.gave-way$`,                          // room_test.go
	`^tunnels\.|\.tunnel|upgrade`,          // the tests of tunnels
	`^checks\.|\.dns_|\.destination_`,      // those of names and checks, and TestFailuresBecomeRefusals
	`-too-slow$`,                           // slow_test.go
	`\.request-closes$`,                    // package pool
	`\.origin-asked$`,                      // verbatim_test.go
	`^client-ends\.(broken|cut-off|kept)$`, // inside_test.go; the program's own tests; and what is no end
}, "|"))

// try plays the scene on its stages.
func (r *rule) try(t *testing.T) {
	for _, st := range r.stages() {
		if !st.visit(t, r.config, r.visit, r.serve) {
			return
		}
	}
}

// stages are networks in which octets arrive as they were written, or one by one,
// and then some that are rough in all the ways there are.
func (r *rule) stages() (all []stage) {
	add := func(name string, seed uint64, o simnet.Options) {
		o.Lifetime = 24 * time.Hour
		all = append(all, stage{name: name, seed: seed, world: o})
	}
	if r.world != nil {
		add("its own world", 1, *r.world)
		return all
	}
	add("whole", 1, simnet.Options{})
	if r.whole || r.long && wiretest.RaceDetector { // to which a million octets are like one
		return all
	}
	add("octet by octet", 1, simnet.Options{Piece: 1})
	if r.long {
		return all
	}
	for seed := range seeds(20) {
		o := simnet.Rough(seed)
		o.Spurious = 0 // a pool gives up a connection that is said to be readable
		add("rough", seed, o)
	}
	return all
}

// visit is the client's part, and then a look at the gateway: nothing may be left
// in its hands, and it has counted what it has logged.
func (r *rule) visit(c *peer) {
	c.perform(r.client)
	c.Close()
	c.sleep(2 * time.Minute)
	s := c.scene
	s.checkRest()
	if n := s.made(0); n != len(r.origins) {
		s.errorf("the origin was connected to %d times, want %d", n, len(r.origins))
	}
	want := r.counts()
	counters := s.counters()
	for name, n := range counters.All {
		if n != want[name] && !strings.Contains(name, ".closed-by-") { // see checkSums
			s.errorf("%s %d, want %d", name, n, want[name])
		}
	}
	s.checkSums()
	s.atEnd(func() {
		if got, want := s.logged(), strings.Join(sized(r.log), "\n"); got != want {
			s.errorf("logged\n%.500s\nwant\n%.500s", got, want)
		}
	})
}

// serve is the origin's part.
func (r *rule) serve(p *peer) {
	if p.number > len(r.origins) {
		p.errorf("this is one more than there are to be")
		return
	}
	if p.perform(r.origins[p.number-1]); !p.over && !p.failed {
		p.stay()
	}
}

// unsaid is what of a log line differs from run to run.
var unsaid = regexp.MustCompile(`(?m)^127\.0\.0\.1 - - \[[^]]+\] | read=.* total=\d+us| idle=\d+us`)

// logged is the access log without that.
func (s *scene) logged() string {
	return strings.TrimSuffix(unsaid.ReplaceAllString(s.page.String(), ""), "\n")
}

// outcome is the end of a log line: status, causes, and refusal.
var outcome = regexp.MustCompile(`" (\S+) \S+ c\S+ -> \S+ (\S+)/(\S+)( replayed)?(?: stale=o1#2 sign=\w+)?(?: !([^:]+)\S*)?$`)

// sized has the size of the gateway's own answers filled in where a line says that
// there was no content from an origin.
func sized(log []string) (lines []string) {
	for _, line := range log {
		if m := ownLine.FindStringSubmatch(line); m != nil {
			proxyStatus := "error=" + m[4]
			if m[5] != "" {
				proxyStatus += `; details="` + m[5] + `"`
			}
			line = fmt.Sprintf("%s %d %s", m[1], len(contentOf(m[2], proxyStatus)), m[3])
		}
		lines = append(lines, line)
	}
	return lines
}

var ownLine = regexp.MustCompile(`^("(?:[^H].*)?" ([45]\d\d)) - (c.* !([^:]+):?(.*))$`)

// breaks are the ends of a client connection within a response, or before it.
var breaks = regexp.MustCompile(`^(broken|client-reset|client-stalled|client-too-slow|request-truncated|origin-stale|response-(truncated|timeout|malformed))$`)

// counts is what is to be counted, by name.
func (r *rule) counts() map[string]uint64 {
	n := map[string]uint64{"client-connections": 1, "requests": uint64(len(r.log)), "origin-connections": uint64(len(r.origins))}
	for _, line := range r.log {
		m := outcome.FindStringSubmatch(line)
		status, client, origin, replayed, refusal := m[1], m[2], m[3], m[4], m[5]
		if client != "kept" {
			n["client-ends."+client]++
		}
		if origin != "-" {
			n["origin-ends."+origin]++
			n["requests-sent"]++
		}
		if replayed != "" { // the stale connection, and that this was done about it
			n["origin-ends.failed"]++
			n["replays.replayed"]++
			n["requests-sent-again"]++
		}
		if refusal != "" {
			n["refusals."+refusal]++
		}
		switch {
		case refusal == "" && breaks.MatchString(client), refusal != "" && status == "200":
			n["request-ends.broken-off"]++
		case refusal != "":
			n["request-ends.refused"]++
		default:
			n["request-ends.answered"]++
		}
		n["responses."+strings.Replace(status, "-", "none", 1)]++
	}
	for name := range strings.FieldsSeq(r.also) {
		if name, less := strings.CutPrefix(name, "-"); less {
			n[name]--
		} else {
			n[name]++
		}
	}
	for name := range n {
		if strings.HasPrefix(name, "client-ends.") {
			return n
		}
	}
	n["client-ends.client-closed"] = 1
	return n
}
