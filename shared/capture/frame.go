package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
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
	clientMAC = []byte{2, 0, 0, 0, 0, 1}
	edgeMAC   = []byte{2, 0, 0, 0, 0, 2}
	originMAC = []byte{2, 0, 0, 0, 0, 3}
)

type tcpFlags uint8

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

// A framer makes Ethernet frames. Its result is valid until its next call.
type framer struct {
	buf     gopacket.SerializeBuffer
	eth     layers.Ethernet
	ip4     layers.IPv4
	ip6     layers.IPv6
	tcp     layers.TCP
	udp     layers.UDP
	options []layers.TCPOption // those of a SYN
}

func newFramer() *framer {
	return &framer{
		buf: gopacket.NewSerializeBufferExpectedSize(128, 1<<16),
		ip4: layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment},
		ip6: layers.IPv6{Version: 6, HopLimit: 64},
		options: []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionData: []byte{maxSegment >> 8, maxSegment & 0xff}},
			{OptionType: layers.TCPOptionKindNop},
			{OptionType: layers.TCPOptionKindWindowScale, OptionData: []byte{windowScale}},
		},
	}
}

func (f *framer) segment(s *segment) ([]byte, error) {
	f.tcp = layers.TCP{
		SrcPort: layers.TCPPort(s.from.Port()), DstPort: layers.TCPPort(s.to.Port()),
		Seq: s.seq, Ack: s.ack, Window: maxWindow,
		FIN: s.flags&flagFIN != 0, SYN: s.flags&flagSYN != 0, RST: s.flags&flagRST != 0,
		PSH: s.flags&flagPSH != 0, ACK: s.flags&flagACK != 0,
	}
	if f.tcp.SYN {
		f.tcp.Options = f.options
	}
	f.link(s.hop, s.dir)
	return f.packet(s.from.Addr(), s.to.Addr(), layers.IPProtocolTCP, &f.tcp, s.content)
}

func (f *framer) datagram(from, to netip.AddrPort, content []byte) ([]byte, error) {
	f.udp = layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	f.eth.SrcMAC, f.eth.DstMAC = edgeMAC, clientMAC
	return f.packet(from.Addr(), to.Addr(), layers.IPProtocolUDP, &f.udp, content)
}

// link sets the hardware addresses: of the client and the edge, or of the edge
// and the origin.
func (f *framer) link(hop events.Hop, dir events.Direction) {
	f.eth.SrcMAC, f.eth.DstMAC = clientMAC, edgeMAC
	if hop == events.OriginHop {
		f.eth.SrcMAC, f.eth.DstMAC = edgeMAC, originMAC
	}
	if dir == events.Outbound {
		f.eth.SrcMAC, f.eth.DstMAC = f.eth.DstMAC, f.eth.SrcMAC
	}
}

// A transport is a layer whose checksum covers the addresses below it.
type transport interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

func (f *framer) packet(from, to netip.Addr, protocol layers.IPProtocol, t transport, content []byte) ([]byte, error) {
	if from.Is4() {
		f.eth.EthernetType = layers.EthernetTypeIPv4
		f.ip4.Protocol, f.ip4.SrcIP, f.ip4.DstIP = protocol, from.AsSlice(), to.AsSlice()
		return f.serialize(&f.ip4, t, content)
	}
	f.eth.EthernetType = layers.EthernetTypeIPv6
	f.ip6.NextHeader, f.ip6.SrcIP, f.ip6.DstIP = protocol, from.AsSlice(), to.AsSlice()
	return f.serialize(&f.ip6, t, content)
}

// A network is the layer below a transport.
type network interface {
	gopacket.SerializableLayer
	gopacket.NetworkLayer
}

func (f *framer) serialize(n network, t transport, content []byte) ([]byte, error) {
	if err := t.SetNetworkLayerForChecksum(n); err != nil {
		return nil, err
	}
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	err := gopacket.SerializeLayers(f.buf, options, &f.eth, n, t, gopacket.Payload(content))
	return f.buf.Bytes(), err
}
