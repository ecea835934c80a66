package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/lexer"
)

// AppendHex appends all bytes of an exchange that were kept, on both hops, with their
// roles in the grammar by the RFCs' names. Each name begins below the first byte that
// it is for; "…" goes on with the role of the line before.
//
//	00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|
//	          method   SP    SP HTTP-version             CRLF
//	                      request-target
func (s Style) AppendHex(b []byte, x *Exchange) []byte {
	if x.Client.Use.N == 0 {
		return s.unused(b, x)
	}
	b = s.title(b, x)
	h := hexer{Style: s, perLine: 16, sections: map[string]bool{}}
	if s.width() < 79 {
		h.perLine = 8
	}
	if s.width() < 45 {
		h.perLine = 4
	}
	b = h.passage(b, &x.Client, events.Inbound)
	for i := range x.Tries {
		b = h.passage(b, &x.Tries[i], events.Inbound)
	}
	for i := range x.Tries {
		b = h.passage(b, &x.Tries[i], events.Outbound)
	}
	b = h.passage(b, &x.Client, events.Outbound)
	return h.legend(b)
}

type hexer struct {
	Style
	perLine  int
	legends  []string // a line for each role that was met
	sections map[string]bool
}

func (h *hexer) passage(b []byte, side *Side, d events.Direction) []byte {
	p := side.passage(d)
	if p.Total == 0 {
		return b
	}
	way := map[events.Direction]string{events.Inbound: "request", events.Outbound: "response"}[d]
	b = h.line(append(b, '\n'), 0, strong, fmt.Sprintf("%s on %s, %s", way, side.Conn, english.Plural(int64(p.Total), "byte")))
	spans := side.roles(p)
	left, offset := p.Left, int64(0)
	for at := 0; at < len(p.Bytes) || len(left) > 0; {
		end := min(at+h.perLine, len(p.Bytes))
		if len(left) > 0 {
			if end = min(end, left[0].At); end == at {
				b = h.line(b, 0, faint, fmt.Sprintf("%08x  … %s not kept …", offset, english.Plural(int64(left[0].Size), "byte")))
				offset += int64(left[0].Size)
				left = left[1:]
				continue
			}
		}
		b = h.row(b, p.Bytes[at:end], offset, &spans)
		offset += int64(end - at)
		at = end
	}
	return b
}

// A label is a name below the bytes.
type label struct {
	column int
	text   string
}

// row shows some bytes. It takes the spans away that end before or with them.
func (h *hexer) row(b []byte, p []byte, offset int64, spans *[]lexer.Span) []byte {
	for len(*spans) > 0 && (*spans)[0].To <= offset {
		*spans = (*spans)[1:]
	}
	var labels []label
	inks := make([]ink, len(p))
	for _, span := range *spans {
		if span.From >= offset+int64(len(p)) {
			break
		}
		at := int(max(span.From-offset, 0))
		for i := at; i < len(p) && int64(i) < span.To-offset; i++ {
			inks[i] = roleInk(span.Role)
		}
		text := span.Role.String()
		if span.From < offset {
			text = "…"
		}
		labels = append(labels, label{h.column(at), text})
		h.remember(&span)
	}
	b = append(b, fmt.Sprintf("%08x ", offset)...)
	var text strings.Builder
	for i := range h.perLine {
		if i%8 == 0 {
			b = append(b, ' ')
		}
		if i >= len(p) {
			b = append(b, "   "...)
			continue
		}
		b = append(h.set(b, inks[i], fmt.Sprintf("%02x", p[i])), ' ')
		if p[i] < ' ' || p[i] > '~' {
			text.WriteByte('.')
		} else {
			text.WriteByte(p[i])
		}
	}
	b = append(h.set(append(b, " |"...), plain, text.String()), "|\n"...)
	for _, line := range stagger(labels) {
		b = append(h.set(b, faint, clip(line, h.width())), '\n')
	}
	return b
}

// column is where the i-th byte of a row stands.
func (h *hexer) column(i int) int { return 10 + 3*i + i/8 }

// stagger puts labels below each other where they have no room beside each other.
func stagger(labels []label) (lines []string) {
	for _, l := range labels {
		i := slices.IndexFunc(lines, func(line string) bool { return line == "" || widthOf(line) < l.column })
		if i < 0 {
			i, lines = len(lines), append(lines, "")
		}
		lines[i] = string(pad([]byte(lines[i]), lines[i], l.column)) + l.text
	}
	return lines
}

// remember notes a role for the legend.
func (h *hexer) remember(span *lexer.Span) {
	text := span.Role.String() + ": " + span.Role.Section()
	if span.Err != nil {
		text = fmt.Sprintf("%s: %s, %s", span.Role, span.Err.Rule, cmp.Or(span.Err.Section, "the length of the head is bounded"))
	}
	if !h.sections[text] {
		h.sections[text] = true
		h.legends = append(h.legends, text)
	}
}

// legend says where each role is defined.
func (h *hexer) legend(b []byte) []byte {
	if len(h.legends) > 0 {
		b = append(b, '\n')
	}
	for _, text := range h.legends {
		b = h.line(b, 1, faint, text)
	}
	return b
}

func roleInk(r lexer.Role) ink {
	switch r {
	case lexer.Method, lexer.StatusCode, lexer.Target:
		return strong
	case lexer.FieldName:
		return nameInk
	case lexer.ChunkSize, lexer.ChunkExtension, lexer.LastChunk:
		return trouble
	case lexer.Error:
		return dropped
	case lexer.SP, lexer.CRLF, lexer.Colon, lexer.OWS, lexer.EmptyLine:
		return faint
	case lexer.Content, lexer.ChunkData:
		return inserted
	}
	return plain
}
