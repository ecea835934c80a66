package heads

import "github.com/hopwire/hopwire/shared/wire"

// hopByHop says why a field does not go on to the next hop, whether Connection
// names it or not, or AsReceived.
func hopByHop(id wire.FieldID) Reason {
	switch id {
	case wire.FieldConnection:
		return ConnectionField
	case wire.FieldKeepAlive, wire.FieldProxyConnection, wire.FieldTE, wire.FieldUpgrade, wire.FieldHTTP2Settings:
		return HopByHop
	}
	return AsReceived
}

// MisspellsFraming reports whether a request has a field that is Content-Length or
// Transfer-Encoding but for the hyphen. This gateway frames nothing by such a field,
// while an origin that knows fields by the names of variables may: then the two see
// another request begin (request smuggling).
func MisspellsFraming(h *wire.RequestHead) bool {
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldOther && isMisspelled(f.Name) {
			return true
		}
	}
	return false
}

// TrailerMisspellsFraming is the same of a trailer section, which may be merged into
// the head.
func TrailerMisspellsFraming(section []byte) bool {
	for f := range wire.TrailerFields(section) {
		if f.ID == wire.FieldOther && isMisspelled(f.Name) {
			return true
		}
	}
	return false
}

func isMisspelled(name []byte) bool {
	return spells(name, "Content-Length") || spells(name, "Transfer-Encoding")
}

// spells reports whether a name is that of a field for whoever hands fields on as
// variables of the environment (RFC 3875 section 4.1.18): all that is neither a
// letter nor a digit becomes an underscore there.
func spells(name []byte, field string) bool {
	if len(name) != len(field) {
		return false
	}
	for i, c := range name {
		if field[i] == '-' && isLetterOrDigit(c) || field[i] != '-' && c|0x20 != field[i]|0x20 {
			return false
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// MaxOptions bounds the work that a Connection field can cause, which is the
// product of its options and the field lines.
const MaxOptions = 32

// TooManyOptions reports whether Connection has more options than that, or another
// field more members.
func TooManyOptions(options wire.Members) bool {
	for range MaxOptions {
		if _, ok := options.Next(); !ok {
			return false
		}
	}
	_, more := options.Next()
	return more
}

// hasOption reports whether Connection names the option.
func hasOption(options wire.Members, want string) bool {
	for {
		option, ok := options.Next()
		if !ok || wire.EqualFold(option, want) {
			return ok
		}
	}
}

// AppendMembers makes one list of a field's members, for when the head is gone.
func AppendMembers(b []byte, members wire.Members) []byte {
	for {
		member, ok := members.Next()
		if !ok {
			return b
		}
		b = append(append(b, member...), ',')
	}
}

// ExpectsContinue reports whether the client waits for the origin to say 100 before it
// sends a body (RFC 9110 section 10.1.1). Other expectations nobody need meet, and of
// one that Connection names the origin hears nothing.
func ExpectsContinue(h *wire.RequestHead) bool {
	_, ok := h.Field(wire.FieldExpect)
	return ok && h.Minor > 0 && hasOption(h.Members(wire.FieldExpect), "100-continue") && !h.Nominates(expectName)
}

var expectName = []byte("Expect")
