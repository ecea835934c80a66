package accesslog

import (
	"net/netip"
	"strconv"
)

func appendHost(b []byte, client netip.AddrPort) []byte {
	if !client.IsValid() {
		return append(b, "unix"...)
	}
	return client.Addr().AppendTo(b)
}

// appendNumber writes a dash for zero, as the format wants it.
func appendNumber(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, '-')
	}
	return strconv.AppendInt(b, n, 10)
}

// AppendEscaped keeps text from ending the quotes or the line that it stands in,
// since a client that could do that would write log lines of its own, and from
// moving the cursor of the terminal that shows it. A quote and a backslash get a
// backslash, as Apache writes them and readers of the format expect it; what is
// not printable ASCII becomes \xHH. So nothing is lost: it can be read back.
func AppendEscaped[Text []byte | string](b []byte, text Text) []byte {
	const hex = "0123456789abcdef"
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
