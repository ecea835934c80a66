package view

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/lexer"
	"github.com/hopwire/hopwire/shared/wire"
)

// AppendPicture appends an exchange as both hops saw it, line beside line:
//
//	c1#1 -> o1#1  GET /  200  kept/kept
//
//	client c1 ────────────► edge ────────────► origin, on connection o1
//
//	 GET / HTTP/1.1⏎                     │  GET / HTTP/1.1⏎
//	 Connection: keep-alive⏎             │- dropped: connection field, RFC 9110 section 7.6.1
//	                                     │+ Via: 1.1 hopwire⏎
//	                                         inserted: via, RFC 9110 section 7.6.3
//	 ⏎                                   │  ⏎
func (s Style) AppendPicture(b []byte, x *Exchange) []byte {
	method, target := x.RequestLine()
	title := fmt.Sprintf("%s  %s  %s  %s", x.ID, shown([]byte(method+" "+target)), x.Status(), strings.Join(append([]string{x.Ends()}, x.remarks()...), "  "))
	for _, line := range wrap(strings.TrimSpace(title), s.width()) {
		b = append(s.set(b, strong, line), '\n')
	}
	p := picture{Style: s, exchange: x, column: (s.width() - 4) / 2}
	if len(x.Tries) == 0 {
		return p.oneHop(b)
	}
	for i := range x.Tries {
		b = p.request(b, &x.Tries[i])
	}
	return p.response(b, x.Origin())
}

type picture struct {
	Style
	exchange *Exchange
	column   int // width of each
}

// oneHop is for what was seen on one connection alone: a capture by others, or what
// the gateway has answered itself.
func (p *picture) oneHop(b []byte) []byte {
	x := p.exchange
	name := x.Client.Conn.String()
	b = append(b, fmt.Sprintf("\nclient %s ──────────►\n\n", name)...)
	b = p.single(b, &x.Client.In, true)
	b = append(b, fmt.Sprintf("\nclient %s ◄──────────\n\n", name)...)
	return p.single(b, &x.Client.Out, false)
}

func (p *picture) single(b []byte, side *Passage, ofRequest bool) []byte {
	text := p.cut(side, ofRequest)
	for _, line := range lines(text.head) {
		for _, part := range wrap(shown(line), p.width()-1) {
			b = append(append(append(b, ' '), part...), '\n')
		}
	}
	return p.content(b, text.content, " ")
}

func (p *picture) request(b []byte, try *Side) []byte {
	x := p.exchange
	b = append(b, fmt.Sprintf("\nclient %s ───────────► edge ───────────► origin, on connection %s\n\n", x.Client.Conn, try.Conn)...)
	return p.both(b, &x.Client.In, &try.In, true)
}

func (p *picture) response(b []byte, origin *Side) []byte {
	x := p.exchange
	b = append(b, fmt.Sprintf("\nclient %s ◄─────────── edge ◄─────────── origin, on connection %s\n\n", x.Client.Conn, origin.Conn)...)
	return p.both(b, &origin.Out, &x.Client.Out, false)
}

// A cutting is a passage in its heads (interim ones among them) and the rest.
type cutting struct {
	head    []byte
	content content
}

type content struct {
	bytes []byte // the first of it
	total uint64
}

// cut finds where the heads end. What cannot be read is all head: it is shown as it
// is.
func (p *picture) cut(side *Passage, ofRequest bool) cutting {
	at := len(side.Bytes)
	requests, responses := lexer.New(wire.Limits{})
	l := requests
	if !ofRequest {
		method, _ := p.exchange.RequestLine()
		l = responses
		l.Answers(method)
	}
	begun := false
	for _, span := range l.Append(nil, side.Bytes) {
		if span.Role == lexer.EmptyLine && begun && !span.Interim {
			at = int(span.To)
			break
		}
		begun = begun || span.Role == lexer.Version
	}
	return cutting{side.Bytes[:at], content{side.Bytes[at:], side.Total - uint64(at)}}
}

// both shows a message on the hop where it was received and on the one where it was
// sent. The client's is always on the left.
func (p *picture) both(b []byte, received, sent *Passage, toOrigin bool) []byte {
	r, s := p.cut(received, toOrigin), p.cut(sent, toOrigin)
	var edits []string
	for _, e := range sent.Edits {
		if e.At < len(s.head) || e.At == 0 {
			edits = append(edits, e.Text)
		}
	}
	rows, ok := align(r.head, s.head, strings.Join(edits, "\n"))
	if !ok {
		rows = beside(lines(r.head), lines(s.head))
	}
	for i := range rows {
		b = p.row(b, &rows[i], toOrigin)
	}
	left, right := r.content, s.content
	if !toOrigin {
		left, right = right, left
	}
	if left.total == right.total && bytes.Equal(left.bytes, right.bytes) {
		return p.content(b, left, " the same on both hops: ")
	}
	b = p.content(b, left, " client's hop: ")
	return p.content(b, right, " origin's hop: ")
}

// beside puts lines beside each other that nobody knows the edits of.
func beside(received, sent [][]byte) (rows []row) {
	for i := range max(len(received), len(sent)) {
		var r row
		if i < len(received) {
			r.received = received[i]
		}
		if i < len(sent) {
			r.sent = sent[i]
		}
		rows = append(rows, r)
	}
	return rows
}

// row shows one line on both hops. A sign stands beside what was changed, on the side
// of the hop where that is, and the reason in words.
func (p *picture) row(b []byte, r *row, toOrigin bool) []byte {
	left, right := r.received, r.sent
	if !toOrigin {
		left, right = right, left
	}
	sign, verb, colour := " ", "", plain
	switch {
	case r.changed && len(r.sent) == 0:
		sign, verb, colour = "-", "dropped", dropped
	case r.changed && len(r.received) == 0:
		sign, verb, colour = "+", "inserted", inserted
	case r.changed:
		sign, verb, colour = "~", "changed", trouble
	}
	leftSign, rightSign := " ", sign
	if !toOrigin {
		leftSign, rightSign = sign, " "
	}
	ls, rs := wrap(shown(left), p.column-2), wrap(shown(right), p.column-1)
	for i := range max(len(ls), len(rs)) {
		var l, r string
		if i < len(ls) {
			l = ls[i]
		}
		if i < len(rs) {
			r = rs[i]
		}
		b = p.set(append(b, ' '), colour, l)
		b = pad(b, l, p.column-2)
		b = p.set(append(b, ' '), colour, leftSign)
		b = p.set(append(b, "│"...), colour, rightSign)
		if r != "" {
			b = p.set(append(b, ' '), colour, r)
		}
		b = append(bytes.TrimRight(b, " "), '\n')
		leftSign, rightSign = " ", " "
	}
	for _, why := range r.why {
		for _, part := range wrap(verb+": "+why, p.width()-5) {
			b = append(p.set(append(b, "     "...), faint, part), '\n')
		}
	}
	return b
}

// shownContent is how much of content is shown.
const shownContent = 400

// content shows what is behind a head: the first lines where it is text, or else how
// much it is.
func (p *picture) content(b []byte, c content, where string) []byte {
	if c.total == 0 {
		return b
	}
	size := english.Plural(int64(c.total), "byte")
	text := c.bytes[:min(len(c.bytes), shownContent)]
	if bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' && r != '\t' || r == '\uFFFD' }) {
		text = nil
	}
	b = append(p.set(append(b, '\n'), faint, where+size+" behind the head"), '\n')
	for _, line := range lines(text) {
		for _, part := range wrap(shown(bytes.TrimSuffix(line, []byte("\n"))), p.width()-1) {
			b = append(append(append(b, ' '), part...), '\n')
		}
	}
	if more := c.total - uint64(len(text)); more > 0 && len(text) > 0 {
		b = append(p.set(b, faint, fmt.Sprintf(" … and %s more", english.Plural(int64(more), "byte"))), '\n')
	}
	return b
}

// lines are cut behind each LF.
func lines(p []byte) [][]byte {
	all := bytes.SplitAfter(p, []byte("\n"))
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	return all
}
