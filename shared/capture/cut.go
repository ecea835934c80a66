package capture

import (
	"bytes"
	"fmt"

	"github.com/hopwire/hopwire/shared/wire"
)

// Limits are those within which recorded messages are read. They are far above
// those of a server: a recording is not an attack, and what a peer once sent
// should be readable.
var Limits = wire.Limits{Head: 1 << 20, Target: 1 << 20, Fields: 10000, ChunkLine: 1 << 16, Trailer: 1 << 20}

// recognize returns nil if a request could begin with these octets, or else
// why they cannot be one. It looks only at the first few.
func recognize(octets []byte) error {
	switch first := octets[0]; {
	case len(octets) > 2 && first >= 0x14 && first <= 0x17 && octets[1] == 3: // record types of RFC 8446 section 5.1
		return errEncrypted
	case first >= 'A' && first <= 'Z', first >= 'a' && first <= 'z', first == '\r', first == '\n':
		return nil
	}
	return errForeign
}

// connection cuts a stream into its exchanges. The error says why there
// is none.
func (s *stream) connection() (*Connection, error) {
	if s.refused != nil {
		return nil, s.refused
	}
	c := &cutter{stream: s}
	c.request.Limits, c.response.Limits, c.scanner.Limits = Limits, Limits, Limits
	if err := c.orient(); err != nil {
		return nil, err
	}
	connection := &Connection{
		ID: s.label, Hop: s.hop, Client: s.ends[c.client], Server: s.ends[1-c.client],
		Opened: s.opened, Joined: s.client == unknownEnd, Closed: s.closed,
	}
	if s.closed.How != NotEnded && s.closer != c.client {
		connection.Closed.From = Outbound
	}
	c.cut(connection)
	c.explain(connection)
	if len(connection.Exchanges) == 0 {
		return nil, c.whyNone()
	}
	return connection, nil
}

// A cutter walks along both halves of a stream at once, since what a response
// is depends on its request, and whether more requests follow on the response.
//
//	inbound   │ request 1       │ request 2       │ …
//	outbound  │ 100 │ response 1      │ response 2 │ …
type cutter struct {
	stream   *stream
	client   int // index of the client's half
	inbound  side
	outbound side
	request  wire.RequestHead
	response wire.ResponseHead
	scanner  wire.BodyScanner

	before  int   // octets in front of the first request of a joined connection
	failed  error // why the cutting ended before the octets did
	partial bool  // the last request is not whole, and was left out
}

// A side is one half and how far it was cut.
type side struct {
	*half
	at int
}

func (s *side) rest() []byte { return s.octets[s.at:] }

// orient finds out which end is the client: the one that sent the SYN, or else
// the one that sends requests. A joined connection begins with the first one.
func (c *cutter) orient() error {
	s := c.stream
	if len(s.halves[0].octets)+len(s.halves[1].octets) == 0 {
		return errEmpty
	}
	if s.client != unknownEnd {
		c.setClient(s.client)
		return nil
	}
	for client := range s.halves {
		c.setClient(client)
		if c.findRequest() {
			c.findResponse()
			return nil
		}
	}
	for i := range s.halves {
		if octets := s.halves[i].octets; len(octets) > 0 && recognize(octets) == errEncrypted {
			return errEncrypted
		}
	}
	return errForeign
}

func (c *cutter) setClient(client int) {
	c.client = client
	c.inbound = side{half: &c.stream.halves[client]}
	c.outbound = side{half: &c.stream.halves[1-client]}
}

func (c *cutter) cut(connection *Connection) {
	for c.failed == nil && !connection.Upgraded {
		request, whole := c.cutRequest()
		if !whole {
			return
		}
		exchange := Exchange{Request: request}
		connection.Upgraded = c.cutResponses(&exchange)
		connection.Exchanges = append(connection.Exchanges, exchange)
	}
}

// cutRequest takes the next request, if it is whole.
func (c *cutter) cutRequest() (m Message, whole bool) {
	rest := c.inbound.rest()
	n, err := wire.ParseRequestHead(rest, 0, &c.request)
	if err == wire.ErrIncomplete {
		c.partial = len(bytes.TrimLeft(rest, "\r\n")) > 0
		return m, false
	}
	framing := wire.Framing{}
	if err == nil {
		framing, err = wire.RequestFraming(&c.request)
	}
	if err == nil {
		m, err = c.message(&c.inbound, n, len(c.request.Raw), framing)
	}
	if err != nil {
		c.failed = fmt.Errorf("a request cannot be read: %w", err)
		return m, false
	}
	c.partial = m.Cut
	return m, !m.Cut
}

// cutResponses takes the responses to the request that was cut last. What it
// returns says whether HTTP ends with them, and a tunnel follows.
func (c *cutter) cutResponses(exchange *Exchange) (tunnel bool) {
	for {
		m, err := c.cutResponse()
		if err == wire.ErrIncomplete {
			return false
		}
		if err != nil {
			c.failed = fmt.Errorf("a response cannot be read: %w", err)
			return false
		}
		status := c.response.Status
		if status >= 200 || status == 101 {
			exchange.Response = m
			return status == 101 || status < 300 && c.request.Is("CONNECT")
		}
		exchange.Interim = append(exchange.Interim, m)
	}
}

func (c *cutter) cutResponse() (Message, error) {
	n, err := wire.ParseResponseHead(c.outbound.rest(), 0, &c.response)
	if err != nil {
		return Message{}, err
	}
	framing, err := wire.ResponseFraming(&c.response, c.request.Method)
	if err != nil {
		return Message{}, err
	}
	return c.message(&c.outbound, n, len(c.response.Raw), framing)
}

// message takes from side s the message whose head ends after n octets, the
// last head of which are the head.
func (c *cutter) message(s *side, n, head int, framing wire.Framing) (Message, error) {
	c.scanner.Reset(framing)
	body, done, err := c.scanner.Scan(s.rest()[n:])
	if err != nil {
		return Message{}, err
	}
	if !done && s.ended && s.lost == 0 {
		done = c.scanner.End() == nil
	}
	begin, end := s.at+n-head, s.at+n+body
	s.at = end
	return Message{
		Raw: s.octets[begin:end:end], HeadLen: head, Cut: !done,
		At: s.when(begin), End: s.when(end - 1),
	}, nil
}
