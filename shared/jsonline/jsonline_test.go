package jsonline

import (
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	at := time.Date(2026, 10, 10, 15, 55, 36, 1_234_567, time.FixedZone("", 2*3600))
	b := Time(Begin([]byte("before ")), "time", at)
	b = Address(b, "client", netip.MustParseAddrPort("[::1]:80"))
	b = Address(b, "peer", netip.AddrPort{})
	b = Number(b, "least", math.MinInt64)
	b = Text(b, "brace", "{")
	b = End(True(b, "yes"))
	want := `before {"time":"2026-10-10T13:55:36.001234Z","client":"[::1]:80","peer":"unix","least":-9223372036854775808,"brace":"{","yes":true}` + "\n"
	if string(b) != want {
		t.Errorf("got %swant %s", b, want)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"GET /a?b=%20~":         "GET /a?b=%20~",
		`say "no" to \`:         `say \"no\" to \\`,
		"\x00\x1f\r\n\t\x7f":    `\u0000\u001f\u000d\n\u0009\u007f`,
		"\u0080\u009b31m\u00a0": "\\u0080\\u009b31m\u00a0",
		"Größe, 世界, 🦉":          "Größe, 世界, 🦉",
		"\xff\xc3(\xed\xa0\x80": "\ufffd\ufffd(\ufffd\ufffd\ufffd",
		"\ufffd":                "\ufffd",
	} {
		if got := string(Text(Begin(nil), "a", in)); got != `{"a":"`+want+`"` {
			t.Errorf("%q: %s", in, got)
		}
		if got := string(Text(Begin(nil), "a", []byte(in))); got != `{"a":"`+want+`"` {
			t.Errorf("bytes of %q: %s", in, got)
		}
	}
}

// Whatever a text is, a reader of JSON finds it again, each byte that is not UTF-8 as
// U+FFFD, and nothing that a terminal obeys goes out.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", `"\`, "\x00\x7f\x9b\xff", "é\u009b\xc3", "{\"a\":1}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		line := End(Text(Text(Begin(nil), "text", in), "bytes", []byte(in)))
		var got struct{ Text, Bytes string }
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want := strings.ToValidUTF8(in, "")
		if got.Text != got.Bytes || strings.ReplaceAll(got.Text, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") ||
			utf8.RuneCountInString(got.Text) != utf8.RuneCountInString(in) {
			t.Errorf("%q became %q and %q", in, got.Text, got.Bytes)
		}
		for _, r := range string(line[:len(line)-1]) {
			if r < ' ' || 0x7f <= r && r < 0xa0 {
				t.Errorf("%q has %U", line, r)
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	b, text, at := make([]byte, 0, 1000), "a\"\xff世", time.Now()
	client := netip.MustParseAddrPort("[2001:db8::1]:5000")
	if n := testing.AllocsPerRun(100, func() {
		line := Address(Time(Begin(b), "time", at), "client", client)
		End(Number(Text(Text(line, "text", text), "bytes", b[:3]), "n", 5))
	}); n != 0 {
		t.Errorf("%v allocations a line", n)
	}
}
