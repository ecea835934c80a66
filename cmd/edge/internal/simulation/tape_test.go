package simulation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A tape is what a world has when its gateway records: the recording, and what
// it has to hold.
type tape struct {
	file     bytes.Buffer
	stream   *events.Stream
	recorder *events.Reader
	held     int        // octets that the recorder may not have written yet
	entries  []*logLine // of the access log

	reels map[events.ConnID]*reel
	by    map[netip.AddrPort]*reel // the end that dialed; none comes twice
}

// A passage is what passed on a line, as the network saw it.
type passage struct {
	said    []byte // by the gateway's peer
	wrote   []byte // by the gateway
	heard   int64  // octets that it read before it closed
	readEnd bool   // and the end of the peer's stream
	lateEnd bool   // perhaps after that
	fin     bool   // the gateway closed it in order
	rst     bool   // or reset it
}

// A reel is one connection in the recording.
type reel struct {
	id       events.ConnID
	client   netip.AddrPort
	octets   [2][]byte
	next     [2]uint32 // sequence number
	ends     [2]events.Means
	comments [2]map[int]string // by the offset of the first octet
}

// newTape begins a recording. It is written by a goroutine, which must not have an
// influence on the world: its memory is larger than what is left to it before it
// is waited for.
func newTape() (*tape, error) {
	t := &tape{reels: make(map[events.ConnID]*reel), by: make(map[netip.AddrPort]*reel)}
	recorder, err := capture.NewRecorder(&t.file, capture.Options{})
	if err != nil {
		return nil, err
	}
	t.stream = events.NewStream(1, events.Options{Memory: 8 * tapeHolds, Interval: time.Hour})
	t.recorder = t.stream.Read(recorder)
	return t, nil
}

const (
	tapeHolds  = 32 << 10
	eventHolds = 1 << 10 // a comment, a note
)

// step has the recorder keep up.
func (t *tape) step(s simnet.Step) {
	if t.held += s.Octets + eventHolds; t.held > tapeHolds {
		t.held = 0
		t.recorder.Flush()
	}
}

// step takes down what passes.
func (p *passage) step(gateways, closed bool, s simnet.Step) {
	switch {
	case s.What == simnet.Wrote && gateways:
		p.wrote = append(p.wrote, s.Data...)
	case s.What == simnet.Wrote:
		p.said = append(p.said, s.Data...)
	case !gateways:
	case s.What == simnet.Read && !closed:
		p.heard += int64(s.Octets)
	case s.What == simnet.ReadEnd:
		p.readEnd, p.lateEnd = p.readEnd || !closed, true
	case s.What == simnet.ClosedWrite, s.What == simnet.Closed:
		p.fin = true
	case s.What == simnet.ClosedReset:
		p.rst = true
	}
}

// A packet is what the judge reads of one, with nothing of the code that wrote it.
type packet struct {
	exchange      events.Exchange
	from, to      netip.AddrPort
	seq           uint32
	syn, fin, rst bool
	content       []byte
	comment       string
}

// read takes the recording apart into reels.
func (t *tape) read() error {
	const enhancedPacket, notes = 6, 2
	for file := t.file.Bytes(); len(file) > 0; {
		if len(file) < 12 || int(le.Uint32(file[4:])) > len(file) {
			return fmt.Errorf("%d bytes at its end are no block", len(file))
		}
		block := file[:le.Uint32(file[4:])]
		file = file[len(block):]
		if le.Uint32(block) != enhancedPacket || le.Uint32(block[8:]) == notes {
			continue
		}
		p := readPacket(block[8 : len(block)-4])
		if err := t.wind(&p); err != nil {
			return err
		}
	}
	return nil
}

var le, be = binary.LittleEndian, binary.BigEndian

// readPacket reads the body of a block: Ethernet, IPv4, TCP.
func readPacket(block []byte) (p packet) {
	const head, ethernet, comment = 20, 14, 1
	n := int(le.Uint32(block[12:]))
	ip := block[head:][ethernet:n]
	ip = ip[:be.Uint16(ip[2:])] // small frames are filled up
	tcp := ip[4*(ip[0]&15):]
	p.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), be.Uint16(tcp))
	p.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:])), be.Uint16(tcp[2:]))
	p.seq, p.content = be.Uint32(tcp[4:]), tcp[4*(tcp[12]>>4):]
	p.fin, p.syn, p.rst = tcp[13]&1 != 0, tcp[13]&2 != 0, tcp[13]&4 != 0
	for options := block[head+padded(n):]; len(options) >= 4 && le.Uint16(options) != 0; {
		code, size := le.Uint16(options), int(le.Uint16(options[2:]))
		if code == comment {
			text := string(options[4:][:size])
			if x, err := events.ParseExchange(text); err == nil {
				p.exchange = x
			} else {
				p.comment += text
			}
		}
		options = options[4+padded(size):]
	}
	return p
}

func padded(n int) int { return (n + 3) &^ 3 }

// wind adds a packet to its reel.
func (t *tape) wind(p *packet) error {
	r, d := t.by[p.from], events.Inbound
	switch {
	case r == nil && t.by[p.to] != nil:
		r, d = t.by[p.to], events.Outbound
	case r == nil:
		name, _, _ := strings.Cut(p.comment, " ")
		id, err := events.ParseConnID(name)
		if err != nil || !p.syn || t.reels[id] != nil {
			return fmt.Errorf("a packet from %v to %v (%q) belongs to no connection", p.from, p.to, p.comment)
		}
		r = &reel{id: id, client: p.from, comments: [2]map[int]string{{}, {}}}
		t.reels[id], t.by[p.from] = r, r
	}
	if p.syn {
		r.next[d] = p.seq + 1
		return nil
	}
	if named := p.exchange; named != (events.Exchange{}) && named.Client.Conn != r.id && named.Origin.Conn != r.id {
		return fmt.Errorf("%v is said to be used for %v", r.id, named)
	}
	if p.seq != r.next[d] {
		return fmt.Errorf("%v has a hole behind byte %d %v", r.id, len(r.octets[d]), d)
	}
	r.next[d] += uint32(len(p.content))
	if p.comment != "" && len(p.content) > 0 {
		r.comments[d][len(r.octets[d])] = p.comment
	}
	r.octets[d] = append(r.octets[d], p.content...)
	switch {
	case p.rst:
		r.ends[d] = events.RST
	case p.fin:
		r.ends[d] = events.FIN
		r.next[d]++
	}
	return nil
}
