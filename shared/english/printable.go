package english

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns text without anything that a terminal would obey: control
// characters, others that cannot be seen, and bytes that are not UTF-8 stand as Go
// writes them, such as \x1b.
func Printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unseen) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch quoted := strconv.QuoteRune(r); {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[i]), 16))
		case unseen(r):
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unseen(r rune) bool { return !unicode.IsGraphic(r) }
