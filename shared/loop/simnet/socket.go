package simnet

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"

	"github.com/hopwire/hopwire/shared/loop"
)

// The errors of connections, as Linux has them.
const (
	refused  = syscall.ECONNREFUSED
	timedOut = syscall.ETIMEDOUT
	wasReset = syscall.ECONNRESET
	broken   = syscall.EPIPE
)

// A socket is one end of a connection.
type socket struct {
	watch
	handle        loop.Handle // -1 while it waits in a listener
	local, remote netip.AddrPort
	state         socketState
	// err is told to the next operation, once.
	err syscall.Errno

	// A connect has neither until its request arrived at a listener.
	in, out *stream
	// to and fate are those of the connect.
	to   loop.Address
	fate Fate
}

// A socketState is how far a socket's connection is.
type socketState uint8

const (
	connecting socketState = iota
	connected
	// dead: the connection was reset or was never made.
	dead
	// closed by its owner. What was written may still be on its way.
	closed
)

func (s *socket) describe() string {
	return fmt.Sprintf("handle %d: the %s of connection %d to %v", s.handle, s.side, s.conn, &s.to)
}

func (s *socket) register(e *Engine, token uint64) error {
	return s.watch.register(e, token, s.possible())
}

// possible is what could be done now.
func (s *socket) possible() loop.Ready {
	switch s.state {
	case connecting:
		return 0
	case dead:
		return everything
	}
	var r loop.Ready
	if s.in.readable() > 0 {
		r |= loop.ReadyRead
	}
	if s.in.end == endArrived {
		r |= loop.ReadyRead | loop.ReadyEnd
	}
	if s.out.room() > 0 {
		r |= loop.ReadyWrite
	}
	return r
}

// read gives what has arrived; then the error, once; then the end of stream.
func (s *socket) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.readable(); err != nil {
		return 0, err
	}
	return copy(p, s.take(len(p))), nil
}

// discard is read without a buffer.
func (s *socket) discard(n int) (int, error) {
	if err := s.readable(); err != nil {
		return 0, err
	}
	return len(s.take(n)), nil
}

// take has up to n octets of those that have arrived.
func (s *socket) take(n int) []byte {
	octets := s.in.give(min(n, s.in.readable()))
	s.record(Read, octets)
	if len(octets) < n {
		s.await(loop.ReadyRead)
	}
	return octets
}

// readable is nil when there are octets to read.
func (s *socket) readable() error {
	switch {
	case s.state == connecting:
		s.await(loop.ReadyRead)
		return loop.ErrAgain
	case s.in != nil && s.in.readable() > 0:
		return nil
	case s.in != nil && s.in.end == endArrived:
		s.record(ReadEnd, nil)
		return io.EOF
	case s.state == dead:
		if err := s.takeErr(); err != 0 {
			return err
		}
		return io.EOF
	}
	s.await(loop.ReadyRead)
	return loop.ErrAgain
}

// peek leaves the error for Read, which tells it.
func (s *socket) peek() error {
	if s.possible()&loop.ReadyRead != 0 {
		return nil
	}
	s.await(loop.ReadyRead)
	return loop.ErrAgain
}

func (s *socket) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	room, err := s.writable(len(p))
	if err != nil {
		return 0, err
	}
	s.put(p[:room])
	if room < len(p) {
		s.await(loop.ReadyWrite)
	}
	return room, nil
}

func (s *socket) writev(bufs [][]byte) (int, error) {
	all := 0
	for _, p := range bufs {
		all += len(p)
	}
	if all == 0 {
		return 0, nil
	}
	room, err := s.writable(all)
	if err != nil {
		return 0, err
	}
	for left := room; left > 0; bufs = bufs[1:] {
		n := min(left, len(bufs[0]))
		s.put(bufs[0][:n])
		left -= n
	}
	if room < all {
		s.await(loop.ReadyWrite)
	}
	return room, nil
}

// sendfile asks the file first: at its end there is nothing to send, no matter
// how the socket is.
func (s *socket) sendfile(f *os.File, off int64, n int) (int, error) {
	scratch := s.world.scratchFor(n)
	found, err := f.ReadAt(scratch, off)
	if found == 0 {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	room, err := s.writable(found)
	if err != nil {
		return 0, err
	}
	s.put(scratch[:room])
	// A send buffer that is exactly full moved all that it was offered here,
	// but not all that was asked for.
	if room < found || found < n && s.out.room() == 0 {
		s.await(loop.ReadyWrite)
	}
	return room, nil
}

// writable is how many of n octets may be written; ErrAgain if none.
func (s *socket) writable(n int) (int, error) {
	switch {
	case s.state == connecting:
		s.await(loop.ReadyWrite)
		return 0, loop.ErrAgain
	case s.state == dead:
		if err := s.takeErr(); err != 0 {
			return 0, err
		}
		return 0, broken
	case s.out.end != endOpen:
		return 0, broken
	}
	room := s.out.offer(n)
	if room == 0 {
		s.await(loop.ReadyWrite)
		return 0, loop.ErrAgain
	}
	return room, nil
}

// scratchFor has room for n octets, but for no more than a send buffer takes.
func (w *World) scratchFor(n int) []byte {
	if w.scratch == nil {
		w.scratch = make([]byte, w.options.Buffer)
	}
	return w.scratch[:min(n, len(w.scratch))]
}

func (s *socket) put(p []byte) {
	s.record(Wrote, p)
	s.out.put(p)
}

func (s *socket) takeErr() syscall.Errno {
	err := s.err
	s.err = 0
	if err != 0 {
		s.world.record(Step{What: Failed, Conn: s.conn, Side: s.side, Err: err})
	}
	return err
}

func (s *socket) closeWrite() error {
	if s.state == connecting || s.state == dead || s.out.end == endArrived && s.in.end == endArrived {
		return syscall.ENOTCONN
	}
	s.record(ClosedWrite, nil)
	s.out.finish()
	return nil
}

// close gives the handle back. The connection ends in order, unless a reset is
// asked for or octets that arrived were never read: their sender must not
// believe that they were.
func (s *socket) close(reset bool) {
	s.world.release(s.handle)
	switch {
	case s.state == dead || s.out == nil:
		s.state = closed
		s.record(Closed, nil)
	case reset || s.state == connecting || s.in.readable() > 0:
		s.abandon()
	default:
		s.state = closed
		s.record(Closed, nil)
		s.out.finish()
		s.in.fetch() // what the peer sends waits for no room any more
	}
}

// abandon closes with a reset.
func (s *socket) abandon() {
	if s.state != dead {
		s.out.abort()
	}
	s.state = closed
	s.record(ClosedReset, nil)
	s.in.fetch()
}

// gone says that what arrives finds nobody.
func (s *socket) gone() bool { return s.state == dead || s.state == closed }

// resetArrive ends the connection, as far as this side is concerned.
func (s *socket) resetArrive() {
	if s.gone() {
		return
	}
	s.record(ResetArrived, nil)
	// After the end of stream readers know all there is to know, and to the
	// others it is as if they had written to a closed connection.
	s.err = wasReset
	if s.in.end == endArrived {
		s.err = broken
	}
	s.die()
	if s.world.chance.happens(s.world.options.ResetDiscards) {
		s.in.discard()
	}
}

func (s *socket) die() {
	s.state = dead
	if s.out != nil {
		s.out.dropUnsent()
		s.in.fetch()
	}
	s.became(s.possible())
}

// record tells the history.
func (s *socket) record(what What, octets []byte) {
	s.world.recordOctets(Step{What: what, Conn: s.conn, Side: s.side}, octets)
}
