package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/hopwire/hopwire/shared/events"
)

// A wiretap writes captures as others do, segment by segment, with nothing set
// right that a test does not ask for.
type wiretap struct {
	t       testing.TB
	file    bytes.Buffer
	pcap    *pcapgo.Writer
	link    layers.LinkType
	vlan    bool
	tunnel  tunnel
	initial uint32 // sequence number of the first octet of content
	snap    int
	now     time.Time
	ends    [2]netip.AddrPort
	sent    [2]int // places up to which each end has sent, captured or not
	deaf    bool   // nothing is acknowledged
}

func newWiretap(t testing.TB, link layers.LinkType) *wiretap {
	tap := &wiretap{
		t: t, link: link, snap: snapLength, initial: 1<<32 - 100, // so that every stream passes the end of the numbers
		now:  time.Unix(1767323045, 0).UTC(),
		ends: [2]netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.2:80")},
	}
	tap.pcap = pcapgo.NewWriterNanos(&tap.file)
	if err := tap.pcap.WriteFileHeader(snapLength, link); err != nil {
		t.Fatal(err)
	}
	return tap
}

// send captures a segment. seq counts from the first octet of content, 0. It
// acknowledges all that the other end has sent.
func (tap *wiretap) send(d events.Direction, flags tcpFlags, seq int, content string) {
	tap.t.Helper()
	number := tap.initial + uint32(seq)
	if flags&flagSYN != 0 {
		number = tap.initial - 1
	}
	tap.sent[d] = max(tap.sent[d], seq+len(content))
	ack := tap.initial
	if !tap.deaf {
		ack += uint32(tap.sent[d^1])
	}
	tap.frame(appendSegment(nil, &segment{dir: d, from: tap.ends[d], to: tap.ends[d^1],
		flags: flags | flagACK&^(flags&flagSYN<<3), seq: number, ack: ack, content: []byte(content)}))
}

// connect captures the handshake.
func (tap *wiretap) connect() {
	tap.send(events.Inbound, flagSYN, 0, "")
	tap.send(events.Outbound, flagSYN|flagACK, 0, "")
}

// frame puts an Ethernet frame into the capture, under the link layer asked for.
func (tap *wiretap) frame(ethernet []byte) {
	if tap.tunnel != nil {
		ethernet = tap.tunnel(tap.t, ethernet)
	}
	kind, packet := ethernet[12:14], ethernet[14:]
	switch tap.link {
	case layers.LinkTypeEthernet:
		packet = ethernet
		if tap.vlan {
			packet = append(append(append([]byte{}, ethernet[:12]...), 0x81, 0, 0, 7), ethernet[12:]...)
		}
	case layers.LinkTypeLinuxSLL:
		packet = append(append([]byte{0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0}, kind...), packet...)
	case layers.LinkTypeLinuxSLL2:
		packet = append(append(append([]byte{}, kind...), 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0), packet...)
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		family := byte(2)
		if kind[0] == 0x86 {
			family = 30
		}
		header := []byte{family, 0, 0, 0}
		if tap.link == layers.LinkTypeLoop {
			header = []byte{0, 0, 0, family}
		}
		packet = append(header, packet...)
	}
	tap.now = tap.now.Add(time.Millisecond)
	captured := packet[:min(len(packet), tap.snap)]
	info := gopacket.CaptureInfo{Timestamp: tap.now, CaptureLength: len(captured), Length: len(packet)}
	if err := tap.pcap.WritePacket(info, captured); err != nil {
		tap.t.Fatal(err)
	}
}

const (
	askA    = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
	askB    = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
	answer  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	askedA  = "GET /a 28+0 -> 200 OK 38+2"
	askedB  = "GET /b 28+0 -> 200 OK 38+2"
	theirID = "connection 1 (10.0.0.1:4000 > 10.0.0.2:80): "
)

func TestReadLinkLayers(t *testing.T) {
	v4 := [2]netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.2:80")}
	v6 := [2]netip.AddrPort{netip.MustParseAddrPort("[fe80::1]:4000"), netip.MustParseAddrPort("[fe80::2]:80")}
	cases := []struct {
		name string
		link layers.LinkType
		vlan bool
		ends [2]netip.AddrPort
	}{
		{"Ethernet", layers.LinkTypeEthernet, false, v4},
		{"Ethernet, IPv6", layers.LinkTypeEthernet, false, v6},
		{"VLAN", layers.LinkTypeEthernet, true, v4},
		{"Linux cooked", layers.LinkTypeLinuxSLL, false, v4},
		{"Linux cooked, version 2", layers.LinkTypeLinuxSLL2, false, v6},
		{"null", layers.LinkTypeNull, false, v4},
		{"null, IPv6", layers.LinkTypeNull, false, v6},
		{"loop", layers.LinkTypeLoop, false, v4},
		{"raw", layers.LinkTypeRaw, false, v4},
		{"raw, IPv6", layers.LinkTypeRaw, false, v6},
		{"raw IPv4", layers.LinkTypeIPv4, false, v4},
		{"raw IPv6", layers.LinkTypeIPv6, false, v6},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, c.link)
			tap.vlan, tap.ends = c.vlan, c.ends
			tap.connect()
			tap.send(events.Inbound, flagPSH, 0, askA)
			tap.send(events.Outbound, flagPSH, 0, answer)
			rec := readBytes(t, tap.file.Bytes())
			got := only(t, rec)
			equalLines(t, "exchanges", describe(got), []string{askedA})
			if got.ID != "1" || got.Hop != events.UnknownHop || got.Client != c.ends[0] || got.Server != c.ends[1] || len(rec.Warnings) > 0 {
				t.Errorf("connection %s on %v, %v > %v, warnings %q", got.ID, got.Hop, got.Client, got.Server, rec.Warnings)
			}
		})
	}
}

// What TCP does on a bad network, and what a capture misses of it.
func TestReadSegments(t *testing.T) {
	cases := []struct {
		name     string
		capture  func(tap *wiretap)
		want     []string
		warnings []string
		joined   bool
	}{
		{"sent again, in other pieces", func(tap *wiretap) {
			tap.connect()
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA[:10])
			tap.send(events.Inbound, 0, 0, askA[:10])
			tap.send(events.Inbound, 0, 5, askA[5:20])
			tap.send(events.Inbound, flagPSH, 0, askA)
			tap.send(events.Outbound, flagPSH, 0, answer)
			tap.send(events.Outbound, flagPSH, 0, answer[:30])
		}, []string{askedA}, nil, false},

		{"in another order", func(tap *wiretap) {
			tap.connect()
			tap.sent[events.Inbound] = len(askA)
			tap.send(events.Outbound, flagFIN, 20, answer[20:])
			tap.sent[events.Outbound] = 0
			tap.send(events.Inbound, 0, 20, askA[20:])
			tap.send(events.Inbound, 0, 10, askA[10:20])
			tap.send(events.Inbound, 0, 0, askA[:10])
			tap.send(events.Outbound, 0, 0, answer[:20])
		}, []string{askedA}, nil, false},

		{"the response captured first", func(tap *wiretap) {
			tap.send(events.Outbound, flagSYN|flagACK, 0, "")
			tap.sent[events.Inbound] = len(askA)
			tap.send(events.Outbound, flagPSH, 0, answer)
			tap.sent[events.Outbound] = 0
			tap.send(events.Inbound, flagPSH, 0, askA)
		}, []string{askedA}, nil, false},

		{"keep-alive probes", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
			tap.send(events.Inbound, 0, len(askA)-1, "")
			tap.send(events.Inbound, 0, len(askA)-1, "\x00")
			tap.send(events.Inbound, 0, len(askA), askB)
			tap.send(events.Outbound, 0, len(answer), answer)
		}, []string{askedA, askedB}, nil, false},

		{"joined at a keep-alive probe", func(tap *wiretap) {
			tap.send(events.Inbound, 0, -1, "")
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
		}, []string{askedA}, []string{theirID + "its beginning was not captured"}, true},

		{"joined at an empty segment, then in another order", func(tap *wiretap) {
			tap.send(events.Inbound, 0, 0, "")
			tap.send(events.Inbound, 0, 10, askA[10:])
			tap.send(events.Inbound, 0, 0, askA[:10])
			tap.send(events.Outbound, 0, 0, answer)
		}, []string{askedA}, []string{theirID + "its beginning was not captured"}, true},

		{"bytes behind a RST", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
			tap.send(events.Outbound, flagRST, len(answer), "a reason") // RFC 9293 section 3.5.3
			tap.sent[events.Outbound] = len(answer)
			tap.send(events.Inbound, 0, len(askA), askB)
			tap.send(events.Outbound, 0, len(answer), answer)
		}, []string{askedA, askedB}, nil, false},

		{"a segment of requests lost", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
			tap.send(events.Inbound, 0, len(askA)+10, askB[10:])
			tap.send(events.Outbound, 0, len(answer), answer)
		}, []string{askedA}, []string{theirID + "10 bytes of requests missing; lost at least 1 request"}, false},

		{"a segment of responses lost", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA+askB+askA)
			tap.send(events.Outbound, 0, 0, answer+answer[:39])
			tap.send(events.Outbound, 0, 80, answer)
		}, []string{askedA, "GET /b 28+0 -> 200 OK (cut) 38+1", askedA},
			[]string{theirID + "1 byte of responses missing; kept the requests"}, false},

		{"joined between exchanges", func(tap *wiretap) {
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
		}, []string{askedA}, []string{theirID + "its beginning was not captured"}, true},

		{"joined in content", func(tap *wiretap) {
			tap.send(events.Inbound, 0, 1000, "the end of content, with HTTP/1.1 in it")
			tap.send(events.Outbound, 0, 0, answer)
			tap.send(events.Inbound, 0, 1039, askA)
			tap.send(events.Outbound, 0, 40, answer)
		}, []string{askedA}, []string{theirID + "its beginning was not captured; left out 39 bytes in front of its first request"}, true},

		{"joined in content that does not end a line", func(tap *wiretap) {
			tap.send(events.Inbound, 0, 1000, "the end of\ncontent")
			tap.send(events.Outbound, 0, 0, answer)
			tap.send(events.Inbound, 0, 1018, askA)
			tap.send(events.Outbound, 0, 40, answer)
		}, []string{askedA}, []string{theirID + "its beginning was not captured; left out 18 bytes in front of its first request"}, true},

		{"joined in a response", func(tap *wiretap) {
			tap.send(events.Outbound, 0, 1000, "the end of HTTP/1.1 200 OK\r\n\r\n content")
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 1038, answer)
		}, nil, nil, true}, // wanted lines are set below, where the addresses are turned around

		{"cut by the snapshot length", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
			tap.snap = 14 + 20 + 20 + 10
			tap.send(events.Inbound, 0, len(askA), askB)
			tap.send(events.Inbound, 0, len(askA)*2, "G")
		}, []string{askedA}, []string{"1 packet cut by the snapshot length of the capture: record with tcpdump -s 0",
			theirID + "18 bytes of requests missing; lost at least 1 request"}, false},

		{"the ports used again", func(tap *wiretap) {
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 5, answer[5:]) // the first octets never came
			tap.ends[0] = netip.AddrPortFrom(tap.ends[0].Addr(), 4001)
			tap.send(events.Inbound, flagSYN, 0, "")
		}, []string{"GET /a 28+0 ->"}, []string{theirID + "5 bytes of responses missing; kept the requests",
			"left out 1 connection that carried no bytes"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			c.capture(tap)
			if c.want == nil {
				c.want = []string{askedA}
				c.warnings = []string{theirID + "its beginning was not captured"}
			}
			rec := readBytes(t, tap.file.Bytes())
			got := only(t, rec)
			equalLines(t, "exchanges", describe(got), c.want)
			equalLines(t, "warnings", rec.Warnings, c.warnings)
			if got.Joined != c.joined || got.Client != netip.MustParseAddrPort("10.0.0.1:4000") {
				t.Errorf("joined %v, client %v; want %v, 10.0.0.1:4000", got.Joined, got.Client, c.joined)
			}
		})
	}
}

// Ports used again are a new connection: by a SYN even if the old one never ended,
// and without one if the octets cannot be of the old one.
func TestReadPortsUsedAgain(t *testing.T) {
	cases := []struct {
		name  string
		end   func(tap *wiretap)
		leap  uint32
		begin func(tap *wiretap)
		want  bool // a new connection
	}{
		{"a SYN", func(tap *wiretap) {}, 7000, func(tap *wiretap) { tap.send(events.Inbound, flagSYN, 0, "") }, true},
		{"the same SYN", func(tap *wiretap) {}, 0, func(tap *wiretap) { tap.send(events.Inbound, flagSYN, 0, "") }, false},
		{"the answer to a SYN", func(tap *wiretap) {}, 1 << 30, func(tap *wiretap) { tap.send(events.Outbound, flagSYN|flagACK, 0, "") }, true},
		{"the same answer", func(tap *wiretap) {}, 0, func(tap *wiretap) { tap.send(events.Outbound, flagSYN|flagACK, 0, "") }, false},
		{"behind a FIN", func(tap *wiretap) { tap.send(events.Inbound, flagFIN, len(askA), "") }, 1000, func(tap *wiretap) {}, true},
		{"far in front of a FIN", func(tap *wiretap) { tap.send(events.Inbound, flagFIN, len(askA), "") }, 3 << 30, func(tap *wiretap) {}, true},
		{"far from a RST", func(tap *wiretap) { tap.send(events.Outbound, flagRST, len(answer), "") }, 1 << 30, func(tap *wiretap) {}, true},
		{"near a RST", func(tap *wiretap) { tap.send(events.Outbound, flagRST, len(answer), "") }, 0, func(tap *wiretap) {}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.send(events.Outbound, 0, 0, answer)
			c.end(tap)
			tap.initial += c.leap
			c.begin(tap)
			at := 0
			if !c.want {
				at = len(askA)
			}
			tap.send(events.Inbound, 0, at, askB)
			rec := readBytes(t, tap.file.Bytes())
			want := [][]string{{askedA, "GET /b 28+0 ->"}}
			if c.want {
				want = [][]string{{askedA}, {"GET /b 28+0 ->"}}
			}
			if len(rec.Connections) != len(want) {
				t.Fatalf("%d connections, want %d; warnings %q", len(rec.Connections), len(want), rec.Warnings)
			}
			for i := range want {
				equalLines(t, "exchanges", describe(rec.Connections[i]), want[i])
			}
		})
	}
}

func TestReadSkipsOtherProtocols(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	for i, first := range []string{"\x16\x03\x01\x02\x00\x01", "\x16\x03\x03\x00", "SSH-2.0-x\r\n", "\x00\x01",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", "GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"} {
		tap.ends[0], tap.sent = netip.AddrPortFrom(tap.ends[0].Addr(), uint16(5000+i)), [2]int{}
		tap.connect()
		tap.send(events.Inbound, 0, 0, first)
		tap.send(events.Outbound, 0, 0, strings.Repeat(first, 3))
	}
	tap.ends[0] = netip.AddrPortFrom(tap.ends[0].Addr(), 6000)
	tap.send(events.Inbound, 0, 0, "\x17\x03\x03\x02\x00\x01") // TLS, joined
	for _, flags := range []tcpFlags{0, flagSYN | flagACK} {
		tap.ends[0] = netip.AddrPortFrom(tap.ends[0].Addr(), tap.ends[0].Port()+1)
		tap.send(events.Outbound, flags, 0, "")
		tap.send(events.Outbound, 0, 0, answer)
	}
	rec := readBytes(t, tap.file.Bytes())
	matchLines(t, rec.Warnings, []string{
		"connection 8 (10.0.0.1:5007 > 10.0.0.2:80): a request cannot be read: whitespace stands between a field name and its colon (RFC 9112 section 5.1); left it out, and what follows",
		"connection 7 (10.0.0.1:5006 > 10.0.0.2:80): its last request is not whole and was left out",
		"left out 3 connections that carried TLS, which cannot be read: record behind what ends TLS",
		"left out 1 connection that carried HTTP/2, of which nothing can be replayed: have the client speak HTTP/1.1",
		"left out 2 connections of which only responses were captured: capture where both directions pass",
		"left out 2 connections that did not carry HTTP/1.x",
		"left out 1 connection that carried no bytes",
	})
	if len(rec.Connections) != 0 {
		t.Errorf("%d connections, want none", len(rec.Connections))
	}
}

// Other byte orders and resolutions than ours.
func TestReadClassicKinds(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeRaw)
	tap.connect()
	tap.send(events.Inbound, 0, 0, askA)
	want := tap.now
	for _, micro := range []bool{false, true} {
		file := bigEndian(tap.file.Bytes(), micro)
		got := only(t, readBytes(t, file)).Exchanges[0].Request.At
		if !got.Equal(want) {
			t.Errorf("micro %v: seen at %v, want %v", micro, got, want)
		}
	}
}

// Before version 2.4 the lengths of a packet could stand the other way round.
func TestReadClassicVersions(t *testing.T) {
	for minor := range uint16(6) {
		for _, swapped := range []bool{false, true} {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			tap.connect()
			tap.send(events.Inbound, 0, 0, askA)
			tap.snap = ethernetHeader + 20 + 20 + len(askB) - 1
			tap.send(events.Inbound, 0, len(askA), askB) // cut, so that the lengths differ
			file, le := tap.file.Bytes(), binary.LittleEndian
			le.PutUint16(file[6:], minor)
			le.PutUint32(file[20:], 0x14000001) // Ethernet with an FCS of 4 octets
			for p := file[24:]; len(p) > 0; {
				captured, length := le.Uint32(p[8:]), le.Uint32(p[12:])
				if swapped {
					le.PutUint32(p[8:], length)
					le.PutUint32(p[12:], captured)
				}
				p = p[16+captured:]
			}
			rec, err := Read(bytes.NewReader(file))
			if minor > 4 {
				if err == nil || !strings.Contains(err.Error(), "version 2.5 is not known") {
					t.Errorf("version 2.%d: %v", minor, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if right := minor == 3 || swapped == (minor < 3); right {
				equalLines(t, "exchanges", describe(only(t, rec)), []string{"GET /a 28+0 ->"})
				if len(rec.Warnings) != 2 || !strings.HasPrefix(rec.Warnings[0], "1 packet cut by the snapshot length") {
					t.Errorf("version 2.%d, swapped %v: warnings %q", minor, swapped, rec.Warnings)
				}
			}
		}
	}
}

// bigEndian turns a nanosecond pcap file around.
func bigEndian(file []byte, micro bool) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	out := be.AppendUint32(nil, map[bool]uint32{false: 0xA1B23C4D, true: 0xA1B2C3D4}[micro])
	out = be.AppendUint16(be.AppendUint16(out, 2), 4)
	for i := 8; i < 24; i += 4 {
		out = be.AppendUint32(out, le.Uint32(file[i:]))
	}
	for p := file[24:]; len(p) > 0; {
		length := le.Uint32(p[8:])
		fraction := le.Uint32(p[4:])
		if micro {
			fraction /= 1000
		}
		for _, v := range []uint32{le.Uint32(p), fraction, length, le.Uint32(p[12:])} {
			out = be.AppendUint32(out, v)
		}
		out = append(out, p[16:16+length]...)
		p = p[16+length:]
	}
	return out
}
