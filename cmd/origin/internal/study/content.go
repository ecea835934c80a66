package study

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Content is what follows the head of an answer: pieces, each of which is made when
// it is its turn.
type Content struct {
	Type    string        // media type
	Size    int64         // bytes of all pieces
	Unsized bool          // Size is not told before: chunks
	Pieces  int64         // how many
	Every   time.Duration // from the beginning of one piece to that of the next
	ETag    string        // of content of which parts can be asked for; else empty

	append func(b []byte, i int64) []byte
	seed   uint64
}

// Append appends the i-th piece to b.
func (c *Content) Append(b []byte, i int64) []byte { return c.append(b, i) }

// pieceSize is how large pieces are for which nothing else is asked.
const pieceSize = 16 << 10

// whole is content in one piece.
func whole(mediaType, text string) Content {
	return Content{Type: mediaType, Size: int64(len(text)), Pieces: 1,
		append: func(b []byte, _ int64) []byte { return append(b, text...) }}
}

// pieces is content of n bytes, of which make appends those from an offset on.
func pieces(n, each int64, make func(b []byte, offset, n int64) []byte) Content {
	return Content{Type: "application/octet-stream", Size: n, Pieces: (n + each - 1) / each,
		append: func(b []byte, i int64) []byte { return make(b, i*each, min(each, n-i*each)) }}
}

// random is n bytes of the sequence of a seed, from an offset on.
func random(seed uint64, offset, n, each int64) Content {
	c := pieces(n, each, func(b []byte, at, n int64) []byte { return AppendRandom(b, seed, offset+at, n) })
	c.seed, c.ETag = seed, fmt.Sprintf(`"%x-%x"`, seed, n)
	return c
}

// Part is a part of content that has an ETag.
func (c *Content) Part(offset, n int64) Content {
	part := random(c.seed, offset, n, pieceSize)
	part.Type, part.ETag = c.Type, c.ETag
	return part
}

// AppendRandom appends n bytes of the sequence that belongs to a seed, from an
// offset on. The sequence is that of SplitMix64 (Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", 2014), its 64-bit numbers in
// little-endian order. Number i, from 0 on, is a function of seed and i alone:
//
//	z = seed + (i+1)*0x9e3779b97f4a7c15
//	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
//	z = (z ^ z>>27) * 0x94d049bb133111eb
//	z ^ z>>31
func AppendRandom(b []byte, seed uint64, offset, n int64) []byte {
	for n > 0 {
		z := seed + uint64(offset/8+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		var number [8]byte
		binary.LittleEndian.PutUint64(number[:], z^z>>31)
		part := number[offset%8:]
		part = part[:min(int64(len(part)), n)]
		b = append(b, part...)
		offset += int64(len(part))
		n -= int64(len(part))
	}
	return b
}

// drip is n bytes spread evenly over a duration: one by one, unless they would
// follow each other faster than a timer can tell.
func drip(n int64, over time.Duration) Content {
	const tick = 10 * time.Millisecond
	each := int64(1)
	if ticks := int64(over / tick); ticks < n {
		each = min((n+ticks)/(ticks+1), pieceSize)
	}
	c := pieces(n, each, func(b []byte, _, n int64) []byte {
		for range n {
			b = append(b, '*')
		}
		return b
	})
	if c.Pieces > 0 {
		c.Every = over / time.Duration(c.Pieces)
	}
	return c
}

// events is an event stream (HTML Living Standard, section 9.2).
func events(n int64, every time.Duration) Content {
	return Content{Type: "text/event-stream", Unsized: true, Pieces: n, Every: every,
		append: func(b []byte, i int64) []byte {
			return fmt.Appendf(b, "id: %d\ndata: event %d of %d\n\n", i+1, i+1, n)
		}}
}
