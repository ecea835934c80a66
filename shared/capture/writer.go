package capture

import (
	"github.com/hopwire/hopwire/shared/events"

	"bytes"
	"cmp"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Options are the choices of a Recorder. What waits for it is bounded by the stream.
type Options struct {
	// Application names the writing program, in the file's header and in its
	// notes, where it is one word (RFC 5424 section 6.2.5). Empty means "hopwire".
	Application string
	// Comment stands at the head of the file. Empty means what a gateway's reader has
	// to know.
	Comment string
	// Next, where it is not nil, is called when the file has reached Max octets.
	// What is written to the sink from then on belongs to another file. While Next
	// fails it is called again and again, and nothing is written.
	Next func() error
	Max  int64
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
func interfaceOf(h events.Hop) int {
	if h == events.OriginHop {
		return originInterface
	}
	return clientInterface
}

var interfaces = [...]pcapgo.NgInterface{
	clientInterface: {Name: events.ClientHop.String(), Description: "client side: clients and the edge"},
	originInterface: {Name: events.OriginHop.String(), Description: "origin side: the edge and the origin"},
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
)

// A Recorder makes a recording of the events that it is given: it is the sink of an
// events.Stream.
//
// Its methods gather whole pcapng blocks, and only whole blocks go to the sink:
// what a killed program leaves behind is readable up to its last flush. What the
// sink does not take, as a full disk, is kept and offered again by the next
// flush; until then there is no room, and nothing should be written.
type Recorder struct {
	sink        io.Writer
	options     Options
	blocks      bytes.Buffer   // what the sink has not taken yet
	held        events.Dropped // the events in it, if it is lost
	message     []byte         // of a note, while that is made
	second      int64          // of the last note's time
	secondText  []byte
	ng          *pcapgo.NgWriter
	flows       map[events.ConnID]*conversation
	last        time.Time // of the last event
	application string

	// Of the file that is written.
	counts [len(interfaces)]tally
	number int   // from 0
	taken  int64 // octets in it
	full   bool  // its end is written, and the next one not begun

	err  error // of the last flush
	gone bool  // the sink was a pipe, and nobody will ever read it again
	lost events.Losses
}

// A tally is what the statistics of one interface will say.
type tally struct{ packets, lost uint64 }

// NewRecorder writes the head of the recording to sink and returns its recorder. The
// caller closes sink, after Close.
func NewRecorder(sink io.Writer, o Options) (*Recorder, error) {
	w := &Recorder{
		sink:        sink,
		options:     o,
		flows:       make(map[events.ConnID]*conversation),
		application: cmp.Or(o.Application, "hopwire"),
	}
	w.head()
	return w, w.Flush()
}

// head begins a file. Nothing that is made in memory can fail.
func (w *Recorder) head() {
	section := pcapgo.NgSectionInfo{Application: w.application, Comment: cmp.Or(w.options.Comment, howToLook)}
	for i, in := range interfaces {
		in.LinkType, in.SnapLength = layers.LinkTypeEthernet, snapLength
		if i == 0 {
			w.ng, _ = pcapgo.NewNgWriterInterface(&w.blocks, in, pcapgo.NgWriterOptions{SectionInfo: section})
		} else {
			w.ng.AddInterface(in)
		}
	}
	w.ng.Flush()
}

// Take makes the packets of an event. Those of a connection whose opening was
// not recorded have no addresses, and are none.
func (w *Recorder) Take(e *events.Event) {
	w.last = e.At
	if w.gone {
		w.Lose(e)
		return
	}
	w.held.Add(e)
	w.packets(e)
	if w.options.Next != nil && w.taken+int64(w.blocks.Len()) >= w.options.Max {
		w.foot()
		w.full = true
	}
}

// Lose counts an event that is not written.
func (w *Recorder) Lose(e *events.Event) {
	w.held.Add(e)
	w.abandon()
}

// Lost counts what was not written. Any goroutine may call it.
func (w *Recorder) Lost() events.Dropped { return w.lost.Sum() }

func (w *Recorder) packets(e *events.Event) {
	switch c := w.flows[e.Conn]; {
	case e.Kind == events.Opened:
		w.open(e)
	case e.Kind == events.Noted:
		w.note(e.At, e.Conn, e.Exchange, e.Note)
	case c != nil:
		w.skipTo(c, e.Direction, e.Offset+e.Missing, e.At)
		w.skipTo(c, e.Direction.Reverse(), e.Reverse, e.At)
		switch e.Kind {
		case events.Bytes:
			w.data(c, e)
		case events.Ended, events.Closed:
			w.end(c, e)
		}
	}
}

// Ready reports whether there is room for another event, and makes some if need be.
func (w *Recorder) Ready() bool {
	return !w.full && w.blocks.Len() < flushAt || w.Flush() == nil || w.gone
}

// Flush hands what was gathered to the sink, and begins the next file if this one
// is full.
func (w *Recorder) Flush() error {
	if w.gone {
		return w.err
	}
	if w.err = w.hand(); w.err == nil && w.full {
		if w.err = w.next(); w.err == nil {
			w.err = w.hand()
		}
	}
	if w.gone = errors.Is(w.err, syscall.EPIPE); w.gone {
		clear(w.flows)
		w.abandon()
	}
	return w.err
}

func (w *Recorder) hand() error {
	if w.blocks.Len() == 0 {
		return nil
	}
	n, err := w.sink.Write(w.blocks.Bytes())
	w.taken += int64(n)
	w.blocks.Next(n)
	if w.blocks.Len() == 0 {
		w.blocks.Reset() // its memory is used again from the start
		w.held = events.Dropped{}
	}
	return err
}

// next begins the next file, if there may be one.
func (w *Recorder) next() error {
	if err := w.options.Next(); err != nil {
		return err
	}
	w.number++
	w.counts, w.taken, w.full = [len(interfaces)]tally{}, 0, false
	w.head()
	w.goOn()
	return nil
}

// abandon gives up what the sink has not taken.
func (w *Recorder) abandon() {
	w.lost.Add(w.held)
	w.held = events.Dropped{}
	w.blocks.Reset()
}

// Close ends the recording. Flows that are still open stay without an end in it.
func (w *Recorder) Close() error {
	if !w.full {
		w.foot()
	}
	w.full = false // no further file
	err := w.Flush()
	w.abandon()
	return err
}

// foot writes the statistics of the interfaces, with which a file ends.
func (w *Recorder) foot() {
	for i, t := range w.counts {
		w.ng.WriteInterfaceStats(i, pcapgo.NgInterfaceStatistics{
			LastUpdate: time.Now(), PacketsReceived: t.packets, PacketsDropped: t.lost,
		})
	}
	w.ng.Flush()
}

// note writes a message of RFC 5424.
func (w *Recorder) note(at time.Time, conn events.ConnID, exchange events.Exchange, n *events.Note) {
	m := append(w.message[:0], '<')
	m = append(strconv.AppendInt(m, int64(facility*8+severityOf(n)), 10), ">1 "...)
	m = w.appendTime(m, at)
	m = append(append(append(m, " - "...), w.application...), " - "...)
	w.message = appendNote(m, conn, exchange, n)
	b := beginPacket(w.blocks.AvailableBuffer(), notesInterface, at)
	w.block(notesInterface, endFrame(appendDatagram(b, notesFrom, notesTo, w.message)))
}

// appendTime appends a TIMESTAMP (RFC 5424 section 6.2.3). What it says but for the
// fraction is mostly what it said before.
func (w *Recorder) appendTime(b []byte, at time.Time) []byte {
	if second := at.Unix(); second != w.second || len(w.secondText) == 0 {
		w.second, w.secondText = second, at.UTC().AppendFormat(w.secondText[:0], "2006-01-02T15:04:05")
	}
	const places = 1_000_000 // whose zeros in front are written, too
	b = strconv.AppendInt(append(b, w.secondText...), int64(places+at.Nanosecond()/1000), 10)
	b[len(b)-7] = '.'
	return append(b, 'Z')
}

// packet writes one segment.
func (w *Recorder) packet(s *segment) {
	in := interfaceOf(s.hop)
	b := beginPacket(w.blocks.AvailableBuffer(), in, s.at)
	b = endFrame(appendSegment(b, s))
	flags := uint32(flagsReceived)
	if (s.hop == events.OriginHop) == (s.dir == events.Inbound) {
		flags = flagsSent
	}
	b = appendComment(b, s.goesOn)
	b = appendExchange(b, s.exchange)
	b = appendComment(b, s.comment)
	w.block(in, appendOptionEnd(appendFlags(b, flags)))
}

// block ends the block of a packet and writes it.
func (w *Recorder) block(in int, b []byte) {
	w.blocks.Write(endPacket(b))
	w.counts[in].packets++
}
