package simnet

import (
	"io"
	"syscall"

	"github.com/hopwire/hopwire/shared/loop"
)

// pipeSize is how many octets a pipe holds, as in Linux.
const pipeSize = 64 << 10

// A pipe holds octets between two sockets.
type pipe struct {
	world  *World
	held   []byte
	store  [pipeSize]byte
	closed bool
}

// NewPipe makes a pipe.
func (e *Engine) NewPipe() (loop.Pipe, error) {
	e.world.pipes++
	return &pipe{world: e.world}, nil
}

// Close gives the pipe up, with the octets it holds.
func (p *pipe) Close() error {
	if p.closed {
		return syscall.EBADF
	}
	p.closed = true
	p.world.pipes--
	return nil
}

func (e *Engine) pipe(of loop.Pipe) (*pipe, error) {
	p, ok := of.(*pipe)
	if !ok || p.closed || p.world != e.world {
		return nil, syscall.EBADF
	}
	return p, nil
}

// SpliceIn moves octets from a socket into the pipe. As in the kernel, where a
// pipe is full of small pieces before it is full of octets, it may move fewer
// than the socket has: then the socket is not reported again for those that are
// left, and only ErrAgain from an empty pipe means that none is.
func (e *Engine) SpliceIn(to loop.Pipe, src loop.Handle, n int) (int, error) {
	s, err := e.world.socket(src)
	if err != nil {
		return 0, err
	}
	p, err := e.pipe(to)
	if err != nil || n == 0 {
		return 0, err
	}
	return s.spliceTo(p, n)
}

func (s *socket) spliceTo(p *pipe, n int) (int, error) {
	if err := s.readable(); err != nil {
		return 0, err
	}
	room := pipeSize - len(p.held)
	if room == 0 {
		return 0, loop.ErrAgain
	}
	// The smaller the pieces, the earlier the pipe has no place for another.
	moved := s.in.piece(min(n, room, s.in.readable()))
	octets := s.in.give(moved)
	s.record(Read, octets)
	p.held = append(p.begin(), octets...)
	if moved < n && s.in.readable() == 0 {
		s.await(loop.ReadyRead)
	}
	return moved, nil
}

// begin moves what the pipe holds to the front of its store.
func (p *pipe) begin() []byte { return p.store[:copy(p.store[:], p.held)] }

// SpliceOut moves octets from the pipe to a socket. (0, io.EOF) says that the
// pipe holds none.
func (e *Engine) SpliceOut(dst loop.Handle, from loop.Pipe, n int) (int, error) {
	s, err := e.world.socket(dst)
	if err != nil {
		return 0, err
	}
	p, err := e.pipe(from)
	if err != nil || n == 0 {
		return 0, err
	}
	if len(p.held) == 0 {
		return 0, io.EOF
	}
	moved, err := s.write(p.held[:min(n, len(p.held))])
	p.held = p.held[moved:]
	return moved, err
}
