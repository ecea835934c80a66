package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
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
// It tells apart connections that used the same two ports one after the other
// or in two tunnels, and our client side from our origin side. The order of the octets is the
// business of package reassembly, which sees each connection under a name of
// its own: what it still waits for in an old connection cannot swallow the
// SYN of a new one.
type tracer struct {
	live      map[pair]*stream
	tunnels   []uint64 // in the order in which they were seen; at most maxTunnels
	all       []*stream
	memory    *memory
	assembler *reassembly.Assembler
	current   *stream // whose segment is being assembled
}

// A pair of ends, the lower one first, on one kind of interface and in one tunnel.
type pair struct {
	hop       events.Hop
	low, high netip.AddrPort
	tunnel    uint64
}

const (
	// near is how far apart the sequence numbers of two segments may be of which
	// nothing else says that they are of one connection: the least window that all
	// systems of today offer, 64 KiB, four times over.
	near = 256 << 10
	// maxTunnels bounds the search for a connection in other tunnels.
	maxTunnels = 64

	// What may wait for a missing segment of a connection, in pages of 1900
	// octets: 16 MiB, which is more than a TCP window mostly is. Beyond it, the
	// segment counts as lost.
	pagesPerConnection = 16 << 20 / 1900
	// pagesBehind may wait if the other end has acknowledged the missing segment:
	// then it did pass, and captures put only a few in another order.
	pagesBehind = 256
)

func newTracer(memory *memory) *tracer {
	t := &tracer{live: make(map[pair]*stream), memory: memory}
	t.assembler = reassembly.NewAssembler(reassembly.NewStreamPool(t))
	t.assembler.MaxBufferedPagesTotal = memory.pages()
	return t
}

// New implements reassembly.StreamFactory.
func (t *tracer) New(_, _ gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	return t.current
}

// segment adds one TCP segment; ends are its sender and its receiver.
func (t *tracer) segment(p *packet, ends [2]netip.AddrPort, tunnel uint64, tcp *layers.TCP) {
	s := t.streamOf(p, ends, tunnel, tcp)
	i := s.indexOf(ends[0])
	h := &s.halves[i]
	if len(tcp.Payload) > 0 && s.refused == nil {
		t.memory.take(segmentCost, 0)
	}
	switch {
	case s.over:
	case h.begun:
		t.assemble(s, i, p.at, tcp)
	case tcp.RST:
		if !h.opened || tcp.Seq == h.first {
			s.close(i, events.RST, p.at)
		}
	case len(tcp.Payload) == 0 && !tcp.FIN:
		h.await(tcp)
	default:
		t.begin(s, i, p.at, tcp)
	}
	h.see(tcp)
	s.halves[1-i].acknowledge(tcp)
}

// begin has the octets of end i put in order, from where they begin by what was
// seen of them: the first segment with octets need not be the first one sent.
func (t *tracer) begin(s *stream, i int, at time.Time, tcp *layers.TCP) {
	h := &s.halves[i]
	t.memory.take(streamCost, 0)
	if h.begun = true; !s.halves[1-i].begun {
		s.begun = i
	}
	// A keep-alive probe stands one octet in front of what comes next (RFC 9293
	// section 3.8.4).
	probe := tcp.Seq-h.first == 1
	if h.opened && !tcp.SYN || h.joined && !probe && tcp.Seq-h.first < near {
		before := *tcp
		before.Seq, before.FIN, before.Payload = h.first, false, nil
		t.assemble(s, i, at, &before)
	}
	t.assemble(s, i, at, tcp)
}

func (t *tracer) assemble(s *stream, i int, at time.Time, tcp *layers.TCP) {
	t.current = s
	t.assembler.AssembleWithContext(s.name(i), tcp, moment{at, tcp.Ack})
}

// streamOf returns the connection that a segment belongs to.
func (t *tracer) streamOf(p *packet, ends [2]netip.AddrPort, tunnel uint64, tcp *layers.TCP) *stream {
	key := pair{events.HopNamed(p.on), ends[0], ends[1], tunnel}
	if key.low.Compare(key.high) > 0 {
		key.low, key.high = key.high, key.low
	}
	s := t.live[key]
	if s == nil || s.succeededBy(ends[0], tcp) {
		s = t.elsewhere(key, ends[0], tcp)
		if s == nil {
			s = t.newStream(key.hop, p, ends, tcp)
			t.all = append(t.all, s)
			t.memory.take(streamCost, 0)
		}
		t.live[key] = s
	}
	return s
}

// elsewhere returns the connection that a segment belongs to if others of it came
// in another tunnel: mirrors have one for each direction, and a capture on all
// interfaces sees a packet inside of the tunnel and outside.
func (t *tracer) elsewhere(key pair, sender netip.AddrPort, tcp *layers.TCP) *stream {
	own := key.tunnel
	if !slices.Contains(t.tunnels, own) && len(t.tunnels) < maxTunnels {
		t.tunnels = append(t.tunnels, own)
	}
	for _, key.tunnel = range t.tunnels {
		s := t.live[key]
		if key.tunnel != own && s != nil && !s.succeededBy(sender, tcp) && s.goesOnWith(s.indexOf(sender), tcp) {
			return s
		}
	}
	return nil
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
	hop     events.Hop
	ends    [2]netip.AddrPort // the sender of the first packet is first
	halves  [2]half           // by index into ends
	client  int               // index of the end that connected; unknownEnd
	begun   int               // index of the end whose octets came first
	initial uint32            // sequence number of the client's SYN
	opened  time.Time
	closed  Closing
	closer  int   // index of the end that closed first
	over    bool  // no more segments are of interest
	refused error // why nothing of it is kept; nil mostly

	warnings []warning
}

const unknownEnd = -1

// await takes note of a segment without octets before there are any. Many ports
// are scanned for each connection, so that package reassembly does not hear of it.
func (h *half) await(tcp *layers.TCP) {
	switch {
	case tcp.SYN:
		h.opened, h.first = true, tcp.Seq+1
	case !h.opened:
		h.joined, h.first = true, tcp.Seq
	}
}

// see takes note of how far the numbers of a half have come. A segment without octets
// that is far from them may be of a later connection.
func (h *half) see(tcp *layers.TCP) {
	end := endOf(tcp)
	if h.endsWith(tcp) {
		h.end = end
	}
	if !tcp.RST && (!h.seen || int32(end-h.last) > 0 && (len(tcp.Payload) > 0 || !far(end, h.last))) {
		h.seen, h.last = true, end
	}
}

// endOf is the number behind a segment.
func endOf(tcp *layers.TCP) uint32 {
	end := tcp.Seq + uint32(len(tcp.Payload))
	if tcp.SYN || tcp.FIN {
		end++
	}
	return end
}

// acknowledge takes note of octets that the other end has received. If it is only
// one, it may be a FIN.
func (h *half) acknowledge(tcp *layers.TCP) {
	if !tcp.ACK || tcp.RST || !h.seen || far(tcp.Ack, h.last) {
		return
	}
	if h.acked = tcp.Ack; int32(h.acked-h.last) > 1 {
		h.last = h.acked
	}
}

// endsWith reports whether a segment has a FIN that is behind all that was seen.
func (h *half) endsWith(tcp *layers.TCP) bool {
	return tcp.FIN && (!h.seen || int32(endOf(tcp)-h.last) >= 0)
}

// far reports whether a segment with this number is not of a half that has come
// to last.
func far(number, last uint32) bool { return number-last+near > 2*near }

func (t *tracer) newStream(hop events.Hop, p *packet, ends [2]netip.AddrPort, tcp *layers.TCP) *stream {
	s := &stream{
		tracer: t, number: len(t.all) + 1, hop: hop, ends: ends, opened: p.at, client: unknownEnd,
	}
	s.label = fmt.Sprint(s.number)
	if name := introduced(p.comments); hop != events.UnknownHop && name != "" {
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
		_, err := events.ParseConnID(name)
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

// succeededBy reports whether a segment is of a later connection with the same
// ends: another SYN, whose acknowledgment is another, or octets that cannot stand
// in front of the FIN that was seen, or near a RST.
func (s *stream) succeededBy(sender netip.AddrPort, tcp *layers.TCP) bool {
	i := s.indexOf(sender)
	h := &s.halves[i]
	switch {
	case tcp.SYN && !tcp.ACK:
		return !s.openedBy(sender, tcp.Seq)
	case tcp.SYN:
		return !s.fits(i, tcp)
	case len(tcp.Payload) == 0 || tcp.RST:
		return false
	case h.ended:
		back := h.end - tcp.Seq - uint32(len(tcp.Payload))
		return back > near
	}
	return s.closed.How == events.RST && h.seen && far(tcp.Seq, h.last)
}

// fits reports whether a segment can be of this connection by its numbers.
func (s *stream) fits(i int, tcp *layers.TCP) bool {
	h, back := &s.halves[i], &s.halves[1-i]
	return !(h.seen && far(tcp.Seq, h.last)) && !(tcp.ACK && back.seen && far(tcp.Ack, back.last))
}

// goesOnWith reports whether a segment from another tunnel is of this connection: the
// first of its direction, one that was seen before, or the one that comes next. Others
// may be of a connection that has the same ends in another network, and numbers that
// are near: not every system begins with random ones.
func (s *stream) goesOnWith(i int, tcp *layers.TCP) bool {
	h := &s.halves[i]
	return s.fits(i, tcp) && (!h.seen || tcp.Seq == h.last || int32(h.last-endOf(tcp)) >= 0)
}

func (s *stream) indexOf(sender netip.AddrPort) int {
	if sender == s.ends[0] {
		return 0
	}
	return 1
}

// name is what package reassembly knows the connection by where end i sends.
func (s *stream) name(i int) gopacket.Flow {
	var from, to [9]byte
	binary.BigEndian.PutUint64(from[:], uint64(s.number))
	binary.BigEndian.PutUint64(to[:], uint64(s.number))
	to[8] = 1
	if i == 1 {
		from, to = to, from
	}
	return gopacket.NewFlow(gopacket.EndpointInvalid, from[:], to[:])
}

// index turns a direction of package reassembly, which counts from the first
// packet that it was given, into an index of ends and halves.
func (s *stream) index(d reassembly.TCPFlowDirection) int {
	if d == reassembly.TCPDirClientToServer {
		return s.begun
	}
	return 1 - s.begun
}

// Accept implements reassembly.Stream. It lets a half whose SYN was not captured
// begin at the first segment seen. A RST is taken note of only: what comes behind
// it was sent too, and if the RST was forged, taken.
func (s *stream) Accept(tcp *layers.TCP, ci gopacket.CaptureInfo, d reassembly.TCPFlowDirection,
	next reassembly.Sequence, start *bool, ac reassembly.AssemblerContext) bool {
	fresh := next < 0
	if fresh && !tcp.SYN {
		*start = true
	}
	if tcp.RST {
		if fresh || next == reassembly.Sequence(tcp.Seq) {
			s.close(s.index(d), events.RST, ci.Timestamp)
		}
		return false
	}
	h := &s.halves[s.index(d)]
	if s.refused == nil {
		h.expect(tcp, fresh, uint32(next), ac.(moment))
	}
	if h.endsWith(tcp) {
		s.close(s.index(d), events.FIN, ci.Timestamp)
		h.ended = true
	}
	pages := pagesPerConnection
	if h.acked != 0 && int32(h.acked-uint32(next)) > 0 {
		pages = pagesBehind
	}
	s.tracer.assembler.MaxBufferedPagesPerConnection = min(pages, s.tracer.memory.pages())
	return true
}

// close notes who ended the connection first.
func (s *stream) close(end int, how events.Means, at time.Time) {
	if s.closed.How == events.NotEnded || how == events.RST && s.closed.How == events.FIN {
		s.closed, s.closer = Closing{How: how, At: at}, end
	}
}

// ReassembledSG implements reassembly.Stream: the next octets of one half.
func (s *stream) ReassembledSG(sg reassembly.ScatterGather, ac reassembly.AssemblerContext) {
	d, _, _, skipped := sg.Info()
	h := &s.halves[s.index(d)]
	n, _ := sg.Lengths()
	if s.refused != nil || s.tracer.memory.full {
		return // where memory is full nothing more is added to any half
	}
	if !s.tracer.memory.take(int64(n)*5/4, int64(len(h.octets))) {
		return // octets grow by a quarter, and are copied then
	}
	if h.skip(max(skipped, 0)); n == 0 {
		return
	}
	octets := sg.Fetch(n)
	if h.length() == 0 && s.index(d) == s.client {
		s.refused = recognize(octets)
	}
	h.add(octets, ac.(moment))
}

// ReassemblyComplete implements reassembly.Stream.
func (s *stream) ReassemblyComplete(reassembly.AssemblerContext) bool {
	s.over = true
	return true
}
