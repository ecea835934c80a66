package redact

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/events"
)

// edits blanks the values in a list of edits, one a line: "drop Cookie: a (named by
// connection, RFC 9110 section 7.6.1)".
func (n *Names) edits(comment string) string {
	if comment == "" {
		return ""
	}
	all := []byte(comment)
	cut := len(all) >= events.MaxPiece // so the last one may lack its reason
	for rest := all; len(rest) > 0; {
		line, behind, more := bytes.Cut(rest, []byte("\n"))
		n.edit(line, cut && !more)
		rest = behind
	}
	return string(all)
}

func (n *Names) edit(line []byte, cut bool) {
	text, dropped := bytes.CutPrefix(line, []byte("drop "))
	text, inserted := bytes.CutPrefix(text, []byte("insert "))
	if at := bytes.LastIndex(text, []byte(" (")); at >= 0 && !cut && bytes.HasSuffix(text, []byte(")")) {
		text = text[:at]
	}
	if inserted && !dropped && n.further && !isFieldLine(text) {
		for i := range text { // perhaps a part of such a value
			text[i] = blank
		}
		return
	}
	l := lines{later: true}
	l.blank(n, text)
}

// isFieldLine reports whether what was inserted is a field line and not a part of one.
func isFieldLine(text []byte) bool {
	name, _, ok := bytes.Cut(text, []byte(": "))
	return ok && len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r >= 0x80 || !isTokenByte(byte(r)) })
}
