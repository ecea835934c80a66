package view

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/lexer"
	"github.com/hopwire/hopwire/shared/wire"
)

// Parts of a passage.
type part int

const (
	head    part = iota // of all responses, interim ones among them
	content             // as it is framed
	trailer             // the trailer section
	behind              // what follows the message: a tunnel, or what nobody asked for
	parts
)

// A cutting is a passage in its parts: where each begins, and the last one ends.
type cutting struct {
	*Passage
	at [parts + 1]int
}

// roles are those of a passage. Their offsets count what was left out.
func (s *Side) roles(p *Passage) []lexer.Span {
	requests, responses := lexer.New(wire.Limits{})
	l := requests
	if p == &s.Out {
		method, _, _ := bytes.Cut(bytes.TrimLeft(s.In.Bytes, "\r\n"), []byte(" "))
		l = responses
		l.Answers(string(method))
	}
	var spans []lexer.Span
	from, whole := 0, headLen(p.Bytes)
	feed := func(to int) {
		if l == requests && from < whole && whole <= to {
			spans = l.Append(spans, p.Bytes[from:whole])
			l.Tunnel() // one message is in a passage, and what follows is no other one
			from = whole
		}
		spans = l.Append(spans, p.Bytes[from:to])
		from = to
	}
	for _, left := range p.Left {
		feed(left.At)
		spans = l.Skip(spans, int64(left.Size))
	}
	feed(len(p.Bytes))
	return l.AppendOpen(spans)
}

// headLen is how many bytes the head has that stands in front of p; more than p has if
// it does not end there.
func headLen(p []byte) int {
	begin := len(p) - len(bytes.TrimLeft(p, "\r\n"))
	if n := bytes.Index(p[begin:], []byte("\r\n\r\n")); n >= 0 {
		return begin + n + len("\r\n\r\n")
	}
	return len(p) + 1
}

// index is where in Bytes the byte at an offset is, or the next one that was kept.
func (p *Passage) index(offset int64) int {
	missing := int64(0)
	for _, left := range p.Left {
		if begin := int64(left.At) + missing; offset > begin {
			missing += min(int64(left.Size), offset-begin)
		}
	}
	return int(min(offset-missing, int64(len(p.Bytes))))
}

// cut finds the parts of a passage. What cannot be read of a head belongs to it, and
// is shown as it is.
func (s *Side) cut(p *Passage) cutting {
	c := cutting{Passage: p}
	now, begun := head, false
	begins := func(next part, offset int64) {
		for ; now < next; now++ {
			c.at[now+1] = p.index(offset)
		}
	}
	for _, span := range s.roles(p) {
		switch {
		case span.Role == lexer.Unframed:
			begins(behind, span.From)
		case now == head && span.Role == lexer.EmptyLine && begun && !span.Interim:
			begins(content, span.To)
		case now == content && (span.Trailer || span.Role == lexer.EmptyLine):
			begins(trailer, span.From)
		case now == trailer && !span.Trailer && span.Role != lexer.EmptyLine && span.Role != lexer.Error:
			begins(behind, span.From)
		}
		begun = begun || span.Role == lexer.Version
	}
	for ; now < parts; now++ {
		c.at[now+1] = len(p.Bytes)
	}
	return c
}

// of is a part.
func (c *cutting) of(p part) []byte { return c.Bytes[c.at[p]:c.at[p+1]] }

// left is how many bytes of a part are missing. What is missing behind the last byte
// belongs to the content or a tunnel.
func (c *cutting) left(p part) (n uint64) {
	for _, left := range c.Left {
		if c.partOf(left.At) == p {
			n += left.Size
		}
	}
	return n
}

// partOf is what the bytes that are missing before an index belong to.
func (c *cutting) partOf(at int) part {
	for p := head; p < behind; p++ {
		if at < c.at[p+1] || at == c.at[p+1] && p != head && c.at[p] < at {
			return p
		}
	}
	if c.at[behind] == c.at[parts] && c.at[head+1] > 0 {
		return content
	}
	return behind
}

// size is how many bytes a part has.
func (c *cutting) size(p part) uint64 { return uint64(len(c.of(p))) + c.left(p) }

// lines are those of a part, with what is missing between them.
func (c *cutting) lines(p part) (all []line) {
	from, to := c.at[p], c.at[p+1]
	for _, left := range c.Left {
		if c.partOf(left.At) != p {
			continue
		}
		if left.At > from {
			all = append(all, linesOf(c.Bytes[from:left.At])...)
			from = left.At
		}
		all = append(all, line{left: left.Size})
	}
	return append(all, linesOf(c.Bytes[from:to])...)
}

// linesOf cuts behind each LF.
func linesOf(p []byte) (all []line) {
	for l := range bytes.Lines(p) {
		all = append(all, line{bytes: l})
	}
	return all
}
