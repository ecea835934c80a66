package capture

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A packet is one frame of a capture file.
type packet struct {
	data      []byte
	at        time.Time
	link      layers.LinkType // of the outermost layer
	on        string          // the interface's name; "" if not known
	cut       int             // octets that the capture left out at the end
	described int             // interfaces and names of which the section has told
	beside    int64           // octets of the file so far that were not in packets
	comments  []string
}

// packets yields the frames of a file until io.EOF.
type packets interface{ next() (packet, error) }

// openPackets finds out which kind of file r is. It may be packed by gzip. Not
// more than block octets of it may be without a packet.
func openPackets(r io.Reader, block int64) (packets, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); isAnyOf(magic, "\x1f\x8b") {
		unpacked, err := gzip.NewReader(b)
		if err != nil {
			return nil, damaged(err)
		}
		r = unpacked
	} else {
		r = b
	}
	w := &watched{Reader: r, block: block}
	source, err := openUnpacked(bufio.NewReader(w), block)
	if err != nil {
		return nil, err
	}
	return &whole{packets: source, file: w}, nil
}

func openUnpacked(b *bufio.Reader, block int64) (packets, error) {
	magic, err := b.Peek(4)
	switch {
	case len(magic) == 0 && err != io.EOF:
		return nil, fmt.Errorf("the recording cannot be read: %w", err)
	case len(magic) == 0:
		return nil, errors.New("the recording is empty: record again, and end the recording program before reading its file")
	case isAnyOf(magic, "\n\r\r\n"):
		return openNg(b)
	case isAnyOf(magic, "\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d"):
		return openClassic(b, block)
	}
	return nil, unknownKind(b)
}

// A whole is a source that ends with the error that its file ended with. A
// failure between two blocks would pass for the end of the file otherwise.
type whole struct {
	packets
	file   *watched
	inside int64 // octets that were in packets
}

func (s *whole) next() (packet, error) {
	s.file.since = 0
	p, err := s.packets.next()
	s.inside += int64(len(p.data))
	p.beside = s.file.read - s.inside
	if err == io.EOF && s.file.err != nil {
		err = s.file.err
	}
	return p, err
}

// A watched reader remembers the first error that is not the end of the file. It
// is an error if a block is so large, or so many come in a row which hold no packet,
// that the libraries would take much memory.
type watched struct {
	io.Reader
	block int64
	since int64 // octets read since the last packet
	read  int64 // and in all
	err   error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.read += int64(n)
	if w.since += int64(n); err == nil && w.since > w.block {
		err = fmt.Errorf("more than %d KiB without a packet", w.block>>10)
	}
	if err != nil && err != io.EOF && w.err == nil {
		w.err = err
	}
	return n, err
}

func isAnyOf(magic []byte, kinds ...string) bool {
	for _, kind := range kinds {
		if len(magic) >= len(kind) && string(magic[:len(kind)]) == kind {
			return true
		}
	}
	return false
}

// compressions are those that are named in the refusal, by what their files
// begin with.
var compressions = []struct{ magic, name, unpack string }{
	{"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
	{"\xfd7zXZ\x00", "xz", "xz -d"},
	{"BZh", "bzip2", "bzip2 -d"},
	{"\x04\x22\x4d\x18", "lz4", "lz4 -d"},
	{"PK\x03\x04", "zip", "unzip"},
}

func unknownKind(b *bufio.Reader) error {
	begin, _ := b.Peek(24)
	for _, c := range compressions {
		if isAnyOf(begin, c.magic) {
			return fmt.Errorf("this file is compressed by %s: unpack it with '%s' (only gzip is unpacked here)", c.name, c.unpack)
		}
	}
	shown := fmt.Sprintf("%q", begin)
	if !utf8.Valid(begin) {
		shown = fmt.Sprintf("% x", begin)
	}
	return fmt.Errorf("this is neither a pcapng nor a pcap file (it begins with %s): "+
		"record one with 'edge --record FILE.pcapng' or 'tcpdump -s 0 -w FILE.pcap'", shown)
}

func damaged(err error) error {
	return fmt.Errorf("the head of the capture file is damaged (%s): record again, or copy the file again", inWords(err))
}

type ngPackets struct{ *pcapgo.NgReader }

func openNg(r io.Reader) (packets, error) {
	// Link types may differ: a capture on several interfaces of a machine has
	// Ethernet and loopback in one file.
	ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return nil, damaged(err)
	}
	return ngPackets{ng}, nil
}

func (p ngPackets) next() (packet, error) {
	data, info, options, err := p.ReadPacketDataWithOptions()
	if err != nil {
		return packet{}, err
	}
	in, err := p.Interface(info.InterfaceIndex)
	return packet{
		data: data, at: info.Timestamp, link: in.LinkType, on: in.Name,
		cut: max(0, info.Length-info.CaptureLength), comments: options.Comments, described: p.NInterfaces() + p.NNames(),
	}, err
}

// decoderFor maps a link type to the layer that begins there. Two that
// gopacket knows by number only are the raw IP types of IPv4 and IPv6.
func decoderFor(link layers.LinkType) gopacket.Decoder {
	switch link {
	case layers.LinkTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.LinkTypeIPv6:
		return layers.LayerTypeIPv6
	}
	return link
}

// readable reports whether gopacket knows what such packets begin with.
func readable(link layers.LinkType) bool {
	return decoderFor(link) != link || link.String() != "UnknownLinkType"
}
