package capture

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hopwire/hopwire/shared/events"
)

// A packet stands in the file as an Enhanced Packet Block (draft-ietf-opsawg-pcapng
// section 4.3). It is made in one go, as often as bytes pass the gateway; the blocks
// of which a file has a few are made by pcapgo.
//
//	type, length │ interface, time, 2 lengths │ frame, padding │ options │ length
const (
	enhancedPacket = 6
	packetHead     = 28
	frameLengthAt  = 20

	optionEnd     = 0
	optionComment = 1
	optionFlags   = 2
	// maxOption is the longest text: its length is a 16-bit number (section 3.5).
	maxOption = 65532
)

// The directions of section 4.3.1: what pcapng calls inbound and outbound is received
// and sent by the edge.
const flagsReceived, flagsSent = 1, 2

// beginPacket begins a block in b, which is empty. The frame follows.
func beginPacket(b []byte, in int, at time.Time) []byte {
	le := binary.LittleEndian
	ns := uint64(at.UnixNano())
	b = le.AppendUint32(b, enhancedPacket)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, uint32(in))
	b = le.AppendUint32(b, uint32(ns>>32))
	b = le.AppendUint32(b, uint32(ns))
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

// endFrame writes how long the frame is. Options may follow.
func endFrame(b []byte) []byte {
	n := uint32(len(b) - packetHead)
	binary.LittleEndian.PutUint32(b[frameLengthAt:], n)
	binary.LittleEndian.PutUint32(b[frameLengthAt+4:], n)
	return pad(b)
}

// endPacket ends the block.
func endPacket(b []byte) []byte {
	le := binary.LittleEndian
	n := uint32(len(b) + 4)
	le.PutUint32(b[4:], n)
	return le.AppendUint32(b, n)
}

func appendFlags(b []byte, flags uint32) []byte {
	le := binary.LittleEndian
	return le.AppendUint32(le.AppendUint16(le.AppendUint16(b, optionFlags), 4), flags)
}

func appendOptionEnd(b []byte) []byte { return append(b, optionEnd, 0, 0, 0) }

// appendComment appends a comment, as far as one may be long, cut between characters.
// It has to be UTF-8, which readers take it for.
func appendComment(b []byte, s string) []byte {
	if s == "" {
		return b
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) > maxOption {
		n := maxOption
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	b, start := beginComment(b)
	return endComment(append(b, s...), start)
}

// appendExchange appends a comment that names an exchange. A space is behind its place
// on the client's connection also while no origin is known, so that "c3#2 " is found in
// all of its packets, and in no others.
func appendExchange(b []byte, x events.Exchange) []byte {
	if x == (events.Exchange{}) {
		return b
	}
	b, start := beginComment(b)
	b = x.AppendTo(b)
	if x.Origin == (events.Use{}) {
		b = append(b, " -> -"...)
	}
	return endComment(b, start)
}

// beginComment returns where its text begins.
func beginComment(b []byte) (_ []byte, start int) {
	b = append(b, optionComment, 0, 0, 0)
	return b, len(b)
}

func endComment(b []byte, start int) []byte {
	binary.LittleEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	return pad(b)
}

// pad appends what is missing of four bytes; a block begins at such a place.
func pad(b []byte) []byte {
	var zero [4]byte
	return append(b, zero[:-len(b)&3]...)
}
