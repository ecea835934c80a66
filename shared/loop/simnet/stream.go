package simnet

import "github.com/hopwire/hopwire/shared/loop"

// A stream is one direction of a connection: the octets from the oldest that
// was not read to the newest that was written, and the marks between them.
type stream struct {
	world    *World
	from, to *socket

	// octets holds those from read to written; store is what it starts again
	// in when it was read empty.
	octets, store []byte
	// The marks count octets from the stream's beginning; none is below the
	// one before it.
	read, arrived, taken, written int64

	end  endState
	cut  Cut
	dead bool // nothing is taken any more
	full bool // a short write has called the send buffer full
	// fetchAt is when the network comes to take a piece; 0 if it does not.
	fetchAt loop.Time
	// latest is when the last of what travels arrives. Nothing overtakes it.
	latest loop.Time
}

// An endState is how far the end of a stream has come.
type endState uint8

const (
	endOpen    endState = iota
	endAsked            // the sender has closed; octets may still be in the send buffer
	endTravels          // after the last octet
	endArrived          // Read gives it after the last octet
)

// room is how many octets the send buffer takes.
func (s *stream) room() int {
	if s.full {
		return 0
	}
	return s.world.options.Buffer - int(s.written-s.taken)
}

// offer is how many of n octets a write is allowed to write.
func (s *stream) offer(n int) int {
	n = min(n, s.room())
	if n > 1 && s.world.chance.happens(s.world.options.ShortWrites) {
		n = s.world.chance.length(n - 1)
		s.full = true // until the next piece is taken
	}
	return n
}

// put adds octets for which there is room.
func (s *stream) put(p []byte) {
	if len(s.octets) == 0 {
		s.octets = s.store[:0]
	}
	s.octets = append(s.octets, p...)
	if cap(s.octets) > cap(s.store) {
		s.store = s.octets
	}
	s.written += int64(len(p))
	s.fetch()
}

// finish puts the end after the last octet written.
func (s *stream) finish() {
	if s.end == endOpen {
		s.end = endAsked
		s.fetch()
	}
}

// fetch sends for the next piece, if there is one that may travel.
func (s *stream) fetch() {
	if s.fetchAt != 0 || s.dead {
		return
	}
	if s.sendable() > 0 || s.atCut() || s.end == endAsked && s.taken == s.written {
		s.fetchAt = s.world.after(s.world.options.Pace, action{what: octetsTaken, stream: s})
	}
}

// sendable is how many octets could travel: those written, as far as the
// receive buffer has room for them and for those that travel already.
func (s *stream) sendable() int {
	n := s.written - s.taken
	if s.cut.Kind != CutNone {
		n = min(n, s.cut.At-s.taken)
	}
	if !s.to.gone() {
		n = min(n, int64(s.world.options.Buffer)-(s.taken-s.read))
	}
	return int(max(n, 0))
}

func (s *stream) atCut() bool { return s.cut.Kind != CutNone && s.taken >= s.cut.At }

// take is the network's turn: a piece leaves the send buffer.
func (s *stream) take() {
	s.fetchAt = 0
	if s.dead {
		return
	}
	if n := s.piece(s.sendable()); n > 0 {
		s.taken += int64(n)
		s.full = false
		s.travel(action{what: octetsArrive, stream: s, n: n})
		s.from.became(loop.ReadyWrite)
	}
	switch {
	case s.atCut():
		s.dropUnsent()
		s.applyCut()
	case s.end == endAsked && s.taken == s.written:
		s.end = endTravels
		s.travel(action{what: endArrives, stream: s})
	}
	s.fetch()
}

func (s *stream) piece(n int) int {
	if most := s.world.options.Piece; most > 0 {
		return s.world.chance.length(min(n, most))
	}
	return n
}

// applyCut lets the receiver see a reset or the end of stream, the sender a reset.
func (s *stream) applyCut() {
	s.world.record(Step{What: WasCut, Conn: s.from.conn, Side: s.from.side})
	if s.cut.Kind == CutReset {
		s.travel(action{what: resetArrives, socket: s.to})
	} else {
		s.end = endTravels
		s.travel(action{what: endArrives, stream: s})
	}
	s.from.in.travel(action{what: resetArrives, socket: s.from})
}

// abort resets the connection from the sender's side. Octets that were to leave
// by now still do, as they have in a kernel when write returns.
func (s *stream) abort() {
	for s.fetchAt != 0 && s.fetchAt <= s.world.now {
		s.take()
	}
	s.dropUnsent()
	s.travel(action{what: resetArrives, socket: s.to})
}

// dropUnsent drops what was not taken, and takes nothing any more.
func (s *stream) dropUnsent() {
	s.dead = true
	s.octets = s.octets[:s.taken-s.read]
	s.written = s.taken
}

// travel sends something after all that travels already.
func (s *stream) travel(a action) {
	w := s.world
	s.latest = max(s.latest, w.now.Add(w.chance.within(w.options.Delay)))
	a.at = s.latest
	w.schedule.add(a)
}

// arrive is octets in the receive buffer.
func (s *stream) arrive(n int) {
	s.world.reportSpuriously()
	if s.to.gone() {
		s.bounce()
		return
	}
	begin := s.arrived - s.read
	s.arrived += int64(n)
	s.to.record(Arrived, s.octets[begin:begin+int64(n)])
	s.to.became(loop.ReadyRead)
}

// bounce answers octets which nobody can receive: with a reset, so that the
// sender does not go on.
func (s *stream) bounce() {
	if s.dead {
		return // answered already, or the sender has reset the connection itself
	}
	s.to.record(Bounced, nil)
	s.dropUnsent()
	s.from.in.travel(action{what: resetArrives, socket: s.from})
}

func (s *stream) endArrive() {
	if s.to.state == dead {
		return // a reset came before it, and the octets between were lost
	}
	s.end = endArrived
	if s.to.gone() {
		return
	}
	s.to.record(EndArrived, nil)
	s.to.became(loop.ReadyRead | loop.ReadyEnd)
}

// readable is how many octets have arrived and were not read.
func (s *stream) readable() int { return int(s.arrived - s.read) }

// give returns the next n octets that have arrived. They are good until the
// next put.
func (s *stream) give(n int) []byte {
	p := s.octets[:n]
	s.read += int64(n)
	s.octets = s.octets[n:]
	s.fetch() // there is room to travel to
	return p
}

// discard throws away what has arrived.
func (s *stream) discard() { s.give(s.readable()) }
