package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"
)

const (
	// maxSegment is the maximum segment size that the handshake announces. It
	// is that of the loopback interface, so that an event is one segment.
	maxSegment = events.MaxPiece
	// maxWindow is announced in every segment and means 8 MiB by windowScale.
	maxWindow   = 65535
	windowScale = 7
	// ackEvery bounds what stays unacknowledged while only one side speaks. It
	// is far below the window, or Wireshark would report the window as full.
	ackEvery = 256 << 10
)

// Locally administered hardware addresses; the edge has the one in the middle.
var (
	clientMAC = [6]byte{2, 0, 0, 0, 0, 1}
	edgeMAC   = [6]byte{2, 0, 0, 0, 0, 2}
	originMAC = [6]byte{2, 0, 0, 0, 0, 3}
)

type tcpFlags uint8

// The flags, in their places (RFC 9293 section 3.1).
const (
	flagFIN tcpFlags = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// A segment is one TCP segment with all that decides its headers, and what the
// file says of it beside them.
type segment struct {
	hop      events.Hop
	dir      events.Direction
	from, to netip.AddrPort
	flags    tcpFlags
	seq, ack uint32
	content  []byte

	at       time.Time
	goesOn   string          // that the connection began in an earlier file
	exchange events.Exchange // that it is used for
	comment  string
}

// Numbers of protocols (RFC 9293, RFC 768), and sizes of headers without options.
const (
	protocolTCP, protocolUDP             = 6, 17
	ethernetHead, tcpHead, udpHead       = 14, 20, 8
	etherTypeIPv4, etherTypeIPv6         = 0x0800, 0x86dd
	ipv4TTL, ipv4DontFragment            = 64, 0x4000
	tcpChecksumOffset, udpChecksumOffset = 16, 6
)

// synOptions are those of a SYN: the maximum segment size, a NOP, the window scale
// (RFC 9293 section 3.2, RFC 7323 section 2.2).
var synOptions = [...]byte{2, 4, maxSegment >> 8, maxSegment & 0xff, 1, 3, 3, windowScale}

// appendSegment appends the Ethernet frame of a segment.
func appendSegment(b []byte, s *segment) []byte {
	from, to := clientMAC, edgeMAC
	if s.hop == events.OriginHop {
		from, to = edgeMAC, originMAC
	}
	if s.dir == events.Outbound {
		from, to = to, from
	}
	var options []byte
	if s.flags&flagSYN != 0 {
		options = synOptions[:]
	}
	head := tcpHead + len(options)
	b = appendLink(b, from, to, s.from.Addr())
	b = appendNetwork(b, s.from.Addr(), s.to.Addr(), protocolTCP, head+len(s.content))
	start := len(b)
	be := binary.BigEndian
	b = be.AppendUint16(be.AppendUint16(b, s.from.Port()), s.to.Port())
	b = be.AppendUint32(be.AppendUint32(b, s.seq), s.ack)
	b = append(b, byte(head/4)<<4, byte(s.flags))
	b = be.AppendUint16(b, maxWindow)
	b = append(b, 0, 0, 0, 0) // checksum; nothing is urgent
	b = append(b, options...)
	b = append(b, s.content...)
	be.PutUint16(b[start+tcpChecksumOffset:], checksum(s.from.Addr(), s.to.Addr(), protocolTCP, b[start:]))
	return b
}

// appendDatagram appends the Ethernet frame of a UDP datagram from the edge.
func appendDatagram(b []byte, from, to netip.AddrPort, content []byte) []byte {
	b = appendLink(b, edgeMAC, clientMAC, from.Addr())
	b = appendNetwork(b, from.Addr(), to.Addr(), protocolUDP, udpHead+len(content))
	start := len(b)
	be := binary.BigEndian
	b = be.AppendUint16(be.AppendUint16(b, from.Port()), to.Port())
	b = be.AppendUint16(b, uint16(udpHead+len(content)))
	b = append(b, 0, 0)
	b = append(b, content...)
	sum := checksum(from.Addr(), to.Addr(), protocolUDP, b[start:])
	if sum == 0 {
		sum = 0xffff // 0 means that there is none
	}
	be.PutUint16(b[start+udpChecksumOffset:], sum)
	return b
}

func appendLink(b []byte, from, to [6]byte, network netip.Addr) []byte {
	b = append(append(b, to[:]...), from[:]...)
	if network.Is4() {
		return binary.BigEndian.AppendUint16(b, etherTypeIPv4)
	}
	return binary.BigEndian.AppendUint16(b, etherTypeIPv6)
}

// appendNetwork appends the IP header before so many bytes.
func appendNetwork(b []byte, from, to netip.Addr, protocol byte, size int) []byte {
	be := binary.BigEndian
	start := len(b)
	if !from.Is4() { // RFC 8200 section 3
		b = append(b, 0x60, 0, 0, 0)
		b = be.AppendUint16(b, uint16(size))
		b = append(b, protocol, ipv4TTL)
		source, target := from.As16(), to.As16()
		return append(append(b, source[:]...), target[:]...)
	}
	const head = 20 // RFC 791 section 3.1
	b = append(b, 0x45, 0)
	b = be.AppendUint16(b, uint16(head+size))
	b = append(b, 0, 0)
	b = be.AppendUint16(b, ipv4DontFragment)
	b = append(b, ipv4TTL, protocol, 0, 0)
	source, target := from.As4(), to.As4()
	b = append(append(b, source[:]...), target[:]...)
	be.PutUint16(b[start+10:], ^fold(sumOf(0, b[start:])))
	return b
}

// checksum is that of a TCP segment or UDP datagram whose own checksum is 0, with the
// pseudo-header before it (RFC 9293 section 3.1).
func checksum(from, to netip.Addr, protocol byte, p []byte) uint16 {
	sum := uint64(protocol) + uint64(len(p))
	if from.Is4() {
		source, target := from.As4(), to.As4()
		sum = sumOf(sumOf(sum, source[:]), target[:])
	} else {
		source, target := from.As16(), to.As16()
		sum = sumOf(sumOf(sum, source[:]), target[:])
	}
	return ^fold(sumOf(sum, p))
}

// sumOf adds the 16-bit words of p to a ones' complement sum, eight bytes at a time: it
// may be as wide as one likes until it is folded (RFC 1071 section 2).
func sumOf(sum uint64, p []byte) uint64 {
	var carry uint64
	for len(p) >= 32 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(p), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(p[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(p[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(p[24:]), carry)
		p = p[32:]
	}
	for len(p) > 0 {
		var word [8]byte
		n := copy(word[:], p)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(word[:]), carry)
		p = p[n:]
	}
	sum, carry = bits.Add64(sum, carry, 0)
	return sum + carry
}

func fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}
