package simulation

import (
	"strconv"

	"github.com/hopwire/hopwire/shared/loop"
)

// An author is an origin's side of one connection: it reads requests, of which
// it knows the length, and writes responses.
type author struct {
	world *world
	conn  *loop.Conn
	line  *line
	read  int64
	place int // in world.authors

	hears *try // it reads the rest of that, beside its response
	heard loop.Signal
	whole bool // that was
}

func (w *world) authorComes(conn *loop.Conn) {
	a := &author{world: w, conn: conn, line: w.lastAccepted, place: len(w.authors)}
	w.authors = append(w.authors, a)
	w.loop.Go(a)
}

func (w *world) authorLeaves(a *author) {
	last := w.authors[len(w.authors)-1]
	w.authors[a.place], last.place = last, a.place
	w.authors = w.authors[:len(w.authors)-1]
}

// Run makes it a task.
func (a *author) Run() {
	defer a.world.authorLeaves(a)
	defer a.conn.Close()
	for n := 0; a.begins(n); n++ {
		t := a.line.tries[n]
		w := a.world
		if w.rude.origins > 0 && w.one(w.rude.origins) {
			a.fail(t)
			return
		}
		if !a.answer(t) {
			return
		}
	}
	a.line.givenUp = true
}

// begins waits for the first octets of the next request.
func (a *author) begins(n int) bool {
	w := a.world
	by := loop.Never
	if w.idleClose && w.one(3) && (n > 0 || !w.wellBehaved) {
		by = w.loop.Now().Add(w.within(w.think))
	}
	if keeps := a.line.keeps(); keeps > 0 {
		by = min(by, w.loop.Now().Add(keeps))
	}
	a.conn.ReadDeadline(by)
	for len(a.line.tries) <= n || a.read <= a.line.tries[n].start {
		if !a.more() {
			if w.rude.origins > 0 && w.one(4) && !a.line.closed {
				a.speakUnasked()
			}
			return false
		}
		a.conn.ReadDeadline(0)
	}
	return true
}

func (a *author) more() bool {
	n, err := a.conn.Read(a.world.scratch[:])
	a.read += int64(n)
	return err == nil
}

// readUntil reads up to an octet of the connection.
func (a *author) readUntil(octet int64) bool {
	for a.read < octet {
		if !a.more() {
			return false
		}
	}
	return true
}

// hear reads a request to its end.
func (a *author) hear(t *try) bool {
	if t.request.fate != goesOn {
		for a.more() {
		}
		return false
	}
	if !a.readUntil(t.end()) {
		return false
	}
	a.world.executes(t)
	return true
}

// executes counts how often a request was read whole.
func (w *world) executes(t *try) {
	r := t.request
	if r.executed++; r.executed > 1 && !r.safe {
		w.fail("a request that is not safe was executed twice", "%v (%s), %v", r, r.method, t.line)
	}
}

// answer reads a request and responds to it. It reports whether the connection
// goes on.
func (a *author) answer(t *try) bool {
	w, r := a.world, t.request
	switch {
	case len(r.want) > r.ahead && (w.one(5) || r.call.sendsFirst && w.one(2)):
		return a.answerEarly(t)
	case r.expects && !a.readUntil(t.start+int64(r.ahead)), !r.expects && !a.hear(t):
		return false
	}
	p := a.decide(t)
	from := 0
	if r.expects || p.switches {
		for _, to := range p.pauses {
			if !a.write(p.sent[from:to]) {
				return false
			}
			from = to
			if p.switches {
				w.pause(w.haste)
			}
		}
		if !p.switches && !a.hear(t) {
			return false
		}
	}
	a.hesitate()
	if !a.write(p.sent[from:]) {
		return false
	}
	if p.switches {
		a.inTunnel()
	}
	return a.after(p)
}

func (a *author) hesitate() {
	switch w := a.world; w.rng.IntN(8) {
	case 0, 1:
		w.pause(w.haste)
	case 2:
		w.pause(w.think)
	}
}

// answerEarly responds when it has read none of a request's body, or a part. A good
// origin reads the rest while it writes, or lets its connection end. Others do neither,
// leave at once, or have not read for longer than they are waited for.
func (a *author) answerEarly(t *try) bool {
	w, r := a.world, t.request
	if !a.readUntil(t.start + int64(r.ahead+w.rng.IntN(2)*w.magnitude(len(r.want)-r.ahead))) {
		return false
	}
	p := a.decide(t)
	if t.silent = !w.wellBehaved && w.one(8); t.silent {
		w.pause(2 * w.config.ResponseTimeout)
	} else {
		t.deaf = w.one(2) && (!w.wellBehaved || !p.persists && len(p.interims) == 1)
		a.hesitate()
	}
	switch {
	case t.silent:
		w.remark(t, "the origin has not read on for longer than it is waited for")
	case t.deaf:
		w.remark(t, "the origin answers early, and reads nothing meanwhile")
	default:
		w.tell(t, "the origin answers early")
	}
	a.hears = t
	if !t.deaf {
		w.loop.Go((*ear)(a))
	}
	if !a.write(p.sent) || t.deaf && !w.wellBehaved && w.one(2) {
		return false
	}
	if !p.persists || !w.wellBehaved && w.one(4) {
		a.lingers()
	}
	if t.deaf {
		(*ear)(a).Run()
	}
	for a.hears != nil {
		if a.heard.Wait(w.loop, 0) != nil {
			return false
		}
	}
	return a.whole && a.after(p)
}

// lingers ends what it says, and lets the reading go on, if only for a while: closing
// is a reset where more comes, and the response may be lost to that (RFC 9112 section
// 9.6).
func (a *author) lingers() {
	a.conn.CloseWrite()
	if w := a.world; !w.wellBehaved {
		a.conn.ReadDeadline(w.loop.Now().Add(w.within(w.think)))
	}
}

// An ear is the task that reads the rest of a request while its author responds.
type ear author

// Run reads all of it.
func (e *ear) Run() {
	a := (*author)(e)
	a.whole = a.hear(a.hears)
	a.hears = nil
	a.heard.FireAll()
}

// decide draws the response.
func (a *author) decide(t *try) *response {
	w := a.world
	p := w.newResponse(t.request)
	t.response, t.cut = p, len(p.sent)
	switch {
	case p.refusable:
		w.remark(t, "the origin answers what is no response")
	case p.breaksOff:
		w.remark(t, "the origin answers with a malformed body")
	default:
		w.tell(t, "the origin answers by %d, %d bytes; persists %v", p.status, len(p.sent), p.persists)
	}
	return p
}

// after is what follows a whole response.
func (a *author) after(p *response) bool {
	w := a.world
	if p.persists && w.rude.origins > 0 && w.one(30) {
		a.speakUnasked()
		return false
	}
	if !p.persists && !p.endless && w.one(4) {
		w.pause(w.haste)
	}
	return p.persists
}

func (a *author) write(p []byte) bool {
	w := a.world
	for len(p) > 0 {
		n := len(p)
		if w.one(6) {
			n = 1 + w.magnitude(n-1)
		}
		if _, err := a.conn.Write(p[:n]); err != nil {
			return false
		}
		if p = p[n:]; len(p) > 0 && w.one(2) {
			w.pause(w.haste)
		}
	}
	return true
}

// fail does not answer a request as it should.
func (a *author) fail(t *try) {
	w := a.world
	how := w.rng.IntN(6)
	a.line.givenUp = true
	switch how {
	case 0:
		w.remark(t, "the origin leaves at once")
		a.leave()
	case 1:
		w.remark(t, "the origin reads the request, and leaves without an answer")
		if a.hear(t) {
			a.leave()
		}
	case 2:
		w.remark(t, "the origin is silent for ever")
		t.silent = true
		for a.more() {
		}
	default:
		if w.one(2) || a.hear(t) {
			a.breakOff(t, how == 3)
		}
	}
}

// breakOff writes a part of a response.
func (a *author) breakOff(t *try, silence bool) {
	p := a.decide(t)
	t.cut = a.world.rng.IntN(len(p.sent))
	t.silent, t.deaf = silence, true
	then := "leaves"
	if silence {
		then = "is silent"
	}
	a.world.remark(t, "the origin stops after %d bytes of %d, and %s", t.cut, len(p.sent), then)
	if !a.write(p.sent[:t.cut]) {
		return
	}
	for silence && a.more() {
	}
	a.leave()
}

func (a *author) leave() {
	if a.world.one(2) {
		a.conn.Reset()
	}
}

// speakUnasked says what answers no request, and ends. A request that meets it on
// the way takes it for its answer, as it must.
func (a *author) speakUnasked() {
	w := a.world
	p := &response{interims: []int{0}, status: 408, persists: true, made: w.net.Wall()}
	t := w.twin()
	switch w.rng.IntN(3) {
	case 0:
		t.both("HTTP/1.1 408 Request Timeout\r\nX-Id: " + strconv.FormatUint(a.line.number, 10) + "\r\nContent-Length: 0\r\n")
		p.head, p.undated = w.keep(t.want), !t.verbatim
		t.skipped("\r\n")
	default:
		t.skipped(pick(w.rng, "\r\n", "x", "0\r\n\r\n", "\x00"))
		p.refusable = true
	}
	p.sent = w.keep(t.sent)
	a.line.unasked = append(a.line.unasked, p)
	w.remark(a.line, "the origin speaks unasked: %q", p.sent)
	if a.write(p.sent) && w.one(2) {
		w.pause(w.think)
	}
}
