package gateway

import (
	"errors"
	"io"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
)

// A stream is one direction of a tunnel:
//
//	await ─► read ─► write ─► await ─► ... end of stream ─► closed for writing on the other side
//	      └► splice ────────┘
//
// It is the task that does this, and the handler of the connection that it reads.
type stream struct {
	tunnel   *tunnel
	from, to *hop  // from's buffer has what is still to be written
	sent     int64 // bytes
	state    streamState
	toOrigin bool
	writing  bool
	bulk     bool // the last read found as much as it had room for
}

// A streamState is how far a stream has come.
type streamState uint8

const (
	streamOpen  streamState = iota
	streamEnded             // its end was read, and carried over
	streamLost              // it has bytes that the other side does not take
)

// Run is the stream's task.
func (s *stream) Run() {
	defer s.tunnel.taskEnded(s)
	for !s.tunnel.resting && !s.tunnel.over && s.step() {
	}
}

// step reads once and writes what was read.
func (s *stream) step() bool {
	if s.from.buffer == nil {
		if err := s.await(); err != nil {
			return s.notRead(err)
		}
		if s.bulk && s.from.maySplice() {
			return s.splice()
		}
		if err := s.read(); err != nil {
			return s.notRead(err)
		}
	}
	return s.write()
}

// await waits until there is something to read. A buffer is borrowed only then.
func (s *stream) await() error {
	for {
		s.from.conn.ReadDeadline(s.from.conn.Loop().Now().Add(s.tunnel.restAfter()))
		err := s.from.conn.WaitReadable()
		if err != os.ErrDeadlineExceeded || s.tunnel.quiet() {
			return err
		}
	}
}

func (s *stream) read() error {
	s.from.borrow()
	n, err := s.from.fill()
	if err != nil {
		s.from.release()
		return err
	}
	s.bulk = n == loop.BufferSize
	s.tunnel.touch()
	return nil
}

// write writes what the buffer holds, which may take longer than the timeout as
// long as it gets on.
func (s *stream) write() bool {
	for len(s.from.unread()) > 0 {
		s.writing = true
		n, err := s.to.conn.WriteOnce(s.from.unread())
		s.writing = false
		if t := s.to.gateway.tap; t != nil {
			t.Wrote(s.to.flow, s.from.unread()[:n], true, "")
			t.Failed(s.to.flow, err)
		}
		s.from.buffer.Consume(n)
		s.count(int64(n))
		if err != nil {
			return s.notWritten(err)
		}
	}
	s.from.release()
	return true
}

// splice moves bytes from socket to socket, when there are so many of them that
// this is cheaper than to copy them.
func (s *stream) splice() bool {
	var pipe loop.Splice
	defer pipe.End()
	n, err := s.from.fillPipe(&pipe, spliceAtOnce)
	switch {
	case noPipe(err):
		s.from.copies = true
		return true
	case err != nil:
		return s.notRead(err)
	}
	s.bulk = n >= loop.BufferSize
	s.tunnel.touch()
	for pipe.Held() > 0 {
		s.writing = true
		n, err := s.to.drainPipe(&pipe)
		s.writing = false
		s.count(int64(n))
		if err != nil {
			return s.notWritten(err)
		}
	}
	return true
}

// count is told of bytes that were written.
func (s *stream) count(n int64) {
	if n == 0 {
		return
	}
	s.sent += n
	s.tunnel.touch()
	c := &s.tunnel.exchange.gateway.counters
	if s.toOrigin {
		c.TunnelInbound += uint64(n)
	} else {
		c.TunnelOutbound += uint64(n)
	}
}

// notRead says what it means that reading gave nothing.
func (s *stream) notRead(err error) bool {
	switch {
	case s.tunnel.resting || s.tunnel.over:
	case errors.Is(err, os.ErrDeadlineExceeded):
		return true // the loop was told of bytes that were not there
	case err == io.EOF:
		s.end()
	default:
		s.cut()
	}
	return false
}

// end carries the end of the stream over.
func (s *stream) end() {
	s.state = streamEnded
	s.to.conn.CloseWrite() // if that fails, the other stream meets the failure too
	s.tunnel.finish()
}

// notWritten says what it means that the other side does not take a byte. It
// may have sent something before it stopped reading, so the other stream goes on
// until that is read.
func (s *stream) notWritten(err error) bool {
	switch {
	case s.tunnel.over:
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.tunnel.cut(TunnelIdle)
	default:
		s.state = streamLost
		s.tunnel.finish()
		if !s.toOrigin {
			s.tunnel.hurry()
		}
	}
	return false
}

// cut ends the tunnel because the side that the stream comes from has reset it.
func (s *stream) cut() {
	if s.toOrigin {
		s.tunnel.cut(ClientReset)
	} else {
		s.tunnel.cut(TunnelReset)
	}
}

// Readable is called when a resting tunnel gets something to do.
func (s *stream) Readable(*loop.Conn) { s.tunnel.begin() }

// Expired is called when nothing has gone by for the timeout.
func (s *stream) Expired(*loop.Conn) { s.tunnel.cut(TunnelIdle) }

// Aborted is called when the side that the stream comes from resets it. If the
// tunnel rests, what arrived before is read first.
func (s *stream) Aborted(*loop.Conn) {
	if s.tunnel.tasks == 0 && s.state == streamOpen {
		s.tunnel.begin()
	} else {
		s.cut()
	}
}
