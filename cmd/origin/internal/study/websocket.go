package study

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/hopwire/hopwire/shared/wire"
)

// answerWebSocket opens one, or says what is missing in the handshake (RFC 6455
// section 4.2.1). No extension and no subprotocol is agreed on.
func answerWebSocket(r *request) Answer {
	key, _ := r.head.Lookup("Sec-WebSocket-Key")
	version, _ := r.head.Lookup("Sec-WebSocket-Version")
	nonce, err := base64.StdEncoding.DecodeString(string(key))
	framing, _ := wire.RequestFraming(r.head)
	switch {
	case r.head.Minor == 0 || !has(r.head.Members(wire.FieldUpgrade), "websocket") || !has(r.head.Members(wire.FieldConnection), "upgrade"):
		a := withStatus(426)
		a.Content = whole(a.Type, "here is a WebSocket: ask by GET, with Connection: Upgrade and Upgrade: websocket\n")
		return a
	case string(version) != "13":
		a := withStatus(426)
		a.Fields = append(a.Fields, Field{"Sec-WebSocket-Version", "13"})
		return a
	case err != nil || len(nonce) != 16 || !r.head.Is("GET") || framing.Kind != wire.None:
		r.fail("a WebSocket is opened by GET without content, and with 16 bytes in base64 as Sec-WebSocket-Key")
	}
	sum := sha1.Sum(append(key[:len(key):len(key)], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return Answer{Status: 101, Reads: Frames, Fields: []Field{
		{"Connection", "Upgrade"}, {"Upgrade", "websocket"},
		{"Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:])},
	}}
}

func has(members wire.Members, token string) bool {
	for {
		member, ok := members.Next()
		if !ok || wire.EqualFold(member, token) {
			return ok
		}
	}
}

// An Opcode says what a frame is (RFC 6455 section 11.8).
type Opcode uint8

// The opcodes that there are.
const (
	Continuation Opcode = 0
	Text         Opcode = 1
	Binary       Opcode = 2
	CloseFrame   Opcode = 8
	Ping         Opcode = 9
	Pong         Opcode = 10
)

// Control reports whether it is a frame of its own, which may stand between those of
// a message.
func (o Opcode) Control() bool { return o >= CloseFrame }

// A Frame is the header of a frame (RFC 6455 section 5.2).
type Frame struct {
	Fin    bool // the last one of its message
	Opcode Opcode
	Mask   [4]byte
	Length int64 // bytes of payload
}

// A Failure ends a WebSocket: the status code and the reason of its close frame (RFC
// 6455 section 7.4).
type Failure struct {
	Code   uint16
	Reason string
}

func (f *Failure) Error() string { return f.Reason }

func broken(reason string) *Failure { return &Failure{1002, reason} }

// MaxMessage is how many bytes a message has at most.
const MaxMessage = 64 << 20

// Messages judges the frames of a client: their order, their sizes, and whether text
// is UTF-8. It holds no message. The zero value is ready to use.
type Messages struct {
	within Opcode // what message has begun and not ended; 0: none
	size   int64  // of it, as far as it is known
	rest   []byte // of text: the beginning of a character
}

// Begin reads the header of the next frame at the start of b. n is how many bytes it
// has, and 0 if more are needed. The error is a *Failure.
func (m *Messages) Begin(b []byte) (f Frame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	n, length := 2, uint64(b[1]&0x7f)
	switch wide := min(len(b), 10); {
	case length == 126 && wide >= 4:
		n, length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case length == 127 && wide == 10:
		n, length = 10, binary.BigEndian.Uint64(b[2:])
	case length >= 126:
		return f, 0, nil
	}
	f = Frame{Fin: b[0]&0x80 != 0, Opcode: Opcode(b[0] & 0x0f), Length: int64(min(length, MaxMessage+1))}
	if err := m.admit(f, b[0]&0x70 != 0, b[1]&0x80 != 0, b[1]&0x7f); err != nil {
		return f, 0, err
	}
	if len(b) < n+len(f.Mask) {
		return f, 0, nil
	}
	n += copy(f.Mask[:], b[n:])
	if !f.Opcode.Control() {
		m.take(f)
	}
	return f, n, nil
}

// admit says what is wrong with a header, nil if nothing is.
func (m *Messages) admit(f Frame, reserved, masked bool, shortLength byte) error {
	switch {
	case reserved:
		return broken("a reserved bit is set, and no extension was agreed on")
	case !masked:
		return broken("frames of a client have to be masked")
	case f.Opcode > Pong || f.Opcode > Binary && !f.Opcode.Control():
		return broken("there is no such opcode")
	case f.Opcode.Control() && (!f.Fin || shortLength > 125):
		return broken("a control frame is one frame of at most 125 bytes")
	case f.Opcode.Control():
		return nil
	case f.Opcode == Continuation && m.within == 0:
		return broken("there is no message to continue")
	case f.Opcode != Continuation && m.within != 0:
		return broken("a message begins before the last one has ended")
	case m.size+f.Length > MaxMessage:
		return &Failure{1009, "a message has at most 64 MiB"}
	}
	return nil
}

// take begins a message, or goes on with it.
func (m *Messages) take(f Frame) {
	if f.Opcode != Continuation {
		m.within, m.size = f.Opcode, 0
	}
	m.size += f.Length
}

// Payload checks the next unmasked bytes of a message. With last its end has come.
func (m *Messages) Payload(p []byte, last bool) error {
	text := m.within == Text
	if last {
		m.within, m.size = 0, 0
	}
	if !text {
		return nil
	}
	// At most three bytes are left of the last piece: a character has four.
	for ; len(m.rest) > 0 && len(p) > 0 && !utf8.FullRune(m.rest); p = p[1:] {
		m.rest = append(m.rest, p[0])
	}
	if len(m.rest) > 0 && utf8.FullRune(m.rest) {
		if !utf8.Valid(m.rest) {
			return errText
		}
		m.rest = m.rest[:0]
	}
	whole := len(p)
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if start := len(p) - back; utf8.RuneStart(p[start]) {
			if !utf8.FullRune(p[start:]) {
				whole = start
			}
			break
		}
	}
	m.rest = append(m.rest, p[whole:]...)
	if !utf8.Valid(p[:whole]) || last && len(m.rest) > 0 {
		return errText
	}
	return nil
}

var errText = &Failure{1007, "text has to be UTF-8"}

// Unmask takes the mask off p, which stands in the payload at an offset.
func (f *Frame) Unmask(p []byte, offset int64) {
	for i := range p {
		p[i] ^= f.Mask[(offset+int64(i))&3]
	}
}

// AppendFrame appends the header of a server's frame, which has no mask.
func AppendFrame(b []byte, fin bool, o Opcode, length int) []byte {
	first := byte(o)
	if fin {
		first |= 0x80
	}
	switch b = append(b, first); {
	case length < 126:
		return append(b, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(length))
}

// AppendClose appends a close frame.
func AppendClose(b []byte, f *Failure) []byte {
	b = AppendFrame(b, true, CloseFrame, 2+len(f.Reason))
	return append(binary.BigEndian.AppendUint16(b, f.Code), f.Reason...)
}

// Closing is the payload to answer a client's close frame with: its code again, or
// what is wrong with it (RFC 6455 section 5.5.1).
func Closing(payload []byte) ([]byte, error) {
	if len(payload) == 0 {
		return nil, nil
	}
	if len(payload) == 1 {
		return nil, broken("a close frame has no code, or one of two bytes")
	}
	switch code := binary.BigEndian.Uint16(payload); {
	case !utf8.Valid(payload[2:]):
		return nil, errText
	case code >= 3000 && code < 5000, code >= 1000 && code < 1015 && code != 1004 && code != 1005 && code != 1006:
		return payload[:2], nil
	}
	return nil, broken("no close frame has such a code")
}
