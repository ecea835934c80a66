package redact

import "strings"

// blank is what each byte of a value becomes.
const blank = '*'

// lines is where one direction of a connection has come to, as far as its bytes are
// lines. The zero value is at the start of a head.
//
//	Name ──':'──▶ lead ──▶ value ──CRLF──▶ behind ──▶ name of the next line
//	 │              ▲                        │
//	 │ another one  └────── folded ──────────┘
//	 ▼
//	rest ──CR, LF──▶ name of the next line
type lines struct {
	at    place
	key   []byte // of the name, as far as it goes
	later bool   // it is not the first line of a head
	some  bool   // the line has bytes other than CR
	colon bool   // of the lead
	cr    bool   // the last byte of the value is one
}

type place uint8

const (
	inName place = iota
	inRest
	inLead      // blanks, and the colon, before a value
	inValue     // that is to be blanked
	behindValue // and its CRLF, where a folded line may follow
)

// blank blanks the values among bytes that come next.
func (l *lines) blank(names *Names, p []byte) {
	for i, c := range p {
		p[i] = l.next(names, c)
	}
}

// next takes a byte, and returns what is to be seen of it.
func (l *lines) next(names *Names, c byte) byte {
	if l.at == behindValue {
		l.begin()
		if c == ' ' || c == '\t' {
			l.at, l.colon = inLead, true
		}
	}
	switch l.at {
	case inLead:
		return l.nextOfLead(c)
	case inValue:
		return l.nextOfValue(c)
	}
	return l.nextOfLine(names, c)
}

func (l *lines) nextOfLine(names *Names, c byte) byte {
	if l.at == inName && !isTokenByte(c) && (c == ':' || l.later) && names.has(l.key) {
		l.at, l.colon = inLead, false
		return l.nextOfLead(c)
	}
	switch {
	case c == '\n':
		l.later = l.some
		l.begin()
		return c
	case c == '\r':
		l.at, l.key = inName, l.key[:0]
		return c
	case c == ':' || len(l.key) > names.longest:
		l.at = inRest
	case l.at == inName:
		if k, ok := keyByte(c); ok {
			l.key = append(l.key, k)
		}
	}
	l.some = true
	return c
}

// begin goes on with another line.
func (l *lines) begin() { l.at, l.key, l.some = inName, l.key[:0], false }

func (l *lines) nextOfLead(c byte) byte {
	switch {
	case c == ':' && !l.colon:
		l.colon = true
		return c
	case c != '\r' && c != '\n' && (c <= ' ' || c == 0x7f):
		return c
	}
	l.at, l.cr = inValue, false
	return l.nextOfValue(c)
}

func (l *lines) nextOfValue(c byte) byte {
	if c == '\n' && l.cr {
		l.at, l.later = behindValue, true
	}
	if l.cr = c == '\r'; l.cr || c == '\n' {
		return c
	}
	return blank
}

// isTokenByte reports whether a name may have it (RFC 9110 section 5.6.2).
func isTokenByte(c byte) bool {
	_, ok := keyByte(c)
	return ok || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
