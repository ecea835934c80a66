package loop

import (
	"io"
	"os"
)

// Write writes all of p, waiting as often as need be. When it fails, n says how
// many octets the kernel took.
func (c *Conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := c.WriteOnce(p[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteOnce waits until there is room and writes as much of p as fits, which is
// one octet at least. Who has to know how fast a peer takes octets, or sets the
// deadline anew whenever some went by, writes in this way.
func (c *Conn) WriteOnce(p []byte) (int, error) {
	p = p[:c.atOnce(int64(len(p)))]
	for len(p) > 0 {
		if err := c.waitWritable(); err != nil {
			return 0, err
		}
		n, err := c.loop.engine.Write(c.handle, p)
		c.wrote(n)
		if err != nil && err != ErrAgain {
			return n, c.failed("write", err)
		}
		if n < len(p) {
			c.state &^= writable
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// wrote counts octets that the kernel took.
func (c *Conn) wrote(n int) {
	c.moved(n)
	c.sent += uint32(n)
}

// Unsent is how many octets the peer has not acknowledged of those that were
// written; for a Unix socket it is the memory they take up until they are read.
// In a wait for room it tells whether the peer takes any, which the end of the
// wait does not until much of the socket's buffer is free.
func (c *Conn) Unsent() int {
	if c.state.has(closed) {
		return 0
	}
	return c.loop.engine.Unsent(c.handle)
}

// Writev writes all of bufs with as few calls as possible. It does not change
// bufs. When it fails, the number says how many octets the kernel took.
func (c *Conn) Writev(bufs [][]byte) (int64, error) {
	total := int64(0)
	for len(bufs) > 0 {
		n, err := c.WritevOnce(bufs)
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
			c.state &^= writable
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

// WritevOnce is WriteOnce for several pieces, and returns 0 when there was no
// room after all.
func (c *Conn) WritevOnce(bufs [][]byte) (int, error) {
	if err := c.waitWritable(); err != nil {
		return 0, err
	}
	n, err := c.loop.engine.Writev(c.handle, bufs)
	c.wrote(n)
	if err == ErrAgain {
		c.state &^= writable
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
		m, err := c.loop.engine.Sendfile(c.handle, f, off+sent, c.atOnce(n-sent))
		c.wrote(m)
		sent += int64(m)
		switch {
		case err == ErrAgain:
			c.state &^= writable
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
func (c *Conn) atOnce(n int64) int { return int(min(n, int64(max(c.loop.current.limit, much)))) }
