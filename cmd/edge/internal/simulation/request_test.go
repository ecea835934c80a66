package simulation

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// A request is one message of a client, and all that became of it.
type request struct {
	number   int
	call     *call
	place    int // on its connection, from 0
	from     int64
	sent     []byte // by the client
	want     []byte // by an origin
	line     string // the first line as sent
	head     int    // octets of sent up to its end
	ahead    int    // octets of want up to its end
	trailer  [2]int // as the twin says
	method   string
	minor    int
	host     string // that it asks for; empty: it does not say
	trailers string // what the gateway says of them for the client
	joined   bool   // the gateway adds its client to a list that is there
	closes   bool   // the client asks for the end of the connection
	visits   int    // how often Via says that it was here
	expects  bool   // 100, before there is a body
	offers   bool   // to switch to another protocol
	tunnel   []byte // what it says in that
	safe     bool
	fate     requestFate
	status   int // of a refusal that is due; 0: any
	faulty   int // in want: no octet may be sent on from here

	tries    []*try   // each time that it was sent to an origin
	executed int      // how many origins have read it whole
	answer   answer   // what its client was sent
	logged   *logLine // nil: not yet
	loggedAt loop.Time
	cameAt   loop.Time // its first byte was at the gateway
}

// A requestFate is how far a request is to come.
type requestFate uint8

const (
	goesOn     requestFate = iota
	answered               // by the gateway; the connection persists if the request does
	turnedBack             // refused by its head
	breaksOff              // refused by its body, which may have gone on up to there
)

// use is its place on its connection, as the gateway counts.
func (r *request) use() events.Use {
	return events.Use{Conn: r.call.line.id(), N: uint32(r.place + 1)}
}

func (r *request) String() string { return fmt.Sprintf("request %d (%v)", r.number, r.use()) }

func (r *request) to() int64 { return r.from + int64(len(r.sent)) }

// newRequest draws a request.
func (w *world) newRequest(c *call) *request {
	r := &request{number: len(w.requests), call: c, place: len(c.requests), minor: 1, status: -1}
	r.method = pick(w.rng, "GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS", "DELETE")
	if c.sendsFirst {
		r.method = pick(w.rng, "POST", "PUT")
	}
	r.safe = r.method == "GET" || r.method == "HEAD" || r.method == "OPTIONS"
	t := w.twin()
	switch {
	case w.rude.clients > 0 && w.one(40):
		w.badHead(r, t)
	case w.one(12):
		r.minor = 0
		fallthrough
	default:
		w.goodRequest(r, t)
	}
	w.register(r, t)
	return r
}

func (w *world) register(r *request, t *twin) {
	r.sent, r.want, r.trailer = w.keep(t.sent), w.keep(t.want), t.trailer
	r.line, _, _ = strings.Cut(strings.TrimPrefix(string(r.sent[:min(len(r.sent), 300)]), "\r\n"), "\r\n")
	w.requests = append(w.requests, r)
}

func (w *world) goodRequest(r *request, t *twin) {
	if w.one(20) {
		t.skipped("\r\n") // as old clients send behind a body
	}
	authority := w.requestLine(r, t)
	w.host(r, t, authority)
	for w.one(3) {
		t.both(pick(w.rng, "Accept: */*\r\n", "X-Empty:\r\n", "X-Odd: \t v  w \t\r\n", "x-lower:no space\r\n",
			"X-Bytes: \xe4\xff\r\n", "User-Agent: simulated/1 (of a kind)\r\n", "Cookie: a=b; c=\"d\"\r\n"))
	}
	w.te(r, t)
	w.connection(t, w.requestOptions(r), ofThisHop[2:]...)
	if w.one(8) {
		w.claims(r, t)
	}
	if r.method == "OPTIONS" && w.one(3) {
		w.hops(r, t)
	}
	if w.one(8) {
		w.via(r, t)
	}
	w.requestBody(r, t)
}

// via names the gateways on a request's way so far, this one too, and perhaps too
// often for one that looks.
func (w *world) via(r *request, t *twin) {
	most := 8
	if w.one(4) {
		most = 20
	}
	for n := 1 + w.rng.IntN(most); n > 0; {
		t.both(pick(w.rng, "Via: 1.1 a.test (a", "via:1.0 "+w.name+"-2"))
		for ; n > 0 && !w.one(4); n-- {
			t.both(pick(w.rng, ", 1.1 ", ",HTTP/1.1\t", " ,, 1.0  ") + w.name + pick(w.rng, "", " (\\)), a)"))
			r.visits++
		}
		t.both("\r\n")
	}
	if r.visits > 8 && !t.verbatim && !w.config.NoVia && r.fate == goesOn {
		r.fate, r.status = answered, 502
	}
}

func (w *world) requestLine(r *request, t *twin) (authority string) {
	t.both(r.method + " ")
	if w.one(10) {
		authority = pick(w.rng, "a.test", "b.test:8080", "c.test:80")
		t.dropped("http://" + authority)
	}
	t.both("/" + strconv.Itoa(r.number) + pick(w.rng, "", "", "", "?q=1&r=%41", "/a/./b;c"))
	if r.minor == 1 && w.one(50) {
		r.minor = 2
	}
	t.changed(" HTTP/1."+strconv.Itoa(r.minor)+"\r\n", " HTTP/1.1\r\n")
	return authority
}

// host is the field of that name: the target's authority goes before it.
func (w *world) host(r *request, t *twin, authority string) {
	host := pick(w.rng, "a.test", "x.test:81", "[::1]:9", "[v1.a:b]")
	r.host = authority
	switch {
	case r.minor == 0 && w.one(2):
		if authority == "" {
			authority = w.authority
		}
		t.added("Host: " + authority + "\r\n")
	case authority != "" && authority != host:
		t.changed(pick(w.rng, "Host: ", "HOST:")+host+"\r\n", "Host: "+authority+"\r\n")
	default:
		r.host = host
		t.both(pick(w.rng, "Host: ", "host: ", "Host:\t") + host + pick(w.rng, "", " ") + "\r\n")
	}
}

// requestOptions draws a Connection line, or none, and what it means.
func (w *world) requestOptions(r *request) string {
	r.closes = r.minor == 0
	if r.minor == 0 && !w.one(3) {
		r.closes = false
		return pick(w.rng, "Connection: keep-alive\r\n", "connection: X-Named, Keep-Alive\r\n")
	}
	if w.one(15) {
		r.closes = true
		return pick(w.rng, "Connection: close\r\n", "Connection: X-Named , CLOSE\r\n", "Connection: keep-alive\r\nConnection: close\r\n")
	}
	if r.minor == 0 {
		return ""
	}
	return pick(w.rng, "", "", "", "Connection: keep-alive\r\n", "Connection: X-Named\r\n", "Connection: te,,x-named\r\n")
}

// ofThisHop are fields that go no further than one hop, TE first and Upgrade last.
var ofThisHop = []string{"TE: trailers\r\n", "te: gzip;q=0\r\n", "Keep-Alive: max=5\r\n", "Proxy-Connection: keep-alive\r\n",
	"HTTP2-Settings: AAMAAABk\r\n", "Upgrade: h2c\r\n"}

// te is what a client says of codings and trailer fields. That it takes these goes
// on, once, though not from HTTP/1.0.
func (w *world) te(r *request, t *twin) {
	if !w.one(8) {
		return
	}
	alone, own := pick(w.rng, "TE: trailers\r\n", "te:\tTrailers \r\n"), "Connection: TE\r\n"
	switch n := w.rng.IntN(5); {
	case r.minor == 0:
		t.dropped(alone)
		return
	case n == 0:
		t.dropped(pick(w.rng, "te: gzip;q=0\r\n", "TE: x-trailers\r\nTE:\r\n"))
		return
	case n == 1:
		t.dropped("TE: gzip;q=0.5 , Trailers\r\n")
		own = "TE: trailers\r\n" + own
	case n == 2:
		t.dropped("TE: trailers, gzip\r\n")
		t.both(alone)
		t.dropped("TE: trailers\r\n")
	default:
		t.both(alone)
	}
	r.trailers = own
}

// connection makes the fields that are for this hop only: one of those that always
// are, and those that options, the Connection line, names, before it or behind.
func (w *world) connection(t *twin, options string, always ...string) {
	t.named = strings.Contains(options, "amed")
	if w.one(2) {
		t.dropped(options)
	} else {
		defer t.dropped(options)
	}
	if w.one(6) {
		t.dropped(pick(w.rng, always...))
	}
	for w.one(4) {
		w.perhapsNamed(t)
	}
}

// perhapsNamed is a field that goes on unless Connection names it.
func (w *world) perhapsNamed(t *twin) {
	if t.named {
		t.dropped("X-Named: 1\r\n")
	} else {
		t.both("X-Named: 2\r\n")
	}
}

// hops is Max-Forwards, which stops some requests here.
func (w *world) hops(r *request, t *twin) {
	n := w.rng.IntN(3)
	if n == 0 {
		t.both("Max-Forwards: 0\r\n")
		if !t.verbatim {
			r.fate, r.status = answered, 200
		}
		return
	}
	t.changed("Max-Forwards: "+strconv.Itoa(n)+"\r\n", "Max-Forwards: "+strconv.Itoa(n-1)+"\r\n")
}

func (w *world) requestBody(r *request, t *twin) {
	size := 0
	hasBody := r.method[0] == 'P' || w.one(30)
	if hasBody {
		size = w.sizeFor(r.call)
	}
	if hasBody && !r.call.sendsFirst && w.one(3) {
		w.expectation(r, t)
	}
	body := content(r.number, size)
	switch {
	case hasBody && r.minor > 0 && w.one(2):
		t.both(pick(w.rng, "Transfer-Encoding: chunked\r\n", "transfer-encoding: Chunked\r\n"))
		w.endHead(r, t)
		if w.rude.clients > 0 && r.fate == goesOn && w.one(10) {
			w.badBody(r, t)
			return
		}
		w.chunked(t, body, false, w.claimant(t))
	case hasBody:
		t.both("Content-Length: " + strconv.Itoa(size) + "\r\n")
		w.endHead(r, t)
		t.content(body)
	default:
		w.endHead(r, t)
	}
}

// expectation is one of 100, which HTTP/1.0 does not know, or of what nobody has to
// meet.
func (w *world) expectation(r *request, t *twin) {
	say := t.both
	if r.minor == 0 {
		say = t.dropped
	}
	if w.one(8) {
		say("Expect: x-100-continue\r\n")
		return
	}
	r.expects = r.minor > 0
	say("Expect: 100-continue\r\n")
}

func (w *world) endHead(r *request, t *twin) {
	t.added(r.trailers)
	w.forwardedFor(r, t)
	if !w.config.NoVia {
		t.added("Via: 1." + strconv.Itoa(min(r.minor, 1)) + " " + w.name + "\r\n")
	}
	t.both("\r\n")
	r.head, r.ahead = len(t.sent), len(t.want)
}

// badHead is a request that no gateway may send on, from the parser's vectors, or
// one of which origins could see another end.
func (w *world) badHead(r *request, t *twin) {
	if w.one(4) {
		t.skipped("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n" +
			pick(w.rng, "Transfer_Encoding: chunked\r\n", "transfer.encoding: chunked\r\n", "CONTENT~LENGTH: 30\r\n") + "\r\n0\r\n")
		r.head, r.fate, r.status, r.safe = len(t.sent), turnedBack, 400, false
		return
	}
	v := &badRequests[w.rng.IntN(len(badRequests))]
	t.sent = append(t.sent, v.Input...)
	r.head, r.fate, r.status, r.safe, r.minor = len(t.sent), turnedBack, v.Expect.Status, false, 1
}

// badBody is a chunked body with a fault.
func (w *world) badBody(r *request, t *twin) {
	t.both(w.chunkLine(3) + "abc\r\n")
	r.fate, r.faulty = breaksOff, len(t.want)
	if w.one(2) {
		v := &badBodies[w.rng.IntN(len(badBodies))]
		t.content(v.Input)
		r.status, r.faulty = v.Expect.Status, len(t.want)
		return
	}
	f := pick(w.rng, faultyChunks...)
	if !t.verbatim && w.one(8) {
		f = faultyChunk{pick(w.rng, "0\r\nTransfer_Encoding: chunked\r\n\r\n", "0\r\nA: b\r\ncontent.length: 3\r\n\r\n"), 3}
	}
	t.both(f.octets)
	r.faulty += f.good
}

// A faultyChunk has so many octets before the first one that is wrong.
type faultyChunk struct {
	octets string
	good   int
}

var faultyChunks = []faultyChunk{
	{"3\r\nabcX\n0\r\n\r\n", 6}, {"3\r\nabc\rX0\r\n\r\n", 7}, {"3\r\nabcd\r\n0\r\n\r\n", 6},
	{"3 \r\nabc\r\n0\r\n\r\n", 1}, {"g\r\n\r\n0\r\n\r\n", 0}, {"-3\r\nabc\r\n0\r\n\r\n", 0}, {"0x3\r\nabc\r\n0\r\n\r\n", 1},
	{"3\nabc\r\n0\r\n\r\n", 1}, {"\r\n0\r\n\r\n", 0}, {";a\r\n0\r\n\r\n", 0}, {"3;\r\nabc\r\n0\r\n\r\n", 2},
	{"10000000000000003\r\nabc\r\n0\r\n\r\n", 16}, {"0\r\nContent-Length: 3\r\n\r\n", 17},
	{"0\r\nX: y\n\r\n", 7}, {"0\r\n X: y\r\n\r\n", 3}, {"0\r\nX : y\r\n\r\n", 4},
}

var badRequests, badResponses, badBodies = faults()

// faults are the vectors with messages that have to be refused, not for being
// too short.
func faults() (requests, responses, bodies []wiretest.Vector) {
	for _, v := range wiretest.Vectors() {
		if v.Expect.OK || v.Expect.Either || v.Expect.Incomplete || v.Limits != (wiretest.Limits{}) {
			continue
		}
		switch {
		case v.Kind == "request" && requestHeadIsBad(v.Input):
			requests = append(requests, v)
		case v.Kind == "response" && responseHeadIsBad(v.Input):
			responses = append(responses, v)
		case v.Kind == "chunked" && bodyIsBad(v.Input):
			bodies = append(bodies, v)
		}
	}
	return requests, responses, bodies
}

func requestHeadIsBad(octets []byte) bool {
	var h wire.RequestHead
	_, err := wire.ParseRequestHead(octets, 0, &h)
	if err == nil {
		_, err = wire.RequestFraming(&h)
	}
	return err != nil && err != wire.ErrIncomplete
}

func responseHeadIsBad(octets []byte) bool {
	var h wire.ResponseHead
	_, err := wire.ParseResponseHead(octets, 0, &h)
	if err == nil {
		_, err = wire.ResponseFraming(&h, []byte("HEAD"))
	}
	return err != nil && err != wire.ErrIncomplete
}

func bodyIsBad(octets []byte) bool {
	var s wire.BodyScanner
	s.Reset(wire.Framing{Kind: wire.Chunked})
	_, _, err := s.Scan(octets)
	return err != nil
}
