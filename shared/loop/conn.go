package loop

import (
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// ErrCanceled is what a waiting Read returns after CancelRead.
var ErrCanceled = errors.New("loop: the read was canceled")

// ErrBusy is what a Read returns while another task waits in one, and a Write
// likewise: octets split between two tasks at random serve neither.
var ErrBusy = errors.New("loop: another task is doing that already")

// A Conn is one connection of a loop. It is a net.Conn whose blocking calls
// suspend the task that makes them; one task may read while another writes.
// All methods are called on the connection's loop.
//
// What a parked connection costs is this struct, so its fields are counted.
type Conn struct {
	loop    *Loop
	handle  Handle
	gen     uint32 // tells this connection from others with the same handle
	state   connState
	reader  *task   // waits in Read
	writer  *task   // waits in Write
	scope   scope   // that of the task or handler that used it last
	handler Handler // of a parked or watched connection

	readBy, writeBy Time  // deadlines; readBy is also the parked connection's
	timer           timer // armed no later than the deadlines need it
	remote          netip.AddrPort

	received, sent uint32 // octets
}

type connState uint16

const (
	readable  connState = 1 << iota // the last read did not empty the socket, as far as we know
	writable                        // the last write did not fill it
	ended                           // the peer's end of stream is in the socket, or was read
	dead                            // the peer has reset the connection
	parked                          // no task; the handler is told what happens
	resetTold                       // an operation was told so, and no other will be
	accepted                        // counts against the group's bound
	dialing                         // connecting has not ended
	closed
)

func (s connState) has(bit connState) bool { return s&bit != 0 }

// adopt makes a Conn of a socket and has its readiness reported.
func (l *Loop) adopt(h Handle, remote netip.AddrPort, state connState) (*Conn, error) {
	l.lastGen++
	if l.lastGen == listenerGen {
		l.lastGen++
	}
	c := &Conn{
		loop: l, handle: h, gen: l.lastGen, state: state, remote: remote, scope: l.scope,
	}
	c.timer.owner = c
	if err := l.engine.Register(h, uint64(c.gen)<<32|uint64(uint32(h))); err != nil {
		return nil, err
	}
	for int(h) >= len(l.conns) {
		l.conns = append(l.conns, nil)
	}
	l.conns[h] = c
	return c, nil
}

// Loop is the loop that the connection lives on.
func (c *Conn) Loop() *Loop { return c.loop }

// Remote is the peer's address, and the zero AddrPort for a Unix socket.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Passed is how many octets have been read from the connection, and written to it,
// modulo 2^32.
func (c *Conn) Passed() (received, sent uint32) { return c.received, c.sent }

// noteReady takes in what the engine reports.
func (c *Conn) noteReady(r Ready) {
	c.state |= stateOf[r&(ReadyRead|ReadyWrite|ReadyEnd|ReadyReset)]
	if c.state.has(parked) {
		c.tellParked(r)
		return
	}
	waiting := c.reader != nil || c.writer != nil
	if c.reader != nil && r&^ReadyWrite != 0 {
		c.loop.wake(c.reader, nil)
	}
	if c.writer != nil && r&(ReadyWrite|ReadyReset) != 0 {
		c.loop.wake(c.writer, nil)
	}
	if r&ReadyReset != 0 && !waiting {
		c.tellAborted()
	}
}

// stateOf is what each combination of reports says of the socket. A dead
// connection is ready for everything, since every call will say so at once.
var stateOf = func() (table [16]connState) {
	for r := range table {
		if Ready(r)&(ReadyRead|ReadyEnd|ReadyReset) != 0 {
			table[r] |= readable
		}
		if Ready(r)&(ReadyWrite|ReadyReset) != 0 {
			table[r] |= writable
		}
		if Ready(r)&(ReadyEnd|ReadyReset) != 0 {
			table[r] |= ended
		}
		if Ready(r)&ReadyReset != 0 {
			table[r] |= dead
		}
	}
	return table
}()

// Read reads once, up to len(p) octets, waiting for the first. It returns
// io.EOF at the end of stream, os.ErrDeadlineExceeded, ErrCanceled,
// net.ErrClosed after Close, or a *net.OpError with the kernel's error.
func (c *Conn) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if err := c.WaitReadable(); err != nil {
			return 0, err
		}
		n, err := c.loop.engine.Read(c.handle, p)
		if err == nil {
			c.moved(n)
			c.received += uint32(n)
			c.afterRead(n < len(p))
			return n, nil
		}
		if err != ErrAgain {
			return 0, c.failed("read", c.trueEnd(err))
		}
		c.state &^= readable
	}
	return 0, nil
}

// Discard is Read of as much as has come, none of which is copied into the program.
func (c *Conn) Discard() (int, error) {
	for {
		if err := c.WaitReadable(); err != nil {
			return 0, err
		}
		n, err := c.loop.engine.Discard(c.handle, c.atOnce(math.MaxInt64))
		if err == nil {
			c.moved(n)
			c.received += uint32(n)
			return n, nil
		}
		if err != ErrAgain {
			return 0, c.failed("read", c.trueEnd(err))
		}
		c.state &^= readable
	}
}

// trueEnd tells the end of stream from what looks like one. The kernel tells of a
// reset once, perhaps to the writer, and gives readers an end of stream then.
// Whoever believed that would take half of a message for the whole.
func (c *Conn) trueEnd(err error) error {
	if err == io.EOF && c.state.has(resetTold) {
		return syscall.ECONNRESET
	}
	return err
}

// afterRead spares the read that would find nothing: a socket that gave less than
// was asked for is empty, and will be reported when it no longer is. The end of
// stream is not reported twice, though; and a reset that came behind the octets,
// which the reader does not see, is told to whoever watches.
func (c *Conn) afterRead(short bool) {
	switch {
	case !c.state.has(ended):
		if short {
			c.state &^= readable
		}
	case c.state.has(dead) && c.handler != nil:
		c.loop.pending = append(c.loop.pending, c)
	}
}

// WaitReadable waits until Read has something to give, so that a buffer can be
// borrowed only then. Its errors are Read's, but for those of the socket.
func (c *Conn) WaitReadable() error { return c.waitFor(readable, &c.reader, &c.readBy) }

// Readable reports whether Read would probably not wait.
func (c *Conn) Readable() bool { return c.state.has(readable) }

// Ended reports whether the peer has ended its sending direction, or the connection;
// the socket is asked, since an end that has arrived may not have been reported yet.
// What the peer sent before may still have to be read. Of a connection that was closed
// here it tells what was known by then.
func (c *Conn) Ended() bool {
	return c.state&(ended|dead) != 0 || !c.state.has(closed) && c.loop.engine.Ended(c.handle)
}

func (c *Conn) waitWritable() error { return c.waitFor(writable, &c.writer, &c.writeBy) }

// waitFor suspends the task until the connection is in the wanted state. It is
// called before every operation, and is where a task takes the connection into
// its scope.
func (c *Conn) waitFor(want connState, waiter **task, deadline *Time) error {
	t := c.loop.running()
	c.take()
	if *waiter != nil {
		return ErrBusy
	}
	if t.moved += leastCost; t.moved >= t.limit {
		if err := waitAs(t, waiter, (*task).giveWay); err != nil {
			return err
		}
		if c.state.has(want) {
			return nil // the peer did not let that time pass, whatever the deadline says
		}
	}
	for {
		if c.state.has(closed) {
			return net.ErrClosed
		}
		if passed(*deadline, c.loop.now) {
			return os.ErrDeadlineExceeded
		}
		if c.state.has(want) {
			return nil
		}
		c.arm(*deadline)
		if err := waitAs(t, waiter, (*task).suspend); err != nil {
			return err
		}
	}
}

// moved counts octets of an operation towards the end of the task's turn.
func (c *Conn) moved(n int) { c.loop.current.moved += n }

// waitAs gives the thread away as the one reader or writer, so that whoever has
// something to tell that one finds it.
func waitAs(t *task, waiter **task, how func(*task) error) error {
	*waiter = t
	err := how(t)
	*waiter = nil
	return err
}

// CancelRead makes a waiting Read return ErrCanceled, even if it was about to
// return something else, which then stays to be read. It reports whether one
// waited.
func (c *Conn) CancelRead() bool {
	if c.reader == nil {
		return false
	}
	c.loop.wake(c.reader, ErrCanceled)
	c.reader.err = ErrCanceled
	return true
}

// failed names the operation and the two ends in an error of the socket.
func (c *Conn) failed(op string, err error) error {
	if err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		c.noteReset(errno)
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: c.network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// noteReset notes that an operation was told of a reset, if that is what the
// error says.
func (c *Conn) noteReset(errno syscall.Errno) {
	if errno == syscall.ECONNRESET || errno == syscall.ETIMEDOUT {
		c.state |= resetTold
	}
}

func (c *Conn) network() string {
	if c.remote.IsValid() {
		return "tcp"
	}
	return "unix"
}

// LocalAddr asks the engine for the connection's own address.
func (c *Conn) LocalAddr() net.Addr {
	if c.state.has(closed) {
		return netAddr(netip.AddrPort{})
	}
	return netAddr(c.loop.engine.LocalAddr(c.handle))
}

// RemoteAddr is Remote as a net.Addr.
func (c *Conn) RemoteAddr() net.Addr { return netAddr(c.remote) }

func netAddr(a netip.AddrPort) net.Addr {
	if !a.IsValid() {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a)
}

// CloseWrite ends the sending direction: the peer reads what was written and
// then the end of stream.
func (c *Conn) CloseWrite() error {
	if c.state.has(closed) {
		return net.ErrClosed
	}
	if err := c.loop.engine.CloseWrite(c.handle); err != nil {
		return c.failed("shutdown", err)
	}
	return nil
}

// Close ends the connection. What was written still goes out. Calls that wait
// return net.ErrClosed.
func (c *Conn) Close() error { return c.end(c.loop.engine.CloseSocket) }

// Reset ends the connection so that the peer sees a reset, and loses what was
// not sent yet. A Unix socket knows no reset; there it is a Close.
func (c *Conn) Reset() error { return c.end(c.loop.engine.Reset) }

func (c *Conn) end(how func(Handle) error) error {
	if c.state.has(closed) {
		return net.ErrClosed
	}
	c.release()
	if err := how(c.handle); err != nil {
		return c.failed("close", err)
	}
	return nil
}

// release takes the connection out of the loop and wakes who waits on it.
func (c *Conn) release() {
	l := c.loop
	l.conns[c.handle] = nil
	l.wheel.remove(&c.timer)
	wasAccepted := c.state.has(accepted)
	c.state = closed | c.state&(ended|dead)
	c.handler, c.scope = nil, 0
	for _, t := range [...]*task{c.reader, c.writer} {
		if t != nil {
			l.wake(t, net.ErrClosed)
		}
	}
	if wasAccepted {
		l.load.Add(-1)
		l.group.connClosed()
	}
}
