package loop

import (
	"errors"
	"net/netip"
	"os"
	"time"
)

// Time is an instant on an engine's monotonic clock, in nanoseconds. As a
// deadline, zero means none.
type Time int64

// Never is a deadline that does not come.
const Never Time = 1<<63 - 1

// Add returns the instant d after t, or Never if that is beyond all instants.
func (t Time) Add(d time.Duration) Time {
	if sum := t + Time(d); d <= 0 || sum >= t {
		return sum
	}
	return Never
}

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// A Handle names one socket of an engine: a file descriptor of the kernel, an
// index of the simulated network. Handles are small numbers and are used again
// after Close, which is why events carry a token beside them.
type Handle int32

// Ready says what became possible on a socket since it was last reported.
type Ready uint8

const (
	// ReadyRead: octets arrived, or a connection waits to be accepted.
	ReadyRead Ready = 1 << iota
	// ReadyWrite: there is room to write again, or a connect has ended.
	ReadyWrite
	// ReadyEnd: the peer has ended its sending direction. Read gives what is
	// left and then the end of stream.
	ReadyEnd
	// ReadyReset: the connection is dead in both directions.
	ReadyReset
)

// An Event reports the readiness of one registered socket.
type Event struct {
	Token uint64
	Ready Ready
}

// ErrAgain is what an operation returns that can do nothing now. The engine
// reports the socket as ready, once, when trying again makes sense.
var ErrAgain = errors.New("loop: the operation would have to wait")

// An Engine is the world behind one loop: the kernel, or the simulated network
// of package simnet. It is the only way by which tasks reach anything outside
// the program.
//
// No operation blocks except Wait. One that can do nothing now returns
// ErrAgain, and the engine then reports the socket's readiness exactly once,
// when that changes (edge-triggered). An operation that moved fewer octets than
// asked for has found the source empty or the sink full, and the next report
// will come by itself; one that moved all of them may well succeed again.
// An engine that works by completions fits behind the same calls: it starts the
// operation where it would return ErrAgain, and hands over the result where the
// operation is tried again.
//
// All methods but Wake are called from the loop's goroutine only. Errors from
// the peer or the kernel are, or wrap, syscall.Errno.
type Engine interface {
	// Now reads the monotonic clock.
	Now() Time
	// Wall is the wall-clock time at the instant Now.
	Wall() time.Time

	// Wait fills events with what became ready, waiting for it until the
	// instant given at most: 0 means do not wait at all, Never without limit.
	// It returns early, perhaps with no event, after Wake. An instant of whole
	// milliseconds may be met up to one late; any other is for an alarm, and met as
	// soon as the machine can.
	Wait(events []Event, until Time) (int, error)
	// Wake makes a Wait, under way or the next, return. Any goroutine may
	// call it.
	Wake()
	// Close releases what the engine holds. Sockets are closed by their owners.
	Close() error

	// Listen opens a listening socket, which is not reported until Resume.
	// The address returned has the port that was chosen for port 0.
	Listen(at *Address) (Handle, *Address, error)
	// Resume begins to report, and Pause stops reporting, that connections
	// wait at a listener. Listeners are level-triggered: every Wait reports
	// ReadyRead while a connection waits.
	Resume(listener Handle, token uint64) error
	Pause(listener Handle) error
	// Accept takes one waiting connection of a listener. The new socket is
	// not registered yet, so that another loop's engine may do it.
	Accept(listener Handle) (Handle, netip.AddrPort, error)
	// HasBacklog reports whether a connection waits at a listener, be it paused
	// or not.
	HasBacklog(listener Handle) bool
	// Seal keeps clients from beginning to connect to a listener, without
	// refusing them: over TCP they try again by themselves, at whoever listens
	// then. Those who have begun still arrive. After an error the listener is
	// as it was.
	Seal(listener Handle) error
	// Connect begins to connect a new socket, which ReadyWrite says has
	// ended; ConnectResult then tells how. The socket is not registered yet.
	// ErrAgain means that the queue of a Unix listener is full, which no event
	// will say the end of.
	Connect(to *Address) (Handle, error)
	// ConnectResult is nil when the connection is established, and ErrAgain
	// while that is not decided.
	ConnectResult(h Handle) error

	// Register begins to report the socket's readiness under token. What is
	// ready already is reported too.
	Register(h Handle, token uint64) error
	// Peek is nil when Read would give octets or the end of stream, and
	// ErrAgain when it would give nothing. Where Read would give an error, Peek
	// may do so in its place, or be nil.
	Peek(h Handle) error
	// Read returns io.EOF at the end of stream.
	Read(h Handle, p []byte) (int, error)
	// Discard is Read, up to n octets, without anything that gets them.
	Discard(h Handle, n int) (int, error)
	Write(h Handle, p []byte) (int, error)
	Writev(h Handle, bufs [][]byte) (int, error)
	// Sendfile sends up to n octets of f from offset off. (0, nil) means
	// that the file has no octet there.
	Sendfile(h Handle, f *os.File, off int64, n int) (int, error)
	// A pipe holds octets on their way from one socket to another, so that
	// they need not come up into the program. SpliceIn moves up to n octets
	// from src into the pipe (io.EOF at the end of stream), SpliceOut moves up
	// to n of those held to dst.
	NewPipe() (Pipe, error)
	SpliceIn(p Pipe, src Handle, n int) (int, error)
	SpliceOut(dst Handle, p Pipe, n int) (int, error)

	// Ended reports whether the peer has ended its sending direction, or the
	// connection, be that reported already or not.
	Ended(h Handle) bool
	// Unsent is how many octets written have not got to the peer.
	Unsent(h Handle) int
	// CloseWrite ends the sending direction.
	CloseWrite(h Handle) error
	// Reset closes the socket so that the peer sees a reset.
	Reset(h Handle) error
	// CloseSocket closes the socket. What was written still goes out. The file
	// that a Unix listener made goes too.
	CloseSocket(h Handle) error
	// LocalAddr is the zero AddrPort for a Unix socket.
	LocalAddr(h Handle) netip.AddrPort
}

// A Pipe belongs to the engine that made it.
type Pipe interface {
	Close() error
}
