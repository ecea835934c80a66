package capture

import (
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/hopwire/hopwire/shared/events"
)

// Events reads a file as the events of which it tells, in their order. An event is
// valid until the next one.
//
// A recording of ours is read as it comes, so f may be a file that is still being
// written, if its Read waits for more. A capture by others is read to its end first,
// as Read does it, since it may have packets in another order; its connections count
// as those of clients, what it says of itself (Recording.Warnings) comes first, as
// notes of the kind recording.warning, and the notes of the ends of exchanges have the
// status only.
//
// The last error is why the file ended, if it did so otherwise than by its end; what
// came before is true all the same.
func (r *Reading) Events(f io.Reader) iter.Seq2[*events.Event, error] {
	return func(yield func(*events.Event, error) bool) {
		source, err := r.open(f, 0)
		if err != nil {
			yield(nil, err)
			return
		}
		first, err := source.next()
		again := &pushedBack{packets: source, first: &first, err: err}
		if err == nil && interfaceNamed(first.on) {
			unwound := unwinder{source: again, yield: yield, flows: map[events.ConnID]*unwoundFlow{}, names: map[[2]netip.AddrPort]events.ConnID{}}
			unwound.run()
			return
		}
		eventsOf(read(again, &r.memory), yield)
	}
}

// interfaceNamed reports whether only a recording of ours has an interface of that
// name.
func interfaceNamed(name string) bool {
	return slices.ContainsFunc(interfaces[:], func(in pcapgo.NgInterface) bool { return in.Name == name })
}

// pushedBack gives the first packet once more.
type pushedBack struct {
	packets
	first *packet
	err   error
}

func (p *pushedBack) next() (packet, error) {
	if first := p.first; first != nil {
		p.first = nil
		return *first, p.err
	}
	return p.packets.next()
}

// An unwinder makes events of the packets of a recording of ours, which come in order
// and without loss: what is missing was missing when it was made, and a note says so.
type unwinder struct {
	source packets
	yield  func(*events.Event, error) bool
	flows  map[events.ConnID]*unwoundFlow
	names  map[[2]netip.AddrPort]events.ConnID // of those that are open
	seq    uint64
}

type unwoundFlow struct {
	ends   [2]netip.AddrPort // client and server
	next   [2]uint32         // sequence number
	offset [2]uint64
	ended  [2]bool
}

func (u *unwinder) run() {
	for {
		p, err := u.source.next()
		if err == io.EOF {
			return
		}
		if err != nil {
			u.yield(nil, fmt.Errorf("the file is cut or damaged behind what was read (%s)", inWords(err)))
			return
		}
		frame := gopacket.NewPacket(p.data, decoderFor(p.link), gopacket.DecodeOptions{NoCopy: true})
		goesOn := true
		if p.on == notesName {
			goesOn = u.note(&p, frame)
		} else if tcp, ends, _ := segmentIn(frame); tcp != nil {
			goesOn = u.segment(&p, events.HopNamed(p.on), ends, tcp)
		}
		if !goesOn {
			return
		}
	}
}

// tell yields an event.
func (u *unwinder) tell(e events.Event) bool {
	u.seq++
	e.Seq = u.seq
	return u.yield(&e, nil)
}

func (u *unwinder) note(p *packet, frame gopacket.Packet) bool {
	udp, ok := frame.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok {
		return true
	}
	n, ok := parseNote(udp.Payload, p.at)
	if !ok {
		return true
	}
	f := u.flows[n.Conn]
	missing, err := strconv.ParseUint(n.Param("bytes"), 10, 64)
	if n.Kind != gapKind || f == nil || err != nil {
		return u.tell(events.Event{At: p.at, Kind: events.Noted, Conn: n.Conn, Exchange: n.Exchange, Note: &n.Note})
	}
	d := events.Inbound
	if n.Param("direction") == events.Outbound.String() {
		d = events.Outbound
	}
	f.next[d] += uint32(min(missing, maxHole))
	return u.missing(n.Conn, f, d, missing, p.at)
}

// missing tells of a gap.
func (u *unwinder) missing(conn events.ConnID, f *unwoundFlow, d events.Direction, n uint64, at time.Time) bool {
	e := events.Event{At: at, Kind: events.Gap, Conn: conn, Direction: d, Offset: f.offset[d], Missing: n}
	f.offset[d] += n
	return u.tell(e)
}

func (u *unwinder) segment(p *packet, hop events.Hop, ends [2]netip.AddrPort, tcp *layers.TCP) bool {
	e := events.Event{At: p.at}
	for _, comment := range p.comments {
		conn, who, named := openingIn(comment)
		x, err := events.ParseExchange(comment)
		switch {
		case named && !u.open(conn, who, ends, tcp, p.at):
			return false
		case named:
		case err == nil:
			e.Exchange = x
		default:
			e.Comment = comment
		}
	}
	conn, d, f := u.flowOf(ends)
	if f == nil || tcp.SYN {
		if f != nil {
			f.next[d] = tcp.Seq + 1
		}
		return true
	}
	e.Conn, e.Direction = conn, d
	if gap := tcp.Seq - f.next[d]; gap != 0 && gap < maxHole && (len(tcp.Payload) > 0 || tcp.FIN) {
		if !u.missing(conn, f, d, uint64(gap), p.at) {
			return false
		}
	}
	e.Offset = f.offset[d]
	f.next[d] = tcp.Seq + uint32(len(tcp.Payload))
	f.offset[d] += uint64(len(tcp.Payload))
	if len(tcp.Payload) > 0 {
		e.Kind, e.Content, e.Partial = events.Bytes, tcp.Payload, !tcp.PSH
		if !u.tell(e) {
			return false
		}
	}
	return u.end(e, f, tcp)
}

// end tells of the end that a segment is, if it is one. The side that closed gives
// its cause; a peer that only ended its direction gives none.
func (u *unwinder) end(e events.Event, f *unwoundFlow, tcp *layers.TCP) bool {
	reverse := f.offset[e.Direction.Reverse()]
	switch {
	case tcp.RST:
		e.Kind, e.Means, e.Reverse = events.Closed, events.RST, reverse
	case tcp.FIN && e.Comment != "":
		e.Kind, e.Means, e.Reverse = events.Closed, events.FIN, reverse
	case tcp.FIN:
		e.Kind, e.Means = events.Ended, events.FIN
	default:
		return true
	}
	e.Offset, e.Content, e.Partial = f.offset[e.Direction], nil, false
	if f.ended[e.Direction] = true; e.Kind == events.Closed || f.ended[e.Direction.Reverse()] {
		delete(u.flows, e.Conn)
		delete(u.names, f.ends)
	}
	return u.tell(e)
}

// open tells of a connection that a comment names for the first time, in the packet
// with which it was opened or in the first one of a further file.
func (u *unwinder) open(conn events.ConnID, who string, ends [2]netip.AddrPort, tcp *layers.TCP, at time.Time) bool {
	if u.flows[conn] != nil {
		return true
	}
	client, server, _ := strings.Cut(strings.TrimPrefix(who, "opened by "), " to ")
	address := func(s string) netip.AddrPort { a, _ := netip.ParseAddrPort(s); return a } // none is a Unix socket's
	e := events.Event{At: at, Kind: events.Opened, Conn: conn, Client: address(client), Server: address(server)}
	f := &unwoundFlow{ends: ends}
	if want := addresses(conn, e.Client, e.Server); want[1] == ends[0] {
		f.ends = [2]netip.AddrPort{ends[1], ends[0]} // it goes on with what the server sends
	}
	d := events.Inbound
	if f.ends[0] != ends[0] {
		d = events.Outbound
	}
	f.next[d], f.next[d.Reverse()] = tcp.Seq, tcp.Ack
	u.flows[conn], u.names[f.ends] = f, conn
	return u.tell(e)
}

// flowOf is the connection between two ends, and the direction from the first.
func (u *unwinder) flowOf(ends [2]netip.AddrPort) (events.ConnID, events.Direction, *unwoundFlow) {
	if conn, ok := u.names[ends]; ok {
		return conn, events.Inbound, u.flows[conn]
	}
	conn := u.names[[2]netip.AddrPort{ends[1], ends[0]}]
	return conn, events.Outbound, u.flows[conn]
}

// openingIn takes the name off a comment by which a connection is known: "c3 opened
// by 10.0.0.1:80 to 10.0.0.2:80", or "c3 goes on, opened by …".
func openingIn(comment string) (conn events.ConnID, who string, ok bool) {
	name, who, _ := strings.Cut(comment, " ")
	who = strings.TrimPrefix(who, "goes on, ")
	conn, err := events.ParseConnID(name)
	return conn, who, err == nil && strings.HasPrefix(who, "opened by ")
}

// eventsOf makes events of a capture by others.
func eventsOf(rec *Recording, yield func(*events.Event, error) bool) {
	var all []events.Event
	for _, w := range rec.Warnings {
		all = append(all, events.Event{Kind: events.Noted, Note: &events.Note{Kind: "recording.warning", Warning: true, Text: w}})
	}
	warnings := len(all)
	for i, c := range rec.Connections {
		all = c.appendEvents(all, events.ConnID{Hop: events.ClientHop, N: uint64(i + 1)})
	}
	slices.SortStableFunc(all[warnings:], func(a, b events.Event) int { return a.At.Compare(b.At) })
	for i := range all {
		if i < warnings && len(all) > warnings {
			all[i].At = all[warnings].At
		}
		all[i].Seq = uint64(i + 1)
		if !yield(&all[i], nil) {
			return
		}
	}
}

// appendEvents appends what happened on a connection, each message as if its head had
// come with its first byte and the rest with its last: how it came is not kept.
func (c *Connection) appendEvents(all []events.Event, conn events.ConnID) []events.Event {
	all = append(all, events.Event{At: c.Opened, Kind: events.Opened, Conn: conn, Client: c.Client, Server: c.Server})
	var offset [2]uint64
	last := c.Opened
	for i := range c.Exchanges {
		x := &c.Exchanges[i]
		name := events.Exchange{Client: events.Use{Conn: conn, N: uint32(i + 1)}}
		message := func(m *Message, d events.Direction) {
			if len(m.Raw) == 0 {
				return
			}
			e := events.Event{Kind: events.Bytes, Conn: conn, Exchange: name, Direction: d}
			for i, piece := range [2][]byte{m.Raw[:m.HeadLen], m.Body()} {
				if len(piece) > 0 {
					e.At, e.Offset, e.Content = [2]time.Time{m.At, m.End}[i], offset[d], piece
					all = append(all, e)
					offset[d] += uint64(len(piece))
				}
			}
			last = m.End
		}
		message(&x.Request, events.Inbound)
		for k := range x.Interim {
			message(&x.Interim[k], events.Outbound)
		}
		message(&x.Response, events.Outbound)
		all = append(all, events.Event{At: last, Kind: events.Noted, Conn: conn, Exchange: name,
			Note: &events.Note{Kind: "exchange", Params: []events.Param{{Name: "status", Value: statusOf(&x.Response)}}}})
	}
	if c.Closed.How == events.NotEnded {
		return all
	}
	at := c.Closed.At
	if at.Before(last) {
		at = last
	}
	return append(all, events.Event{At: at, Kind: events.Closed, Conn: conn, Direction: c.Closed.From,
		Offset: offset[c.Closed.From], Reverse: offset[c.Closed.From.Reverse()], Means: c.Closed.How})
}

// statusOf is the status code as it stands in the response; "0" if there is none.
func statusOf(m *Message) string {
	if len(m.Raw) < len("HTTP/1.1 200") {
		return "0"
	}
	return string(m.Raw[len("HTTP/1.1 "):len("HTTP/1.1 200")])
}
