package simnet

import (
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A Client is a task that dials, writes what it was given, and collects what
// comes until the end of stream.
type Client struct {
	Loop *loop.Loop
	To   *loop.Address
	// After is how long it sleeps before it dials. Zero: not at all.
	After time.Duration
	// Sends is written as far as the peer takes it, while the answer is read.
	Sends []byte
	// EndsFirst ends the sending direction after that.
	EndsFirst bool
	// Patience bounds the connect, and then the whole of the rest. Zero: it
	// waits for ever.
	Patience time.Duration
	// Done, unless nil, is called at the end, in the client's task.
	Done func(*Client)

	// Got is what came. Err is why no more did, if it was not the end of
	// stream.
	Got []byte
	Err error

	reset error // told to the writer
}

// Run makes a Client a loop.Runner.
func (c *Client) Run() {
	c.Err = c.exchange()
	if c.Done != nil {
		c.Done(c)
	}
}

func (c *Client) exchange() error {
	if c.After > 0 {
		c.Loop.Sleep(c.After)
	}
	conn, err := c.Loop.Dial(c.To, c.deadline())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.ReadDeadline(c.deadline())
	c.Loop.Go(loop.Func(func() { c.send(conn) }))
	if err := c.collect(conn); err != nil {
		return err
	}
	return c.reset
}

func (c *Client) deadline() loop.Time {
	if c.Patience == 0 {
		return 0
	}
	return c.Loop.Now().Add(c.Patience)
}

// send ends with the connection, should the peer not take everything: what the
// peer has to say counts, not that it would not listen. But the kernel tells of a
// reset only once, and may tell the writer; a reader then sees an end of stream
// that is none.
func (c *Client) send(conn *loop.Conn) {
	_, err := conn.Write(c.Sends)
	if errors.Is(err, syscall.ECONNRESET) {
		c.reset = err
	}
	if err == nil && c.EndsFirst {
		conn.CloseWrite()
	}
}

func (c *Client) collect(conn *loop.Conn) error {
	var p [4096]byte
	for {
		n, err := conn.Read(p[:])
		c.Got = append(c.Got, p[:n]...)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Answer is an origin to be given to Group.Listen: it reads n octets from each
// connection, writes the answer and closes.
func Answer(n int, answer []byte) func(*loop.Conn) {
	return func(conn *loop.Conn) {
		conn.Loop().Go(loop.Func(func() {
			defer conn.Close()
			if _, err := io.CopyN(io.Discard, conn, int64(n)); err == nil {
				conn.Write(answer)
			}
		}))
	}
}
