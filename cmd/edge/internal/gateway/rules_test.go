package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/accesslog"
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
	// also is what is counted beyond that, by the names of Counters.All. A client
	// of which no line and nothing here says how it ended has closed.
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
		if !shown[name] && !shownElsewhere[name] {
			t.Errorf("%s shows in no rule", name)
		}
	}
}

// shownElsewhere are those that a client and an origin do not bring about, and
// where they show.
var shownElsewhere = map[string]bool{
	"log-lines-lost":                     true, // package accesslog
	"origins.left-out":                   true, // origins_sim_test.go
	"origins.restored":                   true, // origins_sim_test.go
	"queue.waited":                       true, // queue_sim_test.go
	"queue.full":                         true, // queue_sim_test.go
	"queue.timed-out":                    true, // queue_sim_test.go
	"client-ends.kept":                   true, // which is no end
	"client-ends.client-too-slow":        true, // slow_test.go
	"client-ends.request-too-slow":       true, // slow_test.go
	"client-ends.broken":                 true, // broken_test.go
	"client-ends.cut-off":                true, // the program's own tests
	"origin-ends.request-closes":         true, // package pool
	"origin-ends.origin-removed":         true, // origins_sim_test.go
	"replays.moved":                      true, // origins_sim_test.go
	"refusals.destination_unavailable":   true, // TestFailuresBecomeRefusals
	"refusals.destination_ip_unroutable": true, // TestFailuresBecomeRefusals
	"refusals.http_upgrade_failed":       true, // of tunnels
}

// try plays the scene with octets that arrive as they were written, then octet
// by octet, then on networks that are rough in all the ways there are.
func (r *rule) try(t *testing.T) {
	worlds := map[string]simnet.Options{"whole": {}}
	if r.world != nil {
		worlds = map[string]simnet.Options{"of its own": *r.world}
	}
	if !r.whole && r.world == nil {
		worlds["octet by octet"] = simnet.Options{Piece: 1}
	}
	if !r.whole && r.world == nil && !r.long {
		for seed := range seeds(20) {
			o := simnet.Rough(seed)
			o.Spurious = 0 // a pool gives up a connection that is said to be readable
			worlds[fmt.Sprint("rough, seed ", seed)] = o
		}
	}
	for name, o := range worlds {
		s := &showing{rule: r}
		o.Lifetime = 24 * time.Hour
		if err := errors.Join(append([]error{s.run(simnet.New(1, o))}, s.faults...)...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
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
	config := s.rule.config
	config.Log = accesslog.New(&s.page)
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		s.group = g
		at, err := g.Listen("127.0.0.1:0", s.accept)
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
		g.Loop(0).Post(func() { g.Loop(0).Go(loop.Func(func() { s.visit(ln.Address()) })) })
		return nil
	})
	s.server.Flush()
	return errors.Join(err, config.Log.Close(), s.compareLog())
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
	if g.open != 0 || g.clients != nil {
		s.fault("%d clients are said to be there", g.open)
	}
	for _, x := range g.free {
		if x.in != nil || x.out != nil || x.pad != nil || x.origin != nil || x.client != nil || x.up.running {
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
	for also := range strings.FieldsSeq(r.also) {
		name, times, _ := strings.Cut(also, "*")
		v, err := strconv.ParseUint("0"+times, 10, 64)
		if err != nil {
			panic(err)
		}
		n[name] += max(v, 1)
	}
	if !slices.ContainsFunc(r.log, func(l string) bool { return outcome.FindStringSubmatch(l)[1] != "kept" }) && !strings.Contains(r.also, "client-ends.") {
		n["client-ends.client-closed"] = 1
	}
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

// A side is one end of a connection with the gateway.
type side struct {
	showing *showing
	conn    *loop.Conn
	over    bool // the connection has ended
}

// A move is one thing that a side does, or waits for.
type move func(*side) error

// says sends octets.
func says(octets ...string) move {
	return func(s *side) error {
		_, err := s.conn.Write([]byte(strings.Join(octets, "")))
		return err
	}
}

// shouts sends octets to somebody who may have stopped listening.
func shouts(octets ...string) move {
	return func(s *side) error {
		says(octets...)(s)
		return nil
	}
}

// pipelines sends octets without waiting until they are taken.
func pipelines(octets ...string) move {
	return func(s *side) error {
		s.conn.Loop().Go(loop.Func(func() { shouts(octets...)(s) }))
		return nil
	}
}

// pipelinesLast does so and then ends the sending direction.
func pipelinesLast(octets ...string) move {
	return func(s *side) error {
		s.conn.Loop().Go(loop.Func(func() {
			shouts(octets...)(s)
			halfCloses(s)
		}))
		return nil
	}
}

// mumbles sends octets one by one, with a pause before each.
func mumbles(octets string, pause time.Duration) move {
	return func(s *side) error {
		for i := range octets {
			s.conn.Loop().Sleep(pause)
			if err := says(octets[i : i+1])(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// hears waits for exactly these octets.
func hears(octets ...string) move {
	return func(s *side) error {
		want := strings.Join(octets, "")
		p := make([]byte, len(want))
		n, err := io.ReadFull(s.conn, p)
		if got := undated(string(p[:n])); got != want {
			return fmt.Errorf("heard\n%.300q (%v), want\n%.300q", got, err, want)
		}
		return nil
	}
}

// isEnded waits for the end of the stream, and nothing before it.
func isEnded(s *side) error {
	s.over = true
	if n, err := s.conn.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("%d octets and %v, want the end of the stream", n, err)
	}
	return nil
}

// isEndedWithin is isEnded within a time, and some for the network.
func isEndedWithin(d time.Duration) move {
	return func(s *side) error {
		began := s.conn.Loop().Now()
		if err := isEnded(s); err != nil {
			return err
		}
		if waited := s.conn.Loop().Now().Sub(began); waited > d {
			return fmt.Errorf("the end came after %v", waited)
		}
		return nil
	}
}

// isReset waits for a reset, whatever comes before.
func isReset(s *side) error {
	s.over = true
	if n, err := io.Copy(io.Discard, s.conn); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%d octets and %v, want a reset", n, err)
	}
	return nil
}

// isLeft waits for either end.
func isLeft(s *side) error {
	s.over = true
	io.Copy(io.Discard, s.conn)
	return nil
}

// stays waits for the end of the scene, in which nothing more may come.
func (s *side) stays() error {
	if n, err := s.conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%d octets and %v, want neither", n, err)
	}
	return nil
}

func halfCloses(s *side) error { return s.conn.CloseWrite() }

func closes(s *side) error {
	s.over = true
	return s.conn.Close()
}

func resets(s *side) error {
	s.over = true
	return s.conn.Reset()
}

func waits(d time.Duration) move {
	return func(s *side) error {
		s.conn.Loop().Sleep(d)
		return nil
	}
}

// drains is what a signal to the program does.
func drains(s *side) error {
	s.showing.server.Drain()
	return nil
}

// toOrigin is a request as the origin hears it.
func toOrigin(request string) string {
	return strings.Replace(request, "\r\n\r\n", "\r\nVia: 1.1 hopwire\r\n\r\n", 1)
}

// post is a request with content.
func post(framing, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n" + body
}

// refusal is an answer of the gateway's own.
func refusal(status, proxyStatus string, fields ...string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sProxy-Status: hopwire; %s\r\nContent-Length: 0\r\n%s\r\n", status, someDate, proxyStatus, lines(fields))
}

// someDate is what is put in the place of any other.
const someDate = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"

var date = regexp.MustCompile(`Date: [^\r]*\r\n`)

func undated(s string) string { return date.ReplaceAllString(s, someDate) }
