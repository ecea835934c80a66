package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"
)

// A tracer follows TCP connections through a capture:
//
//	packets ─▶ tracer: which connection? ─▶ reassembly: which octets next? ─▶ stream
//
// It tells apart connections that used the same two ports one after the other,
// and our client side from our origin side. The order of the octets is the
// business of package reassembly, which sees each connection under a name of
// its own: what it still waits for in an old connection cannot swallow the
// SYN of a new one.
type tracer struct {
	live      map[pair]*stream
	all       []*stream
	held      int64 // octets of content in all streams
	assembler *reassembly.Assembler
	current   *stream // whose segment is being assembled
}

// A pair of ends, the lower one first, on one kind of interface.
type pair struct {
	hop       Hop
	low, high netip.AddrPort
}

const (
	// What may wait for a missing segment, in pages of 1900 octets: 16 MiB for
	// a connection, which is more than a TCP window mostly is, and 256 MiB in
	// all. Beyond it, the segment counts as lost.
	pagesPerConnection = 16 << 20 / 1900
	pagesInAll         = 256 << 20 / 1900
)

func newTracer() *tracer {
	t := &tracer{live: make(map[pair]*stream)}
	t.assembler = reassembly.NewAssembler(reassembly.NewStreamPool(t))
	t.assembler.MaxBufferedPagesPerConnection = pagesPerConnection
	t.assembler.MaxBufferedPagesTotal = pagesInAll
	return t
}

// New implements reassembly.StreamFactory.
func (t *tracer) New(_, _ gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	return t.current
}

// segment adds one TCP segment; ends are its sender and its receiver.
func (t *tracer) segment(p *packet, ends [2]netip.AddrPort, tcp *layers.TCP) {
	s := t.streamOf(p, ends, tcp)
	if s.over {
		return
	}
	t.current = s
	t.assembler.AssembleWithContext(s.name(ends[0]), tcp, moment{p.at, tcp.Ack})
}

// streamOf returns the connection that a segment belongs to.
func (t *tracer) streamOf(p *packet, ends [2]netip.AddrPort, tcp *layers.TCP) *stream {
	key := pair{HopNamed(p.on), ends[0], ends[1]}
	if key.low.Compare(key.high) > 0 {
		key.low, key.high = key.high, key.low
	}
	s := t.live[key]
	opening := tcp.SYN && !tcp.ACK
	if s == nil || opening && !s.openedBy(ends[0], tcp.Seq) {
		s = t.newStream(key.hop, p, ends, tcp)
		t.live[key] = s
		t.all = append(t.all, s)
	}
	return s
}

// moment is the context of a segment: when it was seen, and what its sender had
// received.
type moment struct {
	at  time.Time
	ack uint32
}

// GetCaptureInfo implements reassembly.AssemblerContext.
func (m moment) GetCaptureInfo() gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: m.at}
}

// A stream is one TCP connection: what both ends sent, in order.
type stream struct {
	tracer  *tracer
	number  int // from 1, in the order of the file
	label   string
	named   bool // by the recording
	hop     Hop
	ends    [2]netip.AddrPort // the sender of the first packet is first
	halves  [2]half           // by index into ends
	client  int               // index of the end that connected; unknownEnd
	initial uint32            // sequence number of the client's SYN
	opened  time.Time
	closed  Closing
	closer  int   // index of the end that closed first
	over    bool  // no more segments are of interest
	refused error // why nothing of it is kept; nil mostly

	warnings []warning
}

const unknownEnd = -1

func (t *tracer) newStream(hop Hop, p *packet, ends [2]netip.AddrPort, tcp *layers.TCP) *stream {
	s := &stream{
		tracer: t, number: len(t.all) + 1, hop: hop, ends: ends, opened: p.at, client: unknownEnd,
	}
	s.label = fmt.Sprint(s.number)
	if name := introduced(p.comments); hop != UnknownHop && name != "" {
		s.label, s.named = name, true
	}
	switch {
	case tcp.SYN && tcp.ACK:
		s.client, s.initial = 1, tcp.Ack-1
	case tcp.SYN:
		s.client, s.initial = 0, tcp.Seq
	}
	return s
}

// introduced returns the name that our recordings give to a connection, in the
// comment on its SYN or, where it goes on from an earlier file, on its first packet.
func introduced(comments []string) string {
	for _, comment := range comments {
		name, rest, _ := strings.Cut(comment, " ")
		_, err := ParseFlowID(name)
		if err == nil && (strings.HasPrefix(rest, "opened by ") || strings.HasPrefix(rest, "goes on, opened by ")) {
			return name
		}
	}
	return ""
}

// openedBy reports whether a SYN is that of this connection, sent once more.
func (s *stream) openedBy(client netip.AddrPort, sequence uint32) bool {
	return s.client != unknownEnd && s.ends[s.client] == client && s.initial == sequence
}

// name is what package reassembly knows the connection by.
func (s *stream) name(sender netip.AddrPort) gopacket.Flow {
	var from, to [9]byte
	binary.BigEndian.PutUint64(from[:], uint64(s.number))
	binary.BigEndian.PutUint64(to[:], uint64(s.number))
	to[8] = 1
	if sender != s.ends[0] {
		from, to = to, from
	}
	return gopacket.NewFlow(gopacket.EndpointInvalid, from[:], to[:])
}

// index turns a direction of package reassembly, which counts from the first
// packet too, into an index of ends and halves.
func index(d reassembly.TCPFlowDirection) int {
	if d == reassembly.TCPDirClientToServer {
		return 0
	}
	return 1
}

// Accept implements reassembly.Stream. It takes every segment, and lets a half
// whose SYN was not captured begin at the first segment seen.
func (s *stream) Accept(tcp *layers.TCP, ci gopacket.CaptureInfo, d reassembly.TCPFlowDirection,
	next reassembly.Sequence, start *bool, ac reassembly.AssemblerContext) bool {
	fresh := next < 0
	if fresh && !tcp.SYN {
		*start = true
	}
	if s.refused == nil {
		s.halves[index(d)].expect(tcp, fresh, uint32(next), ac.(moment))
	}
	switch inOrder := fresh || next == reassembly.Sequence(tcp.Seq); {
	case tcp.RST && inOrder:
		s.close(index(d), RST, ci.Timestamp)
		s.over = true
	case tcp.FIN:
		s.close(index(d), FIN, ci.Timestamp)
		s.halves[index(d)].ended = true
	}
	return true
}

// close notes who ended the connection first.
func (s *stream) close(end int, how Ending, at time.Time) {
	if s.closed.How == NotEnded || how == RST && s.closed.How == FIN {
		s.closed, s.closer = Closing{How: how, At: at}, end
	}
}

// ReassembledSG implements reassembly.Stream: the next octets of one half.
func (s *stream) ReassembledSG(sg reassembly.ScatterGather, ac reassembly.AssemblerContext) {
	d, _, _, skipped := sg.Info()
	h := &s.halves[index(d)]
	h.skip(max(skipped, 0))
	n, _ := sg.Lengths()
	if n == 0 || s.refused != nil {
		return
	}
	octets := sg.Fetch(n)
	if h.length() == 0 && index(d) == s.client {
		s.refused = recognize(octets)
	}
	h.add(octets, ac.(moment))
	s.tracer.held += int64(n)
}

// ReassemblyComplete implements reassembly.Stream.
func (s *stream) ReassemblyComplete(reassembly.AssemblerContext) bool {
	s.over = true
	return true
}
