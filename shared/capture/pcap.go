package capture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// The pcap format (draft-ietf-opsawg-pcap) is read here and not by pcapgo, which
// takes version 2.4 only, and no record whose captured length is above its length.
const (
	pcapHead   = 24
	pcapRecord = 16
	// snapDefault is what tcpdump captures of a packet at most, and what is read
	// of one whatever the file says of its snapshot length.
	snapDefault = 256 << 10
)

// classicPackets are those of a pcap file.
type classicPackets struct {
	r      *bufio.Reader
	order  binary.ByteOrder
	unit   time.Duration // of fractions of a second
	minor  uint16        // version 2.minor
	snap   uint32        // no packet is larger
	link   layers.LinkType
	header [pcapRecord]byte
}

func openClassic(r *bufio.Reader, block int64) (packets, error) {
	var head [pcapHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, damaged(err)
	}
	p := &classicPackets{r: r, order: binary.LittleEndian, unit: time.Microsecond}
	if head[0] == 0xa1 {
		p.order = binary.BigEndian
	}
	if magic := p.order.Uint32(head[:]); magic == 0xa1b23c4d {
		p.unit = time.Nanosecond
	}
	major := p.order.Uint16(head[4:])
	p.minor = p.order.Uint16(head[6:])
	if major != 2 || p.minor > 4 {
		return nil, damaged(fmt.Errorf("version %d.%d is not known", major, p.minor))
	}
	p.snap = uint32(min(int64(max(p.order.Uint32(head[16:]), snapDefault)), block))
	p.link = layers.LinkType(uint16(p.order.Uint32(head[20:]))) // above it: the length of the FCS
	return p, nil
}

func (p *classicPackets) next() (packet, error) {
	if _, err := io.ReadFull(p.r, p.header[:]); err != nil {
		return packet{}, err
	}
	seconds, fraction := p.order.Uint32(p.header[:]), p.order.Uint32(p.header[4:])
	captured, length := p.order.Uint32(p.header[8:]), p.order.Uint32(p.header[12:])
	// Before version 2.3 the two lengths stand the other way round, and in 2.3
	// one way or the other: no more can be captured than there was.
	if p.minor < 3 || p.minor == 3 && captured > length {
		captured, length = length, captured
	}
	if captured > p.snap {
		return packet{}, fmt.Errorf("a packet of %d bytes is said to follow", captured)
	}
	data := make([]byte, captured)
	if _, err := io.ReadFull(p.r, data); err != nil {
		return packet{}, io.ErrUnexpectedEOF
	}
	return packet{
		data: data, at: time.Unix(int64(seconds), int64(fraction)*int64(p.unit)).UTC(), link: p.link,
		cut: max(0, int(length)-int(captured)),
	}, nil
}
