package loop

import (
	"io"
	"net"
	"os"
)

// Write writes all of p, waiting as often as need be. When it fails, n says how
// many octets the kernel took.
func (c *Conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if err := c.waitWritable(); err != nil {
			return n, err
		}
		m, err := c.loop.engine.Write(c.handle, p[n:])
		if n += m; err != nil && err != ErrAgain {
			return n, c.failed("write", err)
		}
		c.filled(n < len(p))
	}
	return n, nil
}

// filled notes that a write was cut short, which means that the socket is full.
func (c *Conn) filled(short bool) {
	if short {
		c.state &^= writable
	}
}

// Writev writes all of bufs with as few calls as possible. It does not change
// bufs. When it fails, the number says how many octets the kernel took.
func (c *Conn) Writev(bufs [][]byte) (int64, error) {
	total := int64(0)
	for len(bufs) > 0 {
		n, err := c.writevOnce(bufs)
		total += int64(n)
		if err != nil {
			return total, err
		}
		// What is left of a buffer that was cut goes out alone: making a new
		// list without it would allocate or change the caller's.
		for len(bufs) > 0 && n >= len(bufs[0]) {
			n -= len(bufs[0])
			bufs = bufs[1:]
		}
		if n > 0 {
			c.filled(true)
			m, err := c.Write(bufs[0][n:])
			total += int64(m)
			if err != nil {
				return total, err
			}
			bufs = bufs[1:]
		}
	}
	return total, nil
}

func (c *Conn) writevOnce(bufs [][]byte) (int, error) {
	if err := c.waitWritable(); err != nil {
		return 0, err
	}
	n, err := c.loop.engine.Writev(c.handle, bufs)
	if err == ErrAgain {
		c.filled(true)
		return n, nil
	}
	if err != nil {
		return n, c.failed("write", err)
	}
	return n, nil
}

// Sendfile sends n octets of f from offset off, which do not come up into the
// program. It returns io.ErrUnexpectedEOF when the file has become shorter. The
// file is a regular one, and stays open until Sendfile has returned.
func (c *Conn) Sendfile(f *os.File, off, n int64) (sent int64, err error) {
	for sent < n {
		if err := c.waitWritable(); err != nil {
			return sent, err
		}
		m, err := c.loop.engine.Sendfile(c.handle, f, off+sent, atOnce(n-sent))
		sent += int64(m)
		switch {
		case err == ErrAgain:
			c.filled(true)
		case err != nil:
			return sent, c.failed("sendfile", err)
		case m == 0:
			return sent, io.ErrUnexpectedEOF
		}
	}
	return sent, nil
}

// atOnce bounds what one call moves, so that a connection that is always ready
// does not keep the loop from the others.
func atOnce(n int64) int { return int(min(n, 256<<10)) }

// SpliceFrom moves n octets from src to c, which do not come up into the
// program. Both live on one loop. It returns io.ErrUnexpectedEOF when src ends
// before. An error which is a *net.OpError with Op "splice" came from writing to
// c, another one from reading src; what was on its way then is lost.
func (c *Conn) SpliceFrom(src *Conn, n int64) (moved int64, err error) {
	pipe, err := c.loop.pipe()
	if err != nil {
		return 0, err
	}
	for moved < n {
		m, err := c.spliceOnce(pipe, src, atOnce(n-moved))
		moved += int64(m)
		if err != nil {
			pipe.Close() // it may still hold octets
			return moved, err
		}
	}
	c.loop.pipes.put(pipe)
	c.loop.trimLater()
	return moved, nil
}

func (c *Conn) spliceOnce(pipe Pipe, src *Conn, n int) (int, error) {
	held, err := src.spliceIn(pipe, n)
	if err != nil {
		return 0, err
	}
	return c.spliceOut(pipe, held)
}

// spliceIn fills the pipe from c, and returns how much it holds.
func (c *Conn) spliceIn(pipe Pipe, n int) (int, error) {
	for {
		if err := c.waitReadable(); err != nil {
			return 0, err
		}
		m, err := c.loop.engine.SpliceIn(pipe, c.handle, n)
		switch err = c.trueEnd(err); {
		case err == nil:
			return m, nil
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case err != ErrAgain:
			return 0, c.failed("read", err)
		}
		c.state &^= readable
	}
}

// spliceOut empties the pipe, which holds n octets, into c.
func (c *Conn) spliceOut(pipe Pipe, n int) (out int, err error) {
	for out < n {
		if err := c.waitWritable(); err != nil {
			return out, c.failed("splice", err)
		}
		m, err := c.loop.engine.SpliceOut(c.handle, pipe, n-out)
		out += m
		if err == ErrAgain {
			c.filled(true)
		} else if err != nil {
			return out, c.failed("splice", err)
		}
	}
	return out, nil
}

// pipe takes a pipe that is empty.
func (l *Loop) pipe() (Pipe, error) {
	if p, ok := l.pipes.get(); ok {
		return p, nil
	}
	p, err := l.engine.NewPipe()
	if err != nil {
		return nil, &net.OpError{Op: "pipe", Err: err}
	}
	return p, nil
}

func closePipe(p Pipe) { p.Close() }
