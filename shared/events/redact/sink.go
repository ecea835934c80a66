package redact

import (
	"regexp"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/lexer"
	"github.com/hopwire/hopwire/shared/wire"
)

// Sink returns one that hands all on to another one, with the values of these fields
// blanked. If names is nil, there are none, and it is that other one itself.
func Sink(sink events.Sink, names *Names) events.Sink {
	if names == nil {
		return sink
	}
	return &redactor{Sink: sink, names: names, conns: make(map[events.ConnID]*conn)}
}

type redactor struct {
	events.Sink
	names   *Names
	conns   map[events.ConnID]*conn
	current events.Event // as it is handed on
	content []byte       // of it
	spans   []lexer.Span
}

// A conn is what is known of a connection that is open.
type conn struct {
	ways [2]way
	lost bool // what is content, since bytes are missing
}

// A way is one direction of it.
type way struct {
	lexer    *lexer.Lexer
	lines    lines
	passed   uint64
	messages int // whose heads have come, or a part of them that will not change
	ended    bool
}

// Take hands an event on.
func (r *redactor) Take(e *events.Event) {
	switch e.Kind {
	case events.Opened:
		r.conn(e.Conn)
	case events.Bytes:
		r.current = *e
		r.bytes(&r.current)
		e = &r.current
	case events.Gap:
		r.conn(e.Conn).skipTo(r, e.Direction, e.Offset+e.Missing)
	case events.Ended, events.Closed:
		r.end(e)
	}
	r.Sink.Take(e)
}

func (r *redactor) conn(id events.ConnID) *conn {
	c := r.conns[id]
	if c == nil {
		c = &conn{}
		c.ways[events.Inbound].lexer, c.ways[events.Outbound].lexer = lexer.New(wire.Limits{})
		r.conns[id] = c
	}
	return c
}

func (r *redactor) end(e *events.Event) {
	c := r.conns[e.Conn]
	if c == nil {
		return // a late end of one that was closed
	}
	if c.ways[e.Direction].ended = true; e.Kind == events.Closed || c.ways[e.Direction.Reverse()].ended {
		delete(r.conns, e.Conn)
	}
}

// bytes blanks what is to be blanked, in memory of its own.
func (r *redactor) bytes(e *events.Event) {
	c, d := r.conn(e.Conn), e.Direction
	r.content = append(r.content[:0], e.Content...)
	e.Content, e.Comment = r.content, r.names.edits(e.Comment)
	if c.skipTo(r, d, e.Offset) && startLine.Match(e.Content) {
		c.ways[d].lines = lines{}
	}
	c.blank(r, d, e.Content)
}

// startLine is what no value looks like of which the beginning is missing.
var startLine = regexp.MustCompile(`^([A-Z]+ [!-~]+ HTTP/1\.[01]|HTTP/1\.[01] [1-5][0-9][0-9]( [^\r\n]*)?)\r\n`)

// skipTo is for bytes that passed and are missing. If they are not all content, what
// follows is part of nobody knows what, and skipTo reports so.
func (c *conn) skipTo(r *redactor, d events.Direction, offset uint64) bool {
	w := &c.ways[d]
	if offset <= w.passed {
		return false
	}
	missing := offset - w.passed
	w.passed = offset
	if !c.lost {
		r.spans = w.lexer.Skip(r.spans[:0], int64(missing))
		for i := range r.spans {
			c.lost = c.lost || !c.isContent(d, &r.spans[i])
		}
	}
	if c.lost {
		w.lines = lines{at: inValue}
	}
	return c.lost
}

// blank blanks the values in bytes that are no content.
func (c *conn) blank(r *redactor, d events.Direction, p []byte) {
	w := &c.ways[d]
	begin := int64(w.passed)
	w.passed += uint64(len(p))
	done := 0
	if !c.lost {
		r.spans = w.lexer.Append(r.spans[:0], p)
		for i := range r.spans {
			s := &r.spans[i]
			w.messages = max(w.messages, s.Exchange)
			if from := int(s.From - begin); c.isContent(d, s) && from >= done {
				w.lines.blank(r.names, p[done:from])
				done = int(s.To - begin)
			}
		}
	}
	w.lines.blank(r.names, p[done:])
}

// isContent reports whether it is certain that bytes are: without its request, nobody
// knows whether a response has any.
func (c *conn) isContent(d events.Direction, s *lexer.Span) bool {
	return (s.Role == lexer.Content || s.Role == lexer.ChunkData) &&
		(d == events.Inbound || s.Exchange <= c.ways[events.Inbound].messages)
}
