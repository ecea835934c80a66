package server

import (
	"strings"
	"testing"
	"time"
)

var upgrade = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}

// switched is what a WebSocket begins with.
const switched = "HTTP/1.1 101 Switching Protocols\r\nDate: D\r\nServer: hopwire-origin\r\n" +
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// masked makes a client's frame of less than 126 bytes.
func masked(first byte, payload string) string {
	const mask = "\x37\xfa\x21\x3d"
	frame := string([]byte{first, 0x80 | byte(len(payload))}) + mask
	for i := range len(payload) {
		frame += string([]byte{payload[i] ^ mask[i%4]})
	}
	return frame
}

// failed is a close frame with a code and a reason.
func failed(code uint16, reason string) string {
	return string([]byte{0x88, byte(2 + len(reason)), byte(code >> 8), byte(code)}) + reason
}

func TestWebSocket(t *testing.T) {
	r := start(t, files, Config{Study: true, IdleTimeout: time.Minute})
	open := get("GET", "/_/websocket", upgrade...)
	end := masked(0x88, "\x03\xe8bye")
	long := strings.Repeat("0123456789", 10_000) // 0x186a0 bytes
	for _, c := range []struct{ name, sends, want string }{
		{"nothing", "", ""},
		{"the RFC's example", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" + end, "\x81\x05Hello\x88\x02\x03\xe8"},
		{"an empty message", masked(0x82, "") + end, "\x82\x00\x88\x02\x03\xe8"},
		{"fragments with a ping and a pong among them", masked(0x01, "Hel") + masked(0x89, "?") + masked(0x8a, "") + masked(0x80, "lo") + end, "\x01\x03Hel\x8a\x01?\x80\x02lo\x88\x02\x03\xe8"},
		{"a close without a code", masked(0x88, ""), "\x88\x00"},
		{"what comes behind a close", end + masked(0x81, "more"), "\x88\x02\x03\xe8"},
		{"half of a frame", masked(0x81, "half")[:8], "\x01\x02ha"},
		{"half of a header", masked(0x81, "half")[:3], ""},

		{"a frame without a mask", "\x81\x02ab", failed(1002, "frames of a client have to be masked")},
		{"text that is none", masked(0x81, "\xff"), failed(1007, "text has to be UTF-8")},
		{"a message of 1 TiB", "\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", failed(1009, "a message has at most 64 MiB")},
		{"a bad code", masked(0x88, "\x03\xed"), failed(1002, "no close frame has such a code")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(c.want, "\x88") { // no close: the client's end of stream ends it
				if got := r.converse(open + c.sends); got != switched+c.want {
					t.Errorf("got\n%q\nwant\n%q", got, switched+c.want)
				}
				return
			}
			p := r.dial()
			p.send(open + c.sends)
			p.expect(switched)
			p.expect(c.want)
			p.expectEnd()
		})
	}
	t.Run("a long message, byte for byte", func(t *testing.T) {
		p := r.dial()
		p.send(open)
		p.expect(switched)
		for _, frame := range []string{masked(0x01, "ä")[:7], masked(0x01, "ä")[7:], "\x80\xff\x00\x00\x00\x00\x00\x01\x86\xa0\x00\x00\x00\x00"} {
			p.send(frame)
		}
		go p.Write([]byte(long))
		message, fin := "", false
		for !fin {
			var f [2]byte
			for i := range f {
				f[i], _ = p.in.ReadByte()
			}
			fin = f[0]&0x80 != 0
			n := int(f[1])
			if n == 126 {
				high, _ := p.in.ReadByte()
				low, _ := p.in.ReadByte()
				n = int(high)<<8 | int(low)
			}
			part := make([]byte, n)
			for i := range part {
				part[i], _ = p.in.ReadByte()
			}
			message += string(part)
		}
		if message != "ä"+long {
			t.Errorf("%d bytes came back, want %d: %.50q", len(message), len(long)+2, message)
		}
	})
}

// Who sends nothing is told so, and let go.
func TestIdleWebSocket(t *testing.T) {
	dir := lay(t, files)
	s := simulate(t, dir, []step{{0, get("GET", "/_/websocket", upgrade...)}, {70 * time.Second, masked(0x89, "")}}, false)
	if got := undatedAt(s.got); s.err != nil || got != switched+"\x8a\x00"+failed(1001, "nothing came for too long") {
		t.Errorf("got %q, %v", got, s.err)
	}
	if s.ended < 145*time.Second || s.ended > 152*time.Second {
		t.Errorf("it ended after %v", s.ended)
	}
}
