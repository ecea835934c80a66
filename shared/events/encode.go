package events

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The header of an encoded event, little-endian. The comment and the content
// follow it.
//
//	 0  size of all of it, 4 bytes       24  time, Unix nanoseconds, 8
//	 4  kind, hop, direction, detail     32  offset, 8
//	 8  size of the comment, 4           40  exchange: client's connection, 8
//	12  size of the content, 4           48  origin's connection, 8
//	16  number of the connection, 8      56  place on each, 4 and 4
const eventHeader = 64

// An encoded event has less of it than an Event, whose fields are made of these.
type encoded struct {
	kind     Kind
	conn     ConnID
	dir      Direction
	detail   uint8 // Means of an end; of bytes, whether more follow
	at       int64
	offset   uint64
	exchange Exchange
	comment  string
	content  []byte // the caller's memory, or the ring's: addresses, bytes, a note, or the offset of the other direction
}

func (e *encoded) size() int { return eventHeader + len(e.comment) + len(e.content) }

// encode writes e to b, which has room for e.size() bytes.
func (e *encoded) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], uint32(e.size()))
	b[4], b[5], b[6], b[7] = byte(e.kind), byte(e.conn.Hop), byte(e.dir), e.detail
	le.PutUint32(b[8:], uint32(len(e.comment)))
	le.PutUint32(b[12:], uint32(len(e.content)))
	le.PutUint64(b[16:], e.conn.N)
	le.PutUint64(b[24:], uint64(e.at))
	le.PutUint64(b[32:], e.offset)
	le.PutUint64(b[40:], e.exchange.Client.Conn.N)
	le.PutUint64(b[48:], e.exchange.Origin.Conn.N)
	le.PutUint32(b[56:], e.exchange.Client.N)
	le.PutUint32(b[60:], e.exchange.Origin.N)
	n := copy(b[eventHeader:], e.comment)
	copy(b[eventHeader+n:], e.content)
}

// sizeOf returns how many bytes the event encoded in b takes.
func sizeOf(b []byte) int { return int(binary.LittleEndian.Uint32(b)) }

// timeOf returns the time of the event encoded in b.
func timeOf(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[24:])) }

// decode makes e the event encoded in b, and keeps pointing there.
func decode(b []byte, e *Event) {
	le := binary.LittleEndian
	comment := eventHeader + int(le.Uint32(b[8:]))
	content := b[comment : comment+int(le.Uint32(b[12:]))]
	*e = Event{
		At: time.Unix(0, timeOf(b)), Kind: Kind(b[4]), Conn: ConnID{Hop: Hop(b[5]), N: le.Uint64(b[16:])},
		Exchange:  Exchange{use(ClientHop, le.Uint64(b[40:]), le.Uint32(b[56:])), use(OriginHop, le.Uint64(b[48:]), le.Uint32(b[60:]))},
		Direction: Direction(b[6]), Offset: le.Uint64(b[32:]), Means: Means(b[7]),
		Comment: string(b[eventHeader:comment]),
	}
	switch e.Kind {
	case Opened:
		e.Client, e.Server = decodeAddress(content), decodeAddress(content[addressSize:])
	case Noted:
		e.Note = decodeNote(content)
	case Closed:
		e.Reverse = le.Uint64(content)
	default:
		e.Content = content
		if e.Kind == Bytes {
			e.Partial, e.Means = b[7] != 0, NotEnded
		}
	}
}

func use(hop Hop, conn uint64, n uint32) Use {
	if n == 0 {
		return Use{}
	}
	return Use{ConnID{hop, conn}, n}
}

// addressSize is that of an encoded address: family (0 for none), IP, port.
const addressSize = 1 + 16 + 2

func appendAddress(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As16()
	family := byte(0)
	switch {
	case a.Addr().Is4():
		family = 4
	case a.IsValid():
		family = 6
	}
	b = append(append(b, family), ip[:]...)
	return binary.LittleEndian.AppendUint16(b, a.Port())
}

func decodeAddress(b []byte) netip.AddrPort {
	if b[0] == 0 {
		return netip.AddrPort{}
	}
	ip := netip.AddrFrom16([16]byte(b[1:17]))
	if b[0] == 4 {
		ip = ip.Unmap()
	}
	return netip.AddrPortFrom(ip, binary.LittleEndian.Uint16(b[17:]))
}

// maxNote bounds a note, so that a datagram has room for it, and a ring for several.
const maxNote = 48 << 10

// appendNote appends n: whether it is a warning, and its texts, each behind its
// length. What is beyond the bound is left out.
func appendNote(b []byte, n *Note) []byte {
	warning := byte(0)
	if n.Warning {
		warning = 1
	}
	left := maxNote
	text := func(s string) {
		s = s[:min(len(s), left)]
		left -= len(s)
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	b = append(b, warning)
	text(n.Kind)
	text(n.Text)
	for _, p := range n.Params {
		text(p.Name)
		text(p.Value)
	}
	return b
}

func decodeNote(b []byte) *Note {
	n := &Note{Warning: b[0] == 1}
	b = b[1:]
	text := func() string {
		size := binary.LittleEndian.Uint32(b)
		s := string(b[4 : 4+size])
		b = b[4+size:]
		return s
	}
	n.Kind, n.Text = text(), text()
	for len(b) > 0 {
		n.Params = append(n.Params, Param{text(), text()})
	}
	return n
}
