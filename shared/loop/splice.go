package loop

import (
	"net"
	"syscall"
)

// A Splice moves octets from one connection to another of the same loop through
// a pipe of the kernel, so that they do not come up into the program. The zero
// value is one with nothing in it.
//
//	src ── From ──► pipe: Held octets ── To ──► dst
//
// It takes a pipe when there is something to put into it. From is to it what Read is to a
// buffer, To what WriteOnce is: each waits once at most, so that the caller sees
// how far the octets have come whenever some have moved.
type Splice struct {
	loop *Loop
	pipe Pipe
	held int
}

// Held is how many octets were taken from one connection and not yet given to
// another.
func (s *Splice) Held() int { return s.held }

// From waits until src has something to give, and takes up to n octets. The
// Splice has to be empty: a full pipe looks like an empty socket. Errors are those
// of Read, and a *net.OpError with Op "pipe" when there is no pipe to be had; in
// each case nothing was taken.
func (s *Splice) From(src *Conn, n int64) (int, error) {
	for {
		if err := src.WaitReadable(); err != nil {
			return 0, err
		}
		if err := s.open(src.loop); err != nil {
			return 0, err
		}
		m, err := src.loop.engine.SpliceIn(s.pipe, src.handle, src.atOnce(n))
		s.held += m
		src.moved(m)
		src.received += uint32(m)
		switch err = src.trueEnd(err); {
		case err == nil:
			// If dst has room, it is given them before others have their turn:
			// whoever waits has no pipe.
			t := src.loop.current
			t.limit = max(t.limit, t.moved+m+2*leastCost)
			return m, nil
		case err != ErrAgain:
			return 0, src.failed("read", err)
		}
		s.close() // whoever waits has no pipe
		src.state &^= readable
	}
}

// To waits until dst has room, and gives it what fits of the octets held. Its
// errors are *net.OpError with Op "splice".
func (s *Splice) To(dst *Conn) (int, error) {
	for s.held > 0 {
		if err := dst.waitWritable(); err != nil {
			return 0, dst.failed("splice", err)
		}
		n, err := dst.loop.engine.SpliceOut(dst.handle, s.pipe, s.held)
		s.held -= n
		dst.wrote(n)
		switch {
		case err == ErrAgain:
			dst.state &^= writable
		case err != nil:
			return n, dst.failed("splice", err)
		}
		if n > 0 {
			s.close()
			return n, nil
		}
	}
	return 0, nil
}

// open takes a pipe, unless there is one.
func (s *Splice) open(l *Loop) (err error) {
	if s.pipe == nil {
		s.loop = l
		s.pipe, err = l.pipe()
	}
	return err
}

// close puts a pipe that is empty aside for others.
func (s *Splice) close() {
	if s.held == 0 && s.pipe != nil {
		s.loop.pipes.put(s.pipe)
		s.loop.trimLater()
		s.pipe = nil
	}
}

// End drops the octets that are held, if any, and makes the Splice empty. No
// other use of the pipe is to find them.
func (s *Splice) End() {
	if s.held > 0 {
		s.loop.closePipe(s.pipe)
	} else {
		s.close()
	}
	*s = Splice{}
}

// pipe takes a pipe that is empty.
func (l *Loop) pipe() (Pipe, error) {
	if p, ok := l.pipes.get(); ok {
		return p, nil
	}
	err := error(syscall.EMFILE)
	if most := l.Share(l.group.config.MaxPipes); most == 0 || l.piped < most {
		var p Pipe
		if p, err = l.engine.NewPipe(); err == nil {
			l.piped++
			return p, nil
		}
	}
	return nil, &net.OpError{Op: "pipe", Err: err}
}

func (l *Loop) closePipe(p Pipe) {
	l.piped--
	p.Close()
}
