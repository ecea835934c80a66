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

// MisspellsFraming reports whether a name is Content-Length or Transfer-Encoding,
// but for the hyphen. This gateway frames nothing by such a field, while an origin
// that knows fields by the names of variables may: then the two see another request
// begin (request smuggling).
func MisspellsFraming(name []byte) bool {
	switch len(name) {
	case len("Content-Length"):
		return name[len("Content")] != '-' && spells(name, "Content-Length")
	case len("Transfer-Encoding"):
		return name[len("Transfer")] != '-' && spells(name, "Transfer-Encoding")
	}
	return false
}

// spells reports whether a name is that of a field for whoever hands fields on as
// variables of the environment (RFC 3875 section 4.1.18): all that is neither a
// letter nor a digit becomes an underscore there.
func spells(name []byte, field string) bool {
	if len(name) != len(field) {
		return false
	}
	for i, c := range name {
		switch {
		case field[i] == '-' && isLetterOrDigit(c), field[i] != '-' && c|0x20 != field[i]|0x20:
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
