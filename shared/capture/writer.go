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

// Options are the choices of a Recorder.
type Options struct {
	// Application names the writing program, in the file's header and in its
	// notes. Empty means "hopwire".
	Application string
	// Buffer is what one track holds until the file has taken it, in octets; it
	// is rounded up to a power of two. 0 means 4 MiB.
	Buffer int
	// Interval is the longest time that anything is kept from the file. 0 means
	// 100 ms.
	Interval time.Duration
}

// howToLook stands at the head of the file.
const howToLook = `A recording of HTTP/1.1 through one gateway. Bytes, times and the borders of writes are as they were; the headers below HTTP are made up around them.
interface client: clients and the edge. interface origin: the edge and the origin. interface notes: what the edge knows beyond bytes.
tshark -r FILE -Y "http || syslog" -T fields -e frame.time_relative -e frame.interface_name -e _ws.col.Info`

// The interfaces, by their index in the file. Only these names tell a reader
// that the recording is ours.
const (
	clientInterface = iota
	originInterface
	notesInterface
)

const notesName = "notes"

// interfaceOf is where the packets of a hop stand.
func interfaceOf(h Hop) int {
	if h == OriginHop {
		return originInterface
	}
	return clientInterface
}

var interfaces = [...]pcapgo.NgInterface{
	clientInterface: {Name: ClientHop.String(), Description: "client side: clients and the edge"},
	originInterface: {Name: OriginHop.String(), Description: "origin side: the edge and the origin"},
	notesInterface:  {Name: notesName, Description: "what the edge knows beyond bytes (syslog, RFC 5424)"},
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
	// An option's length is a 16-bit number (pcapng section 3.5).
	maxOption = 65532
)

// A writer makes packets of events. It is synchronous and for one goroutine; a
// Recorder stands before it, since loops must not wait.
//
// Its methods gather whole pcapng blocks, and only whole blocks go to the sink:
// what a killed program leaves behind is readable up to its last flush. The
// first error stays, has everything later thrown away, and is what flush and
// close return.
type writer struct {
	sink        io.Writer
	blocks      bytes.Buffer
	ng          *pcapgo.NgWriter
	frames      *framer
	flows       map[FlowID]*conversation
	counts      [len(interfaces)]tally
	application string
	err         error
}

// A tally is what the statistics of one interface will say.
type tally struct{ packets, lost uint64 }

// newWriter writes the head of a recording to sink.
func newWriter(sink io.Writer, o Options) (*writer, error) {
	w := &writer{
		sink:        sink,
		frames:      newFramer(),
		flows:       make(map[FlowID]*conversation),
		application: cmp.Or(o.Application, "hopwire"),
	}
	section := pcapgo.NgSectionInfo{Application: w.application, Comment: howToLook}
	for i, in := range interfaces {
		in.LinkType, in.SnapLength = layers.LinkTypeEthernet, snapLength
		if i == 0 {
			w.ng, w.err = pcapgo.NewNgWriterInterface(&w.blocks, in, pcapgo.NgWriterOptions{SectionInfo: section})
		} else if w.err == nil {
			_, w.err = w.ng.AddInterface(in)
		}
	}
	return w, w.flush()
}

// write makes the packets of an event. Those of a connection whose opening was
// not recorded have no addresses, and are none.
func (w *writer) write(e *event) {
	switch c := w.flows[e.flow]; {
	case w.err != nil:
	case e.kind == openEvent:
		w.open(e)
	case e.kind == noteEvent:
		w.note(e.time(), Severity(e.detail), e.content)
	case c != nil:
		w.skipTo(c, e.dir, e.offset, e.time())
		if e.kind == dataEvent {
			w.data(c, e)
		} else {
			w.end(c, e)
		}
	}
}

// flush hands what was gathered to the sink.
func (w *writer) flush() error {
	if w.err == nil {
		w.err = w.ng.Flush()
	}
	if w.err == nil && w.blocks.Len() > 0 {
		_, w.err = w.sink.Write(w.blocks.Bytes())
	}
	w.blocks.Reset()
	return w.err
}

// close writes the statistics of the interfaces and flushes. Flows that are
// still open stay without an end in the recording.
func (w *writer) close() error {
	for i, t := range w.counts {
		if w.err == nil {
			w.err = w.ng.WriteInterfaceStats(i, pcapgo.NgInterfaceStatistics{
				LastUpdate: time.Now(), PacketsReceived: t.packets, PacketsDropped: t.lost,
			})
		}
	}
	return w.flush()
}

// note writes a message of RFC 5424, around what Note.appendBody made of it.
func (w *writer) note(at time.Time, severity Severity, body []byte) {
	message := fmt.Appendf(nil, "<%d>1 %s - %s - %s", facility*8+cmp.Or(severity, Info)&7,
		at.UTC().Format("2006-01-02T15:04:05.000000Z"), w.application, body)
	frame, err := w.frames.datagram(notesFrom, notesTo, message)
	w.block(notesInterface, at, frame, err, pcapgo.NgPacketOptions{})
}

// packet writes one segment.
func (w *writer) packet(s *segment) {
	options := pcapgo.NgPacketOptions{Flags: &flagsReceived}
	if (s.hop == OriginHop) == (s.dir == Inbound) {
		options.Flags = &flagsSent
	}
	if s.comment != "" {
		options.Comments = []string{option(s.comment)}
	}
	frame, err := w.frames.segment(s)
	w.block(interfaceOf(s.hop), s.at, frame, err, options)
}

// What pcapng calls inbound and outbound is received and sent by the edge.
var (
	flagsReceived = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}
	flagsSent     = pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}
)

// block writes a frame, unless there was an error, in making it or earlier.
func (w *writer) block(in int, at time.Time, frame []byte, err error, options pcapgo.NgPacketOptions) {
	if w.err != nil {
		return
	}
	if err == nil {
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame), InterfaceIndex: in}
		err = w.ng.WritePacketWithOptions(info, frame, options)
	}
	if err != nil {
		w.err = fmt.Errorf("capture: writing the recording: %w", err)
		return
	}
	w.counts[in].packets++
	if w.blocks.Len() >= flushAt {
		w.flush()
	}
}

// option is text as an option may have it: UTF-8, which readers take it for, and
// no longer than can be said. It is cut between characters.
func option(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxOption {
		return s
	}
	n := maxOption
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
