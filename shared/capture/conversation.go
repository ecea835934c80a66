package capture

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// A conversation is what TCP knows about a flow: the writer's half of a Flow.
type conversation struct {
	id       FlowID
	ends     [2]netip.AddrPort // by the direction in which each end sends
	sequence [2]uint32         // number of the next octet
	next     [2]uint64         // octets written, or known as lost
	acked    [2]uint64         // of those, how many the other end has acknowledged
	ended    [2]bool
}

// maxHole is the most by which sequence numbers leap over octets that were not
// recorded. They go round every 4 GiB, and a segment that is half a round ahead
// counts as one from the past, so that a larger hole would be invisible.
const maxHole = 1 << 30

// open starts a conversation and writes its handshake.
func (w *Writer) open(id FlowID, client, server netip.AddrPort, at time.Time) error {
	c := &conversation{id: id, ends: addresses(id, client, server), sequence: initialSequence(id, at)}
	w.flows[id] = c
	w.send(c, Inbound, at, flagSYN, nil, c.introduction(client, server))
	w.send(c, Outbound, at, flagSYN|flagACK, nil, "")
	return w.send(c, Inbound, at, flagACK, nil, "")
}

// introduction is the comment on a SYN. Its first word is how a reader learns
// the name of the connection.
func (c *conversation) introduction(client, server netip.AddrPort) string {
	name := func(a netip.AddrPort) string {
		if !a.IsValid() {
			return "a Unix domain socket"
		}
		return a.String()
	}
	return fmt.Sprintf("%s opened by %s to %s", c.id, name(client), name(server))
}

// addresses returns what stands in the packets: the real addresses where IP
// has them, both of one family.
func addresses(id FlowID, client, server netip.AddrPort) [2]netip.AddrPort {
	if !client.IsValid() {
		client = netip.AddrPortFrom(unixClient, uint16(1024+id.N%(1<<16-1024)))
	}
	if !server.IsValid() {
		server = unixServer
	}
	a, b := client.Addr().Unmap().WithZone(""), server.Addr().Unmap().WithZone("")
	if a.Is4() != b.Is4() {
		a, b = netip.AddrFrom16(a.As16()), netip.AddrFrom16(b.As16())
	}
	return [2]netip.AddrPort{netip.AddrPortFrom(a, client.Port()), netip.AddrPortFrom(b, server.Port())}
}

// initialSequence follows the clock of RFC 9293 section 3.4.1, one step in four
// microseconds, so that a later connection between the same two ports is told
// apart from a repeated SYN.
func initialSequence(id FlowID, at time.Time) [2]uint32 {
	clock := uint32(at.UnixMicro()/4) + uint32(id.N)<<8
	return [2]uint32{clock, clock + 1<<31}
}

// data writes one segment that begins at offset octets into direction d.
func (w *Writer) data(id FlowID, d Direction, offset uint64, at time.Time, p []byte, push bool, comment string) error {
	c := w.flows[id]
	if c == nil {
		return w.err
	}
	w.skipTo(c, d, offset, at)
	flags := flagACK
	if push {
		flags |= flagPSH
	}
	w.send(c, d, at, flags, p, comment)
	if c.next[d]-c.acked[d] >= ackEvery {
		w.send(c, d.reverse(), at, flagACK, nil, "")
	}
	return w.err
}

// end writes the end of direction d, offset octets into it.
func (w *Writer) end(id FlowID, d Direction, offset uint64, how Ending, at time.Time, comment string) error {
	c := w.flows[id]
	if c == nil {
		return w.err
	}
	w.skipTo(c, d, offset, at)
	if how == RST {
		delete(w.flows, id)
		return w.send(c, d, at, flagRST|flagACK, nil, comment)
	}
	w.send(c, d, at, flagFIN|flagACK, nil, comment)
	c.ended[d] = true
	if c.ended[d.reverse()] {
		delete(w.flows, id)
		w.send(c, d.reverse(), at, flagACK, nil, "")
	}
	return w.err
}

// skipTo leaves a hole in the sequence numbers for octets that passed and were
// not recorded, and says so in a note.
func (w *Writer) skipTo(c *conversation, d Direction, offset uint64, at time.Time) {
	if offset <= c.next[d] {
		return
	}
	lost := offset - c.next[d]
	c.next[d] = offset
	c.sequence[d] += uint32(min(lost, maxHole))
	if c.id.Hop == OriginHop {
		w.counts[originInterface].lost++
	} else {
		w.counts[clientInterface].lost++
	}
	w.Note(&Note{
		At: at, Severity: Warning, Kind: "recording.gap", Flow: c.id,
		Params: []Param{{"direction", d.String()}, {"octets", strconv.FormatUint(lost, 10)}},
		Text:   fmt.Sprintf("%d octets passed %s here and were not recorded", lost, d),
	})
}

// send writes one segment in direction d, which acknowledges all that was seen
// in the other one, and takes the sequence numbers that it uses up: one for
// each octet, for SYN and for FIN.
func (w *Writer) send(c *conversation, d Direction, at time.Time, flags tcpFlags, p []byte, comment string) error {
	back := d.reverse()
	s := segment{hop: c.id.Hop, dir: d, from: c.ends[d], to: c.ends[back], flags: flags, seq: c.sequence[d], content: p}
	if flags&flagACK != 0 {
		s.ack = c.sequence[back]
		c.acked[back] = c.next[back]
	}
	c.next[d] += uint64(len(p))
	c.sequence[d] += uint32(len(p))
	if flags&(flagSYN|flagFIN) != 0 {
		c.sequence[d]++
	}
	return w.packet(at, &s, comment)
}
