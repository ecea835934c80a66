package simulation

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// Write makes the world the file that the access log is written to: a line comes
// at the instant at which its exchange has ended.
func (w *world) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if e := readConnLine(line); e.side != 0 {
			w.judgeConnection(&e)
			continue
		}
		w.logs++
		if w.failure == nil {
			e := readLogLine(line)
			w.judge(&e)
		}
	}
	return len(p), nil
}

// Close is that of the file.
func (w *world) Close() error { return nil }

// judge looks whether what the log says of an exchange is what happened.
func (w *world) judge(e *logLine) {
	if !e.wellFormed || e.client == 0 || e.client > uint64(len(w.accepted)) {
		w.fail("the access log has a line that cannot be read", "%+v", e)
		return
	}
	c := w.accepted[e.client-1].call
	if c.logged == len(c.requests) {
		w.fail("an exchange is logged that no client began", "%+v", e)
		return
	}
	r := c.requests[c.logged]
	r.logged, r.loggedAt = e, w.net.Now()
	if w.tape != nil {
		w.tape.entries = append(w.tape.entries, e)
	}
	c.logged++
	c.end = e.clientEnd
	c.line.idleAt = w.net.Now()
	if n := len(r.tries); n > 0 && r.tries[n-1].line.serial == 0 {
		r.tries[n-1].line.serial = e.origin
	}
	if w.story != nil {
		w.story.exchange(r)
	}
	w.connections.use(e)
	w.tally.count(r, e)
	w.judgeIdentity(r, e)
	w.judgeOutcome(r, e)
	w.judgeAnnouncement(r, e)
	w.judgeCause(r, e)
	w.judgeTime(r, e)
	if w.calm() {
		w.judgeCalm(r, e)
	}
}

func (w *world) judgeIdentity(r *request, e *logLine) {
	switch {
	case r.fate == turnedBack:
	case e.request != r.line && (!r.call.line.reset && r.call.line.arrived >= r.from+int64(r.head) || !strings.HasPrefix(r.line, e.request)):
		w.fail("the log has another request line than the client sent", "%v: %q, not %q", r, e.request, r.line)
	case e.place != r.place+1:
		w.fail("the log counts otherwise than the client", "%v: %d, not %d", r, e.place, r.place+1)
	case len(r.tries) > 1 && !e.replayed:
		w.fail("the log does not say that a request was sent again", "%v: %d times", r, len(r.tries))
	case len(r.tries) > 1 && e.stale != r.tries[0].line.serial, (e.replayed || e.clientEnd == "origin-stale") && e.stale == 0:
		w.fail("the log names another stale connection", "%v: o%d, not %v", r, e.stale, r.tries)
	}
	for _, t := range r.tries {
		at := w.told(t.line)
		switch t.line.serial {
		case 0:
		case e.origin:
			w.judgeOrigin(r, e.at, at)
		case e.stale:
			w.judgeOrigin(r, e.staleAt, at)
		}
	}
}

// told is how the log names the origin that a line goes to; empty: it does not.
func (w *world) told(l *line) string {
	if !w.config.LogOrigins {
		return ""
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), l.to).String()
}

func (w *world) judgeOrigin(r *request, named, is string) {
	if named != is {
		w.fail("the log names another origin", "%v: %q, not %q", r, named, is)
	}
}

// judgeOutcome compares status and refusal with the octets.
func (w *world) judgeOutcome(r *request, e *logLine) {
	a := &r.answer
	broke := r.fate == breaksOff || r.call.silent // while the answer was on its way
	gone := r.call.line.reset || r.call.line.struck || e.clientEnd == "client-stalled" || e.clientEnd == "client-too-slow" || broke
	switch {
	case a.state < inBody:
		if (e.status != 0 && e.error != "" || e.clientEnd == "kept") && !gone {
			w.fail("the log has an answer that the client did not get", "%v: %+v", r, e)
		}
	case e.status != 0 && a.source == nil && (a.refusal.status != e.status || a.refusal.error != e.error || e.error != "" && a.refusal.rule != e.rule):
		w.fail("the log has another refusal than the client", "%v: %+v, not %+v", r, e, a.refusal)
	case a.source != nil && a.source.status != e.status:
		w.fail("the log has another status than the client", "%v: %d, not %d", r, e.status, a.source.status)
	case a.source != nil && e.error != "" && !broke:
		w.fail("the log has a refusal where the client has an origin's answer", "%v: %+v", r, e)
	case a.state == inBody && (e.clientEnd == "kept" || e.clientEnd == "client-asked" || e.clientEnd == "draining"):
		if !a.source.endless {
			w.fail("the log has a whole response where the client has a part", "%v: %+v", r, e)
		}
	}
}

// judgeAnnouncement compares the end of the connection with what the last
// response said of it.
func (w *world) judgeAnnouncement(r *request, e *logLine) {
	a := &r.answer
	if a.state != complete {
		return
	}
	if a.closes && e.clientEnd == "kept" {
		w.fail("a connection persists whose end was announced", "%v", r)
	}
	if t := a.try; t != nil && a.source.persists && e.clientEnd == "kept" && t.written < len(r.want) && !w.originFailed(r) {
		w.fail("a connection persists although the origin has not got the rest of a request", "%v", r)
	}
	switch e.clientEnd {
	case "client-asked", "response-until-close", "draining", "origin-asked":
		if !a.closes && (a.source == nil || !w.config.Verbatim) {
			w.fail("a connection ends and the response does not say so", "%v, %s", r, e.clientEnd)
		}
	}
	if told := r.minor == 0 && (a.source == nil || !w.config.Verbatim); e.clientEnd == "kept" && a.keeps != told {
		w.fail("a connection persists and an HTTP/1.0 client does not know", "%v", r)
	}
	if e.clientEnd == "kept" && r.closes {
		w.fail("a connection persists although the client asked for its end", "%v", r)
	}
}

// judgeCause looks for the reason of what happened.
func (w *world) judgeCause(r *request, e *logLine) {
	if !w.causeHasReason(r, e.clientEnd) {
		w.fail("the client connection ended by a cause that nobody gave", "%v: %s", r, e.clientEnd)
	}
	if e.error != "" && !w.refusalHasReason(r, e) {
		w.fail("a request was refused for a reason that nobody gave", "%v: %d %s %s", r, e.status, e.error, e.rule)
	}
}

func (w *world) causeHasReason(r *request, cause string) bool {
	c, l := r.call, r.call.line
	deaf := w.triedLast(r, func(t *try) bool { return t.deaf })
	switch cause {
	case "kept":
		return true
	case "client-asked":
		return r.closes
	case "response-until-close":
		return r.answer.source != nil && r.answer.source.unframed
	case "draining":
		return w.draining
	case "origin-asked":
		return w.config.Verbatim || len(r.sent) > r.head && r.answer.source != nil && !r.answer.source.persists
	case "client-reset":
		return l.reset || l.struck
	case "client-stalled":
		// Or it waits, for an origin that waits for it and has said nothing of an end, or
		// since nobody reads on while a refusal goes out.
		return c.stalls || c.sendsFirst && (r.logged.error != "" || deaf && (r.answer.source == nil || r.answer.source.persists))
	case "request-truncated":
		return l.reset || (l.ended || l.struck) && l.arrived < r.to() // a reset is told once, and not to every reader; and what had arrived may be lost
	case "client-too-slow":
		return w.config.MinRate > 0
	case "request-too-slow":
		return w.config.MinRate > 0 && len(r.sent) > r.head
	case "request-timeout":
		return c.silent
	case "tunnel-ended", "tunnel-timeout":
		return r.switched()
	case "tunnel-reset":
		return r.switched() && w.originFailed(r)
	case "response-timeout":
		return w.triedLast(r, func(t *try) bool { return t.silent })
	case "response-malformed":
		return w.triedLast(r, func(t *try) bool { return t.response != nil && t.response.breaksOff })
	case "request-unread":
		return len(r.sent) > r.head && (r.answer.source == nil || r.expects || w.originFailed(r) || deaf)
	case "refused":
		return r.fate == turnedBack || r.fate == breaksOff || c.silent
	case "origin-stale":
		return (!r.safe || len(r.sent) > r.head) && w.someOriginEnded(r)
	case "response-truncated":
		return w.originFailed(r)
	}
	return false
}

func (w *world) triedLast(r *request, was func(*try) bool) bool {
	return len(r.tries) > 0 && was(r.tries[len(r.tries)-1])
}

// originFailed reports whether the origin that was to answer did not.
func (w *world) originFailed(r *request) bool {
	if len(r.tries) == 0 {
		return w.someOriginEnded(r)
	}
	t := r.tries[len(r.tries)-1]
	p := t.response
	return t.line.ended || t.line.reset || t.line.struck || t.silent ||
		p != nil && (p.breaksOff || p.refusable || t.cut < len(p.sent)) || unaskedCame(t)
}

func unaskedCame(t *try) bool { return len(t.line.unasked) > 0 }

// someOriginEnded is what is known of a request of which no octet was written.
func (w *world) someOriginEnded(r *request) bool {
	for _, t := range r.tries {
		if l := t.line; l.ended || l.reset || l.struck || l.givenUp {
			return true
		}
	}
	for _, l := range w.lines {
		if len(r.tries) == 0 && l.call == nil && (l.ended || l.reset || l.struck) {
			return true
		}
	}
	return false
}

func (w *world) refusalHasReason(r *request, e *logLine) bool {
	switch e.error {
	case "http_request_error":
		if e.rule == "body-rate" {
			return w.config.MinRate > 0
		}
		if e.rule == "head-timeout" || e.rule == "body-timeout" {
			return r.call.silent
		}
		return r.fate != goesOn && (r.status <= 0 || r.status == e.status)
	case "proxy_loop_detected":
		return r.fate == answered && r.visits > 8 && e.status == 502
	case "destination_unavailable":
		return w.struck || e.rule == "no-origin" && w.refusals+w.hangs > 0
	case "connection_refused":
		return w.refusals > 0
	case "connection_timeout":
		return w.hangs > 0
	case "connection_limit_reached":
		return w.limited
	case "http_upgrade_failed": // it switched before the request was complete
		return w.saidNonsense(r) || w.originFailed(r)
	case "http_protocol_error", "http_response_header_section_size":
		return w.saidNonsense(r)
	case "http_response_timeout":
		return w.triedLast(r, func(t *try) bool { return t.silent || r.expects }) || w.someOriginEnded(r) // no 100 came
	case "connection_terminated", "http_response_incomplete":
		return w.originFailed(r)
	}
	return false
}

func (w *world) saidNonsense(r *request) bool {
	for _, t := range r.tries {
		if p := t.response; p != nil && (p.refusable || p.breaksOff) || unaskedCame(t) {
			return true
		}
	}
	for _, l := range w.lines {
		if len(r.tries) == 0 && len(l.opening) > 0 && len(l.unasked) > 0 {
			return true
		}
	}
	return false
}

// judgeTime wants every exchange to end before long, and those that began while
// the gateway drains to be the last of their connections.
func (w *world) judgeTime(r *request, e *logLine) {
	slack := w.late + w.haste + w.config.ConnectTimeout
	if r.switched() {
		slack += 10 * time.Second // what it sent before is still being taken
	}
	if l := r.call.line; l.reset && w.net.Now() > l.resetAt.Add(slack) {
		w.fail("an exchange goes on although its client has gone", "%v, %v, gone at %v", r, l, l.resetAt)
	}
	if e.total > w.patience {
		w.fail("an exchange took longer than all timeouts together", "%v: %v", r, e.total)
	}
	began := w.net.Now().Add(-e.total - time.Millisecond)
	if w.draining && began > w.drainedAt.Add(w.late) && e.clientEnd == "kept" {
		w.fail("a connection persists although the gateway drains", "%v, began %v after", r, began.Sub(w.drainedAt))
	}
}

// judgeCalm wants every request to be answered by its origin.
func (w *world) judgeCalm(r *request, e *logLine) {
	switch {
	case r.fate == answered && r.answer.state == complete:
	case (w.idleClose || w.announces) && e.clientEnd == "origin-stale" && (!r.safe || len(r.sent) > r.head):
	case r.answer.state == complete && r.answer.source != nil, r.switched():
	default:
		w.fail("a request came to nothing although all behaved well", "%v (%s): %+v", r, r.method, *e)
	}
}
