package checks

import (
	"io"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// maxOctets is how much of a response is read. What says "ok" is shorter; of a
// longer body the rest is left alone.
const maxOctets = 64 << 10

// A probe is the connection of one check at a time.
type probe struct {
	conn *loop.Conn
	read int // octets
	head wire.ResponseHead
	body wire.BodyScanner
}

// request is what every check of an origin sends.
func request(target, host string) []byte {
	b := wire.AppendRequestLine(nil, "GET", target)
	b = wire.AppendField(b, "Host", host)
	b = wire.AppendField(b, "User-Agent", "hopwire-check")
	b = wire.AppendField(b, "Connection", "close")
	return wire.AppendHeadEnd(b)
}

// run is one check, in a task. A failure to write is not looked at: an origin
// may have answered before it stopped reading, and if not, reading fails too.
func (p *probe) run(c *Checker, at *loop.Address, request []byte) Finding {
	l, timeout := c.loop, c.config.Timeout
	deadline := l.Now().Add(timeout)
	conn, err := l.Dial(at, deadline)
	if err != nil {
		return failed(Unreachable, err, timeout)
	}
	c.totals.Connections++
	p.conn, p.read = conn, 0
	defer p.close()
	conn.ReadDeadline(deadline)
	conn.WriteDeadline(deadline)
	conn.Write(request)
	b := l.Buffer()
	defer b.Release()
	if err := p.readHead(b); err != nil {
		return failed(Malformed, err, timeout)
	}
	found := judge(&p.head)
	if found.Verdict == Passed {
		if err := p.readBody(b); err != nil {
			return failed(Malformed, err, timeout)
		}
	}
	return found
}

// abort ends a check that is under way.
func (p *probe) abort() {
	if p.conn != nil {
		p.conn.Reset()
	}
}

func (p *probe) close() {
	p.conn.Close()
	p.conn = nil
}

// readHead reads up to the final head.
func (p *probe) readHead(b *loop.Buffer) error {
	seen := 0
	for {
		n, err := wire.ParseResponseHead(b.Unread(), seen, &p.head)
		if err == nil {
			b.Consume(n)
			if !p.head.Interim() {
				return nil
			}
			seen = 0
			continue
		}
		if err != wire.ErrIncomplete {
			return err
		}
		seen = b.Len()
		if err := p.fill(b); err != nil {
			return err
		}
	}
}

// readBody reads to the end of the body, as far as that is within reach: a
// response that breaks off is no sign of health.
func (p *probe) readBody(b *loop.Buffer) error {
	framing, err := wire.ResponseFraming(&p.head, []byte("GET"))
	if err != nil {
		return err
	}
	p.body.Reset(framing)
	for p.read < maxOctets {
		n, done, err := p.body.Scan(b.Unread())
		if err != nil || done || p.body.Done() {
			return err
		}
		b.Consume(n)
		if err := p.fill(b); err == io.EOF {
			return p.body.End()
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) fill(b *loop.Buffer) error {
	if len(b.Space()) == 0 {
		b.Compact()
	}
	if len(b.Space()) == 0 || p.read >= maxOctets {
		return errTooLarge
	}
	n, err := b.FillFrom(p.conn)
	p.read += n
	return err
}
