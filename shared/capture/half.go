package capture

import (
	"slices"
	"sort"
	"time"

	"github.com/gopacket/gopacket/layers"
)

// A half is what one end sent, as far as it was captured:
//
//	place     0         40        74        114
//	          │ captured │   hole  │ captured │
//	octets    0         40                   80
//
// Places are counted from the first octet as sequence numbers are, those of holes
// included.
type half struct {
	octets []byte // without those of holes
	holes  []hole
	marks  []mark
	ended  bool // by FIN

	next  uint32 // sequence number of the place at which the octets end
	ahead []mark // segments that wait for others before them, in the order of places

	begun  bool   // its octets are being put in order
	opened bool   // its SYN was seen before them
	joined bool   // no SYN was, but another segment without octets
	first  uint32 // where the octets begin by these
	seen   bool
	last   uint32 // number behind the last octet seen, or acknowledged
	acked  uint32 // number up to which the other end has received; 0 if that is not known
	end    uint32 // number behind the FIN
}

// A hole is octets that passed and were not captured.
type hole struct {
	from, to int // places
	lost     int // octets in this hole and those before it
}

// A mark says of the octets from a place on when they became readable, and up to
// which sequence number their sender had received. Where there is a mark, a
// segment began.
type mark struct {
	place int
	moment
}

// length is the place behind all octets and holes.
func (h *half) length() int { return len(h.octets) + h.lost() }

// lost is how many octets are in holes.
func (h *half) lost() int {
	if len(h.holes) == 0 {
		return 0
	}
	return h.holes[len(h.holes)-1].lost
}

// expect takes note of a segment before its octets are put in order: next is the
// sequence number that is awaited, unless this is a fresh half.
func (h *half) expect(tcp *layers.TCP, fresh bool, next uint32, m moment) {
	if fresh {
		if h.next = tcp.Seq; tcp.SYN {
			h.next++
		}
		return
	}
	if n := int32(tcp.Seq - next); n > 0 && len(tcp.Payload) > 0 {
		place := h.length() + int(n)
		i, twice := slices.BinarySearchFunc(h.ahead, place, func(m mark, place int) int { return m.place - place })
		if !twice {
			h.ahead = slices.Insert(h.ahead, i, mark{place, m})
		}
	}
}

// finish leaves a hole for what has passed behind the octets, and decides whether
// these go up to the FIN.
func (h *half) finish() {
	if !h.begun {
		return
	}
	last := h.last
	if h.ended && h.end == last {
		last--
	}
	h.skip(int(int32(last - h.next)))
	h.ended = h.ended && h.next == h.end-1
}

// skip leaves a hole of n octets.
func (h *half) skip(n int) {
	if n > 0 {
		h.holes = append(h.holes, hole{h.length(), h.length() + n, h.lost() + n})
		h.next += uint32(n)
	}
}

// add appends octets. The first ones came with the segment of m. Those of segments
// that had waited for it became readable with it, so that its time is theirs too;
// but a segment that waited for one that never came keeps its own.
func (h *half) add(octets []byte, m moment) {
	if len(h.ahead) > 0 && h.ahead[0].place == h.length() {
		m = h.ahead[0].moment
	}
	h.marks = append(h.marks, mark{h.length(), m})
	h.octets = append(h.octets, octets...)
	h.next += uint32(len(octets))
	n := 0
	for ; n < len(h.ahead) && h.ahead[n].place < h.length(); n++ {
		waited := h.ahead[n]
		if waited.place <= h.marks[len(h.marks)-1].place {
			continue // captured twice
		}
		if waited.at.Before(m.at) {
			waited.at = m.at
		}
		h.marks = append(h.marks, waited)
	}
	h.ahead = h.ahead[n:]
}

// from returns the octets from a place up to the next hole. There are none in a
// hole.
func (h *half) from(place int) []byte {
	i := sort.Search(len(h.holes), func(i int) bool { return h.holes[i].from >= place })
	lost, end := 0, len(h.octets)
	if i > 0 {
		if place < h.holes[i-1].to {
			return nil
		}
		lost = h.holes[i-1].lost
	}
	if i < len(h.holes) {
		end = h.holes[i].from - lost
	}
	return h.octets[min(place-lost, end):end:end]
}

// holeAfter returns the first hole that ends behind a place.
func (h *half) holeAfter(place int) (hole, bool) {
	i := sort.Search(len(h.holes), func(i int) bool { return h.holes[i].to > place })
	if i == len(h.holes) {
		return hole{}, false
	}
	return h.holes[i], true
}

// placeOf returns the place of a sequence number. One that the half has not may
// come out as any place that it has not either.
func (h *half) placeOf(sequence uint32) int { return h.length() + int(int32(sequence-h.next)) }

// markAt returns the mark of the octet at a place: the zero value if there is none.
func (h *half) markAt(place int) mark {
	i := h.markAfter(place)
	if i == 0 {
		return mark{}
	}
	return h.marks[i-1]
}

// when returns the time at which the octet at a place was seen.
func (h *half) when(place int) time.Time { return h.markAt(place).at }

// markAfter returns the index of the first mark behind a place.
func (h *half) markAfter(place int) int {
	return sort.Search(len(h.marks), func(i int) bool { return h.marks[i].place > place })
}
