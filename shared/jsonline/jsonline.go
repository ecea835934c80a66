// Package jsonline makes lines that are JSON objects (RFC 8259), for readers of logs. It
// appends, and allocates nothing beyond what it appends to.
//
//	line := jsonline.Text(jsonline.Begin(nil), "event", "exchange")
//	line = jsonline.End(jsonline.Number(line, "status", 200))
//
// is {"event":"exchange","status":200} and the end of the line. Names are the caller's
// own, and need no escape.
package jsonline

import (
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// Begin begins an object.
func Begin(b []byte) []byte { return append(b, '{') }

// End ends the object, and the line.
func End(b []byte) []byte { return append(b, "}\n"...) }

// Text adds a string, which may be anything: each byte that is not UTF-8 stands as
// U+FFFD, since JSON has no way to write it.
func Text[T []byte | string](b []byte, name string, value T) []byte {
	b = append(member(b, name), '"')
	b = appendEscaped(b, value)
	return append(b, '"')
}

// Number adds a whole number. Readers may know no integers beyond 2^53.
func Number(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(member(b, name), n, 10)
}

// True adds that something is so.
func True(b []byte, name string) []byte { return append(member(b, name), "true"...) }

// Address adds an IP address with its port; unix: that of a Unix socket.
func Address(b []byte, name string, at netip.AddrPort) []byte {
	if !at.IsValid() {
		return Text(b, name, "unix")
	}
	var space [64]byte
	return Text(b, name, at.AppendTo(space[:0]))
}

// Time adds an instant in UTC to the microsecond (RFC 3339).
func Time(b []byte, name string, at time.Time) []byte {
	b = append(member(b, name), '"')
	b = at.UTC().AppendFormat(b, Second+".000000Z")
	return append(b, '"')
}

// Second is the layout of an instant in UTC to the second, without what follows.
const Second = "2006-01-02T15:04:05"

func member(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

// appendEscaped escapes what a string of JSON may not have as it is (RFC 8259 section
// 7), and DEL with the C1 controls, which terminals obey.
func appendEscaped[T []byte | string](b []byte, text T) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case ' ' <= c && c <= '~':
			b = append(b, c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < utf8.RuneSelf:
			b = appendUnit(b, rune(c))
		default:
			var next [utf8.UTFMax]byte
			r, size := utf8.DecodeRune(next[:copy(next[:], text[i:])])
			if 0x80 <= r && r < 0xa0 {
				b = appendUnit(b, r)
			} else {
				b = utf8.AppendRune(b, r)
			}
			i += size
			continue
		}
		i++
	}
	return b
}

// appendUnit writes a character below 256 as \u and its number.
func appendUnit(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', hex[r>>4&15], hex[r&15])
}
