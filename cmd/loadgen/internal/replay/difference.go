package replay

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// A difference is the first one between a response and the recorded one. It keeps no
// more than the bytes around it, and is written only when somebody wants to read it:
//
//	content differs at offset 17: "b", recorded "a"
//	- 00000010  2f 61                                            /a
//	+ 00000010  2f 62                                            /b
//
// The lines with - were recorded, those with + arrived.
type difference struct {
	where, what        string // without bytes, and with them
	recorded, received excerpt
}

func (d *difference) Error() string {
	return d.what + d.recorded.lines('-') + d.received.lines('+')
}

// An excerpt is a few lines around an offset.
type excerpt struct {
	base  int // the offset of the first byte
	bytes [excerptLen]byte
	len   int
}

// An excerpt has the line of the offset, and one before and behind it.
const (
	lineLen    = 16
	excerptLen = 3 * lineLen
)

// take has what p has around an offset.
func (x *excerpt) take(p []byte, at int) {
	x.base = max(at-at%lineLen-lineLen, 0)
	x.add(p[min(x.base, len(p)):])
}

// add has as much as there is room for.
func (x *excerpt) add(p []byte) { x.len += copy(x.bytes[x.len:], p) }

// lines are the offset, the bytes, and what of them is ASCII.
func (x *excerpt) lines(mark byte) string {
	var b strings.Builder
	offset := x.base
	for line := range slices.Chunk(x.bytes[:x.len], lineLen) {
		text := slices.Clone(line)
		for i, o := range text {
			if o < ' ' || o > '~' {
				text[i] = '.'
			}
		}
		fmt.Fprintf(&b, "\n%c %08x  %-47s  %s", mark, offset, fmt.Sprintf("% x", line), text)
		offset += len(line)
	}
	return b.String()
}

// head compares a head with the recorded one: the kind of framing, and the field lines
// but for the volatile ones.
func (c *comparison) head(framing wire.FramingKind, got []byte, volatile []string) {
	if c.expect == nil || c.status != c.expect.Status {
		return
	}
	want := c.expect.Head
	w, g := firstDifference(want, got, volatile)
	wantLine, gotLine := lineAt(want, w), lineAt(got, g)
	if bytes.Equal(wantLine, gotLine) && framing == c.expect.Framing {
		return
	}
	d := &difference{}
	var what []string
	if framing != c.expect.Framing {
		what = append(what, fmt.Sprintf("framing %v, recorded %v", framing, c.expect.Framing))
	}
	if !bytes.Equal(wantLine, gotLine) {
		same := commonPrefix(wantLine, gotLine)
		w, g = w+same, g+same
		d.recorded.take(want, w)
		d.received.take(got, g)
		d.where = fmt.Sprintf("head differs at offset %d", g)
		what = append(what, fmt.Sprintf("%s: %s, recorded %s at offset %d", d.where, inWords(gotLine), inWords(wantLine), w))
	}
	d.what = strings.Join(what, "; ")
	d.where = cmp.Or(d.where, d.what)
	c.headDifference = d
}

// firstDifference is where the field lines of two heads begin to differ; where it is
// the end in both, they do not.
func firstDifference(want, got []byte, volatile []string) (w, g int) {
	w, g = len(lineAt(want, 0))+len(crlf), len(lineAt(got, 0))+len(crlf) // behind the status lines
	for {
		wantLine, gotLine := lineAt(want, w), lineAt(got, g)
		switch same := bytes.Equal(wantLine, gotLine); {
		case same && len(wantLine) == 0:
			return w, g
		case !same && isVolatile(gotLine, volatile):
			g += len(gotLine) + len(crlf)
		case !same && isVolatile(wantLine, volatile):
			w += len(wantLine) + len(crlf)
		case !same:
			return w, g
		default:
			w += len(wantLine) + len(crlf)
			g += len(gotLine) + len(crlf)
		}
	}
}

const crlf = "\r\n"

// lineAt is the line of a head at an offset, without its end: empty where the head
// ends.
func lineAt(head []byte, at int) []byte {
	line := head[min(at, len(head)):]
	if i := bytes.IndexByte(line, '\r'); i >= 0 {
		line = line[:i]
	}
	return line
}

// isVolatile says that a line is of a field that may differ. Names of fields know no
// case.
func isVolatile(line []byte, volatile []string) bool {
	for _, name := range volatile {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return true
		}
	}
	return false
}

// inWords quotes a field line, or what there is of it in a sentence.
func inWords(line []byte) string {
	const most = 60
	switch {
	case len(line) == 0:
		return "no more fields"
	case len(line) > most:
		return fmt.Sprintf("%q...", line[:most])
	}
	return fmt.Sprintf("%q", line)
}
