package study

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// handshake is that of RFC 6455 section 1.3.
var handshake = []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}

func TestHandshake(t *testing.T) {
	a := ask(t, "GET", "/_/websocket", handshake...)
	if accept := a.Fields[len(a.Fields)-1]; a.Status != 101 || a.Reads != Frames || accept != (Field{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}) {
		t.Errorf("%d, %q", a.Status, a.Fields)
	}
	for _, c := range []struct {
		line   int
		field  string
		status int
	}{
		{0, "Connection: keep-alive", 426}, {1, "Upgrade: h2c", 426}, {2, "Sec-WebSocket-Version: 8", 426}, {2, "A: b", 426},
		{3, "A: b", 400}, {3, "Sec-WebSocket-Key: dGhl", 400}, {3, "Sec-WebSocket-Key: ????", 400},
	} {
		fields := append([]string{}, handshake...)
		fields[c.line] = c.field
		if a := ask(t, "GET", "/_/websocket", fields...); a.Status != c.status || a.Reads != Nothing {
			t.Errorf("%s: %d, want %d", c.field, a.Status, c.status)
		} else if c.status == 426 && a.Fields[0] != (Field{"Upgrade", "websocket"}) {
			t.Errorf("%s: %q", c.field, a.Fields)
		}
	}
	for _, c := range []struct{ method, field string }{{"HEAD", "A: b"}, {"GET", "Content-Length: 1"}, {"GET", "Transfer-Encoding: chunked"}} {
		if a := ask(t, c.method, "/_/websocket", append([]string{c.field}, handshake...)...); a.Status != 400 {
			t.Errorf("%s with %s: %d", c.method, c.field, a.Status)
		}
	}
}

// frame makes a client's frame with a mask of zeros.
func frame(first, length byte, rest ...byte) []byte {
	return append([]byte{first, 0x80 | length}, append(rest, 0, 0, 0, 0)...)
}

func TestFrames(t *testing.T) {
	large := []byte{0, 0, 0, 0, 4, 0, 0, 0} // 64 MiB
	for _, c := range []struct {
		name   string
		frames [][]byte
		code   uint16 // of what the last one is refused with; 0: it is not
	}{
		{"a message", [][]byte{frame(0x81, 0), frame(0x82, 125)}, 0},
		{"fragments with a ping among them", [][]byte{frame(0x01, 1), frame(0x89, 0), frame(0x00, 0), frame(0x80, 1)}, 0},
		{"as large as can be", [][]byte{frame(0x82, 127, large...)}, 0},
		{"a reserved bit", [][]byte{frame(0xc1, 0)}, 1002},
		{"no mask", [][]byte{{0x81, 0, 0, 0, 0, 0}}, 1002},
		{"an opcode that is none", [][]byte{frame(0x83, 0)}, 1002},
		{"a control opcode that is none", [][]byte{frame(0x8b, 0)}, 1002},
		{"a ping in parts", [][]byte{frame(0x09, 0)}, 1002},
		{"a long ping", [][]byte{frame(0x89, 126, 0, 126)}, 1002},
		{"a long ping with a short length", [][]byte{frame(0x89, 126, 0, 1)}, 1002},
		{"nothing to continue", [][]byte{frame(0x80, 0)}, 1002},
		{"nothing more to continue", [][]byte{frame(0x01, 0), frame(0x80, 0), frame(0x80, 0)}, 1002},
		{"a message within one", [][]byte{frame(0x01, 0), frame(0x81, 0)}, 1002},
		{"one byte too many", [][]byte{frame(0x82, 127, 0, 0, 0, 0, 4, 0, 0, 1)}, 1009},
		{"far too many", [][]byte{frame(0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)}, 1009},
		{"one byte too many in the end", [][]byte{frame(0x02, 127, large...), frame(0x80, 1)}, 1009},
	} {
		var m Messages
		for i, b := range c.frames {
			for cut := range len(b) {
				if _, n, err := m.Begin(b[:cut]); n != 0 || err != nil && i < len(c.frames)-1 {
					t.Errorf("%s: %d bytes of %x: %d, %v", c.name, cut, b, n, err)
				}
			}
			f, n, err := m.Begin(b)
			switch failure, _ := err.(*Failure); {
			case i == len(c.frames)-1 && c.code != 0:
				if failure == nil || failure.Code != c.code {
					t.Errorf("%s: %v, want %d", c.name, err, c.code)
				}
			case err != nil || n != len(b):
				t.Errorf("%s: %d bytes of %x, %v", c.name, n, b, err)
			case f.Fin && !f.Opcode.Control():
				m.within, m.size = 0, 0 // as Payload has it
			}
		}
	}
}

// Text is judged alike however it is cut.
func TestTextInPieces(t *testing.T) {
	for _, text := range []string{
		"", "plain", "äöü", "日本語", "😀 and 😀", "\U0010ffff",
		"\xff", "a\xc3", "\xc3\x28", "\xe6\x97", "\xf0\x9f\x98", "\xf0\x9f\x98a", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\xf0\x80\x80\xaf", "\x80", "日\x97",
	} {
		for first := range len(text) + 1 {
			for second := range len(text) - first + 1 {
				m := Messages{within: Text}
				pieces := []string{text[:first], text[first : first+second], text[first+second:]}
				var failed error
				for i, p := range pieces {
					if failed == nil {
						failed = m.Payload([]byte(p), i == len(pieces)-1)
					}
				}
				if (failed == nil) != utf8.ValidString(text) {
					t.Errorf("%q: %v", pieces, failed)
				}
				if failed == nil && m.within != 0 {
					t.Errorf("%q: the message has not ended", pieces)
				}
			}
		}
	}
	m := Messages{within: Binary}
	if err := m.Payload([]byte("\xff"), true); err != nil {
		t.Error("binary is judged as text")
	}
}

func TestUnmask(t *testing.T) {
	f := Frame{Mask: [4]byte{0x37, 0xfa, 0x21, 0x3d}}
	p := []byte("\x7f\x9f\x4d\x51\x58") // RFC 6455 section 5.7
	f.Unmask(p[:3], 0)
	if f.Unmask(p[3:], 3); string(p) != "Hello" {
		t.Errorf("%q", p)
	}
}

func TestAppendFrame(t *testing.T) {
	for length, want := range map[int]string{
		0: "\x81\x00", 125: "\x81\x7d", 126: "\x81\x7e\x00\x7e", 65535: "\x81\x7e\xff\xff", 65536: "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
	} {
		if got := AppendFrame(nil, true, Text, length); string(got) != want {
			t.Errorf("%d: %x, want %x", length, got, want)
		}
	}
	if got := AppendFrame(nil, false, Continuation, 1); !bytes.Equal(got, []byte{0, 1}) {
		t.Errorf("%x", got)
	}
	if got := AppendClose(nil, &Failure{1002, "no"}); string(got) != "\x88\x04\x03\xeano" {
		t.Errorf("%x", got)
	}
}

func TestClosing(t *testing.T) {
	for payload, want := range map[string]string{"": "", "\x03\xe8": "\x03\xe8", "\x03\xe8enough": "\x03\xe8", "\x0f\xa0": "\x0f\xa0"} {
		if got, err := Closing([]byte(payload)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", payload, got, err)
		}
	}
	for payload, code := range map[string]uint16{"\x03": 1002, "\x03\xe8\xff": 1007} {
		if _, err := Closing([]byte(payload)); err == nil || err.(*Failure).Code != code {
			t.Errorf("%q: %v", payload, err)
		}
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		if _, err := Closing([]byte{byte(code >> 8), byte(code)}); err == nil {
			t.Errorf("%d may stand in a close frame", code)
		}
	}
}
