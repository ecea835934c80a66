package heads

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/wire"
)

// maxVisits is how often a request may have been at gateways of one name. Some are
// sent back on purpose, and some chains have several of that name.
const maxVisits = 8

// Loops reports whether a request comes back again and again, as Via tells (RFC 9110
// section 7.6.3). Where the gateway does not name itself there, nobody can know.
func (ed *Editor) Loops(h *wire.RequestHead) bool {
	if _, ok := h.Field(wire.FieldVia); !ok || ed.policy.Verbatim || ed.policy.Name == "" {
		return false
	}
	n := 0
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldVia {
			n += visits(f.Value, ed.policy.Name)
		}
	}
	return n > maxVisits
}

// visits counts the members of a Via field that are received by that name:
//
//	[ protocol-name "/" ] protocol-version RWS received-by [ RWS comment ]
func visits(via []byte, name string) (n int) {
	for len(via) > 0 {
		var member []byte
		member, via = cutMember(via)
		member = bytes.TrimLeft(member, blanks)
		member = bytes.TrimLeft(member[len(firstWord(member)):], blanks)
		if string(firstWord(member)) == name {
			n++
		}
	}
	return n
}

const blanks = " \t"

// firstWord is what stands before the first whitespace.
func firstWord(b []byte) []byte {
	if i := bytes.IndexAny(b, blanks); i >= 0 {
		return b[:i]
	}
	return b
}

// cutMember cuts a list at its first comma. A comment may hold commas, and comments
// (RFC 9110 section 5.6.5).
func cutMember(list []byte) (member, rest []byte) {
	depth := 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == ',' && depth == 0:
			return list[:i], list[i+1:]
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++ // the next byte means itself
		}
	}
	return list, nil
}
