package capture

import (
	"encoding/binary"
	"net/netip"
	"time"
)

type eventKind uint8

const (
	openEvent eventKind = iota
	dataEvent
	endEvent   // of one direction
	closeEvent // of both: nothing more comes
	noteEvent
)

// An event is what a Track records, on its way to the writer.
type event struct {
	kind    eventKind
	flow    FlowID
	dir     Direction
	detail  uint8  // push of data, Ending of an end or a close, Severity of a note
	offset  uint64 // how much had passed in that direction
	at      int64  // Unix time in nanoseconds
	comment string
	content []byte // the caller's memory, or the ring's
}

// The header of an encoded event, little-endian. The comment and the content
// follow it.
//
//	 0  size of all of it, 4 octets      16  number of the flow, 8
//	 4  kind, hop, direction, detail     24  time, 8
//	 8  size of the comment, 4           32  offset, 8
//	12  size of the content, 4
const eventHeader = 40

func (e *event) size() int { return eventHeader + len(e.comment) + len(e.content) }

// encode writes e to b, which has room for e.size() octets.
func (e *event) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], uint32(e.size()))
	b[4], b[5], b[6], b[7] = byte(e.kind), byte(e.flow.Hop), byte(e.dir), e.detail
	le.PutUint32(b[8:], uint32(len(e.comment)))
	le.PutUint32(b[12:], uint32(len(e.content)))
	le.PutUint64(b[16:], e.flow.N)
	le.PutUint64(b[24:], uint64(e.at))
	le.PutUint64(b[32:], e.offset)
	n := copy(b[eventHeader:], e.comment)
	copy(b[eventHeader+n:], e.content)
}

func decodeEvent(b []byte) event {
	le := binary.LittleEndian
	comment := eventHeader + int(le.Uint32(b[8:]))
	content := comment + int(le.Uint32(b[12:]))
	return event{
		kind: eventKind(b[4]), flow: FlowID{Hop: Hop(b[5]), N: le.Uint64(b[16:])},
		dir: Direction(b[6]), detail: b[7],
		at: int64(le.Uint64(b[24:])), offset: le.Uint64(b[32:]),
		comment: string(b[eventHeader:comment]), content: b[comment:content],
	}
}

func (e *event) time() time.Time { return time.Unix(0, e.at) }

// eventTime returns the time of the event encoded in b.
func eventTime(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[24:])) }

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
