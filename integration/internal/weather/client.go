package weather

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// postOctets is the size of what is posted, unless it is said otherwise.
const postOctets = 64

// A request is one to be sent.
type request struct {
	id   int64
	post bool
	last bool   // ask for the connection to be closed
	path string // that the number is below
}

// A client is one connection to a gateway, and what it needs to send requests on
// it and read the responses.
type client struct {
	conn    net.Conn
	r       *bufio.Reader
	octets  int // of each response
	posted  int // octets, in each request that posts any
	out     []byte
	want    []byte
	content []byte
}

func newClient(octets int) *client {
	return &client{r: bufio.NewReader(nil), octets: octets, posted: postOctets}
}

func (c *client) connect(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	c.conn = conn
	c.r.Reset(conn)
	return nil
}

func (c *client) disconnect() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// ended reports whether the gateway has closed the connection, as far as can be
// seen without a request. Every client with a pool looks before it sends.
func (c *client) ended() bool {
	raw, err := c.conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	waits := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waits = err == syscall.EAGAIN || err == syscall.EINTR
	})
	return err != nil || !waits
}

// ask sends a request and reads the response, and reports whether the connection
// serves for another one.
func (c *client) ask(q request) (o Outcome, persists bool) {
	if c.conn.SetDeadline(time.Now().Add(patience)) != nil {
		return Reset, false
	}
	err := c.send(q)
	o, persists = c.receive(q.id) // the answer may have come before the failure
	if o == Closed && err != nil {
		o = Reset // which the kernel tells once: to the writer
	}
	return o, persists
}

// send sends the request, the posts in each of four ways: with a length or
// chunked, in one piece or in two.
func (c *client) send(q request) (err error) {
	method := "GET"
	if q.post {
		method = "POST"
	}
	b := fmt.Appendf(c.out[:0], "%s %s/%d HTTP/1.1\r\nHost: weather\r\n", method, q.path, q.id)
	if q.last {
		b = append(b, "Connection: close\r\n"...)
	}
	head := 0
	if q.post {
		c.content = appendContent(c.content[:0], q.id, c.posted)
		b, head = appendFramed(b, c.content, q.id&1 == 1)
	} else {
		b = append(b, "\r\n"...)
	}
	c.out = b
	if head > 0 && q.id&2 == 2 {
		_, err = c.conn.Write(b[:head])
		b = b[head:]
	}
	if err == nil {
		_, err = c.conn.Write(b)
	}
	return err
}

// receive reads the response that belongs to the number.
func (c *client) receive(id int64) (o Outcome, persists bool) {
	status, f, o := c.response()
	c.want = appendContent(c.want[:0], id, c.octets)
	switch {
	case o != Answered:
		return o, false
	case status >= 500:
		return Failed, !f.close
	case status != 200 || !bytes.Equal(c.content, c.want) || c.r.Buffered() > 0:
		return Wrong, false
	}
	return Answered, !f.close
}

// response reads a response, whatever it is. Its outcome is Answered if it was whole.
func (c *client) response() (status int, f fields, o Outcome) {
	if _, err := c.r.Peek(1); err != nil {
		return 0, f, withoutOctet(err)
	}
	line, err := readLine(c.r)
	if err != nil {
		return 0, f, within(err)
	}
	status = parseStatus(line)
	if f, err = readFields(c.r); err != nil {
		return status, f, within(err)
	}
	if c.content, err = readContent(c.r, f, c.content[:0]); err != nil {
		return status, f, within(err)
	}
	return status, f, Answered
}

// parseStatus returns the status of a status line, or 0.
func parseStatus(line []byte) int {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	status, err := strconv.Atoi(string(code))
	if err != nil || string(version) != "HTTP/1.1" {
		return 0
	}
	return status
}
