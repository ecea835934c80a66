package replay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A tlsConn is the TLS of one connection. crypto/tls works on memory, and the
// worker moves records between that and the socket:
//
//	worker   read ◄─── tls.Conn ◄─── in  ◄─── pump ◄─── socket
//	         write ──► tls.Conn ───► out ──────────────► socket
//
// So no call of crypto/tls waits, once the handshake is over. If one did, it would do
// so with a lock of the tls.Conn held: a task that writes to a server which does not
// read has the lock that another needs to answer a KeyUpdate (RFC 8446 section
// 4.6.3), and a lock holds up not a task but the loop.
//
// The handshake does wait, in the midst of a call. It is a coroutine of its own,
// which gives way where the server has its turn, and is gone when it has ended.
type tlsConn struct {
	transport
	tls    *tls.Conn
	sealed int  // bytes of the request that out has, in one record; 0: none
	full   bool // the last read filled its buffer, so that Readable may err
	dry    bool // all that has been read from the socket is decrypted, but for half a record
	over   bool // the server has sent close_notify

	ahead   [1]byte // of what is to be read next, if isAhead
	isAhead bool

	// The handshake. All this is nil when it is over.
	step func() (struct{}, bool) // has it go on; false: it has ended
	drop func()                  // ends it
	err  error                   // how it ended
}

// A transport is what crypto/tls takes for the connection.
type transport struct {
	*loop.Conn
	in      *loop.Buffer        // what has come and is not decrypted; nil: nothing
	out     *loop.Buffer        // what is encrypted and not written; nil: nothing
	giveWay func(struct{}) bool // waits until there is something in in; nil: does not
}

// maxRecord is how much of a request goes into one record: with what TLS adds, and
// with some replies to a KeyUpdate behind it, it is to fit into a buffer.
const maxRecord = loop.BufferSize - 1<<10

// errNothing is what crypto/tls gets and gives when nothing more has come. It takes a
// temporary error for no end: what it has of a record stays, and the next call goes
// on with it.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing has come" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// errNoCloseNotify is the end of a connection that may be anybody's work. What ends
// there may have been cut off (RFC 9112 section 9.8).
var errNoCloseNotify = errors.New("the server closed the connection without the close_notify of TLS")

// tlsConfig is what the connections of a lane have in common, or nil.
func tlsConfig(config *Config) *tls.Config {
	if config.TLS == nil {
		return nil
	}
	c := config.TLS.Clone()
	c.NextProtos = []string{"http/1.1"}
	c.DynamicRecordSizingDisabled = true
	if config.ResumeTLS {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return c
}

func newTLSConn(conn *loop.Conn, config *tls.Config) *tlsConn {
	t := &tlsConn{transport: transport{Conn: conn}}
	t.tls = tls.Client(&t.transport, config)
	t.step, t.drop = iter.Pull(func(yield func(struct{}) bool) {
		t.giveWay = yield
		t.err = t.tls.Handshake()
		t.giveWay = nil
	})
	return t
}

// Read gives what has come.
func (t *transport) Read(p []byte) (int, error) {
	for t.in == nil {
		if t.giveWay == nil {
			return 0, errNothing
		}
		if !t.giveWay(struct{}{}) {
			return 0, net.ErrClosed
		}
	}
	n := copy(p, t.in.Unread())
	consume(&t.in, n)
	return n, nil
}

// Write takes what is to be written.
func (t *transport) Write(p []byte) (int, error) {
	if t.out == nil {
		t.out = t.Loop().Buffer()
	}
	if len(p) > len(t.out.Space()) {
		return 0, errors.New("the server asks for more replies of TLS than it reads")
	}
	t.out.Filled(copy(t.out.Space(), p))
	return len(p), nil
}

// Close and SetWriteDeadline are called for a close_notify, and leave the connection
// to the worker.
func (t *transport) Close() error                     { return nil }
func (t *transport) SetWriteDeadline(time.Time) error { return nil }

// consume takes n bytes off the front of a buffer, which is given back when empty.
func consume(b **loop.Buffer, n int) {
	if (*b).Consume(n); (*b).Len() == 0 {
		(*b).Release()
		*b = nil
	}
}

// pump reads once from the socket, waiting if need be. All that was read before has
// been decrypted.
func (t *tlsConn) pump() error {
	if err := t.WaitReadable(); err != nil {
		return err
	}
	t.in = t.Loop().Buffer()
	n, err := t.in.FillFrom(t.Conn)
	t.full, t.dry = len(t.in.Space()) == 0, n == 0
	if consume(&t.in, 0); n == 0 && err == io.EOF {
		return errNoCloseNotify
	}
	return err
}

// flush writes what crypto/tls has to say, waiting if need be.
func (t *tlsConn) flush() error {
	for t.out != nil {
		if _, err := t.push(); err != nil {
			return err
		}
	}
	return nil
}

// push writes once of what is encrypted. After an error there is nothing of it.
func (t *tlsConn) push() (int, error) {
	n, err := t.WriteOnce(t.out.Unread())
	if err != nil {
		n = t.out.Len()
	}
	consume(&t.out, n)
	return n, err
}

// write writes once, like WriteOnce: whole records of p, of which the others' bytes
// are of no use to the server. It is called with the rest of p until that is empty.
// Beside how many bytes of p went out it tells how many the kernel took.
func (t *tlsConn) write(p []byte) (n, took int, err error) {
	if t.sealed == 0 {
		p = p[:min(len(p), maxRecord)]
		if _, err := t.tls.Write(p); err != nil {
			return 0, 0, err
		}
		t.sealed = len(p)
	}
	if took, err = t.push(); err != nil {
		t.sealed = 0
		return 0, 0, err
	}
	if t.out == nil {
		n, t.sealed = t.sealed, 0
	}
	return n, took, nil
}

// decrypt gives all that has come, as far as p has room.
func (t *tlsConn) decrypt(p []byte) (n int, err error) {
	if t.isAhead && len(p) > 0 {
		n, t.isAhead = copy(p, t.ahead[:]), false
	}
	for n < len(p) && err == nil && !t.dry {
		var m int
		m, err = t.tls.Read(p[n:])
		n += m
		t.dry = err == errNothing
	}
	t.over = t.over || err == io.EOF
	if n == 0 && t.dry {
		return 0, errNothing
	}
	if n > 0 {
		err = nil // it will be told again
	}
	return n, err
}

// fill is FillFrom for what is decrypted.
func (t *tlsConn) fill(buf *loop.Buffer) (int, error) {
	for {
		n, err := t.decrypt(buf.Space())
		buf.Filled(n)
		if err != errNothing {
			return n, err
		}
		if err := t.pump(); err != nil {
			return 0, err
		}
	}
}

// speaks says whether the server has said something, or has ended the connection;
// what TLS has for itself, such as tickets, is none. If the connection was reported
// readable just now, the caller is sure of that, and has set a ReadDeadline. Otherwise
// there is hardly a wait, and that for a mistake of the engine.
func (t *tlsConn) speaks(sure bool) bool {
	if t.in == nil && t.Readable() && (sure || !t.full) {
		if !sure {
			t.ReadDeadline(t.Loop().Now().Add(time.Millisecond))
		}
		if err := t.pump(); err != nil && (sure || err != os.ErrDeadlineExceeded) {
			return true
		}
	}
	if t.isAhead {
		return true
	}
	n, err := t.decrypt(t.ahead[:])
	t.isAhead = n > 0
	return err != errNothing
}

// closeNotify says goodbye, if there is room for that at once and no half of a record
// before it, and gives back what is borrowed.
func (t *tlsConn) closeNotify() {
	if t.sealed == 0 { // otherwise the upload, which is told of the end, has out
		t.WriteDeadline(t.Loop().Now().Add(time.Millisecond))
		t.tls.Close()
		t.flush()
	}
	if t.in != nil {
		consume(&t.in, t.in.Len())
	}
}

// shake goes on with the handshake until the server has its turn, or all is said. Our
// last words go out with the first request: a server that is still writing, tickets
// perhaps, may not read them before. After an error the handshake is over.
func (t *tlsConn) shake(begin bool) (done bool, err error) {
	if !begin {
		if err := t.pump(); err != nil {
			t.drop()
			return true, err
		}
	}
	if _, waits := t.step(); waits {
		if err = t.flush(); err == nil {
			return false, nil
		}
		t.drop()
		return true, err
	}
	err = t.err
	t.step, t.drop, t.err = nil, nil, nil
	return true, err
}

// shake goes on with the handshake on the connection that is being opened. While the
// server has its turn, the worker is parked.
func (w *worker) shake(begin bool) failure {
	l, o := w.lane, &w.opening
	o.conn.ReadDeadline(w.deadline)
	o.conn.WriteDeadline(w.deadline)
	done, err := o.tls.shake(begin)
	if !done {
		w.park(o.conn)
		return failure{}
	}
	conn, secure := o.conn, o.tls
	o.conn, o.tls = nil, nil
	if err != nil {
		secure.closeNotify()
		conn.Close()
		return w.cutShort(handshakeFailure(err), TLSHandshake)
	}
	took := l.loop.Clock().Sub(o.began.Add(w.connecting))
	w.conn, w.tls = conn, secure
	w.opened()
	w.connecting += took
	l.tally.TLS.Record(took)
	if secure.tls.ConnectionState().DidResume {
		l.tally.Resumed++
	}
	return failure{}
}

// handshakeFailure judges how a handshake failed, and says what to do about it.
func handshakeFailure(err error) failure {
	var (
		unverified *tls.CertificateVerificationError
		header     tls.RecordHeaderError
	)
	switch {
	case ended(err):
		return failure{Abandoned, err}
	case errors.As(err, &unverified):
		return failure{Certificate, certificateAdvice(unverified)}
	case errors.As(err, &header):
		err = errors.New("what the server sends is not TLS: if it speaks plain HTTP, write http:// instead of https://")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errors.New("the TLS handshake was not over in time: does the server speak TLS at this port?")
	case err == errNoCloseNotify:
		err = errors.New("the server closed the connection in the TLS handshake: its log may say why")
	default:
		err = fmt.Errorf("the TLS handshake failed: %w", err)
	}
	return failure{TLSHandshake, err}
}

// certificateAdvice says what is wrong with a certificate, and what one can do.
func certificateAdvice(err *tls.CertificateVerificationError) error {
	const orAny = "accept any with --insecure"
	advice := orAny
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.As(err.Err, &unknown):
		advice = "name the authority's certificate with --ca FILE, or " + orAny
	case errors.As(err.Err, &host):
		advice = "name the server as its certificate does, or " + orAny
	case errors.As(err.Err, &invalid) && invalid.Reason == x509.Expired:
		advice = "have it renewed, look at this machine's clock, or " + orAny
	}
	return fmt.Errorf("the server's certificate is not accepted: %w: %s", err.Err, advice)
}
