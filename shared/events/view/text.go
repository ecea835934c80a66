package view

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// A Style is how text is set.
type Style struct {
	Width  int // columns; 0 means 80
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
	nameInk  ink = "36" // cyan
	trouble  ink = "33" // yellow
)

// set appends text in an ink.
func (s Style) set(b []byte, i ink, text string) []byte {
	if !s.Colour || i == plain || text == "" {
		return append(b, text...)
	}
	b = append(append(append(b, "\x1b["...), i...), 'm')
	return append(append(b, text...), "\x1b[0m"...)
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
			b.WriteString(`\x`)
			if p[0] < 16 {
				b.WriteByte('0')
			}
			b.WriteString(strconv.FormatUint(uint64(p[0]), 16))
		case r == '\\' || !unicode.IsGraphic(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		p = p[size:]
	}
	return b.String()
}

// wrap cuts text into lines of so many columns.
func wrap(text string, columns int) (lines []string) {
	width, from := 0, 0
	for at, r := range text {
		w := runewidth.RuneWidth(r)
		if width+w > columns && at > from {
			lines = append(lines, text[from:at])
			width, from = 0, at
		}
		width += w
	}
	return append(lines, text[from:])
}

// clip is text of so many columns at most.
func clip(text string, columns int) string { return runewidth.Truncate(text, columns, "…") }

// pad appends blanks until text fills the columns.
func pad(b []byte, text string, columns int) []byte {
	for n := columns - runewidth.StringWidth(text); n > 0; n-- {
		b = append(b, ' ')
	}
	return b
}
