package replay

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
	"github.com/hopwire/hopwire/shared/wire"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// simulated replays to a server of the same simulated world.
func simulated(t *testing.T, seed uint64, options simnet.Options, plan *plan.Plan, config Config) (*Result, error) {
	t.Helper()
	return simulatedAnd(t, seed, options, plan, config, nil)
}

// simulatedAnd does something else, too, once the run has begun.
func simulatedAnd(t *testing.T, seed uint64, options simnet.Options, plan *plan.Plan, config Config, also func(*run, *loop.Loop)) (*Result, error) {
	t.Helper()
	return watched(t, seed, options, plan, config, func(*simOrigin) {}, also)
}

// watched shows each origin's end of a connection before it begins to serve.
func watched(t *testing.T, seed uint64, options simnet.Options, plan *plan.Plan, config Config, welcome func(*simOrigin), also func(*run, *loop.Loop)) (*Result, error) {
	t.Helper()
	target, err := loop.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	config.Target = target
	r, err := newRun(plan, config)
	if err != nil {
		t.Fatal(err)
	}
	err = simnet.New(seed, options).Run(loop.Config{}, func(g *loop.Group) error {
		_, err := g.Listen(target.String(), func(c *loop.Conn) {
			o := &simOrigin{conn: spoken(c, config), loop: c.Loop()}
			welcome(o)
			c.Loop().Go(o)
		})
		r.startOn(g)
		if also != nil {
			g.Loop(0).Post(func() { also(r, g.Loop(0)) })
		}
		return err
	})
	return r.result(), err
}

// spoken is what an origin speaks on a connection, plain or TLS.
func spoken(c *loop.Conn, config Config) io.ReadWriteCloser {
	if config.TLS == nil {
		return c
	}
	server, _ := asUsual()
	return tls.Server(c, server)
}

// A simOrigin answers each request of a connection in the manner that its
// target names, with simContent.
type simOrigin struct {
	conn   io.ReadWriteCloser
	loop   *loop.Loop
	before func(target string) // is called for each request; nil: nothing
	head   wire.RequestHead
	body   wire.BodyScanner
}

func (o *simOrigin) Run() {
	defer o.conn.Close()
	buf := o.loop.Buffer()
	defer buf.Release()
	for {
		n, err := wire.ParseRequestHead(buf.Unread(), 0, &o.head)
		if err == wire.ErrIncomplete {
			buf.Compact()
			if _, err := o.fill(buf); err != nil {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		target, persists := string(o.head.Target), wire.RequestPersists(&o.head)
		if o.before != nil {
			o.before(target)
		}
		answer := simResponse(target)
		buf.Consume(n)
		switch target {
		case "/echo":
			o.conn.Write([]byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(echoed))))
			answer = ""
		case "/early":
			o.conn.Write([]byte(answer))
			answer = ""
		}
		if !o.takeBody(buf, target == "/echo") {
			return
		}
		if _, err := o.conn.Write([]byte(answer)); err != nil || strings.Contains(answer, "close") || !persists {
			return
		}
	}
}

func (o *simOrigin) fill(buf *loop.Buffer) (int, error) {
	n, err := o.conn.Read(buf.Space())
	buf.Filled(n)
	return n, err
}

// takeBody reads the body. An echo is written before more is read.
func (o *simOrigin) takeBody(buf *loop.Buffer, echo bool) bool {
	f, err := wire.RequestFraming(&o.head)
	if err != nil {
		return false
	}
	o.body.Reset(f)
	for {
		n, done, err := o.body.Scan(buf.Unread())
		if echo {
			o.conn.Write(buf.Unread()[:n])
		}
		buf.Consume(n)
		if done || err != nil {
			return err == nil
		}
		buf.Compact()
		if _, err := o.fill(buf); err != nil {
			return false
		}
	}
}

// echoed is more than many of the networks hold in both directions.
var echoed = strings.Repeat("All that is said comes back. ", 200)

var simContent = strings.Repeat("All that is not said is lost. ", 20)

// simResponse gives the response that a target asks for.
func simResponse(target string) string {
	const ok = "HTTP/1.1 200 OK\r\n"
	switch target {
	case "/chunked":
		return ok + "Transfer-Encoding: chunked\r\n\r\n" +
			fmt.Sprintf("10\r\n%s\r\n%x;x=y\r\n%s\r\n0\r\nT: v\r\n\r\n", simContent[:16], len(simContent)-16, simContent[16:])
	case "/until-close":
		return ok + "Connection: close\r\n\r\n" + simContent
	case "/last":
		return ok + "Connection: close\r\nContent-Length: 600\r\n\r\n" + simContent
	case "/interim":
		return "HTTP/1.1 100 Continue\r\n\r\n" + simResponse("/")
	}
	return ok + "Content-Length: 600\r\n\r\n" + simContent
}

// simPlan has sessions of all manners.
func simPlan(t *testing.T) *plan.Plan {
	session := func(targets ...string) (s []plantest.Exchange) {
		for i, target := range targets {
			request := plantest.Get(target)
			if i%2 == 1 {
				request = "POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + simContent[:100]
			}
			response := simResponse(target)
			response = strings.TrimPrefix(response, "HTTP/1.1 100 Continue\r\n\r\n")
			s = append(s, plantest.Exchange{request, response})
		}
		return s
	}
	echo := plantest.Exchange{
		fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(echoed), echoed),
		"HTTP/1.1 200 OK\r\n\r\n" + echoed,
	}
	early := plantest.Exchange{strings.Replace(echo[0], "/echo", "/early", 1), simResponse("/")}
	return planned(t, append(session("/"), echo, early, plantest.Exchange{plantest.Get("/"), simResponse("/")}), session("/", "/chunked", "/interim"), session("/last", "/"), session("/chunked", "/until-close", "/"), session("/"))
}

// simSeeds is how many worlds are tried.
func simSeeds() uint64 {
	if wiretest.RaceDetector {
		return 10
	}
	return 100
}

// TestRoughNetwork: however slowly and in whatever pieces bytes arrive, all
// responses are the recorded ones.
func TestRoughNetwork(t *testing.T) {
	t.Parallel()
	plan := simPlan(t)
	early := int64(0)
	for seed := range simSeeds() {
		for _, config := range []Config{
			{Connections: 3, Verify: true, Requests: 40, Timeout: time.Hour},
			{Connections: 2, Verify: true, Requests: 21, Timeout: time.Hour, RequestsPerConnection: 4},
		} {
			r, err := simulated(t, seed, simnet.Rough(seed), plan, config)
			if err != nil || r.Requests != config.Requests || r.Errors != 0 || r.Unfinished != 0 || r.Ending != Complete {
				t.Errorf("seed %d: %v, %s, %+v, %v", seed, err, r.Ending, countsOf(r), r.Explanations)
			}
			checkBooks(t, seed, r)
			early += r.Early
		}
	}
	if early == 0 {
		t.Error("no response came before its request was read")
	}
}

// TestHostileNetwork: whatever breaks, each request comes to one end with a
// named cause, nothing stays open, and the books balance.
func TestHostileNetwork(t *testing.T) {
	t.Parallel()
	plan := simPlan(t)
	failed := map[Cause]int64{}
	for seed := range simSeeds() {
		config := Config{Connections: 3, Verify: true, Requests: 40, Timeout: time.Second, explain: 40}
		r, err := simulated(t, seed, simnet.Hostile(seed), plan, config)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if sum := r.Requests + r.Unfinished + r.Unsent; sum != config.Requests || (r.Ending == Complete) != (r.Unsent == 0) {
			t.Errorf("seed %d: %s after %+v", seed, r.Ending, countsOf(r))
		}
		if n := r.Causes[BadResponse] + r.Causes[ExcessOctets] + r.Causes[StatusMismatch]; n > 0 {
			t.Errorf("seed %d: the network breaks connections, but changes no bytes: %v", seed, r.Explanations)
		}
		for _, e := range r.Explanations {
			// Only there is the end of the connection that of the response.
			if strings.Contains(e, ContentMismatch.String()) && !strings.Contains(e, "/until-close") {
				t.Errorf("seed %d: %s", seed, e)
			}
		}
		checkBooks(t, seed, r)
		for _, c := range Causes() {
			failed[c] += r.Causes[c]
		}
	}
	for _, c := range []Cause{Timeout, ClosedBeforeResponse, ClosedInResponse} {
		if failed[c] == 0 && !wiretest.RaceDetector {
			t.Errorf("nothing failed by %s: the network is not hostile enough", c)
		}
	}
}

// TestStaleConnectionTakesNoOctet: where the reset was there before the request,
// not one byte has left, so that any method may be sent again.
func TestStaleConnectionTakesNoOctet(t *testing.T) {
	post := plantest.Exchange{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", simResponse("/")}
	plan := planned(t, append([]plantest.Exchange{{plantest.Get("/"), simResponse("/")}}, post))
	stale := int64(0)
	for seed := range simSeeds() {
		options := simnet.Options{Late: 0.5, LateBy: simnet.Range{Max: 10 * time.Millisecond}, Fate: func(d simnet.Dial) (f simnet.Fate) {
			if d.Number == 1 {
				f.Down = simnet.Cut{Kind: simnet.CutReset, At: int64(len(simResponse("/")))}
			}
			return f
		}}
		r, err := simulated(t, seed, options, plan, Config{Verify: true})
		if err != nil || r.Requests != 2 || r.Errors != 0 || r.Opened != 2 {
			t.Errorf("seed %d: %v, %+v, %v", seed, err, countsOf(r), r.Explanations)
		}
		stale += r.Stale
	}
	if stale == 0 {
		t.Error("the end of the connection was always seen before the request")
	}
}

// TestInterruptedWhileConnecting: whoever has no connection yet sends nothing, and
// those who have sent get their time.
func TestInterruptedWhileConnecting(t *testing.T) {
	const way = 100 * time.Millisecond // connecting takes two, and so does a response
	plan := planned(t, []plantest.Exchange{{plantest.Get("/"), simResponse("/")}})
	for _, test := range []struct {
		after    time.Duration
		why      Ending
		requests int64
	}{
		{way, Interrupted, 0},
		{3 * way, Interrupted, 3},
		{way, Elapsed, 3},
		{3 * way, Elapsed, 3},
	} {
		config := Config{Connections: 3, Requests: 30, Grace: 20 * way}
		r, err := simulatedAnd(t, 1, simnet.Options{Delay: simnet.Range{Min: way, Max: way}}, plan, config, func(r *run, l *loop.Loop) {
			l.After(test.after, func() { r.end(test.why) })
		})
		if err != nil || r.Ending != test.why || r.Requests != test.requests || r.Errors != 0 || r.Unfinished != 0 || r.Unsent != 30-test.requests {
			t.Errorf("%s after %s: %v, %s, %+v", test.why, test.after, err, r.Ending, countsOf(r))
		}
		checkBooks(t, 1, r)
	}
}

// checkBooks checks that all numbers of a result agree with each other.
func checkBooks(t *testing.T, seed uint64, r *Result) {
	t.Helper()
	var causes, statuses int64
	for _, n := range r.Causes {
		causes += n
	}
	for _, n := range r.Statuses {
		statuses += n
	}
	switch {
	case r.Opened != r.ClosedByUs+r.ClosedByPeer:
		t.Errorf("seed %d: %d connections opened, %d + %d closed", seed, r.Opened, r.ClosedByUs, r.ClosedByPeer)
	case r.First > r.Opened || r.First+r.Reused < r.Requests-r.Errors || r.First+r.Reused > statuses:
		t.Errorf("seed %d: %d first and %d later responses on %d connections: %+v", seed, r.First, r.Reused, r.Opened, countsOf(r))
	case r.Unread > r.Early:
		t.Errorf("seed %d: %d requests were never read, of %d early responses", seed, r.Unread, r.Early)
	case r.Retries > r.Stale:
		t.Errorf("seed %d: %d of %d sent again", seed, r.Retries, r.Stale)
	case causes != r.Errors:
		t.Errorf("seed %d: %d errors, of which %d have a cause", seed, r.Errors, causes)
	case r.Latency.Count() != r.Requests-r.Errors:
		t.Errorf("seed %d: %d latencies of %d requests that did not fail", seed, r.Latency.Count(), r.Requests-r.Errors)
	case r.FirstByte.Count() != r.Latency.Count(), r.LatencyWithConnect.Count() != r.Latency.Count():
		t.Errorf("seed %d: %d first bytes, %d latencies, %d with connecting", seed, r.FirstByte.Count(), r.Latency.Count(), r.LatencyWithConnect.Count())
	case counted(&r.ByPosition) != r.Latency.Count(), counted(&r.ByIdle) != r.Latency.Count()-r.FirstRequest().Count():
		t.Errorf("seed %d: %d at positions and %d after gaps, of %d, %d of them first", seed, counted(&r.ByPosition), counted(&r.ByIdle), r.Latency.Count(), r.FirstRequest().Count())
	case r.Connect.Count() != r.Opened, r.FirstRequest().Count() > r.Opened, r.FirstRequest().Count() != r.FirstRequestWithConnect.Count():
		t.Errorf("seed %d: %d opened, %d times to connect, %d and %d first requests", seed, r.Opened, r.Connect.Count(), r.FirstRequest().Count(), r.FirstRequestWithConnect.Count())
	case r.FirstByte.Max() > r.Latency.Max(), r.FirstByte.Min() < 0, r.Latency.Mean() > r.LatencyWithConnect.Mean():
		t.Errorf("seed %d: the parts of a request take longer than all of it", seed)
	case statuses < r.Requests-r.Errors:
		t.Errorf("seed %d: %d statuses of %d requests that did not fail", seed, statuses, r.Requests-r.Errors)
	}
}

// TestSimulationRepeats: one seed is one history.
func TestSimulationRepeats(t *testing.T) {
	tell := func() string {
		r, err := simulated(t, 7, simnet.Hostile(7), simPlan(t), Config{Connections: 3, Requests: 40, Timeout: time.Second})
		return fmt.Sprint(countsOf(r), r.Causes, r.Latency.Mean(), r.Elapsed, r.Explanations, err)
	}
	if first, second := tell(), tell(); first != second {
		t.Errorf("%s\nis not\n%s", first, second)
	}
}

// counted is how many durations the parts hold together.
func counted(parts *[32]measure.Histogram) (n int64) {
	for i := range parts {
		n += parts[i].Count()
	}
	return n
}
