package capture

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Options are the choices of a Writer and of a Recorder.
type Options struct {
	// Application names the writing program, in the file's header and in its
	// notes. Empty means "hopwire".
	Application string
	// Comment stands at the head of the file. Empty means a few lines on how to
	// look at a recording.
	Comment string
	// Buffer is what one track of a Recorder holds until the file has taken it,
	// in octets; it is rounded up to a power of two. 0 means 4 MiB.
	Buffer int
	// Interval is the longest time that a Recorder keeps anything from the
	// file. 0 means 100 ms.
	Interval time.Duration
}

const howToLook = `A recording of HTTP/1.1 through one gateway. Octets, times and the borders of writes are as they were; the headers below HTTP are made up around them.
interface client: clients and the edge. interface origin: the edge and the origin. interface notes: what the edge knows beyond octets.
tshark -r FILE -Y "http || syslog" -T fields -e frame.time_relative -e frame.interface_name -e _ws.col.Info`

// The interfaces, by their index in the file. Only these names tell a reader
// that the recording is ours.
const (
	clientInterface = iota
	originInterface
	notesInterface
)

const notesName = "notes"

var interfaces = [...]pcapgo.NgInterface{
	clientInterface: {Name: ClientHop.String(), Description: "client side: clients and the edge"},
	originInterface: {Name: OriginHop.String(), Description: "origin side: the edge and the origin"},
	notesInterface:  {Name: notesName, Description: "what the edge knows beyond octets (syslog, RFC 5424)"},
}

// Synthetic addresses, all from the blocks that RFC 5737 keeps for
// documentation, so that nobody takes them for a real peer.
var (
	notesFrom  = netip.MustParseAddrPort("192.0.2.1:514")
	notesTo    = netip.MustParseAddrPort("192.0.2.2:514")
	unixClient = netip.MustParseAddr("198.51.100.1")
	unixServer = netip.MustParseAddrPort("198.51.100.2:80")
)

const (
	// snapLength is libpcap's largest. All interfaces must have the same one,
	// and the same link type, or libpcap refuses the file.
	snapLength = 262144
	// flushAt is when gathered blocks go to the file without being asked.
	flushAt = 256 << 10
	// An option's length is a 16-bit number (pcapng section 3.5), and readers
	// refuse huge blocks, so that a comment is split and at last cut.
	maxOption  = 65532
	maxComment = 1 << 20
)

// A Writer writes a recording. It is synchronous and for one goroutine; a
// Recorder stands before it where loops must not wait.
//
// Its methods gather whole pcapng blocks, and only whole blocks go to the
// underlying writer: what a killed program leaves behind is readable up to its
// last flush. The first error stays and is returned by every later call.
type Writer struct {
	sink        io.Writer
	blocks      bytes.Buffer
	ng          *pcapgo.NgWriter
	frames      *framer
	flows       map[FlowID]*conversation
	counts      [len(interfaces)]tally
	application string
	scratch     []byte
	err         error
}

// A tally is what the statistics of one interface will say.
type tally struct{ packets, lost uint64 }

// NewWriter writes the head of a recording to sink. The caller closes sink,
// after Close.
func NewWriter(sink io.Writer, o Options) (*Writer, error) {
	w := &Writer{
		sink:        sink,
		frames:      newFramer(),
		flows:       make(map[FlowID]*conversation),
		application: cmp.Or(o.Application, "hopwire"),
	}
	section := pcapgo.NgSectionInfo{Application: w.application, Comment: cmp.Or(o.Comment, howToLook)}
	for i, in := range interfaces {
		in.LinkType, in.SnapLength = layers.LinkTypeEthernet, snapLength
		if i == 0 {
			w.ng, w.err = pcapgo.NewNgWriterInterface(&w.blocks, in, pcapgo.NgWriterOptions{SectionInfo: section})
		} else if w.err == nil {
			_, w.err = w.ng.AddInterface(in)
		}
	}
	return w, w.Flush()
}

// Open records that the flow's client connected: a three-way handshake.
// FlowID, Client and Server of f must have been set.
func (w *Writer) Open(f *Flow, at time.Time) error {
	f.begin(at)
	f.announced = true
	return w.open(f.FlowID, f.Client, f.Server, at)
}

// Data records octets sent in direction d by one write or found by one read.
// The comment, if any, goes to the first of their packets. Neither p nor f is
// kept.
func (w *Writer) Data(f *Flow, d Direction, at time.Time, p []byte, comment string) error {
	for len(p) > 0 && f.sending(d) {
		part := p[:min(len(p), maxSegment)]
		p = p[len(part):]
		w.data(f.FlowID, d, f.passed[d], at, part, len(p) == 0, comment)
		f.passed[d] += uint64(len(part))
		comment = ""
	}
	return w.err
}

// End records that direction d ended, or with RST that both did, since the
// sender of d reset the connection.
func (w *Writer) End(f *Flow, d Direction, how Ending, at time.Time, comment string) error {
	if how != NotEnded && f.sending(d) {
		w.end(f.FlowID, d, f.passed[d], how, at, comment)
		f.finish(d, how)
	}
	return w.err
}

// Note records n as a syslog datagram.
func (w *Writer) Note(n *Note) error {
	w.scratch = n.appendBody(w.scratch[:0])
	return w.note(n.At, n.Severity, w.scratch)
}

// Flush hands what was gathered to the underlying writer.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.ng.Flush()
	}
	if w.err == nil && w.blocks.Len() > 0 {
		_, w.err = w.sink.Write(w.blocks.Bytes())
	}
	w.blocks.Reset()
	return w.err
}

// Close writes the statistics of the interfaces and flushes. Flows that are
// still open stay without an end in the recording.
func (w *Writer) Close() error {
	for i, t := range w.counts {
		if w.err == nil {
			w.err = w.ng.WriteInterfaceStats(i, pcapgo.NgInterfaceStatistics{
				LastUpdate: time.Now(), PacketsReceived: t.packets, PacketsDropped: t.lost,
			})
		}
	}
	return w.Flush()
}

// note writes the datagram around what Note.appendBody made.
func (w *Writer) note(at time.Time, severity Severity, body []byte) error {
	frame, err := w.frames.datagram(notesFrom, notesTo, appendSyslog(nil, at, severity, w.application, body))
	if err != nil {
		return w.fail(err)
	}
	return w.block(notesInterface, at, frame, pcapgo.NgPacketOptions{})
}

// packet writes one segment.
func (w *Writer) packet(at time.Time, s *segment, comment string) error {
	if w.err != nil {
		return w.err
	}
	frame, err := w.frames.segment(s)
	if err != nil {
		return w.fail(err)
	}
	options := pcapgo.NgPacketOptions{Flags: &flagsReceived}
	in := clientInterface
	if s.hop == OriginHop {
		in = originInterface
	}
	if (s.hop == OriginHop) == (s.dir == Inbound) {
		options.Flags = &flagsSent
	}
	if comment != "" {
		options.Comments = splitComment(comment)
	}
	return w.block(in, at, frame, options)
}

// What pcapng calls inbound and outbound is received and sent by the edge.
var (
	flagsReceived = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	flagsSent     = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}
)

func (w *Writer) block(in int, at time.Time, frame []byte, options pcapgo.NgPacketOptions) error {
	if w.err != nil {
		return w.err
	}
	info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame), InterfaceIndex: in}
	if err := w.ng.WritePacketWithOptions(info, frame, options); err != nil {
		return w.fail(err)
	}
	w.counts[in].packets++
	if w.blocks.Len() >= flushAt {
		return w.Flush()
	}
	return nil
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = fmt.Errorf("capture: writing the recording: %w", err)
	}
	return w.err
}

// splitComment cuts a comment into options, between characters, since readers
// take each of them for UTF-8 text.
func splitComment(s string) (options []string) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxComment {
		s = s[:runeBorder(s, maxComment)] + "... (cut)"
	}
	for len(s) > maxOption {
		n := runeBorder(s, maxOption)
		options, s = append(options, s[:n]), s[n:]
	}
	return append(options, s)
}

func runeBorder(s string, n int) int {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}
