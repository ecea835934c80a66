package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/english"
)

const (
	// maxContent bounds the octets of streams that Read holds in memory.
	maxContent = 2 << 30
	// maxConnections bounds how many it tells apart. A capture of a port scan
	// holds little content and many of them.
	maxConnections = 1 << 20
)

// ReadFile reads the recording at path. See Read.
func ReadFile(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rec, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

// Read reads a capture file, pcapng or pcap, to its end: a recording of ours,
// or what tcpdump or Wireshark saw of HTTP/1.x without TLS. Link layers may be
// Ethernet (with VLAN tags), Linux cooked, loopback or raw IP.
//
// It returns an error if r is not a capture file at all. What is missing or
// broken inside of one costs only what it touches: it is counted in Warnings,
// and all else is returned. At most 2 GiB of content and a million connections
// are read.
func Read(r io.Reader) (*Recording, error) {
	source, err := openPackets(r)
	if err != nil {
		return nil, err
	}
	return read(source, maxContent), nil
}

func read(source packets, limit int64) *Recording {
	in := reader{rec: new(Recording), tracer: newTracer()}
	err := error(nil)
	for err == nil && in.tracer.held <= limit && len(in.tracer.all) < maxConnections {
		err = in.step(source)
	}
	switch {
	case err == nil:
		in.warn("reading ended after packet %d, with %d bytes of content in %d connections: split the file with editcap -c",
			in.count, in.tracer.held, len(in.tracer.all))
	case err != io.EOF:
		in.warn("the file is cut or damaged after packet %d (%v): what stands before was kept", in.count, err)
	}
	in.finish()
	return in.rec
}

// A reader sorts the packets of one file.
type reader struct {
	rec    *Recording
	tracer *tracer

	count    int             // packets of any kind
	snapped  int             // cut by the snapshot length
	foreign  int             // of link types that cannot be read
	link     layers.LinkType // one of these
	broken   int             // in their headers
	fragment int             // of IP
}

func (in *reader) warn(format string, arguments ...any) {
	in.rec.Warnings = append(in.rec.Warnings, fmt.Sprintf(format, arguments...))
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
	case frame.ErrorLayer() != nil && len(frame.Layers()) <= 1:
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
	if n, ok := parseNote(udp.Payload, p.at); ok {
		in.rec.Notes = append(in.rec.Notes, n)
	}
}

// finish turns what was traced into connections and sums up what was not.
func (in *reader) finish() {
	in.tracer.assembler.FlushAll() // what is still missing will not come
	skipped := map[error]int{}
	var warnings []warning
	var left []string
	for _, s := range in.tracer.all {
		connection, err := s.connection()
		warnings = append(warnings, s.warnings...)
		if err != nil {
			skipped[err]++
			continue
		}
		in.rec.Connections = append(in.rec.Connections, connection)
	}
	in.rec.Warnings = append(in.rec.Warnings, sentences(warnings, requestsMissing, responsesMissing)...)
	for why, n := range skipped {
		left = append(left, fmt.Sprintf("left out %s that %v", english.Plural(n, "connection"), why))
	}
	slices.Sort(left)
	in.rec.Warnings = append(in.rec.Warnings, left...)
	in.summary()
	in.rec.Warnings = append(in.rec.Warnings, sentences(warnings, responsesFaulty, joined)...)
}

func (in *reader) summary() {
	if in.count == 0 {
		in.warn("the file holds no packets")
	}
	for _, left := range []struct {
		packets int
		why     string
	}{
		{in.snapped, "cut by the snapshot length of the capture: record with tcpdump -s 0"},
		{in.foreign, fmt.Sprintf("of a link layer that cannot be read (type %d): record on an Ethernet or loopback interface", int(in.link))},
		{in.broken, "with broken headers, left out"},
		{in.fragment, "fragmented by IP, left out"},
	} {
		if left.packets > 0 {
			in.warn("%s %s", english.Plural(left.packets, "packet"), left.why)
		}
	}
}

// Why a connection is not in a recording.
var (
	errEmpty     = errors.New("carried no bytes")
	errEncrypted = errors.New("carried TLS, which cannot be read: record behind what ends TLS")
	errForeign   = errors.New("did not carry HTTP/1.x")
	errNoRequest = errors.New("carried no whole request")
)

// What is wrong with a response of which package wire reads the head.
var (
	errNoSpace = errors.New("no space stands behind the status code")
	errExcess  = errors.New("more bytes than its head says")
)
