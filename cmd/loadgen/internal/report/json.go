package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"unicode"
	"unicode/utf16"
)

// WriteJSON writes the report as one JSON object, as schema.json has it.
func (rep *Report) WriteJSON(w io.Writer) error { return writeJSON(w, rep) }

func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	text := manyLinesOfABucket.ReplaceAll(b.Bytes(), []byte("{$1, $2, $3}"))
	text = manyLinesOfNumbers.ReplaceAllFunc(text, func(list []byte) []byte {
		return bytes.ReplaceAll(spaces.ReplaceAll(list, nil), []byte(","), []byte(", "))
	})
	_, err := w.Write(escaped(text))
	return err
}

// manyLinesOfABucket is what one line suffices for. No string matches, since line
// ends in strings are escaped.
var manyLinesOfABucket = regexp.MustCompile(`{\n *("above": [^,]+),\n *("up_to": [^,]+),\n *("count": \d+)\n *}`)

// manyLinesOfNumbers are another such thing.
var (
	manyLinesOfNumbers = regexp.MustCompile(`\[\n *[-0-9][-+.e0-9,\n ]*\]`)
	spaces             = regexp.MustCompile(`[\n ]+`)
)

// escaped escapes what a terminal may obey and JSON allows in strings, as
// english.Printable does in text: DEL, the control characters of C1, and others that
// cannot be seen. Outside of strings there is none but line ends.
func escaped(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case unicode.IsGraphic(r) || r == '\n':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
