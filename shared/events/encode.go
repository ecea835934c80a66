package events

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"
	"unsafe"
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

// decode makes e the event encoded in b, and keeps pointing there; note is memory for
// its note.
func decode(b []byte, e *Event, note *Note) {
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
		decodeNote(content, note)
		e.Note = note
	case Closed:
		e.Reverse = le.Uint64(content)
	case Gap:
		e.Missing = le.Uint64(content)
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

// A Draft is a note that is being made: its encoding, which is the one that a ring has.
// A parameter that goes beyond the bound is left out.
//
//	warning │ length, kind │ length, text │ length, name │ length, value │ ...
type Draft struct {
	b    []byte
	left int
}

// begin begins another note in the same memory.
func (d *Draft) begin(kind, text string, warning bool) {
	d.b, d.left = append(d.b[:0], 0), maxNote
	if warning {
		d.b[0] = 1
	}
	d.text(kind)
	d.text(text)
}

func (d *Draft) text(s string) {
	s = s[:min(len(s), d.left)]
	d.left -= len(s)
	d.b = append(binary.LittleEndian.AppendUint16(d.b, uint16(len(s))), s...)
}

// String adds a parameter.
func (d *Draft) String(name, value string) *Draft {
	if len(name)+len(value) <= d.left {
		d.text(name)
		d.text(value)
	}
	return d
}

// Bytes adds a parameter whose value is copied.
func (d *Draft) Bytes(name string, value []byte) *Draft {
	if len(name)+len(value) <= d.left {
		d.text(name)
		d.left -= len(value)
		d.b = append(binary.LittleEndian.AppendUint16(d.b, uint16(len(value))), value...)
	}
	return d
}

// Int adds a parameter that is a number.
func (d *Draft) Int(name string, value int64) *Draft {
	var digits [20]byte
	return d.Bytes(name, strconv.AppendInt(digits[:0], value, 10))
}

// Bool adds a parameter that is "true" or "false".
func (d *Draft) Bool(name string, value bool) *Draft {
	return d.String(name, strconv.FormatBool(value))
}

// decodeNote makes n the note encoded in b, and uses the memory of its parameters again.
// Its texts are those in b, so that a note costs no memory.
func decodeNote(b []byte, n *Note) {
	all := unsafe.String(&b[1], len(b)-1)
	text := func() (s string) {
		end := 2 + int(all[0]) + int(all[1])<<8
		s, all = all[2:end], all[end:]
		return s
	}
	n.Warning, n.Kind, n.Text, n.Params = b[0] == 1, text(), text(), n.Params[:0]
	for len(all) > 0 {
		n.Params = append(n.Params, Param{text(), text()})
	}
}
