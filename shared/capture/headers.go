package capture

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// What gopacket does not know of the headers around a TCP segment.
func init() {
	layers.EthernetTypeMetadata[ethernetTypeERSPANIII] = layers.EnumMetadata{
		DecodeWith: gopacket.DecodeFunc(decodeERSPANIII), Name: "ERSPAN Type III", LayerType: layerTypeERSPANIII,
	}
	// The Linux kernel's port for VXLAN is older than that of RFC 7348.
	layers.RegisterUDPPortLayerType(8472, layers.LayerTypeVXLAN)
	// A fragment that is the whole packet is read on (RFC 6946).
	gopacket.OverrideLayerType(int(layers.LayerTypeIPv6Fragment), gopacket.LayerTypeMetadata{
		Name: "IPv6Fragment", Decoder: gopacket.DecodeFunc(decodeIPv6Fragment),
	})
}

const ethernetTypeERSPANIII = 0x22eb

var layerTypeERSPANIII = gopacket.RegisterLayerType(2001, gopacket.LayerTypeMetadata{
	Name: "ERSPANIII", Decoder: gopacket.DecodeFunc(decodeERSPANIII),
})

// An erspanIII layer is the header of a mirrored frame (draft-foschiano-erspan
// section 4.3).
type erspanIII struct{ layers.BaseLayer }

// LayerType implements gopacket.Layer.
func (*erspanIII) LayerType() gopacket.LayerType { return layerTypeERSPANIII }

// session tells mirrors apart.
func (l *erspanIII) session() uint64 { return uint64(binary.BigEndian.Uint16(l.Contents[2:]) & 0x3ff) }

func decodeERSPANIII(data []byte, p gopacket.PacketBuilder) error {
	size := 12
	if len(data) >= size && data[11]&1 != 0 {
		size += 8 // the optional platform-specific subheader
	}
	if len(data) < size {
		return errors.New("the ERSPAN header is cut")
	}
	p.AddLayer(&erspanIII{layers.BaseLayer{Contents: data[:size], Payload: data[size:]}})
	if frameType := data[10] >> 2 & 0x1f; frameType == 2 {
		return p.NextDecoder(layers.LinkTypeRaw)
	}
	return p.NextDecoder(layers.LayerTypeEthernet)
}

func decodeIPv6Fragment(data []byte, p gopacket.PacketBuilder) error {
	f := new(layers.IPv6Fragment)
	if err := f.DecodeFromBytes(data, p); err != nil {
		return err
	}
	p.AddLayer(f)
	return p.NextDecoder(f.NextLayerType())
}

// segmentIn returns the TCP segment of a frame and its addresses, sender first:
// those next to it, for what stands around them belongs to a tunnel. The tunnel
// is made of the numbers by which tunnels and VLANs are told apart, and of the
// addresses of the tunnels that have none; 0 for no tunnel. tcp is nil if there is no
// segment.
func segmentIn(frame gopacket.Packet) (tcp *layers.TCP, ends [2]netip.AddrPort, tunnel uint64) {
	var network gopacket.NetworkLayer
	numbered := false // the tunnel that network carries
	within := func(id uint64) { tunnel = (tunnel ^ (id + 1)) * 0x100000001b3 }
	number := func(id uint64) {
		within(id)
		numbered = true
	}
	for _, layer := range frame.Layers() {
		switch l := layer.(type) {
		case *layers.TCP:
			return l, flowOf(network, l), tunnel
		case gopacket.NetworkLayer:
			if network != nil && !numbered {
				within(network.NetworkFlow().FastHash()) // the same for both directions
			}
			network, numbered = l, false
		case *layers.Dot1Q:
			within(uint64(l.VLANIdentifier))
		case *layers.VXLAN:
			number(uint64(l.VNI))
		case *layers.Geneve:
			number(uint64(l.VNI))
		case *layers.ERSPANII:
			number(uint64(l.SessionID))
		case *erspanIII:
			number(l.session())
		case *layers.GRE:
			if l.KeyPresent {
				number(uint64(l.Key))
			}
		}
	}
	return nil, ends, 0
}

// flowOf returns the addresses of a segment, sender first.
func flowOf(network gopacket.NetworkLayer, tcp *layers.TCP) [2]netip.AddrPort {
	var ends [2]netip.AddrPort
	if network == nil {
		return ends
	}
	from, to := network.NetworkFlow().Endpoints()
	source, _ := netip.AddrFromSlice(from.Raw())
	target, _ := netip.AddrFromSlice(to.Raw())
	ends[0] = netip.AddrPortFrom(source, uint16(tcp.SrcPort))
	ends[1] = netip.AddrPortFrom(target, uint16(tcp.DstPort))
	return ends
}
