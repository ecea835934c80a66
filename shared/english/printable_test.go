package english

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"a 'file' of \"Größe\" 1 \\": "a 'file' of \"Größe\" 1 \\",
		"\x1b[31mred\a\x7f":          `\x1b[31mred\a\x7f`,
		"two\r\nlines\tand \x00":     `two\r\nlines\tand \x00`,
		"\u009b31m, \u202egnp.exe":   `\u009b31m, \u202egnp.exe`,
		"\xff\xc3 \ufffd":            "\\xff\\xc3 \ufffd",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
