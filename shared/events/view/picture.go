package view

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hopwire/hopwire/shared/english"
)

// AppendPicture appends an exchange as both hops saw it, line beside line:
//
//	c1#1 -> o1#1  GET /  200  kept/kept
//
//	client c1 ──────────────────────────► edge ─────────────────────────► origin o1
//
//	 GET / HTTP/1.1⏎                       │  GET / HTTP/1.1⏎
//	 Connection: keep-alive⏎               │- (connection field, RFC 9110 section 7.6.1)
//	         (via, RFC 9110 section 7.6.3) │+ Via: 1.1 hopwire⏎
//	 ⏎                                     │  ⏎
//
// A line with "-" was dropped, with "+" inserted, with "~" changed within; the sign
// stands on the side where the message was sent, the reason in parentheses.
func (s Style) AppendPicture(b []byte, x *Exchange) []byte {
	if x.Client.Use.N == 0 {
		return s.unused(b, x)
	}
	b = s.title(b, x)
	p := picture{Style: s, exchange: x, column: (s.width() - 4) / 2}
	if len(x.Tries) == 0 {
		return p.oneHop(b)
	}
	for i := range x.Tries {
		b = p.request(b, &x.Tries[i])
		if i < len(x.Tries)-1 {
			b = p.line(append(b, '\n'), 1, plain, p.why(i))
		}
	}
	return p.response(b, x.Origin())
}

// title says what the exchange was and how long its phases took.
func (s Style) title(b []byte, x *Exchange) []byte {
	method, target := x.RequestLine()
	words := []string{x.ID.String(), strings.TrimSpace(shown([]byte(method + " " + target))), x.Status(), x.Ends()}
	words = slices.DeleteFunc(append(words, x.remarks()...), func(w string) bool { return w == "" })
	b = s.line(b, 0, strong, strings.Join(words, "  "))
	times := "in ms:"
	for _, name := range Phases {
		times += " " + name + " " + milliseconds(x.Phase(name))
	}
	return s.line(b, 0, faint, times)
}

type picture struct {
	Style
	exchange *Exchange
	column   int // width of each
}

// why says why the request was sent once more, after the i-th try.
func (p *picture) why(i int) string {
	for _, d := range p.exchange.Decisions {
		if d.Note.Kind == "replay" {
			if i--; i < 0 {
				return inWords(d.Note)
			}
		}
	}
	return "no response came, and the request was sent once more"
}

// way draws which way a message went, between the names of the two ends and of what
// is between them.
func (p *picture) way(b []byte, client, middle, origin string, outbound bool) []byte {
	tail, tip := "─", "►"
	if outbound {
		tail, tip = "◄", "─"
	}
	arrow := func(n int) string { return tail + strings.Repeat("─", max(n-2, 1)) + tip }
	first := "client " + client + " "
	first += arrow(p.column+2-widthOf(first)) + " " + middle
	if origin != "" {
		last := " origin " + origin
		first += " "
		first += arrow(p.width()-widthOf(first)-widthOf(last)) + last
	}
	return append(p.set(append(b, '\n'), plain, first), "\n\n"...)
}

// oneHop is for what was seen on one connection alone: a capture by others, or what
// the gateway has answered itself.
func (p *picture) oneHop(b []byte) []byte {
	x := p.exchange
	server := "server"
	if x.End != nil && x.End.Param("client-connection") != "" {
		server = "edge"
	}
	b = p.single(p.way(b, x.Client.Conn.String(), server, "", false), x.Client.cut(&x.Client.In))
	if x.Client.Out.Total == 0 {
		return p.line(append(b, '\n'), 1, plain, "no response")
	}
	return p.single(p.way(b, x.Client.Conn.String(), server, "", true), x.Client.cut(&x.Client.Out))
}

func (p *picture) single(b []byte, c cutting) []byte {
	for _, of := range [...]part{head, content, trailer, behind} {
		switch of {
		case head:
			b = p.lines(b, c.lines(head))
		case trailer:
			if len(c.of(trailer)) > 0 {
				b = p.lines(p.caption(b, "trailer section"), c.lines(trailer))
			}
		default:
			if n := c.size(of); n > 0 {
				b = p.sample(p.caption(b, english.Plural(int64(n), "byte")+" "+whatIs[of]), &c, of)
			}
		}
	}
	return b
}

// whatIs has parts in words. Bytes have no frame in a tunnel, where nobody asked for
// them, and behind a gap in a head.
var whatIs = [...]string{content: "of content", behind: "without frame"}

func (p *picture) caption(b []byte, text string) []byte {
	return p.line(append(b, '\n'), 1, faint, text)
}

func (p *picture) lines(b []byte, all []line) []byte {
	for i := range all {
		b = p.line(b, 1, plain, all[i].text())
	}
	return b
}

func (l *line) text() string {
	if l.left > 0 {
		return "… " + english.Plural(int64(l.left), "byte") + " not kept …"
	}
	return shown(l.bytes)
}

func (p *picture) request(b []byte, try *Side) []byte {
	x := p.exchange
	b = p.way(b, x.Client.Conn.String(), "edge", try.Conn.String(), false)
	return p.both(b, x.Client.cut(&x.Client.In), try.cut(&try.In), true)
}

func (p *picture) response(b []byte, origin *Side) []byte {
	x := p.exchange
	switch {
	case x.Client.Out.Total == 0 && origin.Out.Total == 0:
		return p.line(append(b, '\n'), 1, plain, "no response")
	case origin.Out.Total == 0: // the gateway's own
		return p.single(p.way(b, x.Client.Conn.String(), "edge", "", true), x.Client.cut(&x.Client.Out))
	}
	b = p.way(b, x.Client.Conn.String(), "edge", origin.Conn.String(), true)
	return p.both(b, origin.cut(&origin.Out), x.Client.cut(&x.Client.Out), false)
}

// both shows a message on the hop where it was received and on the one where it was
// sent. The client's is always on the left.
func (p *picture) both(b []byte, r, s cutting, toOrigin bool) []byte {
	heads, trailers := rowsOf(&r, &s)
	for i := range heads {
		b = p.row(b, &heads[i], toOrigin)
	}
	left, right := &r, &s
	if !toOrigin {
		left, right = right, left
	}
	b = p.contents(b, left, right, content)
	if len(trailers) > 0 {
		b = p.caption(b, "trailer section")
	}
	for i := range trailers {
		b = p.row(b, &trailers[i], toOrigin)
	}
	return p.contents(b, left, right, behind)
}

// rowsOf puts the heads and the trailer sections of both hops beside each other. The
// first of the edits were made in the heads, and the others in the trailer sections.
// Where nobody knows the edits, lines stand beside each other as they come.
func rowsOf(r, s *cutting) (heads, trailers []row) {
	var edits []edit
	known, ofHead := r.left(head)+s.left(head) == 0, 0
	for _, e := range s.Edits {
		these, ok := parseEdits(e.Text)
		known = known && ok
		if edits = append(edits, these...); e.At < s.at[content] {
			ofHead = len(edits)
		}
	}
	for n := ofHead; known && n >= 0; n-- {
		var ok, also bool
		if heads, ok = align(r.of(head), s.of(head), edits[:n]); ok {
			if trailers, also = align(r.of(trailer), s.of(trailer), edits[n:]); !also {
				trailers = beside(r.lines(trailer), s.lines(trailer))
			}
			return heads, trailers
		}
	}
	return beside(r.lines(head), s.lines(head)), beside(r.lines(trailer), s.lines(trailer))
}

// row shows one line on both hops. A sign stands beside what was changed, on the side
// of the hop where that was sent.
func (p *picture) row(b []byte, r *row, toOrigin bool) []byte {
	l, rt := cell{text: r.received.text()}, cell{text: r.sent.text()}
	changes := changesIn(r.edits)
	sign, colour := " ", plain
	switch {
	case len(r.edits) == 0:
	case r.sent.empty():
		sign, colour, changes = "-", dropped, nil
		rt = cell{text: reason(r.edits), ink: faint}
	case r.received.empty():
		sign, colour, changes = "+", inserted, nil
		l = cell{text: reason(r.edits), ink: faint, right: true}
	default:
		sign, colour = "~", trouble
	}
	for _, c := range [...]*cell{&l, &rt} {
		if c.ink == plain {
			c.ink, c.named = colour, colour == plain
		}
	}
	leftSign, rightSign := " ", sign
	if !toOrigin {
		l, rt = rt, l
		l.right, rt.right = l.ink == faint, false
		leftSign, rightSign = sign, " "
	}
	b = p.cells(b, l, rt, leftSign, rightSign, colour)
	for _, change := range changes {
		b = p.line(b, 5, faint, "("+change+")")
	}
	return b
}

// A cell is what stands on one hop's side of a row.
type cell struct {
	text  string
	ink   ink
	named bool // the name of its field is set off
	right bool // it stands at the right
}

func (p *picture) cells(b []byte, left, right cell, leftSign, rightSign string, colour ink) []byte {
	ls, rs := wrap(english.Printable(left.text), p.column-2), wrap(english.Printable(right.text), p.width()-p.column-5)
	for i := range max(len(ls), len(rs)) {
		var l, r string
		if i < len(ls) {
			l = ls[i]
		}
		if i < len(rs) {
			r = rs[i]
		}
		if left.ink == faint {
			l = strings.ReplaceAll(l, noBreak, " ")
		}
		if right.ink == faint {
			r = strings.ReplaceAll(r, noBreak, " ")
		}
		b = append(b, ' ')
		if left.right {
			b = pad(b, l, p.column-2)
		}
		b = p.cell(b, left, l, i)
		if !left.right {
			b = pad(b, l, p.column-2)
		}
		b = p.set(append(b, ' '), colour, leftSign)
		b = p.set(append(b, "│"...), colour, rightSign)
		if r = strings.TrimRight(r, " "); r != "" {
			b = p.cell(append(b, ' '), right, r, i)
		}
		b = append(bytes.TrimRight(b, " "), '\n')
		leftSign, rightSign = " ", " "
	}
	return b
}

// cell appends the i-th line of a cell.
func (p *picture) cell(b []byte, c cell, text string, i int) []byte {
	name, _, ok := strings.Cut(text, ":")
	if c.named && ok && i == 0 && !strings.Contains(name, " ") {
		return p.set(p.set(b, nameInk, name), plain, text[len(name):])
	}
	return p.set(b, c.ink, text)
}

// reason is why a whole line was dropped or inserted, each reason once. It is not
// broken within the section.
func reason(edits []edit) string {
	var all []string
	for _, e := range edits {
		if !slices.Contains(all, e.why) {
			all = append(all, e.why)
		}
	}
	text := strings.Join(all, "; ")
	for _, section := range rfcSection.FindAllString(text, -1) {
		text = strings.Replace(text, section, strings.ReplaceAll(section, " ", noBreak), 1)
	}
	return "(" + text + ")"
}

var rfcSection = regexp.MustCompile(`RFC [0-9]+ section [0-9.]+`)

// noBreak is a blank behind which no line ends.
const noBreak = "\u00a0"

// changesIn say of a line that was changed within what was changed, and why.
func changesIn(edits []edit) (all []string) {
	for i := 0; i < len(edits); i++ {
		e := edits[i]
		switch {
		case i+1 < len(edits) && e.drop && !edits[i+1].drop && e.why == edits[i+1].why:
			to := ""
			for i+1 < len(edits) && !edits[i+1].drop && e.why == edits[i+1].why {
				to += edits[i+1].text
				i++
			}
			all = append(all, fmt.Sprintf("%s became %s: %s", shown([]byte(e.text)), shown([]byte(to)), e.why))
		case e.drop:
			all = append(all, fmt.Sprintf("%s dropped: %s", shown([]byte(e.text)), e.why))
		default:
			all = append(all, fmt.Sprintf("%s inserted: %s", cmp.Or(shown([]byte(e.text)), "end of line"), e.why))
		}
	}
	return all
}

// shownContent is how much of content is shown.
const shownContent = 400

// contents show what is behind a head on both hops.
func (p *picture) contents(b []byte, left, right *cutting, of part) []byte {
	l, r := left.size(of), right.size(of)
	if l == 0 && r == 0 {
		return b
	}
	if l == r && bytes.Equal(left.of(of), right.of(of)) && left.left(of) == right.left(of) {
		return p.sample(p.caption(b, fmt.Sprintf("%s %s, the same on both hops", english.Plural(int64(l), "byte"), whatIs[of])), left, of)
	}
	b = p.caption(b, fmt.Sprintf("%s %s to or from the client, %d to or from the origin", english.Plural(int64(l), "byte"), whatIs[of], r))
	ls, rs := sampleOf(left, of), sampleOf(right, of)
	for _, row := range beside(ls, rs) {
		b = p.cells(b, cell{text: row.received.text()}, cell{text: row.sent.text()}, " ", " ", plain)
	}
	return p.more(p.more(b, "client", l, ls), "origin", r, rs)
}

// sample shows the beginning of a part.
func (p *picture) sample(b []byte, c *cutting, of part) []byte {
	some := sampleOf(c, of)
	return p.more(p.lines(b, some), "", c.size(of), some)
}

func (p *picture) more(b []byte, who string, total uint64, some []line) []byte {
	for _, l := range some {
		total -= uint64(len(l.bytes)) + l.left
	}
	if total == 0 {
		return b
	}
	if who != "" {
		who += ": "
	}
	return p.line(b, 1, faint, fmt.Sprintf("… %s%s more", who, english.Plural(int64(total), "byte")))
}

// sampleOf is the beginning of a part: of text some lines, and of what is not the
// first bytes.
func sampleOf(c *cutting, of part) (some []line) {
	room := shownContent
	if !isText(c.of(of)) {
		room = 24
	}
	for _, l := range c.lines(of) {
		if room <= 0 {
			break
		}
		l.bytes = l.bytes[:min(len(l.bytes), room)]
		room -= len(l.bytes)
		some = append(some, l)
	}
	return some
}

// isText reports whether people can read the beginning of p.
func isText(p []byte) bool {
	p = p[:min(len(p), shownContent)]
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if r == utf8.RuneError && len(p) >= utf8.UTFMax || unicode.IsControl(r) && !strings.ContainsRune("\r\n\t", r) {
			return false
		}
		p = p[size:]
	}
	return true
}
