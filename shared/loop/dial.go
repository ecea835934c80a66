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
	c, err := l.BeginDial(to, deadline)
	if err == nil {
		err = c.EndDial(to, deadline)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// BeginDial is the first half of Dial, and EndDial, with the same address, the
// second. In between the connection may be parked, so that waiting costs no task:
// at once, since Readable and Aborted, either of which says that connecting has
// ended, are told only of what comes later.
func (l *Loop) BeginDial(to *Address, deadline Time) (*Conn, error) {
	l.running() // panics before there is a socket to lose
	h, err := l.connect(to, deadline)
	if err != nil {
		return nil, dialFailed(to, err)
	}
	c, err := l.adopt(h, to.TCP, dialing)
	if err != nil {
		l.engine.CloseSocket(h)
		return nil, dialFailed(to, err)
	}
	return c, nil
}

// EndDial waits for the end of connecting, until the deadline at most. After an
// error the connection is closed.
func (c *Conn) EndDial(to *Address, deadline Time) error {
	err := c.established(deadline)
	if err != nil {
		c.Close()
		return dialFailed(to, err)
	}
	if c.meetsItself() {
		c.Reset() // closed in order, it would keep the port from whoever is to listen there
		return dialFailed(to, syscall.ECONNREFUSED)
	}
	return nil
}

func dialFailed(to *Address, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError("connect", errno)
	}
	return &net.OpError{Op: "dial", Net: to.network(), Addr: to.netAddr(), Err: err}
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
			c.state &^= dialing
			return err
		}
		c.state &^= writable
	}
}
