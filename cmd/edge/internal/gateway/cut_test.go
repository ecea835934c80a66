package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

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
	answer  string // what the origin says, with a date
	interim string // and says before it has heard the body
	right   string // what the client hears; empty: what the origin says
}

func (t *turn) response() string {
	if t.right != "" {
		return dated(t.right)
	}
	return t.interim + dated(t.answer)
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
	{name: "edited trailer sections", turns: []turn{{request: post(namingChunks, "0\r\nX-A: 1\r\nB: c\r\n\r\n"), heard: chunkedToOrigin + "0\r\nB: c\r\n\r\n",
		answer: namingHead + "1\r\nx\r\n0\r\n" + mixed, right: chunkedHead + "1\r\nx\r\n0\r\n" + unmixed}}},
	{name: "trailer sections of which nothing is left", turns: []turn{{request: post(chunks, ""), body: "0\r\nTE: a\r\n\r\n", heard: chunkedToOrigin + "0\r\n\r\n",
		answer: chunkedHead + "0\r\nTE: a\r\n\r\n", right: chunkedHead + "0\r\n\r\n"}}},
	{name: "expectation", turns: []turn{{request: expecting, body: "body", heard: toOrigin(expecting) + "body", interim: goOn, answer: hello}}},
	{name: "early response", atOnce: true, turns: []turn{
		{request: post("Content-Length: 4", ""), body: "body", heard: toOrigin(post("Content-Length: 4", "body")), answer: tooLarge},
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

// stage is a network that breaks so.
func (b breach) stage() stage {
	st := stage{name: fmt.Sprintf("%v at octet %d, narrow %v", b, b.at, b.narrow), world: simnet.Options{Fate: b.fate}}
	if b.narrow {
		st.world.Piece, st.world.Buffer = 1, 1
	}
	return st
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
					if !d.breakBothWays(t, b) {
						return
					}
				}
			}
		})
	}
}

func (d *dialogue) breakBothWays(t *testing.T, b breach) bool {
	for _, b.narrow = range []bool{false, true} {
		if d.atOnce && b.narrow {
			continue
		}
		ok := d.play(t, b.stage(), func(p *performed) {
			p.checkHeard()
			p.checkEnd(b)
			p.checkOrigin()
			p.checkLog(b)
		})
		if !ok {
			return false
		}
	}
	return true
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
	whole := stage{name: "unbroken", world: simnet.Options{History: func(s simnet.Step) {
		if s.What == simnet.Wrote && s.Conn <= 2 {
			octets[s.Conn-1][1-s.Side] += int64(s.Octets)
		}
	}}}
	ok := d.play(t, whole, func(p *performed) {
		if p.heard != d.right() {
			p.errorf("the client hears %q", p.heard)
		}
	})
	if !ok {
		t.FailNow()
	}
	return octets
}

func (d *dialogue) right() (s string) {
	for i := range d.turns {
		s += d.turns[i].response()
	}
	return s
}

// A performed dialogue is what became of it.
type performed struct {
	*scene
	dialogue *dialogue
	heard    string   // by the client
	end      error    // as the client saw it
	origins  []string // what was heard on each connection to the origin
}

// play performs the dialogue, and has what became of it checked.
func (d *dialogue) play(t *testing.T, on stage, check func(*performed)) bool {
	p := &performed{dialogue: d}
	return on.play(t, Config{}, func(s *scene) {
		p.scene = s
		p.ask()
		s.sleep(10 * time.Minute)
		s.checkEnds()
		s.atEnd(func() {
			if check(p); s.failed.Load() {
				t.Logf("the client heard %q, %v", p.heard, p.end)
			}
		})
	}, p.answer)
}

// ask is the client's part.
func (p *performed) ask() {
	c, err := p.network.dial(p.address)
	if err != nil {
		return
	}
	defer c.Close()
	for i := range p.dialogue.turns {
		if !p.take(c, &p.dialogue.turns[i]) {
			break
		}
	}
}

// take is the client's part in a turn. It reports whether all was as it should.
func (p *performed) take(c conn, t *turn) bool {
	c.Write([]byte(t.request))
	ok := p.hear(c, t.interim)
	if t.body != "" && ok {
		p.sleep(time.Second)
		c.Write([]byte(t.body))
	}
	ok = ok && p.hear(c, strings.TrimPrefix(t.response(), t.interim))
	if !ok && p.end == nil {
		rest, err := io.ReadAll(c) // of an answer of the gateway's own
		p.heard, p.end = p.heard+string(rest), err
	}
	return ok
}

// hear reads as much as this, and reports whether it was this.
func (p *performed) hear(c conn, octets string) bool {
	got := make([]byte, len(octets))
	c.SetReadDeadline(p.now().Add(5 * time.Minute))
	n, err := io.ReadFull(c, got)
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
func (p *performed) answer(at *peer) {
	i := len(p.origins)
	p.origins = append(p.origins, "")
	for p.serve(at, &p.origins[i]) {
	}
}

func (p *performed) serve(at *peer, heard *string) bool {
	began := len(*heard)
	for {
		var octet [1]byte
		if _, err := at.Read(octet[:]); err != nil {
			return false
		}
		*heard += string(octet[:])
		for i := range p.dialogue.turns {
			t := &p.dialogue.turns[i]
			if t.interim != "" && (*heard)[began:] == strings.TrimSuffix(t.heard, t.body) {
				at.offer(t.interim)
			}
			if (*heard)[began:] == t.heard {
				_, err := at.Write([]byte(dated(t.answer)))
				return err == nil && !p.dialogue.untilClose
			}
		}
	}
}

// What the gateway says when it cannot go on, and the beginning of that.
var (
	ownAnswer = regexp.MustCompile(`^HTTP/1\.1 (408|50[234]) [^\r]*\r\nDate: [^\r]*\r\nProxy-Status: hopwire; error=[^\r]*\r\nContent-Type: text/plain\r\nContent-Length: \d+\r\n(Connection: close\r\n)?\r\n(\d{3}: [^\r\n]+\n)?$`) // none to HEAD
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
	p.errorf("the client hears something else")
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
			p.errorf("a part looks like the whole: %q", content)
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
			p.errorf("the origin hears %q %d times", request, times)
		}
	}
	all := ""
	for i := range p.dialogue.turns {
		t := &p.dialogue.turns[i]
		all += strings.TrimSuffix(t.heard, t.body) + t.body // which comes after an early response, if at all
	}
	for _, heard := range p.origins {
		if !strings.Contains(all, heard) {
			p.errorf("the origin hears %q", heard)
		}
	}
}

// checkEnds looks at the gateway after its clients have gone: nothing is left open,
// and each end has a cause.
func (s *scene) checkEnds() {
	s.checkRest()
	s.checkSums()
	n := s.count(s.server)
	if n.Clients > 0 || n.UnderWay() > 0 || n.Counters.ClientEnds[Broken]+n.Counters.ClientEnds[CutOff] > 0 {
		s.errorf("%d clients, %d requests are left; client connections ended by %v", n.Clients, n.UnderWay(), n.Counters.ClientEnds)
	}
}

// What the log may say of a break: the causes, and the refusal. Of the exchanges
// before it, and of one that the break comes too late for, it says what it
// always does.
var (
	asAlways = `(kept|client-asked)/(kept|response-closes|response-early)|response-until-close/response-closes`
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
	for line := range strings.Lines(p.logged()) {
		m := outcome.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			p.errorf("the log says %q", line)
		} else if said := strings.TrimSpace(m[2] + "/" + m[3] + m[4] + " " + m[5]); !may.MatchString(said) {
			p.errorf("the log says %s", said)
		}
	}
}
