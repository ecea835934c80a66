package weather

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// An Origin answers requests, as long as its climate lets it.
type Origin struct {
	climate  Climate
	octets   int
	seed     uint64
	listener net.Listener

	connections atomic.Int64
	garbled     atomic.Int64 // requests that were not as they had been sent
	ends        [Endings]atomic.Int64
	executed    []atomic.Uint32 // by the number of the request

	mu     sync.Mutex
	open   map[net.Conn]struct{} // nil: closed
	served sync.WaitGroup
}

// NewOrigin starts an origin for requests with numbers below the given one,
// which it answers with so many octets. The same seed draws the same plans.
func NewOrigin(climate Climate, requests, octets int, seed uint64) (*Origin, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o := &Origin{climate: climate, octets: octets, seed: seed, listener: ln,
		executed: make([]atomic.Uint32, requests), open: map[net.Conn]struct{}{}}
	o.served.Go(o.accept)
	return o, nil
}

// Addr is where the origin listens, if it is not absent.
func (o *Origin) Addr() string {
	if e := o.climate.Early; e != nil && e.origin == absent {
		return nobody
	}
	return o.listener.Addr().String()
}

// Close ends the origin and its connections.
func (o *Origin) Close() {
	o.listener.Close()
	o.mu.Lock()
	for c := range o.open {
		c.Close()
	}
	o.open = nil
	o.mu.Unlock()
	o.served.Wait()
}

// accept serves each connection until the listener is closed.
func (o *Origin) accept() {
	for {
		c, err := o.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptor is left: those that there are will end
			time.Sleep(time.Millisecond)
			continue
		}
		serial := o.connections.Add(1)
		if !o.keep(c) {
			c.Close()
			continue
		}
		o.served.Go(func() { o.serve(c.(*net.TCPConn), uint64(serial)) })
	}
}

func (o *Origin) keep(c net.Conn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open != nil {
		o.open[c] = struct{}{}
	}
	return o.open != nil
}

// serve is the life of a connection.
func (o *Origin) serve(c *net.TCPConn, serial uint64) {
	rng := rand.New(rand.NewPCG(o.seed, serial))
	s := &session{origin: o, conn: c, r: bufio.NewReader(c)}
	end := Departed
	for use := 1; end == Departed && !s.over; use++ {
		end = s.turn(o.climate.plan(rng, use))
	}
	switch end {
	case IdleRST:
		if undelivered(c) {
			end = IdleFIN // a reset would take back the end of the response before
			break
		}
		_ = c.SetLinger(0) // it may have been closed by the gateway just now
	case Idle408:
		io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}
	c.Close()
	o.ends[end].Add(1)
	o.mu.Lock()
	delete(o.open, c)
	o.mu.Unlock()
}

// undelivered reports whether the gateway's kernel has not yet taken all that was
// sent.
func undelivered(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	queued := int32(0)
	_ = raw.Control(func(fd uintptr) {
		syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&queued)))
	})
	return queued > 0
}

// A session is a connection on the origin's side.
type session struct {
	origin        *Origin
	conn          *net.TCPConn
	r             *bufio.Reader
	over          bool // the gateway has ended it
	content, want []byte
	out           []byte
}

// turn waits for a request and does with it as planned. It returns how the
// connection ends; Departed: not yet, unless over says that the gateway did.
func (s *session) turn(p Plan) Ending {
	deadline := time.Time{}
	if p.Wait > 0 {
		deadline = time.Now().Add(p.Wait)
	}
	s.over = s.conn.SetReadDeadline(deadline) != nil
	err := s.await(p.Strike == Unread)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return p.Idle
	case err != nil || s.over:
		s.over = true
		return Departed
	case p.Strike == Unread:
		return Unread
	}
	s.over = s.conn.SetReadDeadline(time.Now().Add(patience)) != nil
	return s.answer(p)
}

// patience bounds waiting for what is under way.
const patience = 10 * time.Second

// await returns when a request begins to arrive; unread leaves it in the
// kernel's buffer.
func (s *session) await(unread bool) error {
	if !unread {
		_, err := s.r.Peek(1)
		return err
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		n, _, failed = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return failed != syscall.EAGAIN && failed != syscall.EINTR
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case n == 0:
		return io.EOF
	}
	return nil
}

// answer reads a request, executes it and, unless it is to go unanswered, sends
// the response.
func (s *session) answer(p Plan) Ending {
	id, post, f, err := s.readHead()
	known := id >= 0 && id < int64(len(s.origin.executed))
	if err == nil && known && post && s.origin.climate.Early != nil {
		return s.answerEarly(s.origin.climate.Early, id, f)
	}
	whole := false
	if err == nil {
		whole, err = s.readContent(id, post, f)
	}
	if err != nil {
		s.over = true
		return Departed
	}
	if !whole || !known {
		s.origin.garbled.Add(1)
		s.over = true
		io.WriteString(s.conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return Departed
	}
	s.origin.executed[id].Add(1)
	if p.Strike == Unanswered {
		return Unanswered
	}
	s.respond(id, 200, p.Last)
	if p.Last {
		return Goodbye
	}
	return Departed
}

// respond sends a response with the content that belongs to the number.
func (s *session) respond(id int64, status int, last bool) {
	s.want = appendContent(s.want[:0], id, s.origin.octets)
	s.out = appendResponse(s.out[:0], status, s.want, id%2 == 1, last)
	_, err := s.conn.Write(s.out)
	s.over = err != nil
}

// readHead reads the head of a request.
func (s *session) readHead() (id int64, post bool, f fields, err error) {
	line, err := readLine(s.r)
	if err != nil {
		return 0, false, f, err
	}
	id, post = parseRequestLine(line)
	f, err = readFields(s.r)
	return id, post, f, err
}

// readContent reads what follows the head, and reports whether it is what belongs
// to the number.
func (s *session) readContent(id int64, post bool, f fields) (whole bool, err error) {
	s.want = s.want[:0]
	if post {
		s.want = appendContent(s.want, id, postOctets)
	}
	s.content, err = readContent(s.r, f, s.content[:0])
	return bytes.Equal(s.content, s.want), err
}

// parseRequestLine returns the number in the target, or -1.
func parseRequestLine(line []byte) (id int64, post bool) {
	method, rest, _ := bytes.Cut(line, []byte(" /"))
	target, version, _ := bytes.Cut(rest, []byte(" "))
	id, err := strconv.ParseInt(string(target), 10, 64)
	if err != nil || string(version) != "HTTP/1.1" {
		return -1, false
	}
	return id, string(method) == "POST"
}

func appendResponse(b []byte, status int, content []byte, chunked, last bool) []byte {
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	if last {
		b = append(b, "Connection: close\r\n"...)
	}
	b, _ = appendFramed(b, content, chunked)
	return b
}
