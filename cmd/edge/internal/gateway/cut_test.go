package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A dialogue is a kind of exchange, or a few of them on one client connection,
// that the network breaks off at every octet. Whatever is left of it, these hold:
//
//   - what the client hears begins as it should, and then there is nothing, or
//     an answer of the gateway's own;
//   - a part of a response does not look like a whole one;
//   - an origin hears no request twice that is not safe;
//   - the log says one of the things that may be said of such a break, and the
//     counters say the same;
//   - nothing is left open.
type dialogue struct {
	name  string
	turns []turn
	// untilClose says that the last response ends with the connection, so that
	// nobody can tell its end from a break that looks like one.
	untilClose bool
	// atOnce says that it depends on what comes first, and is not tried where
	// octets go one by one.
	atOnce bool
}

// A turn is one exchange. The next one begins when the client has heard all.
type turn struct {
	request string // what the client says
	body    string // and says after a pause, or after the interim response
	heard   string // what the origin hears, all of it
	answer  string // what the origin says
	interim string // and says before it has heard the body
	right   string // what the client hears; empty: what the origin says
}

func (t *turn) response() string {
	if t.right != "" {
		return t.right
	}
	return t.interim + t.answer
}

func plain(request, answer string) turn {
	return turn{request: request, heard: toOrigin(request), answer: answer}
}

var dialogues = []dialogue{
	{name: "length", turns: []turn{plain(get("/"), hello)}},
	{name: "HEAD", turns: []turn{plain("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")}},
	{name: "chunks", turns: []turn{plain(get("/"), chunkedHead+oddChunks)}},
	{name: "until close", untilClose: true, turns: []turn{{request: get("/"), heard: toOrigin(get("/")), answer: "HTTP/1.1 200 OK\r\n\r\nuntil close",
		right: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close"}}},
	{name: "decoded", turns: []turn{{request: get10, heard: get10Sent, answer: chunkedHead + oddChunks,
		right: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789x"}}},
	{name: "origin of HTTP/1.0", turns: []turn{{request: get("/"), heard: toOrigin(get("/")), answer: hello10, right: hello}}},
	{name: "hints", turns: []turn{plain(get("/"), hint+hint+hello)}},
	{name: "request with a length", turns: []turn{plain(post("Content-Length: 4", "body"), hello)}},
	{name: "request with chunks, in two pieces", turns: []turn{{request: post("Transfer-Encoding: chunked", ""), body: oddChunks,
		heard: toOrigin(post("Transfer-Encoding: chunked", "")) + oddChunks, answer: hello}}},
	{name: "expectation", turns: []turn{{request: expecting, body: "body", heard: toOrigin(expecting) + "body", interim: goOn, answer: hello}}},
	{name: "early response", atOnce: true, turns: []turn{
		{request: post("Content-Length: 4", ""), body: "body", heard: toOrigin(post("Content-Length: 4", "")), answer: tooLarge},
		plain(get("/"), hello),
	}},
	{name: "kept connection", turns: []turn{plain(get("/1"), hello), plain(get("/2"), evil)}},
	{name: "kept connection and an unsafe request", turns: []turn{plain(get("/1"), hello), plain(post("Content-Length: 4", "body"), evil)}},
}

// A breach is where the network breaks which direction of which hop, and how.
type breach struct {
	hop    uint64 // 1: client and gateway, 2: gateway and origin
	down   bool   // to the client
	kind   simnet.CutKind
	at     int64
	narrow bool // octets go one by one, and nobody has room for two
}

func (b breach) String() string {
	hop, way, kind := "client", "up", "reset"
	if b.hop == 2 {
		hop = "origin"
	}
	if b.down {
		way = "down"
	}
	if b.kind == simnet.CutEnd {
		kind = "end"
	}
	return hop + " " + way + " " + kind
}

func (b breach) fate(d simnet.Dial) (f simnet.Fate) {
	switch cut := (simnet.Cut{Kind: b.kind, At: b.at}); {
	case d.Number != b.hop:
	case b.down:
		f.Down = cut
	default:
		f.Up = cut
	}
	return f
}

func TestBrokenAtEveryOctet(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			lengths := d.lengths(t)
			for _, b := range breaches() {
				last := lengths[b.hop-1][0]
				if b.down {
					last = lengths[b.hop-1][1]
				}
				step := int64(seeds(10)+9) / int64(seeds(10))
				for b.at = 0; b.at <= last; b.at += step {
					d.breakBothWays(t, b)
				}
			}
		})
	}
}

func (d *dialogue) breakBothWays(t *testing.T, b breach) {
	for _, b.narrow = range []bool{false, true} {
		if d.atOnce && b.narrow {
			continue
		}
		if err := d.breakAt(b); err != nil {
			t.Fatalf("%v at octet %d, narrow %v: %v", b, b.at, b.narrow, err)
		}
	}
}

func breaches() (all []breach) {
	for _, hop := range []uint64{1, 2} {
		for _, down := range []bool{false, true} {
			for _, kind := range []simnet.CutKind{simnet.CutReset, simnet.CutEnd} {
				all = append(all, breach{hop: hop, down: down, kind: kind})
			}
		}
	}
	return all
}

// lengths is how many octets go up and down each hop when nothing breaks, which
// is also when all has to be as it should.
func (d *dialogue) lengths(t *testing.T) (octets [2][2]int64) {
	var o simnet.Options
	o.History = func(s simnet.Step) {
		if s.What == simnet.Wrote && s.Conn <= 2 {
			octets[s.Conn-1][1-s.Side] += int64(s.Octets)
		}
	}
	p := d.perform(o)
	if err := errors.Join(p.faults...); err != nil || p.heard != d.right() {
		t.Fatalf("unbroken: the client hears %q, %v", p.heard, err)
	}
	return octets
}

func (d *dialogue) right() (s string) {
	for i := range d.turns {
		s += d.turns[i].response()
	}
	return s
}

func (d *dialogue) breakAt(b breach) error {
	o := simnet.Options{Fate: b.fate}
	if b.narrow {
		o.Piece, o.Buffer = 1, 1
	}
	p := d.perform(o)
	p.checkHeard()
	p.checkEnd(b)
	p.checkOrigin()
	p.checkLog(b)
	if len(p.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nheard %q, %v\nlog %s", errors.Join(p.faults...), p.heard, p.end, p.log())
}

// A performed dialogue is what became of it.
type performed struct {
	showing
	dialogue *dialogue
	heard    string   // by the client
	end      error    // as the client saw it
	origins  []string // what was heard on each connection to the origin
}

func (d *dialogue) perform(o simnet.Options) *performed {
	p := &performed{dialogue: d}
	o.Lifetime = time.Hour
	if err := p.stage(simnet.New(1, o), Config{}, p.answer, p.ask); err != nil {
		p.fault("%w", err)
	}
	return p
}

// ask is the client's part.
func (p *performed) ask(to *loop.Address) {
	defer p.group.Stop()
	l := p.group.Loop(0)
	conn, err := l.Dial(to, 0)
	if err == nil {
		for i := range p.dialogue.turns {
			if !p.take(conn, &p.dialogue.turns[i]) {
				break
			}
		}
		conn.Close()
	}
	l.Sleep(10 * time.Minute)
	p.checkGateway()
}

// take is the client's part in a turn. It reports whether all was as it should.
func (p *performed) take(conn *loop.Conn, t *turn) bool {
	conn.Write([]byte(t.request))
	ok := p.hear(conn, t.interim)
	if t.body != "" && ok {
		conn.Loop().Sleep(time.Second)
		conn.Write([]byte(t.body))
	}
	ok = ok && p.hear(conn, strings.TrimPrefix(t.response(), t.interim))
	if !ok && p.end == nil {
		rest, err := io.ReadAll(conn) // of an answer of the gateway's own
		p.heard, p.end = p.heard+string(rest), err
	}
	return ok
}

// hear reads as much as this, and reports whether it was this.
func (p *performed) hear(conn *loop.Conn, octets string) bool {
	got := make([]byte, len(octets))
	conn.ReadDeadline(conn.Loop().Now().Add(5 * time.Minute))
	n, err := io.ReadFull(conn, got)
	p.heard += string(got[:n])
	switch {
	case err == io.ErrUnexpectedEOF:
		p.end = io.EOF
	case err != nil:
		p.end = err
	}
	return string(got[:n]) == octets
}

// answer is the origin's part: it answers each request that it has heard to the
// end, and closes when it is told anything else.
func (p *performed) answer(conn *loop.Conn) {
	i := len(p.origins)
	p.origins = append(p.origins, "")
	conn.Loop().Go(loop.Func(func() {
		defer conn.Close()
		for p.serve(conn, &p.origins[i]) {
		}
	}))
}

func (p *performed) serve(conn *loop.Conn, heard *string) bool {
	began := len(*heard)
	for {
		var octet [1]byte
		if _, err := conn.Read(octet[:]); err != nil {
			return false
		}
		*heard += string(octet[:])
		for i := range p.dialogue.turns {
			t := &p.dialogue.turns[i]
			if t.interim != "" && (*heard)[began:] == strings.TrimSuffix(t.heard, t.body) {
				conn.Write([]byte(t.interim))
			}
			if (*heard)[began:] == t.heard {
				_, err := conn.Write([]byte(t.answer))
				return err == nil && !p.dialogue.untilClose
			}
		}
	}
}

// What the gateway says when it cannot go on, and the beginning of that.
var (
	ownAnswer = regexp.MustCompile(`^HTTP/1\.1 (408|50[234]) [^\r]*\r\nDate: [^\r]*\r\nProxy-Status: hopwire; error=[^\r]*\r\nContent-Length: 0\r\n(Connection: close\r\n)?\r\n$`)
	ownBegins = regexp.MustCompile(`^HTTP/1\.1 (4|40|408(?s: .*)?|5|50|50[234](?s: .*)?)$`)
)

// checkHeard looks for where the gateway began to speak for itself, if it did:
// that can only be where a response begins.
func (p *performed) checkHeard() {
	right := p.dialogue.right()
	if strings.HasPrefix(right, p.heard) {
		return
	}
	for at := range right {
		if !strings.HasPrefix(right[at:], "HTTP/1.1 ") || !strings.HasPrefix(p.heard, right[:at]) {
			continue
		}
		if own := p.heard[at:]; ownAnswer.MatchString(own) || p.end != nil && ownBegins.MatchString(own) {
			return
		}
	}
	p.fault("the client hears something else")
}

// checkEnd lets the library judge what the client has: only what is whole may
// end as a whole does.
func (p *performed) checkEnd(b breach) {
	liar := b.kind == simnet.CutEnd && b.down && (b.hop == 1 || p.dialogue.untilClose)
	if p.end != io.EOF || liar || p.heard == p.dialogue.right() {
		return
	}
	in := bufio.NewReader(strings.NewReader(p.heard))
	for i := range p.dialogue.turns {
		res, err := http.ReadResponse(in, &http.Request{Method: p.dialogue.turns[i].request[:4]})
		for err == nil && res.StatusCode < 200 {
			res, err = http.ReadResponse(in, nil)
		}
		if err != nil {
			return
		}
		whole := p.dialogue.turns[i].response()
		if content, err := io.ReadAll(res.Body); err == nil && res.StatusCode == 200 && !strings.HasSuffix(whole, string(content)) {
			p.fault("a part looks like the whole: %q", content)
		}
	}
}

// checkOrigin wants requests that are not safe to be heard once.
func (p *performed) checkOrigin() {
	for i := range p.dialogue.turns {
		request, times := p.dialogue.turns[i].heard, 0
		for _, heard := range p.origins {
			times += strings.Count(heard, request)
		}
		if times > 1 && strings.HasPrefix(request, "POST") {
			p.fault("the origin hears %q %d times", request, times)
		}
	}
	all := ""
	for i := range p.dialogue.turns {
		t := &p.dialogue.turns[i]
		all += strings.TrimSuffix(t.heard, t.body) + t.body // which comes after an early response, if at all
	}
	for _, heard := range p.origins {
		if !strings.Contains(all, heard) {
			p.fault("the origin hears %q", heard)
		}
	}
}

// checkGateway looks at the gateway after the client has gone.
func (p *performed) checkGateway() {
	p.checkRest()
	g := p.server.gateways[0]
	ends, uses := uint64(0), uint64(0)
	for _, n := range g.counters.ClientEnds {
		ends += n
	}
	count := g.snapshot()
	for _, n := range count.OriginEnds {
		uses += n
	}
	if ends != g.counters.Clients || g.counters.ClientEnds[Broken]+g.counters.ClientEnds[CutOff] > 0 {
		p.fault("of %d client connections %d have ended: %v", g.counters.Clients, ends, g.counters.ClientEnds)
	}
	if uses < count.Origins {
		p.fault("of %d origin connections %d have ended", count.Origins, uses)
	}
}

func (p *performed) log() string { return unsaid.ReplaceAllString(p.page.String(), "") }

// What the log may say of a break: the causes, and the refusal. Of the exchanges
// before it, and of one that the break comes too late for, it says what it
// always does.
var (
	asAlways = `(kept|client-asked)/(kept|response-closes|request-unfinished)|response-until-close/response-closes`
	asBroken = map[string]string{
		"client up end":     `request-truncated/(-|aborted|request-unfinished)|client-reset/aborted`,
		"client up reset":   `client-reset/(-|aborted|request-unfinished)`,
		"client down end":   `client-reset/(aborted|request-unfinished)`,
		"client down reset": `client-reset/(aborted|request-unfinished)`,
		"origin up end":     notSent,
		"origin up reset":   notSent,
		"origin down end":   told + `/failed http_response_incomplete|response-truncated/failed`,
		"origin down reset": told + `/(-|failed) connection_terminated|response-truncated/failed`,
	}
	notSent = told + `/(-|failed) connection_terminated|kept/kept replayed|origin-stale/failed`
	// told is what becomes of a client that is told of it. One that has no room
	// for what it is told, since it does not read while it sends, counts as stalled.
	told = `(kept|client-asked|request-unread|client-stalled)`
)

func (p *performed) checkLog(b breach) {
	may := regexp.MustCompile(`^(` + asAlways + `|` + asBroken[b.String()] + `)$`)
	for line := range strings.Lines(p.log()) {
		m := outcome.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			p.fault("the log says %q", line)
		} else if said := strings.TrimSpace(m[1] + "/" + m[2] + m[3] + " " + m[4]); !may.MatchString(said) {
			p.fault("the log says %s", said)
		}
	}
}
