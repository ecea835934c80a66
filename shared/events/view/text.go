package view

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/mattn/go-runewidth"
)

// A Style is how text is set.
type Style struct {
	Width  int // columns; 0 means 80, and less than 40 is 40
	Colour bool
}

func (s Style) width() int {
	if s.Width <= 0 {
		return 80
	}
	return max(s.Width, 40)
}

// An ink is what a piece of text is set off by, where there are colours. Nothing is
// said by it alone.
type ink string

const (
	plain    ink = ""
	faint    ink = "2"
	strong   ink = "1"
	dropped  ink = "31" // red
	inserted ink = "32" // green
	trouble  ink = "33" // yellow
	nameInk  ink = "36" // cyan
)

// set appends text in an ink. It is the last gate: nothing that a terminal would obey
// passes here.
func (s Style) set(b []byte, i ink, text string) []byte {
	text = english.Printable(text)
	if !s.Colour || i == plain || strings.Trim(text, " ") == "" {
		return append(b, text...)
	}
	b = append(append(append(b, "\x1b["...), i...), 'm')
	return append(append(b, text...), "\x1b[0m"...)
}

// line appends text as lines, in an ink, each behind so many blanks.
func (s Style) line(b []byte, indent int, i ink, text string) []byte {
	for _, part := range wrap(english.Printable(text), s.width()-indent) {
		b = append(b, strings.Repeat(" ", indent)...)
		b = append(s.set(b, i, strings.TrimRight(part, " ")), '\n')
	}
	return b
}

// shown is bytes as people see them: the ends of lines as signs, control characters
// and what is not UTF-8 as Go writes them.
func shown(p []byte) string {
	var b strings.Builder
	for len(p) > 0 {
		if len(p) > 1 && p[0] == '\r' && p[1] == '\n' {
			b.WriteString("⏎")
			p = p[2:]
			continue
		}
		r, size := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(p[0]), 16))
		case r == '\\' || r == '⏎' || !unicode.IsGraphic(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		p = p[size:]
	}
	return b.String()
}

// columns are what a character takes: its neighbours and the language of the
// environment do not matter.
var columns = runewidth.Condition{}

func widthOf(text string) (n int) {
	for _, r := range text {
		n += columns.RuneWidth(r)
	}
	return n
}

// hang is how far the second line of a wrapped text and those behind it are set in.
const hang = 2

// wrap cuts text into lines of so many columns, behind a blank where there is one not
// far from the end. Nothing is left out.
func wrap(text string, limit int) (lines []string) {
	indent := ""
	for widthOf(text) > limit-len(indent) {
		cut, blank, n := 0, 0, 0
		for at, r := range text {
			if n += columns.RuneWidth(r); n > limit-len(indent) && at > 0 {
				break
			}
			if cut = at + utf8.RuneLen(r); r == ' ' {
				blank = cut
			}
		}
		if blank >= cut/3 && blank > 0 {
			cut = blank
		}
		lines = append(lines, indent+text[:cut])
		if text, indent = text[cut:], strings.Repeat(" ", hang); text == "" {
			return lines
		}
	}
	return append(lines, indent+text)
}

// clip is text of so many columns at most.
func clip(text string, limit int) string {
	if limit <= 0 {
		return ""
	}
	if widthOf(text) <= limit {
		return text
	}
	n := 0
	for at, r := range text {
		if n += columns.RuneWidth(r); n > limit-1 {
			return text[:at] + "…"
		}
	}
	return text
}

// pad appends blanks until text fills the columns.
func pad(b []byte, text string, columns int) []byte {
	for n := columns - widthOf(text); n > 0; n-- {
		b = append(b, ' ')
	}
	return b
}
