package capture

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/events"
)

// A tunnel puts an Ethernet frame into another one.
type tunnel func(t testing.TB, frame []byte) []byte

// through makes a tunnel of the layers between the outer IP header and what is
// carried: the frame, or from its IP header on.
func through(protocol layers.IPProtocol, from int, header ...gopacket.SerializableLayer) tunnel {
	return throughFrom(1, protocol, from, header...)
}

// throughFrom is such a tunnel of which the sender's address ends in a number.
func throughFrom(sender byte, protocol layers.IPProtocol, from int, header ...gopacket.SerializableLayer) tunnel {
	return func(t testing.TB, frame []byte) []byte {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: []byte{10, 99, 0, sender}, DstIP: []byte{10, 99, 0, 2}}
		all := []gopacket.SerializableLayer{&layers.Ethernet{SrcMAC: edgeMAC[:], DstMAC: originMAC[:], EthernetType: layers.EthernetTypeIPv4}, ip}
		for _, l := range header {
			if udp, ok := l.(*layers.UDP); ok {
				udp.SetNetworkLayerForChecksum(ip)
			}
			all = append(all, l)
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, append(all, gopacket.Payload(frame[from:]))...)
		if err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
}

func vxlan(port layers.UDPPort, vni uint32) tunnel {
	return through(layers.IPProtocolUDP, 0, &layers.UDP{SrcPort: 50000, DstPort: port}, &layers.VXLAN{ValidIDFlag: true, VNI: vni})
}

func erspan(session byte) tunnel {
	return through(layers.IPProtocolGRE, 0, &layers.GRE{Protocol: layers.EthernetTypeERSPAN, SeqPresent: true},
		&layers.ERSPANII{Version: 1, SessionID: uint16(session)})
}

const ethernetHeader = 14

var tunnels = map[string]tunnel{
	"IP in IP":             through(layers.IPProtocolIPv4, ethernetHeader),
	"GRE":                  through(layers.IPProtocolGRE, ethernetHeader, &layers.GRE{Protocol: layers.EthernetTypeIPv4}),
	"GRE with a key":       through(layers.IPProtocolGRE, ethernetHeader, &layers.GRE{Protocol: layers.EthernetTypeIPv4, KeyPresent: true, Key: 7}),
	"Ethernet in GRE":      through(layers.IPProtocolGRE, 0, &layers.GRE{Protocol: layers.EthernetTypeTransparentEthernetBridging}),
	"VXLAN":                vxlan(4789, 5),
	"VXLAN, Linux's port":  vxlan(8472, 5),
	"Geneve":               through(layers.IPProtocolUDP, 0, &layers.UDP{SrcPort: 50000, DstPort: 6081}, &layers.Geneve{Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: 5}),
	"ERSPAN, type I":       through(layers.IPProtocolGRE, 0, &layers.GRE{Protocol: layers.EthernetTypeERSPAN}),
	"ERSPAN, type II":      erspan(5),
	"ERSPAN, type III":     through(layers.IPProtocolGRE, 0, &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, gopacket.Payload("\x20\x00\x00\x05timesg\x00\x00")),
	"with a subheader":     through(layers.IPProtocolGRE, 0, &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, gopacket.Payload("\x20\x00\x00\x05timesg\x00\x01platform")),
	"IP in ERSPAN III":     through(layers.IPProtocolGRE, ethernetHeader, &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, gopacket.Payload("\x20\x00\x00\x05timesg\x08\x00")),
	"a tunnel in a tunnel": func(t testing.TB, frame []byte) []byte { return vxlan(4789, 5)(t, erspan(5)(t, frame)) },
}

// The ends of a connection are those next to its TCP header: two clients behind
// one tunnel are two.
func TestReadTunnels(t *testing.T) {
	for name, tunnel := range tunnels {
		t.Run(name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			tap.tunnel = tunnel
			clients := []netip.AddrPort{tap.ends[0], netip.MustParseAddrPort("10.0.0.3:4000")}
			both := func(send func()) {
				for _, tap.ends[0] = range clients {
					send()
				}
			}
			both(tap.connect)
			both(func() { tap.send(events.Inbound, 0, 0, askA) })
			both(func() { tap.send(events.Outbound, 0, 0, answer) })
			rec := readBytes(t, tap.file.Bytes())
			if len(rec.Connections) != 2 || len(rec.Warnings) > 0 {
				t.Fatalf("%d connections, warnings %q", len(rec.Connections), rec.Warnings)
			}
			for i, c := range rec.Connections {
				equalLines(t, "exchanges", describe(c), []string{askedA})
				if c.Client != clients[i] {
					t.Errorf("client %v, want %v", c.Client, clients[i])
				}
			}
			if name == "VXLAN, Linux's port" || name == "IP in ERSPAN III" {
				return // tshark does not look for one there
			}
			if got := run(t, tap.file.Bytes(), "tshark", "-Y", "http.request", "-T", "fields", "-e", "tcp.stream"); got != "0\n1\n" {
				t.Errorf("tshark sees requests on %q", got)
			}
		})
	}
}

// Networks behind two tunnels may have the same addresses. One connection may be
// in two tunnels all the same.
func TestReadConnectionsInTwoTunnels(t *testing.T) {
	one, two := vxlan(4789, 1), vxlan(4789, 2)
	cases := []struct {
		name    string
		capture func(tap *wiretap)
		want    [][]string
	}{
		{"two networks", func(tap *wiretap) {
			const apart = 1 << 30
			for _, tap.tunnel = range []tunnel{one, two} {
				tap.connect()
				tap.initial += apart
			}
			tap.initial -= 2 * apart
			for i, ask := range []string{askA, askB} {
				tap.tunnel, tap.sent = []tunnel{one, two}[i], [2]int{}
				tap.send(events.Inbound, 0, 0, ask)
				tap.send(events.Outbound, 0, 0, answer)
				tap.initial += apart
			}
		}, [][]string{{askedA}, {askedB}}},

		{"each direction in its own", func(tap *wiretap) {
			tap.tunnel = one
			tap.send(events.Inbound, flagSYN, 0, "")
			tap.tunnel = two
			tap.send(events.Outbound, flagSYN|flagACK, 0, "")
			tap.tunnel = one
			tap.send(events.Inbound, 0, 0, askA)
			tap.tunnel = two
			tap.send(events.Outbound, 0, 0, answer)
		}, [][]string{{askedA}}},

		{"inside and outside", func(tap *wiretap) {
			twice := func(send func()) {
				for _, tap.tunnel = range []tunnel{one, nil} {
					send()
				}
			}
			twice(tap.connect)
			twice(func() { tap.send(events.Inbound, 0, 0, askA) })
			twice(func() { tap.send(events.Outbound, 0, 0, answer) })
			tap.initial += 1 << 30 // the same ports once more
			twice(func() { tap.send(events.Inbound, flagSYN, 0, "") })
			twice(func() { tap.send(events.Inbound, 0, 0, askB) })
		}, [][]string{{askedA}, {"GET /b 28+0 ->"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			c.capture(tap)
			rec := readBytes(t, tap.file.Bytes())
			if len(rec.Connections) != len(c.want) || len(rec.Warnings) > 0 {
				t.Fatalf("%d connections, want %d; warnings %q", len(rec.Connections), len(c.want), rec.Warnings)
			}
			for i, want := range c.want {
				equalLines(t, "exchanges", describe(rec.Connections[i]), want)
			}
		})
	}
}

// Tunnels without a number are told apart by their own ends, even if connections with
// the same addresses have sequence numbers that are near.
func TestReadConnectionsInTwoTunnelsWithoutNumbers(t *testing.T) {
	for name, from := range map[string]func(sender byte) tunnel{
		"GRE": func(sender byte) tunnel {
			return throughFrom(sender, layers.IPProtocolGRE, ethernetHeader, &layers.GRE{Protocol: layers.EthernetTypeIPv4})
		},
		"Ethernet in GRE": func(sender byte) tunnel {
			return throughFrom(sender, layers.IPProtocolGRE, 0, &layers.GRE{Protocol: layers.EthernetTypeTransparentEthernetBridging})
		},
		"IP in IP": func(sender byte) tunnel { return throughFrom(sender, layers.IPProtocolIPv4, ethernetHeader) },
	} {
		t.Run(name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			first := tap.initial
			var places [2][2]int // of each tunnel and direction
			say := func(i int, d events.Direction, content string) {
				tap.tunnel, tap.initial, tap.sent = from(byte(3+i)), first+uint32(10*i), places[i]
				tap.send(d, 0, places[i][d], content)
				places[i] = tap.sent
			}
			for _, ask := range []string{askA, askB} {
				say(0, events.Inbound, ask)
				say(1, events.Inbound, ask)
				say(0, events.Outbound, answer)
				say(1, events.Outbound, answer)
			}
			rec := readBytes(t, tap.file.Bytes())
			if len(rec.Connections) != 2 {
				t.Fatalf("%d connections, want 2; warnings %q", len(rec.Connections), rec.Warnings)
			}
			for _, c := range rec.Connections {
				equalLines(t, "exchanges", describe(c), []string{askedA, askedB})
			}
		})
	}
}

// An IPv6 packet with a fragment header may be whole (RFC 6946).
func TestReadAtomicFragments(t *testing.T) {
	for offset, want := range map[uint16]int{0: 1, 1: 0, 8: 0} { // 1: more fragments
		tap := newWiretap(t, layers.LinkTypeEthernet)
		tap.ends = [2]netip.AddrPort{netip.MustParseAddrPort("[fd00::1]:4000"), netip.MustParseAddrPort("[fd00::2]:80")}
		tap.tunnel = func(_ testing.TB, frame []byte) []byte {
			out := append([]byte(nil), frame[:ethernetHeader+40]...)
			binary.BigEndian.PutUint16(out[ethernetHeader+4:], uint16(len(frame)-ethernetHeader-40+8))
			out[ethernetHeader+6] = byte(layers.IPProtocolIPv6Fragment)
			out = binary.BigEndian.AppendUint16(append(out, byte(layers.IPProtocolTCP), 0), offset)
			return append(append(out, 1, 2, 3, 4), frame[ethernetHeader+40:]...)
		}
		tap.connect()
		tap.send(events.Inbound, 0, 0, askA)
		tap.send(events.Outbound, 0, 0, answer)
		rec := readBytes(t, tap.file.Bytes())
		if len(rec.Connections) != want {
			t.Errorf("offset field %d: %d connections, want %d; warnings %q", offset, len(rec.Connections), want, rec.Warnings)
		}
		if want == 0 {
			equalLines(t, "warnings", rec.Warnings, []string{"4 packets fragmented by IP, left out: record at their sender, where they are whole"})
		}
	}
}
