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
// Comments are not read, although they may hold what looks like a member: one that is
// never closed would hide all that other gateways join to it.
func (ed *Editor) Loops(h *wire.RequestHead) bool {
	if _, ok := h.Field(wire.FieldVia); !ok || ed.policy.Verbatim || ed.policy.Name == "" {
		return false
	}
	n := 0
	members := h.Members(wire.FieldVia)
	for {
		member, ok := members.Next()
		if !ok {
			return n > maxVisits
		}
		if string(receivedBy(member)) == ed.policy.Name {
			n++
		}
	}
}

// receivedBy is the second word of a member of Via:
//
//	[ protocol-name "/" ] protocol-version RWS received-by [ RWS comment ]
func receivedBy(member []byte) []byte {
	const blanks = " \t"
	version := bytes.IndexAny(member, blanks)
	if version < 0 {
		return nil
	}
	name := bytes.TrimLeft(member[version:], blanks)
	if i := bytes.IndexAny(name, blanks); i >= 0 {
		name = name[:i]
	}
	return name
}
