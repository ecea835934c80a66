package heads

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/wire"
)

// A te is what a request says in TE of trailer fields: that whoever is behind
// it takes them. That goes on (RFC 9110 section 10.1.4), since the gateway passes
// trailer sections on. What else TE says is of codings, which are for one hop, and
// of which this one wants chunked alone. HTTP/1.0 has no trailer fields.
type te struct {
	taken bool
	line  int // the index of a line that says this alone and goes on as it came; negative if there is none
}

var (
	trailersLine = []byte("TE: trailers\r\n")
	teLine       = []byte("Connection: TE\r\n")
)

func findTE(h *wire.RequestHead) te {
	t := te{line: -1}
	if _, ok := h.Field(wire.FieldTE); !ok || h.Minor == 0 {
		return t
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		switch {
		case f.ID != wire.FieldTE:
		case bytes.IndexByte(f.Value, '"') >= 0: // a quoted string may say anything
		case wire.EqualFold(f.Value, "trailers"):
			return te{taken: true, line: i}
		case wire.List(f.Value).Contains("trailers"):
			t.taken = true
		}
	}
	return t
}

// sayOn inserts what has to be said of it for the next hop.
func (t *te) sayOn(e *Edits, at int) {
	if !t.taken {
		return
	}
	if t.line < 0 {
		e.Insert(at, trailersLine, TrailersTaken)
	}
	e.Insert(at, teLine, TrailersTaken)
}
