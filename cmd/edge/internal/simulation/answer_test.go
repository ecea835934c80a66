package simulation

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// An answer is what the gateway has written to a client for one request.
type answer struct {
	state   answerState
	source  *response // the origin's; nil: the gateway's own
	try     *try      // that it answers; nil: it was unasked
	from    int64     // where it begins among all that is written to the client
	head    int       // octets of its heads
	octets  int       // of the body
	closes  bool      // it says that the connection ends
	keeps   bool      // it says that it persists
	refusal refusal
}

type answerState uint8

const (
	nothing answerState = iota
	inHead
	inBody
	complete
)

// A refusal is what an answer of the gateway's own says.
type refusal struct {
	status      int
	error, rule string
}

// relayed compares what the gateway writes to a client with what it may.
func (w *world) relayed(c *call, octets []byte) {
	c.received += int64(len(octets))
	for len(octets) > 0 && w.failure == nil {
		if c.place == len(c.requests) {
			w.fail("a client is sent what answers none of its requests", "%v: %.80q", c.line, octets)
			return
		}
		r := c.requests[c.place]
		if r.answer.state == inBody {
			octets = octets[w.relayedBody(c, r, octets):]
			continue
		}
		c.got = append(c.got, octets...)
		r.answer.state = inHead
		n := w.matchHead(c, r)
		if n == 0 {
			return
		}
		octets = c.got[n:]
		c.got = c.got[:0]
	}
}

func (w *world) relayedBody(c *call, r *request, octets []byte) int {
	a := &r.answer
	want := a.source.body[a.octets:]
	n := min(len(octets), len(want))
	if !bytes.Equal(octets[:n], want[:n]) {
		at := common(octets, want)
		w.fail("a client is sent other bytes than the origin's", "%v, byte %d of the body\nwant %.120q\nsaw  %.120q",
			r, a.octets+at, around(want, at), around(octets, at))
		return len(octets)
	}
	a.octets += n
	w.bodyMoved(c, r, len(octets)-n)
	return n
}

// bodyMoved looks whether the body is complete.
func (w *world) bodyMoved(c *call, r *request, behind int) {
	a := &r.answer
	switch p := a.source; {
	case p.breaksOff && (a.octets > p.faulty || a.octets == len(p.body)):
		w.fail("a fault of a response was sent on", "%v", r)
		return
	case a.octets < len(p.body):
		return
	}
	a.state = complete
	if t := a.try; t != nil {
		t.early = t.written < len(r.want) && t.line.read-t.read >= int64(len(a.source.sent)) // what was decoded ends later
	}
	c.place++
	c.ends = append(c.ends, c.received-int64(behind))
}

// matchHead finds out which response begins with what was written, and returns
// how many octets its head has; 0 if more is needed to say.
func (w *world) matchHead(c *call, r *request) int {
	m := matcher{got: c.got, isHead: bytes.HasPrefix(bytes.TrimPrefix(r.sent, []byte("\r\n")), []byte("HEAD ")), name: w.name, verbatim: w.config.Verbatim, now: w.net.Wall()}
	for i := len(r.tries) - 1; i >= 0 && m.n == 0; i-- {
		t := r.tries[i]
		if t.response != nil {
			m.response(t.response, t)
		}
		for _, p := range t.line.unasked {
			m.response(p, nil)
		}
	}
	if m.n == 0 {
		w.matchUnasked(&m)
	}
	if m.n == 0 {
		m.own(0)
	}
	switch {
	case m.n == 0 && !m.open:
		w.fail("a client is sent what is neither an answer to its request nor a refusal",
			"%v, byte %d\nwant %.120q\nsaw  %.120q", r, m.best, around(m.want, m.best), around(c.got, m.best))
	case m.n > 0:
		m.answer.state = inBody
		r.answer = m.answer
		r.answer.from, r.answer.head = c.received-int64(len(c.got)), m.n
		w.headDone(c, r, len(c.got)-m.n)
	}
	return m.n
}

// matchUnasked looks at what came on connections on which a request was begun,
// but not as far as its number.
func (w *world) matchUnasked(m *matcher) {
	for _, l := range w.lines {
		if len(l.opening) > 0 {
			for _, p := range l.unasked {
				m.response(p, nil)
			}
		}
	}
}

func (w *world) headDone(c *call, r *request, behind int) {
	if r.switched() {
		c.tunnelAt = c.received - int64(behind)
	}
	if r.answer.source != nil {
		w.bodyMoved(c, r, behind)
		return
	}
	r.answer.state = complete
	c.place++
	c.ends = append(c.ends, c.received-int64(behind))
}

// A matcher compares octets with the heads that they may be.
type matcher struct {
	got      []byte
	isHead   bool // they answer HEAD
	name     string
	verbatim bool
	now      time.Time
	n        int // octets of the head that they are
	answer   answer
	open     bool // more octets may make them one
	best     int  // how far the best one went
	want     []byte
}

func (m *matcher) response(p *response, t *try) {
	n := common(m.got, p.head)
	if n >= m.best {
		m.best, m.want = n, p.head
	}
	if n == len(m.got) && (n < len(p.head) || !p.refusable) {
		m.open = true
		return
	}
	if n == len(p.head) && !p.refusable {
		m.lastLines(p, t, n)
	}
	if m.n > 0 {
		return
	}
	for i := len(p.interims) - 1; i >= 0 && m.n == 0; i-- {
		if p.interims[i] <= n {
			m.own(p.interims[i])
		}
	}
}

// lastLines are the date that the gateway gives a response without one, what it
// says of the connection, if anything, and the empty line.
func (m *matcher) lastLines(p *response, t *try, n int) {
	if p.undated {
		length := m.date(m.got[n:], p.made)
		if n += length; length == 0 {
			return
		}
	}
	own := ""
	if p.upgrades {
		own = upgradeLine
	}
	for _, line := range [...]string{"", closeLine, keepAliveLine} {
		end := own + line + "\r\n"
		switch rest := m.got[n:]; {
		case (p.switches || m.verbatim) && line != "":
		case len(rest) >= len(end) && string(rest[:len(end)]) == end:
			m.n = n + len(end)
			m.answer = answer{source: p, try: t, closes: line == closeLine, keeps: line == keepAliveLine}
			return
		case len(rest) < len(end) && end[:len(rest)] == string(rest):
			m.open = true
		}
	}
}

// date returns the length of a line with the date of an instant from then to now,
// if that is what comes next.
func (m *matcher) date(rest []byte, then time.Time) int {
	const name, format = "Date: ", "Mon, 02 Jan 2006 15:04:05 GMT\r\n"
	const length = len(name) + len(format)
	switch n := min(len(rest), len(name)); {
	case string(rest[:n]) != name[:n]:
		return 0
	case len(rest) < length:
		m.open = true
		return 0
	}
	at, err := time.Parse(format, string(rest[len(name):length]))
	if err != nil || at.Before(then.Truncate(time.Second)) || at.After(m.now) {
		return 0
	}
	return length
}

var (
	emptyLine   = []byte("\r\n\r\n")
	ownContent  = []byte("\r\nContent-Type: text/plain\r\nContent-Length: ")
	proxyStatus = []byte("\r\nProxy-Status: ")
)

// own matches an answer of the gateway's own that begins at an octet.
func (m *matcher) own(at int) {
	const line = "HTTP/1.1 "
	p := m.got[at:]
	if n := min(len(p), len(line)); string(p[:n]) != line[:n] {
		return
	}
	end := bytes.Index(p, emptyLine)
	if end < 0 {
		m.open = m.open || len(p) < 2000
		return
	}
	p, behind := p[:end+2], p[end+len(emptyLine):]
	status, err := strconv.Atoi(string(p[len(line):][:3]))
	_, field, ok := bytes.Cut(p, proxyStatus)
	field, _, _ = bytes.Cut(field, []byte("\r\n"))
	_, fields, _ := bytes.Cut(p, []byte("\r\n"))
	if err != nil || !ok || !bytes.HasPrefix(field, []byte(m.name)) || m.date(fields, time.Time{}) == 0 {
		return
	}
	length, ok := m.ownContent(p, behind, status)
	if !ok {
		return
	}
	m.n = at + end + len(emptyLine) + length
	m.answer = answer{closes: bytes.HasSuffix(p, []byte(closeLine)), keeps: bytes.HasSuffix(p, []byte(keepAliveLine)), refusal: refusal{
		status: status,
		error:  parameter(field, "error=", ";"),
		rule:   parameter(field, `details="`, `"`),
	}}
}

// ownContent is the length of the content of an answer of the gateway's own: a line
// that begins with the status, and none to HEAD.
func (m *matcher) ownContent(head, behind []byte, status int) (int, bool) {
	_, number, ok := bytes.Cut(head, ownContent)
	number, _, _ = bytes.Cut(number, []byte("\r\n"))
	length, err := strconv.Atoi(string(number))
	switch {
	case !ok || err != nil:
		return 0, false
	case m.isHead:
		return 0, true
	case len(behind) < length:
		m.open = true
		return 0, false
	}
	line, begins := bytes.CutPrefix(behind[:length], strconv.AppendInt(nil, int64(status), 10))
	return length, begins && bytes.HasPrefix(line, []byte(": ")) && bytes.IndexByte(line, '\n') == len(line)-1
}

func parameter(field []byte, name, end string) string {
	_, value, _ := bytes.Cut(field, []byte(name))
	value, _, _ = bytes.Cut(value, []byte(end))
	return string(value)
}

// gatewayCloses is the gateway's end of a connection.
func (w *world) gatewayCloses(l *line, how simnet.What) {
	w.judgeRoom(l)
	l.gone = how != simnet.ClosedWrite
	if l.closed || how == simnet.ClosedWrite && l.call == nil {
		return
	}
	l.closed = true
	if l.call == nil || l.reset || l.struck || w.failure != nil {
		return
	}
	if c := l.call; how != simnet.ClosedReset {
		w.judgeTruth(c)
		w.judgeDrain(l)
		w.judgeSilence(c)
	}
}

// judgeTruth looks whether what was cut off looks whole, now that the connection
// ends in order.
func (w *world) judgeTruth(c *call) {
	r := c.lastAnswered()
	if r == nil {
		return
	}
	a := &r.answer
	if a.seemsWhole() {
		w.fail("a response that was cut off looks whole to some", "%v, %v, %d bytes of its body", r, c.line, a.octets)
	}
	if a.state < inBody || a.source == nil || !a.source.unframed || a.try == nil {
		return
	}
	l := a.try.line
	all := l.read-a.try.read >= int64(len(a.source.sent))
	if a.source.endless && !l.ended || !a.source.endless && (!all || a.state != complete) {
		w.fail("a response that was cut off looks whole", "%v, %v, %d bytes of its body", r, c.line, a.octets)
	}
}

// seemsWhole reports whether a part of a body in chunks ends behind the size of the
// last one, or where it may be that.
func (a *answer) seemsWhole() bool {
	if a.state != inBody || !a.source.chunked {
		return false
	}
	for p := a.source.body[:a.octets]; ; {
		line, rest, whole := bytes.Cut(p, []byte("\r\n"))
		size, _, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\r")), []byte(";"))
		n, _ := strconv.ParseInt(string(size), 16, 64)
		if n == 0 || !whole || len(rest) < int(n)+len("\r\n") {
			return n == 0 && len(size) > 0
		}
		p = rest[int(n)+len("\r\n"):]
	}
}

// lastAnswered is the last request of which the client was sent an answer, or a part
// of it; nil if there is none.
func (c *call) lastAnswered() *request {
	at := c.place
	if at == len(c.requests) || c.requests[at].answer.state == nothing {
		at--
	}
	if at < 0 {
		return nil
	}
	return c.requests[at]
}

// judgeArrival looks whether a client has all that was written to it, whatever it
// was still sending, now that its connection has ended.
func (w *world) judgeArrival(c *call, err error) {
	l := c.line
	if c.hears == c.received || l.reset || l.struck || err != io.EOF && !errors.Is(err, syscall.ECONNRESET) || l.tunnels() {
		return
	}
	if r := c.lastAnswered(); r != nil && r.answer.source != nil && (r.minor == 0 || r.answer.source.unframed || r.answer.seemsWhole()) {
		return // its end may not have shown
	}
	switch c.end {
	case "client-asked":
		if c.logged < len(c.requests) {
			return // it said that it would send no more
		}
	case "origin-asked", "response-until-close", "draining", "request-unread", "request-truncated", "request-timeout", "request-too-slow", "refused", "origin-stale",
		"response-truncated", "response-timeout", "response-malformed":
	default:
		return
	}
	w.fail("what a client was sent was lost to a reset", "%v, after %s: %d of %d bytes", l, c.end, c.hears, c.received)
}

// judgeSilence looks whether a request that had arrived was passed over.
func (w *world) judgeSilence(c *call) {
	if c.logged == len(c.requests) || c.end != "" && c.end != "kept" || w.draining || w.late > 0 {
		return
	}
	r := c.requests[c.logged]
	if !r.switched() && c.line.arrived >= r.from+int64(r.head) {
		w.fail("a connection is closed although a request had arrived", "%v, %v", r, c.line)
	}
}
