package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// A conversation is what TCP knows about a flow: the writer's half of a Flow.
type conversation struct {
	id       events.ConnID
	ends     [2]netip.AddrPort // by the direction in which each end sends
	sequence [2]uint32         // number of the next octet
	next     [2]uint64         // octets written, or known as lost
	acked    [2]uint64         // of those, how many the other end has acknowledged
	ended    [2]bool
	opened   string // by whom
	file     int    // the last one that names it
}

// gapKind is what a note is called that tells of bytes which were not recorded.
const gapKind = "recording.gap"

// maxHole is the most by which sequence numbers leap over octets that were not
// recorded. They go round every 4 GiB, and a segment that is half a round ahead
// counts as one from the past, so that a larger hole would be invisible.
const maxHole = 1 << 30

// open starts a conversation and writes its handshake.
func (w *Recorder) open(e *events.Event) {
	client, server, at := e.Client, e.Server, e.At
	c := &conversation{
		id: e.Conn, ends: addresses(e.Conn, client, server), sequence: initialSequence(e.Conn, at),
		opened: opened(client, server), file: w.number,
	}
	w.flows[e.Conn] = c
	w.send(c, segment{dir: events.Inbound, at: at, flags: flagSYN, comment: c.id.String() + " " + c.opened})
	w.send(c, segment{dir: events.Outbound, at: at, flags: flagSYN | flagACK})
	w.send(c, segment{dir: events.Inbound, at: at, flags: flagACK})
}

// opened stands behind the connection's name in the comment on its SYN, by which a
// reader learns that name. In a further file the first packet has such a comment.
func opened(client, server netip.AddrPort) string {
	name := func(a netip.AddrPort) string {
		if !a.IsValid() {
			return "a Unix domain socket"
		}
		return a.String()
	}
	return fmt.Sprintf("opened by %s to %s", name(client), name(server))
}

// addresses returns what stands in the packets: the real addresses where IP
// has them, both of one family.
func addresses(id events.ConnID, client, server netip.AddrPort) [2]netip.AddrPort {
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
func initialSequence(id events.ConnID, at time.Time) [2]uint32 {
	clock := uint32(at.UnixMicro()/4) + uint32(id.N)<<8
	return [2]uint32{clock, clock + 1<<31}
}

// data writes one segment.
func (w *Recorder) data(c *conversation, e *events.Event) {
	s := segment{dir: e.Direction, at: e.At, flags: flagACK, content: e.Content, exchange: e.Exchange, comment: e.Comment}
	if !e.Partial {
		s.flags |= flagPSH
	}
	w.send(c, s)
	if c.next[e.Direction]-c.acked[e.Direction] >= ackEvery {
		w.send(c, segment{dir: e.Direction.Reverse(), at: s.at, flags: flagACK})
	}
}

// end writes the end of a direction, or of the whole.
func (w *Recorder) end(c *conversation, e *events.Event) {
	s, back := segment{dir: e.Direction, at: e.At, flags: flagFIN | flagACK, exchange: e.Exchange, comment: e.Comment}, e.Direction.Reverse()
	if e.Means == events.RST {
		s.flags = flagRST | flagACK
	}
	w.send(c, s)
	c.ended[e.Direction] = true
	if e.Kind == events.Closed || c.ended[back] {
		delete(w.flows, c.id)
	}
	if s.flags&flagFIN != 0 && c.ended[back] {
		w.send(c, segment{dir: back, at: s.at, flags: flagACK})
	}
}

// skipTo leaves a hole in the sequence numbers for octets that passed and were
// not recorded, and says so in a note.
func (w *Recorder) skipTo(c *conversation, d events.Direction, offset uint64, at time.Time) {
	if offset <= c.next[d] {
		return
	}
	lost := offset - c.next[d]
	c.next[d] = offset
	c.sequence[d] += uint32(min(lost, maxHole))
	w.counts[interfaceOf(c.id.Hop)].lost++
	w.note(at, c.id, events.Exchange{}, &events.Note{
		Kind: gapKind, Warning: true,
		Params: []events.Param{{Name: "direction", Value: d.String()}, {Name: "bytes", Value: strconv.FormatUint(lost, 10)}},
		Text:   fmt.Sprintf("%d bytes passed %s here and were not recorded", lost, d),
	})
}

// send writes a segment, which acknowledges all that was seen in the other
// direction, and takes the sequence numbers that it uses up: one for each octet,
// for SYN and for FIN.
func (w *Recorder) send(c *conversation, s segment) {
	d, back := s.dir, s.dir.Reverse()
	s.hop, s.from, s.to, s.seq = c.id.Hop, c.ends[d], c.ends[back], c.sequence[d]
	if s.flags&flagACK != 0 {
		s.ack = c.sequence[back]
		c.acked[back] = c.next[back]
	}
	c.next[d] += uint64(len(s.content))
	c.sequence[d] += uint32(len(s.content))
	if s.flags&(flagSYN|flagFIN) != 0 {
		c.sequence[d]++
	}
	if c.file != w.number {
		s.goesOn = fmt.Sprintf("%s goes on, %s", c.id, c.opened)
		c.file = w.number
	}
	w.packet(&s)
}

// goOn says which connections were open when a further file began.
func (w *Recorder) goOn() {
	open := slices.SortedFunc(maps.Keys(w.flows), func(a, b events.ConnID) int {
		return cmp.Or(cmp.Compare(a.Hop, b.Hop), cmp.Compare(a.N, b.N))
	})
	text := []byte("this file goes on where another one ended")
	for i, id := range open {
		if i == 0 {
			text = append(text, "; so do the connections"...)
		}
		text = id.AppendTo(append(text, ' '))
	}
	w.note(w.last, events.ConnID{}, events.Exchange{}, &events.Note{
		Kind:   "recording.goes-on",
		Params: []events.Param{{Name: "file", Value: strconv.Itoa(w.number)}, {Name: "connections", Value: strconv.Itoa(len(open))}},
		Text:   string(text),
	})
}
