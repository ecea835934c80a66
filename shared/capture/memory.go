package capture

import (
	"fmt"

	"github.com/hopwire/hopwire/shared/wire"
)

// DefaultMemory is what the reading of captures takes of memory at most, unless
// something else is asked for: enough for a gigabyte on a single connection.
const DefaultMemory = 3 << 30

// A memory keeps account of what is held of captures, whatever is in them. It is
// an estimate, rather too high than too low.
type memory struct {
	bound int64 // of all that the process takes
	held  int64
	full  bool // something found no room; nothing more is taken in
	more  string
}

// What is held beside octets.
const (
	streamCost    = 1 << 10 // of a connection, and once more of a half that has octets
	segmentCost   = 160     // of one with octets: its mark, and the hole in front of it
	requestCost   = 448     // with what a plan makes of it, beside its octets
	responseCost  = 256
	describedCost = 600 // of an interface or a name, beside the blocks that tell of it
	noteCost      = 512 // beside its text
	pageCost      = 2 << 10
)

// room is what may be held; segments that wait and garbage have the rest.
func (m *memory) room() int64 { return m.bound / 4 * 3 }

// pages is how many segments may wait for one that is missing.
func (m *memory) pages() int { return int(m.bound / 16 / pageCost) }

// block is how much of a file may hold no packet, and so the most that one packet
// may take. Of blocks that describe interfaces, what is held is 40 times their size.
func (m *memory) block() int64 { return max(1<<20, m.bound/256) }

// String is the bound, and what to do where it is met.
func (m *memory) String() string {
	remedy := "split the file with editcap -c"
	if m.more != "" {
		remedy = m.more + ", or " + remedy
	}
	return fmt.Sprintf("%d MiB: %s", m.bound>>20, remedy)
}

// take accounts for n more, and for passing beside that while it is copied. A
// quarter of the room stays free for what is made of streams in the end.
func (m *memory) take(n, passing int64) bool {
	if m.held+n > m.room()/4*3 || m.held+n+passing > m.room() {
		m.full = true
		return false
	}
	m.held += n
	return true
}

// takeMessage accounts for a message of which the octets are held already. Content
// in chunks is copied by who takes it out of them.
func (m *memory) takeMessage(cost int64, framing wire.Framing, body int) bool {
	if framing.Kind == wire.Chunked {
		cost += int64(body)
	}
	if m.held+cost > m.room() {
		m.full = true
		return false
	}
	m.held += cost
	return true
}
