package capture

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/english"
)

// A Reading is how captures are read. All that one Reading reads shares its bound of
// memory.
type Reading struct {
	// Memory bounds what is taken of memory, in bytes, whatever is in the files. 0
	// means DefaultMemory.
	Memory int64
	// MoreMemory says, where that bound is met, what to do to have more of it, such
	// as "start the program with --memory 8GiB"; "" if there is nothing to do.
	MoreMemory string
	// Progress, if not nil, is called every few megabytes with how many bytes of a
	// file have been read, and how many it has, 0 if that is not known.
	Progress func(read, size int64)

	memory memory
}

// ReadFile reads the recording at path. See Read.
func ReadFile(path string) (*Recording, error) { return new(Reading).ReadFile(path) }

// Read reads a capture file with the default bound of memory. See Reading.Read.
func Read(r io.Reader) (*Recording, error) { return new(Reading).Read(r) }

// ReadFile reads the recording at path. See Read.
func (r *Reading) ReadFile(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(0)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	rec, err := r.read(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

// Read reads a capture file, pcapng or pcap, to its end: a recording of ours,
// or what tcpdump or Wireshark saw of HTTP/1.x without TLS. Link layers may be
// Ethernet (with VLAN tags), Linux cooked, loopback or raw IP, and around the
// TCP segments there may be tunnels: IP in IP, GRE, VXLAN, Geneve or ERSPAN.
//
// It returns an error if r is not a capture file at all. What is missing or
// broken inside of one costs only what it touches: it is counted in Warnings,
// and all else is returned. Where the bound of memory is met, reading ends.
func (r *Reading) Read(f io.Reader) (*Recording, error) { return r.read(f, 0) }

func (r *Reading) read(f io.Reader, size int64) (*Recording, error) {
	source, err := r.open(f, size)
	if err != nil {
		return nil, err
	}
	return read(source, &r.memory), nil
}

func (r *Reading) open(f io.Reader, size int64) (packets, error) {
	if r.memory.bound = r.Memory; r.Memory == 0 {
		r.memory.bound = DefaultMemory
	}
	r.memory.more = r.MoreMemory
	if r.Progress != nil {
		f = &metered{Reader: f, next: meterStep, told: func(n int64) { r.Progress(n, size) }}
	}
	return openPackets(f, r.memory.block())
}

// meterStep is how many bytes are read before somebody is told.
const meterStep = 4 << 20

// A metered reader tells how much was read.
type metered struct {
	io.Reader
	read, next int64
	told       func(int64)
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if m.read += int64(n); m.read >= m.next {
		m.told(m.read)
		m.next = m.read + meterStep
	}
	return n, err
}

func read(source packets, memory *memory) *Recording {
	in := reader{rec: new(Recording), memory: memory, tracer: newTracer(memory)}
	err := error(nil)
	for err == nil && !memory.full {
		err = in.step(source)
	}
	switch {
	case err == nil:
		in.warn(readingEnded, "reading ended after packet %d, where it had come to the bound of memory, %v", in.count, memory)
	case err != io.EOF:
		in.warn(fileDamaged, "the file is cut or damaged after packet %d (%v): what stands before was kept", in.count, inWords(err))
	}
	in.finish()
	return in.rec
}

// A reader sorts the packets of one file.
type reader struct {
	rec    *Recording
	memory *memory
	tracer *tracer
	warnings

	count    int             // packets of any kind
	snapped  int             // cut by the snapshot length
	foreign  int             // of link types that cannot be read
	link     layers.LinkType // one of these
	broken   int             // in their headers
	fragment int             // of IP

	described int   // interfaces and names: the most that a section has
	beside    int64 // octets that were not in packets
}

func (in *reader) warn(kind warningKind, format string, arguments ...any) {
	in.add(warning{kind, fmt.Sprintf(format, arguments...)})
}

// step reads one packet. The libraries below have been through much, but a
// capture is foreign input: where it makes one of them fail, the file is
// treated as damaged there.
func (in *reader) step(source packets) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	p, err := source.next()
	if err == nil {
		in.packet(&p)
	}
	return err
}

func (in *reader) packet(p *packet) {
	in.count++
	if more := p.described - in.described; more > 0 {
		in.described = p.described
		in.memory.take(int64(more)*describedCost+max(0, p.beside-in.beside), 0)
	}
	in.beside = p.beside
	if p.cut > 0 {
		in.snapped++
	}
	frame := gopacket.NewPacket(p.data, decoderFor(p.link), gopacket.DecodeOptions{NoCopy: true})
	if p.on == notesName {
		in.note(p, frame)
		return
	}
	if tcp, ends, tunnel := segmentIn(frame); tcp != nil {
		in.tracer.segment(p, ends, tunnel, tcp)
		return
	}
	switch {
	case frame.Layer(gopacket.LayerTypeFragment) != nil:
		in.fragment++
	case !readable(p.link):
		in.foreign, in.link = in.foreign+1, p.link
	case frame.ErrorLayer() != nil:
		in.broken++
	}
}

// note keeps a datagram on the interface for notes, if it is one of ours.
func (in *reader) note(p *packet, frame gopacket.Packet) {
	udp, ok := frame.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok {
		return
	}
	if n, ok := parseNote(udp.Payload, p.at); ok && in.memory.take(noteCost+2*int64(len(udp.Payload)), 0) {
		in.rec.Notes = append(in.rec.Notes, n)
	}
}

// finish turns what was traced into connections and sums up what was not.
func (in *reader) finish() {
	in.tracer.assembler.FlushAll() // what is still missing will not come
	in.connections()
	in.packets()
	in.rec.Warnings, in.rec.Losses = in.sentences()
	in.rec.Reasons = in.reasons()
}

func (in *reader) connections() {
	skipped := map[error]int{}
	streams := in.tracer.all
	in.tracer.live, in.tracer.all, in.tracer.assembler = nil, nil, nil
	in.memory.full = false
	for i, s := range streams {
		if in.memory.full {
			in.warn(connectionsUnread, "left out %s for want of memory, of which the bound is %v", english.Plural(len(streams)-i, "connection"), in.memory)
			break
		}
		streams[i] = nil // so that it goes when its messages are made
		connection, err := s.connection()
		for _, w := range s.warnings {
			in.add(w)
		}
		switch {
		case err == nil:
			in.rec.Connections = append(in.rec.Connections, connection)
		case err != errNoRequest || len(s.warnings) == 0: // or it has been said what is wrong with it
			skipped[err]++
		}
	}
	for why, n := range skipped {
		in.warn(kindOf[why], "left out %s %v", english.Plural(n, "connection"), why)
	}
}

// packets warns of those that are in no connection.
func (in *reader) packets() {
	if in.count == 0 {
		in.warn(noPackets, "the file holds no packets; if it is being recorded, they are written a moment later")
	}
	for _, left := range []struct {
		kind    warningKind
		packets int
		why     string
	}{
		{packetsCut, in.snapped, "cut by the snapshot length of the capture: record with tcpdump -s 0"},
		{packetsForeign, in.foreign, fmt.Sprintf("of a link layer that cannot be read (type %d): record on an Ethernet or loopback interface", int(in.link))},
		{packetsBroken, in.broken, "with broken headers, left out"},
		{packetsFragmented, in.fragment, "fragmented by IP, left out: record at their sender, where they are whole"},
	} {
		if left.packets > 0 {
			in.warn(left.kind, "%s %s", english.Plural(left.packets, "packet"), left.why)
		}
	}
}

// errNoMemory says why no more messages are made of a connection.
var errNoMemory = errors.New("the bound of memory is met")

// Why a connection is not in a recording.
var (
	errEmpty     = errors.New("that carried no bytes")
	errEncrypted = errors.New("that carried TLS, which cannot be read: record behind what ends TLS")
	errForeign   = errors.New("that did not carry HTTP/1.x")
	errNoRequest = errors.New("that carried no whole request")
	errHTTP2     = errors.New("that carried HTTP/2, of which nothing can be replayed: have the client speak HTTP/1.1")
	errOneSide   = errors.New("of which only responses were captured: capture where both directions pass")
)

var kindOf = map[error]warningKind{
	errEncrypted: encrypted, errHTTP2: speaksHTTP2, errOneSide: oneSided,
	errForeign: foreign, errNoRequest: noRequest, errEmpty: noBytes,
}

// What is wrong with a response of which package wire reads the head.
var (
	errNoSpace = errors.New("no space stands behind the status code")
	errExcess  = errors.New("more bytes than its head says")
)
