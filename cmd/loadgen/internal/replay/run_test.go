package replay

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/loop"
)

// counts are the numbers of a result that a test can foresee.
type counts struct {
	requests, errors     int64
	opened, reused       int64
	byUs, byPeer         int64
	stale, retries       int64
	unfinished, failures int64
	unsent               int64
}

func countsOf(r *Result) counts {
	return counts{
		requests: r.Requests, errors: r.Errors, opened: r.Opened, reused: r.Reused,
		byUs: r.ClosedByUs, byPeer: r.ClosedByPeer, stale: r.Stale,
		retries: r.Retries, unfinished: r.Unfinished, unsent: r.Unsent, failures: r.Attempts(),
	}
}

// TestExchanges replays one session to servers of all manners.
func TestExchanges(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	post := "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
	large := strings.Repeat("0123456789abcdef", 16<<10)
	type exchangeTest struct {
		name    string
		session []plantest.Exchange
		config  Config
		script  func(p *peer)
		want    counts
		cause   Cause  // of the errors
		explain string // part of the first explanation
		overTLS counts // what to want there, if it is not want
	}
	for _, test := range []exchangeTest{
		{
			name: "two requests on one connection", session: plantest.Gets("/1", "/2"), script: always(plantest.OK),
			want: counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "chunked", session: plantest.Gets("/1", "/2"), script: always(chunked + "1\r\nh\r\n1;x=y\r\ni\r\n0\r\nT: v\r\n\r\n"),
			config: Config{Verify: true},
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name:    "chunked in single bytes",
			session: []plantest.Exchange{{plantest.Get("/1"), plantest.OK}, {plantest.Get("/2"), plantest.OK}}, config: Config{Verify: true},
			script: func(p *peer) {
				for p.next() != nil {
					for _, octet := range chunked + "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n" {
						p.say(string(octet))
					}
				}
			},
			want: counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name:    "HEAD has no content",
			session: []plantest.Exchange{{"HEAD /1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"}, {plantest.Get("/2"), plantest.OK}},
			config:  Config{Verify: true},
			script: func(p *peer) {
				for r := p.next(); r != nil; r = p.next() {
					p.say(plantest.OK[:len(plantest.OK)-2*len("x")*btoi(r.Method == "HEAD")])
				}
			},
			want: counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "until close", session: plantest.Gets("/1", "/2"), config: Config{Verify: true},
			script: func(p *peer) { p.next(); p.say("HTTP/1.1 200 OK\r\n\r\nhi") },
			want:   counts{requests: 2, opened: 2, byPeer: 2},
		},
		{
			name: "Connection: close", session: plantest.Gets("/1", "/2", "/3"),
			script: always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), // and it does not
			want:   counts{requests: 3, opened: 3, byUs: 3},
		},
		{
			name: "the request asks for the end", script: always(plantest.OK),
			session: []plantest.Exchange{{"GET /1 HTTP/1.0\r\n\r\n", plantest.OK}, {plantest.Get("/2"), plantest.OK}},
			want:    counts{requests: 2, opened: 2, byUs: 2},
		},
		{
			name: "interim responses", session: []plantest.Exchange{{"POST /1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab", plantest.OK}, {plantest.Get("/2"), plantest.OK}},
			config: Config{Verify: true},
			script: always("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + plantest.OK),
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "content larger than a buffer", session: plantest.Gets("/1", "/2"),
			script: always(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(large), large)),
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "request larger than the socket takes at once", script: always(plantest.OK),
			session: []plantest.Exchange{{fmt.Sprintf("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 16*len(large), strings.Repeat(large, 16)), plantest.OK}},
			config:  Config{Verify: true},
			want:    counts{requests: 1, opened: 1, byUs: 1},
		},
		{
			name: "closed before a response", session: plantest.Gets("/1"), script: func(p *peer) { p.next() },
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedBeforeResponse, explain: "the server closed the connection",
		},
		{
			name: "reset before a response", session: plantest.Gets("/1"), script: func(p *peer) { p.next(); p.reset() },
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedBeforeResponse, explain: "reset",
		},
		{
			name: "closed in the head", session: plantest.Gets("/1"), script: func(p *peer) { p.next(); p.say(plantest.OK[:12]) },
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedInResponse, explain: "after 12 bytes",
		},
		{
			name: "closed in the content", session: plantest.Gets("/1"), script: func(p *peer) { p.next(); p.say(plantest.OK[:len(plantest.OK)-1]) },
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedInResponse, explain: "GET /1 (request 1 of connection c1",
		},
		{
			name: "closed in a chunk", session: plantest.Gets("/1"), script: func(p *peer) { p.next(); p.say(chunked + "5\r\nab") },
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedInResponse,
		},
		{
			name: "no response in time", session: plantest.Gets("/1"), config: Config{Timeout: 50 * time.Millisecond},
			script: func(p *peer) { p.next(); p.next() },
			want:   counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: Timeout, explain: "0 bytes",
		},
		{
			name: "half a response in time", session: plantest.Gets("/1"), config: Config{Timeout: 50 * time.Millisecond},
			script: func(p *peer) { p.next(); p.say(plantest.OK[:20]); p.next() },
			want:   counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: Timeout, explain: "20 bytes",
		},
		{
			name: "not HTTP", session: plantest.Gets("/1"), script: always("SSH-2.0-x\r\n"),
			want: counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: BadResponse,
		},
		{
			name: "framing in doubt", session: plantest.Gets("/1"), script: always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi"),
			want: counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: BadResponse, explain: "Content-Length",
		},
		{
			name: "a chunk size that is none", session: plantest.Gets("/1"), script: always(chunked + "z\r\n"),
			want: counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: BadResponse,
		},
		{
			name: "a head larger than a buffer", session: plantest.Gets("/1"), script: always("HTTP/1.1 200 OK\r\nX: " + large),
			want: counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: BadResponse, explain: "head",
		},
		{
			name: "bytes behind the response", session: plantest.Gets("/1", "/2"), script: always(plantest.OK + "!"),
			want: counts{requests: 2, errors: 2, opened: 2, byUs: 2}, cause: ExcessOctets, explain: "1 byte behind",
		},
		{
			name: "another status", session: plantest.Gets("/1", "/2"), config: Config{Verify: true},
			script: always("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi"),
			want:   counts{requests: 2, errors: 2, opened: 1, reused: 1, byUs: 1}, cause: StatusMismatch, explain: "404, recorded 200",
		},
		{
			name: "another status, not verified", session: plantest.Gets("/1", "/2"),
			script: always("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi"),
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "other content", session: plantest.Gets("/1"), config: Config{Verify: true},
			script: always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho"),
			want:   counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: ContentMismatch, explain: `differs at offset 1: "o", recorded "i"`,
		},
		{
			name: "more content", session: plantest.Gets("/1"), config: Config{Verify: true},
			script: always(chunked + "2\r\nhi\r\n3\r\ngh!\r\n0\r\n\r\n"),
			want:   counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: ContentMismatch, explain: "goes on after the recorded 2 bytes: 5 arrived",
		},
		{
			name: "less content", session: plantest.Gets("/1"), config: Config{Verify: true},
			script: always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nh"),
			want:   counts{requests: 1, errors: 1, opened: 1, byUs: 1}, cause: ContentMismatch, explain: "ends at offset 1, recorded are 2 bytes",
		},
		{
			name: "no recorded response to compare with", session: []plantest.Exchange{{plantest.Get("/1"), ""}}, config: Config{Verify: true}, script: always(plantest.OK),
			want: counts{requests: 1, opened: 1, byUs: 1},
		},
		{
			name: "stale connection, GET", session: plantest.Gets("/1", "/2"), config: Config{Verify: true},
			script: staleAfterOne,
			want:   counts{requests: 2, opened: 2, byUs: 1, byPeer: 1, stale: 1, retries: 1},
		},
		{
			name: "stale connection, GET, nothing sent again", session: plantest.Gets("/1", "/2"), config: Config{NoRetry: true},
			script: staleAfterOne,
			want:   counts{requests: 2, errors: 1, opened: 1, byPeer: 1, stale: 1}, cause: ClosedBeforeResponse, explain: "GET /2 (request 2",
		},
		{
			name: "stale connection, POST", session: []plantest.Exchange{{plantest.Get("/1"), plantest.OK}, {post, plantest.OK}}, config: Config{Verify: true},
			script: staleAfterOne,
			want:   counts{requests: 2, errors: 1, opened: 1, byPeer: 1, stale: 1}, cause: ClosedBeforeResponse, explain: "POST /p (request 2",
		},
		{
			name: "never any response on a used connection", session: plantest.Gets("/1", "/2"),
			script: func(p *peer) {
				if p.next(); p.number == 0 {
					p.say(plantest.OK)
					p.next()
				}
			},
			want: counts{requests: 2, errors: 1, opened: 2, byPeer: 2, stale: 1, retries: 1}, cause: ClosedBeforeResponse,
		},
		{
			name:    "a response and a reset before the request was taken",
			session: []plantest.Exchange{{fmt.Sprintf("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 64*len(large), strings.Repeat(large, 64)), plantest.OK}},
			script: func(p *peer) {
				p.reader.ReadString('\n')
				p.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			},
			want: counts{requests: 1, opened: 1, byPeer: 1},
		},
		{
			name:    "content until close, and a reset before the request was taken",
			session: []plantest.Exchange{{fmt.Sprintf("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 64*len(large), strings.Repeat(large, 64)), plantest.OK}},
			script: func(p *peer) {
				p.reader.ReadString('\n')
				p.say("HTTP/1.1 200 OK\r\n\r\nhalf of")
			},
			want: counts{requests: 1, errors: 1, opened: 1, byPeer: 1}, cause: ClosedInResponse,
			overTLS: counts{requests: 1, opened: 1, byPeer: 1},
		},
		{
			name: "a response that fills a buffer to the brim", session: plantest.Gets("/1", "/2"),
			script: always(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", loop.BufferSize-42, large[:loop.BufferSize-42])),
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "heads that together are larger than a buffer", session: plantest.Gets("/1", "/2"),
			script: always("HTTP/1.1 103 Early Hints\r\nX: " + large[:10000] + "\r\n\r\nHTTP/1.1 200 OK\r\nX: " + large[:10000] + "\r\nContent-Length: 2\r\n\r\nhi"),
			want:   counts{requests: 2, opened: 1, reused: 1, byUs: 1},
		},
		{
			name: "101 ends HTTP", session: plantest.Gets("/1", "/2"), script: always("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
			want: counts{requests: 2, opened: 2, byUs: 2},
		},
	} {
		exchange := func(t *testing.T, test exchangeTest) {
			t.Parallel()
			s := serve(t, test.script)
			r := replayed(t, planned(t, test.session), s.address, test.config)
			if got := countsOf(r); got != test.want {
				t.Errorf("got  %+v\nwant %+v\n%s", got, test.want, strings.Join(r.Explanations, "\n"))
			}
			if test.want.errors > 0 {
				if r.Causes[test.cause] != test.want.errors || !strings.Contains(r.Explanations[0], test.explain) {
					t.Errorf("causes %v, explanations %q; want %d by %s, %q", r.Causes, r.Explanations, test.want.errors, test.cause, test.explain)
				}
			}
			if (r.Err() == nil) != (test.want.errors == 0) {
				t.Errorf("the run ended with %v", r.Err())
			}
			if n := r.Latency.Count(); n != r.Requests-r.Errors {
				t.Errorf("%d latencies of %d good requests", n, r.Requests-r.Errors)
			}
		}
		t.Run(test.name, func(t *testing.T) { exchange(t, test) })
		server, client := asUsual()
		secure := test
		secure.script, secure.config.TLS = secured(server, test.script), client
		secure.want = cmp.Or(test.overTLS, test.want)
		t.Run(test.name+", over TLS", func(t *testing.T) { exchange(t, secure) })
	}
}

// staleAfterOne answers one request on the first connection, reads the next one
// and closes: too late for the client to see it before it has sent.
func staleAfterOne(p *peer) {
	if p.number > 0 {
		always(plantest.OK)(p)
		return
	}
	p.next()
	p.say(plantest.OK)
	p.next()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestClosedWhileIdle is for a connection whose end can be seen before the next
// request is sent: nothing is sent on it, so no method is in doubt.
func TestClosedWhileIdle(t *testing.T) {
	post := plantest.Exchange{"POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", plantest.OK}
	plan := planned(t, append(plantest.Gets("/1"), post))
	runs := make(chan *run, 1)
	s := serve(t, func(p *peer) {
		if p.next(); p.number > 0 {
			p.say(plantest.OK)
			p.next()
			return
		}
		// The client's loop sees the response and the end of stream at once.
		waits, goOn := make(chan struct{}), make(chan struct{})
		(<-runs).lanes[0].loop.Post(func() { close(waits); <-goOn })
		<-waits
		p.say(plantest.OK)
		p.Close()
		close(goOn)
	})
	target, err := loop.ParseAddress(s.address)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(plan, Config{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	group, err := loop.NewGroup(1, loop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r.startOn(group)
	runs <- r
	if err := r.untilDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := countsOf(r.result()), (counts{requests: 2, opened: 2, byPeer: 1, byUs: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSessionsStayOnOneConnectionInOrder(t *testing.T) {
	var sessions [][]plantest.Exchange
	want := map[string]int{}
	for i := range 20 {
		var targets []string
		for j := range 1 + i%4 {
			targets = append(targets, fmt.Sprintf("/%d/%d", i, j))
		}
		want[strings.Join(targets, " ")] = 3
		sessions = append(sessions, plantest.Gets(targets...))
	}
	s := serve(t, always(plantest.OK))
	plan := planned(t, sessions...)
	r := replayed(t, plan, s.address, Config{Connections: 7, Loops: 2, Requests: int64(3 * plan.Len())})
	if r.Requests != int64(3*plan.Len()) || r.Errors != 0 {
		t.Fatalf("%d requests, %d errors: %v", r.Requests, r.Errors, r.Explanations)
	}
	got := map[string]int{}
	for _, c := range s.connections() {
		got[strings.Join(c, " ")]++
	}
	for session, n := range want {
		if got[session] != n {
			t.Errorf("the session %q was seen %d times, not %d", session, got[session], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d different connections for %d sessions", len(got), len(want))
	}
}

func TestSessionGoesOnOnAnotherConnection(t *testing.T) {
	s := serve(t, func(p *peer) {
		for range 2 {
			p.next()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + strings.Repeat("Connection: close\r\n", btoi(len(p.server.connections()[p.number]) == 2)) + "\r\n")
		}
	})
	r := replayed(t, planned(t, plantest.Gets("/1", "/2", "/3", "/4", "/5")), s.address, Config{})
	if r.Requests != 5 || r.Errors != 0 || r.Opened != 3 || r.First != 3 || r.Reused != 2 || r.ClosedByUs+r.ClosedByPeer != 3 {
		t.Errorf("%+v", countsOf(r))
	}
	if got := fmt.Sprint(s.connections()); got != "[[/1 /2] [/3 /4] [/5]]" {
		t.Errorf("the server saw %s", got)
	}
}

func TestRequestsPerConnection(t *testing.T) {
	for _, test := range []struct {
		perConnection int
		requests      int64
		want          string
	}{
		{0, 0, "[[/1 /2] [/3] [/4 /5]]"},
		{0, 7, "[[/1 /2] [/3] [/4 /5] [/1 /2]]"},
		{0, 4, "[[/1 /2] [/3] [/4]]"},
		{1, 0, "[[/1] [/2] [/3] [/4] [/5]]"},
		{3, 0, "[[/1 /2 /3] [/4 /5]]"},
		{3, 8, "[[/1 /2 /3] [/4 /5 /1] [/2 /3]]"},
		{100, 11, "[[/1 /2 /3 /4 /5 /1 /2 /3 /4 /5 /1]]"},
	} {
		t.Run(fmt.Sprintf("%d of %d", test.perConnection, test.requests), func(t *testing.T) {
			s := serve(t, always(plantest.OK))
			r := replayed(t, planned(t, plantest.Gets("/1", "/2"), plantest.Gets("/3"), plantest.Gets("/4", "/5")), s.address,
				Config{RequestsPerConnection: test.perConnection, Requests: test.requests})
			if got := fmt.Sprint(s.connections()); got != test.want {
				t.Errorf("the server saw %s, not %s", got, test.want)
			}
			if r.ClosedByUs != r.Opened || r.Errors != 0 {
				t.Errorf("%+v: %v", countsOf(r), r.Explanations)
			}
		})
	}
}

func TestURLs(t *testing.T) {
	for _, test := range []struct {
		perConnection int
		want          counts
		announced     int64 // requests with Connection: close
	}{
		{0, counts{requests: 20, opened: 1, reused: 19, byUs: 1}, 0},
		{1, counts{requests: 20, opened: 20, byUs: 20}, 20},
		{5, counts{requests: 20, opened: 4, reused: 16, byUs: 4}, 4},
	} {
		t.Run(fmt.Sprint(test.perConnection), func(t *testing.T) {
			var announced atomic.Int64
			s := serve(t, func(p *peer) {
				for r := p.next(); r != nil; r = p.next() {
					announced.Add(int64(btoi(r.Close)))
					p.say(plantest.OK)
				}
			})
			plan, err := plan.FromURL("http://" + s.address + "/a?b#c")
			if err != nil {
				t.Fatal(err)
			}
			r := replayed(t, plan, s.address, Config{Requests: 20, RequestsPerConnection: test.perConnection})
			if got := countsOf(r); got != test.want || announced.Load() != test.announced {
				t.Errorf("got  %+v, %d announced\nwant %+v, %d announced", got, announced.Load(), test.want, test.announced)
			}
			for _, c := range s.connections() {
				if len(c) == 0 || slices.ContainsFunc(c, func(target string) bool { return target != "/a?b" }) {
					t.Errorf("the server saw %q", c)
				}
			}
		})
	}
}

func TestRequestsAreExact(t *testing.T) {
	s := serve(t, always(plantest.OK))
	plan := planned(t, plantest.Gets("/1"), plantest.Gets("/2", "/3"), plantest.Gets("/4", "/5", "/6"))
	for _, connections := range []int{1, 3, 16} {
		for _, n := range []int64{1, 5, 6, 7, 100} {
			r := replayed(t, plan, s.address, Config{Connections: connections, Loops: 2, Requests: n})
			if r.Requests != n || r.Errors != 0 || r.Ending != Complete {
				t.Errorf("%d connections: %d requests instead of %d, %d errors, %s", connections, r.Requests, n, r.Errors, r.Ending)
			}
		}
	}
}

// postOf is a request with a body that no socket takes at once.
func postOf(size int) plantest.Exchange {
	return plantest.Exchange{fmt.Sprintf("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)), plantest.OK}
}

// TestReadsWhileItWrites is for servers that answer before they have read the
// request.
func TestReadsWhileItWrites(t *testing.T) {
	const size = 32 << 20 // more than the kernel holds in both directions
	for _, test := range []struct {
		name   string
		script func(p *peer, r *http.Request, over <-chan struct{})
		want   counts
		status int
		early  int64 // answered before the request was read
		unread int64 // of which it never was
	}{
		{"an echo", func(p *peer, r *http.Request, over <-chan struct{}) {
			p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
			io.Copy(p, r.Body)
		}, counts{requests: 2, opened: 1, reused: 1, byUs: 1}, 200, 0, 0},
		{"all of the answer first", func(p *peer, r *http.Request, over <-chan struct{}) {
			p.say(plantest.OK)
			io.Copy(io.Discard, r.Body)
		}, counts{requests: 2, opened: 1, reused: 1, byUs: 1}, 200, 1, 0},
		{"an answer, and nothing is read", func(p *peer, r *http.Request, over <-chan struct{}) {
			p.say(plantest.OK)
			<-over
		}, counts{requests: 2, opened: 2, byUs: 2}, 200, 1, 1},
		{"a refusal, and nothing is read", func(p *peer, r *http.Request, over <-chan struct{}) {
			p.say("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			<-over
		}, counts{requests: 2, opened: 2, byUs: 2}, 413, 1, 0},
		{"the end, and nothing is read", func(p *peer, r *http.Request, over <-chan struct{}) {
			p.say(plantest.OK[:len(plantest.OK)-1])
			p.Conn.(interface{ CloseWrite() error }).CloseWrite()
			<-over
		}, counts{requests: 2, errors: 1, opened: 2, byPeer: 1, byUs: 1}, 200, 0, 0},
	} {
		run := func(t *testing.T, secure bool) {
			over := make(chan struct{})
			script := func(p *peer) {
				if p.number == 0 {
					r, err := http.ReadRequest(p.reader)
					if err != nil {
						return
					}
					test.script(p, r, over)
				}
				always(plantest.OK)(p)
			}
			config := Config{}
			if secure {
				server, client := asUsual()
				script, config.TLS = secured(server, script), client
			}
			s := serve(t, script)
			defer close(over)
			r := replayed(t, planned(t, append([]plantest.Exchange{postOf(size)}, plantest.Gets("/2")...)), s.address, config)
			if got := countsOf(r); got != test.want || r.Statuses[test.status] == 0 || r.Elapsed > 8*time.Second {
				t.Errorf("got %+v, want %+v; statuses %d: %d, in %s: %v", got, test.want, test.status, r.Statuses[test.status], r.Elapsed, r.Explanations)
			}
			if r.Early != test.early || r.Unread != test.unread {
				t.Errorf("%d early responses, want %d; %d requests were never read, want %d", r.Early, test.early, r.Unread, test.unread)
			}
		}
		t.Run(test.name, func(t *testing.T) { run(t, false) })
		t.Run(test.name+", over TLS", func(t *testing.T) { run(t, true) })
	}
}
