package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/hopwire/hopwire/shared/events"
)

// dump prints the packets of a recording the way a study of one would: name of
// the interface and direction, flags, relative numbers, length, comments.
func dump(t testing.TB, file []byte) (lines []string) {
	t.Helper()
	ng, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]uint32{} // initial numbers, by sender
	for {
		data, info, options, err := ng.ReadPacketDataWithOptions()
		if err != nil {
			return lines
		}
		in, _ := ng.Interface(info.InterfaceIndex)
		frame := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		checkSums(t, frame)
		line := fmt.Sprintf("%s %s", in.Name, map[bool]string{true: "received", false: "sent"}[options.Flags != nil && options.Flags.Direction == pcapgo.NgEpbFlagDirectionInbound])
		if tcp, ok := frame.TransportLayer().(*layers.TCP); ok {
			flow := in.Name + frame.NetworkLayer().NetworkFlow().String() + tcp.TransportFlow().String()
			back := in.Name + frame.NetworkLayer().NetworkFlow().Reverse().String() + tcp.TransportFlow().Reverse().String()
			if tcp.SYN {
				first[flow] = tcp.Seq
			}
			line += fmt.Sprintf(" %s seq %d", flagNames(tcp), tcp.Seq-first[flow])
			if tcp.ACK {
				line += fmt.Sprintf(" ack %d", tcp.Ack-first[back])
			}
			line += fmt.Sprintf(" len %d", len(tcp.Payload))
		} else {
			line = "notes " + string(frame.TransportLayer().LayerPayload())
		}
		for _, comment := range options.Comments {
			line += " # " + comment
		}
		lines = append(lines, line)
	}
}

func flagNames(tcp *layers.TCP) string {
	names := ""
	for _, f := range []struct {
		set  bool
		name string
	}{{tcp.SYN, "S"}, {tcp.FIN, "F"}, {tcp.RST, "R"}, {tcp.PSH, "P"}, {tcp.ACK, "."}} {
		if f.set {
			names += f.name
		}
	}
	return names
}

func checkSums(t testing.TB, frame gopacket.Packet) {
	t.Helper()
	if err := frame.TransportLayer().(interface {
		SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
	}).SetNetworkLayerForChecksum(frame.NetworkLayer()); err != nil {
		t.Error(err)
	}
	if err, wrong := frame.VerifyChecksums(); err != nil || len(wrong) > 0 {
		t.Errorf("checksums: %v %v in %v", err, wrong, frame)
	}
}

// The packets around one exchange through both hops, each of them.
func TestWriterPackets(t *testing.T) {
	tp := newTape(t)
	c, o := tp.open(events.ClientHop), tp.open(events.OriginHop)
	tp.in(c, askA)
	tp.track.Note(o, tp.tick(), &events.Note{Kind: "pool.miss", Text: "none idle"})
	tp.track.Bytes(o, events.Inbound, tp.tick(), []byte(askA), false, "insert Via")
	tp.track.Bytes(o, events.Outbound, tp.tick(), make([]byte, maxSegment+5), false, "a long write")
	tp.end(o, events.Outbound, events.RST)
	tp.out(c, answer)
	tp.end(c, events.Outbound, events.FIN)
	tp.in(c, "more")
	tp.end(c, events.Inbound, events.FIN)
	tp.in(c, "ignored: the flow has ended")
	tp.end(c, events.Inbound, events.FIN)
	equalLines(t, "packets", dump(t, tp.bytes()), []string{
		"client received S seq 0 len 0 # c1 opened by 127.0.0.1:50001 to 127.0.0.1:41234",
		"client sent S. seq 0 ack 1 len 0",
		"client received . seq 1 ack 1 len 0",
		"origin sent S seq 0 len 0 # o2 opened by 127.0.0.1:50002 to 127.0.0.1:41234",
		"origin received S. seq 0 ack 1 len 0",
		"origin sent . seq 1 ack 1 len 0",
		"client received P. seq 1 ack 1 len 28",
		`notes <134>1 2026-01-02T03:04:05.004938Z - edge - pool.miss [hopwire@32473 flow="o2"] none idle`,
		"origin sent P. seq 1 ack 1 len 28 # insert Via",
		"origin received . seq 1 ack 29 len 65495 # a long write",
		"origin received P. seq 65496 ack 29 len 5",
		"origin received R. seq 65501 ack 29 len 0",
		"client sent P. seq 1 ack 29 len 40",
		"client sent F. seq 41 ack 29 len 0",
		"client received P. seq 29 ack 42 len 4",
		"client received F. seq 33 ack 42 len 0",
		"client sent . seq 42 ack 34 len 0",
	})
}

// Without anything to send, a side acknowledges before a window fills.
func TestWriterAcknowledges(t *testing.T) {
	tp := newTape(t)
	c := tp.open(events.ClientHop)
	for range 5 {
		tp.in(c, strings.Repeat("x", 60000))
	}
	equalLines(t, "packets", dump(t, tp.bytes())[3:], []string{
		"client received P. seq 1 ack 1 len 60000",
		"client received P. seq 60001 ack 1 len 60000",
		"client received P. seq 120001 ack 1 len 60000",
		"client received P. seq 180001 ack 1 len 60000",
		"client received P. seq 240001 ack 1 len 60000",
		"client sent . seq 1 ack 300001 len 0",
	})
}

// Octets that nobody saw leave a hole of their size, and a note.
func TestWriterLeavesHoles(t *testing.T) {
	tp := newTape(t)
	c := tp.open(events.ClientHop)
	tp.in(c, "seen")
	c.Skip(events.Inbound, 1<<33)
	tp.in(c, "seen again")
	c.Skip(events.Outbound, 7)
	tp.end(c, events.Outbound, events.FIN)
	tp.end(c, events.Outbound, events.FIN)
	if c.Passed(events.Inbound) != 1<<33+14 || c.Passed(events.Outbound) != 7 {
		t.Errorf("passed %d and %d", c.Passed(events.Inbound), c.Passed(events.Outbound))
	}
	equalLines(t, "packets", dump(t, tp.bytes())[3:], []string{
		"client received P. seq 1 ack 1 len 4",
		`notes <132>1 2026-01-02T03:04:05.003704Z - edge - recording.gap [hopwire@32473 flow="c1" direction="inbound" bytes="8589934592"] 8589934592 bytes passed inbound here and were not recorded`,
		"client received P. seq 1073741829 ack 1 len 10", // as far as numbers may leap
		"client sent . seq 1 ack 1073741839 len 0",
		`notes <132>1 2026-01-02T03:04:05.004938Z - edge - recording.gap [hopwire@32473 flow="c1" direction="outbound" bytes="7"] 7 bytes passed outbound here and were not recorded`,
		"client sent F. seq 8 ack 1073741839 len 0",
	})
}

func TestWriterComments(t *testing.T) {
	long := strings.Repeat("é", maxSegment) // twice as many octets, and no border where it is cut
	cases := []struct{ comment, want string }{
		{"short", "short"},
		{long[:maxSegment-1], long[:maxSegment-1]},
		{long, long[:maxSegment-1] + "\uFFFD"},
		{"not \xff UTF-8", "not \uFFFD UTF-8"},
		{strings.Repeat("\xff--", 20_000), strings.Repeat("\uFFFD--", maxOption/5)},
	}
	for _, c := range cases {
		tp := newTape(t)
		tp.track.Bytes(tp.open(events.ClientHop), events.Inbound, tp.tick(), []byte("x"), false, c.comment)
		ng, err := pcapgo.NewNgReader(bytes.NewReader(tp.bytes()), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 4 {
			_, _, options, err := ng.ReadPacketDataWithOptions()
			if err != nil {
				t.Fatal(err)
			}
			got = options.Comments
		}
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%.10q of %d bytes: %d options, want one of %d bytes", c.comment, len(c.comment), len(got), len(c.want))
		}
	}
}

func TestWriterFileStructure(t *testing.T) {
	var statistics []pcapgo.NgInterfaceStatistics
	tp := someTape(t)
	f := tp.open(events.OriginHop)
	f.Skip(events.Inbound, 9)
	tp.in(f, "x")
	ng, err := pcapgo.NewNgReader(bytes.NewReader(tp.bytes()), pcapgo.NgReaderOptions{
		StatisticsCallback: func(_ int, s pcapgo.NgInterfaceStatistics) { statistics = append(statistics, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if info := ng.SectionInfo(); info.Application != "edge" || info.Comment != howToLook {
		t.Errorf("section %+v", info)
	}
	packets := map[int]uint64{}
	for {
		_, info, err := ng.ReadPacketData()
		if err != nil {
			break
		}
		packets[info.InterfaceIndex]++
	}
	if ng.NInterfaces() != 3 || len(statistics) != 3 {
		t.Fatalf("%d interfaces, %d statistics, want 3 of each", ng.NInterfaces(), len(statistics))
	}
	for i, name := range []string{"client", "origin", "notes"} {
		in, _ := ng.Interface(i)
		if in.Name != name || in.LinkType != layers.LinkTypeEthernet || in.TimestampResolution != 9 || in.SnapLength != snapLength {
			t.Errorf("interface %d: %+v", i, in)
		}
		if lost := uint64(i & 1); statistics[i].PacketsReceived != packets[i] || statistics[i].PacketsDropped != lost {
			t.Errorf("interface %d: statistics %+v, want %d packets and %d lost", i, statistics[i], packets[i], lost)
		}
	}
}

// A flow that was not opened is nobody's: nothing is written and nothing breaks.
func TestWriterUnknownFlow(t *testing.T) {
	tp := newTape(t)
	var f events.Flow
	tp.in(&f, "x")
	tp.end(&f, events.Inbound, events.FIN)
	if got := dump(t, tp.bytes()); len(got) > 0 {
		t.Errorf("packets %q", got)
	}
}

func TestWriterIsReproducible(t *testing.T) {
	a, b := someTape(t), someTape(t)
	a.check(a.reader.Flush())
	b.check(b.reader.Flush())
	if !bytes.Equal(a.file.Bytes(), b.file.Bytes()) {
		t.Error("two recordings of the same differ")
	}
}

func TestFlowIDs(t *testing.T) {
	for _, c := range []struct {
		id   events.ConnID
		name string
	}{{events.ConnID{Hop: events.ClientHop, N: 3}, "c3"}, {events.ConnID{Hop: events.OriginHop, N: 18446744073709551615}, "o18446744073709551615"}, {events.ConnID{Hop: events.UnknownHop, N: 0}, "?0"}} {
		back, err := events.ParseConnID(c.name)
		if c.id.String() != c.name || back != c.id || err != nil {
			t.Errorf("%+v is %q, which is %+v, %v", c.id, c.id, back, err)
		}
	}
	for _, bad := range []string{"", "c", "x3", "c-1", "c18446744073709551616", "3"} {
		if id, err := events.ParseConnID(bad); err == nil {
			t.Errorf("%q is %+v, want an error", bad, id)
		}
	}
}

func TestNotesAreCut(t *testing.T) {
	tp := newTape(t)
	tp.track.Note(nil, tp.tick(), &events.Note{Text: strings.Repeat("z", 1<<20)})
	notes := tp.read().Notes
	if len(notes) != 1 || !strings.HasSuffix(notes[0].Text, "zzz... (cut)") || len(notes[0].Text) > maxNote+20 {
		t.Errorf("%d notes", len(notes))
	}
}

func TestInitialSequenceDiffers(t *testing.T) {
	at := time.Unix(1767323045, 0)
	seen := map[uint32]bool{}
	for n := range uint64(1000) {
		for _, number := range initialSequence(events.ConnID{Hop: events.ClientHop, N: n}, at) {
			if seen[number] {
				t.Fatalf("number %d twice", number)
			}
			seen[number] = true
		}
	}
}

func TestAddressesAreOfOneFamily(t *testing.T) {
	got := addresses(events.ConnID{Hop: events.ClientHop, N: 1 << 20}, netip.AddrPort{}, netip.MustParseAddrPort("[::1]:80"))
	if got[0].Addr().Is4() || got[1].Addr().Is4() || got[0].Port() < 1024 {
		t.Errorf("got %v", got)
	}
}
