package events

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// A ring takes events from one goroutine to another one through a fixed piece
// of memory, without a lock:
//
//	     head                      tail
//	      │ taken by the consumer   │ published by the producer
//	──────▼─────────────────────────▼──────────────────────────
//	 free │ event │ event │ event   │ free             (wraps)
//
// head and tail only grow, and count bytes; an index is their remainder. An
// event lies in one piece, and begins with its size. Where the next one does
// not fit in front of the end of the memory, a size of 0 sends the consumer
// back to the start.
//
// Only the producer calls reserve and publish; only the consumer next and
// release.
type ring struct {
	memory []byte // its length is a power of two

	_    [64]byte // head and tail on cache lines of their own: two processors write them
	head atomic.Uint64
	_    [56]byte
	tail atomic.Uint64
	_    [56]byte

	reserved uint64 // producer: tail after publish
}

const (
	ringAlign   = 8 // so that a size always fits in front of the end
	minimalRing = 1 << 18
)

func newRing(size int) *ring {
	size = max(size, minimalRing)
	return &ring{memory: make([]byte, 1<<(bits.Len(uint(size))-1))}
}

// reserve returns room for an event of n bytes, or nil if less than that and
// spare more bytes are free. Nothing happens until publish.
func (r *ring) reserve(n, spare int) []byte {
	n = aligned(n)
	tail := r.tail.Load()
	at := r.index(tail)
	rest := len(r.memory) - at
	used := int(tail - r.head.Load())
	wrap := 0
	if n > rest {
		wrap = rest
	}
	if used+wrap+n+spare > len(r.memory) {
		return nil
	}
	if wrap > 0 {
		binary.LittleEndian.PutUint32(r.memory[at:], 0)
		at = 0
	}
	r.reserved = tail + uint64(wrap+n)
	return r.memory[at : at+n]
}

// publish makes the event in the reserved room visible to the consumer.
func (r *ring) publish() { r.tail.Store(r.reserved) }

// used returns how many bytes wait for the consumer.
func (r *ring) used() int { return int(r.tail.Load() - r.head.Load()) }

// next returns the memory from the oldest event on, or nil if there is none.
// It is valid until release.
func (r *ring) next() []byte {
	head, tail := r.head.Load(), r.tail.Load()
	if head == tail {
		return nil
	}
	at := r.index(head)
	if binary.LittleEndian.Uint32(r.memory[at:]) == 0 {
		r.head.Store(head + uint64(len(r.memory)-at))
		at = 0
	}
	return r.memory[at:]
}

// release gives back the n bytes of the oldest event.
func (r *ring) release(n int) { r.head.Add(uint64(aligned(n))) }

func (r *ring) index(count uint64) int { return int(count & uint64(len(r.memory)-1)) }

func aligned(n int) int { return (n + ringAlign - 1) &^ (ringAlign - 1) }
