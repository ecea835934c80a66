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
