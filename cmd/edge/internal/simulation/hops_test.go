package simulation

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/events"
)

// judgeEdits compares the two hops of one request and of its response, as they
// were recorded.
func (w *world) judgeEdits(r *request) {
	if r.call.line == nil || w.reel(r.call.line) == nil || w.failure != nil {
		return
	}
	client := w.reel(r.call.line)
	for _, t := range r.tries {
		if o := w.reel(t.line); o != nil {
			h := &hop{
				request: r, line: t.line,
				received: client.octets[events.Inbound], sent: o.octets[events.Inbound], comments: o.comments[events.Inbound],
				from: int(r.from), to: int(t.start), heads: [][2]int{{r.head, r.ahead}}, body: len(r.want) - r.ahead,
			}
			if r.trailer[0] > 0 {
				h.body, h.end = r.trailer[1]-r.ahead, [2]int{len(r.sent), len(r.want)}
			}
			w.judgeHop(h)
		}
	}
	a := &r.answer
	if a.state < inBody || a.source == nil || a.try == nil {
		r.forget(client.comments[events.Outbound])
		return
	}
	h := &hop{
		request: r, line: r.call.line,
		received: w.reel(a.try.line).octets[events.Outbound], sent: client.octets[events.Outbound], comments: client.comments[events.Outbound],
		from: int(a.try.read), to: int(a.from), heads: a.source.heads(r, a.head),
	}
	p, last := a.source, h.heads[len(h.heads)-1]
	switch {
	case p.trailer[0] > 0:
		h.body, h.end = p.trailer[1], [2]int{len(p.sent), a.head + len(p.body)}
	case len(p.sent)-last[0] == len(p.body):
		h.body = a.octets // or it was decoded
	}
	w.judgeHop(h)
}

// forget leaves out an answer that was not made from one head, or not as far as
// to tell from which: its octets were judged when they were written.
func (r *request) forget(comments map[int]string) {
	from, to := r.answer.from, r.answer.from+int64(r.answer.head)
	switch r.answer.state {
	case nothing:
		return
	case inHead:
		from, to = r.call.received-int64(len(r.call.got)), r.call.received
	}
	for at := range comments {
		if int64(at) >= from && int64(at) < to {
			delete(comments, at)
		}
	}
}

// heads are where the heads of a response end, in its octets and in those written
// to the client, of which so many are heads.
func (p *response) heads(r *request, all int) (ends [][2]int) {
	before := 0
	for i, pause := range p.pauses {
		if p.switches && i == len(p.pauses)-1 {
			break
		}
		if before = pause; r.minor > 0 {
			ends = append(ends, [2]int{pause, p.interims[i+1]})
		} else {
			ends = append(ends, [2]int{pause, 0}) // HTTP/1.0 has none
		}
	}
	last := before + bytes.Index(p.sent[before:], emptyLine) + len(emptyLine)
	return append(ends, [2]int{last, all})
}

// A hop is a message as it was received and as it was sent on, in the streams
// that it is in.
type hop struct {
	request        *request
	line           *line // that it was sent on: its client's has the response
	received, sent []byte
	comments       map[int]string // of sent
	from, to       int            // where the message begins in them
	heads          [][2]int       // where its heads end, from there
	body           int            // octets that follow and are the same
	end            [2]int         // where a trailer section behind them ends, if there is one
}

// judgeHop applies the edits to the heads and to the trailer section.
func (w *world) judgeHop(h *hop) {
	was := [2]int{}
	for _, end := range h.heads {
		if end[1] > was[1] && !w.judgeEdited(h, was, end) {
			return
		}
		was = end
	}
	received, sent := h.received[h.from+was[0]:], h.sent[min(h.to+was[1], len(h.sent)):]
	n := min(h.body, len(sent))
	if n > len(received) || !bytes.Equal(received[:n], sent[:n]) {
		w.fail("the recording has different bodies on the two hops", "%v, on %v", h.request, h.line)
	}
	if h.end[1] > 0 {
		w.judgeEdited(h, [2]int{was[0] + h.body, was[1] + h.body}, h.end)
	}
}

// judgeEdited applies the edits to a part of the message. One that was not sent to
// its end has a comment all the same, and cannot be compared.
func (w *world) judgeEdited(h *hop, start, end [2]int) (sentWhole bool) {
	at := h.to + start[1]
	comment := h.comments[at]
	delete(h.comments, at)
	if h.to+end[1] > len(h.sent) {
		return false
	}
	received, sent := h.received[h.from+start[0]:h.from+end[0]], h.sent[at:h.to+end[1]]
	if start[0] == 0 {
		received = bytes.TrimPrefix(received, crlf) // which may stand before a request
	}
	if changes, ok := readChanges(comment); !ok || !leadTo(changes, received, sent) {
		w.fail("the edits of the recording do not lead from one hop to the other", "%v, on %v\nfrom %q\nto   %q\n%s", h.request, h.line, received, sent, comment)
	}
	return true
}
