package loop

import (
	"net"
	"os"
	"syscall"
	"time"
)

// Dial connects to an address, waiting until the deadline at most; 0 is none.
// It is called in a task. Errors are *net.OpError, and tell by errors.Is what
// happened: syscall.ECONNREFUSED, os.ErrDeadlineExceeded and so on.
func (l *Loop) Dial(to *Address, deadline Time) (*Conn, error) {
	c, err := l.dial(to, deadline)
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError("connect", errno)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: to.network(), Addr: to.netAddr(), Err: err}
	}
	return c, nil
}

func (l *Loop) dial(to *Address, deadline Time) (*Conn, error) {
	l.running() // panics before there is a socket to lose
	h, err := l.connect(to, deadline)
	if err != nil {
		return nil, err
	}
	c, err := l.adopt(h, to.TCP, 0)
	if err != nil {
		l.engine.CloseSocket(h)
		return nil, err
	}
	if err := c.established(deadline); err != nil {
		c.Close()
		return nil, err
	}
	if c.meetsItself() {
		c.Reset() // closed in order, it would keep the port from whoever is to listen there
		return nil, syscall.ECONNREFUSED
	}
	return c, nil
}

// meetsItself reports whether both ends of a new connection are one socket. Where
// nobody listens at an address of this machine's own, the kernel may have chosen for
// the end that connects the very port that it connects to: then two connect to each
// other at the same time (RFC 9293 section 3.5).
func (c *Conn) meetsItself() bool {
	to := c.remote.Addr().Unmap()
	from := c.loop.engine.LocalAddr(c.handle)
	return from.IsValid() && from.Port() == c.remote.Port() && (from.Addr().Unmap() == to || to.IsUnspecified())
}

// connectAgainAfter is how long a full listener is given to accept somebody.
const connectAgainAfter = 5 * time.Millisecond

// connect begins to connect. While a Unix listener's queue is full that is
// refused without a way to be told when there is room.
func (l *Loop) connect(to *Address, deadline Time) (Handle, error) {
	for {
		h, err := l.engine.Connect(to)
		if err != ErrAgain {
			return h, err
		}
		if passed(deadline, l.now) {
			return 0, os.ErrDeadlineExceeded
		}
		if err := l.Sleep(connectAgainAfter); err != nil {
			return 0, err
		}
	}
}

// established waits for the end of connecting, which shows as room to write.
func (c *Conn) established(deadline Time) error {
	c.writeBy = deadline
	for {
		if err := c.waitWritable(); err != nil {
			return err
		}
		if err := c.loop.engine.ConnectResult(c.handle); err != ErrAgain {
			c.writeBy = 0
			return err
		}
		c.state &^= writable
	}
}
