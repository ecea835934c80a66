package capture

import (
	"bytes"
	"math"

	"github.com/hopwire/hopwire/shared/wire"

	"github.com/hopwire/hopwire/shared/events"
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
	case bytes.HasPrefix(octets, []byte("PRI * HTTP/2.0\r\n")): // RFC 9113 section 3.4
		return errHTTP2
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
	for i := range s.halves {
		s.halves[i].finish()
	}
	c := &cutter{stream: s, supposed: -1, shortest: math.MaxInt}
	c.request.Limits, c.response.Limits, c.scanner.Limits = Limits, Limits, Limits
	if err := c.orient(); err != nil {
		return nil, err
	}
	connection := &Connection{
		ID: s.label, Hop: s.hop, Client: s.ends[c.client], Server: s.ends[1-c.client],
		Opened: s.opened, Joined: s.client == unknownEnd, Closed: s.closed,
	}
	if s.closed.How != events.NotEnded && s.closer != c.client {
		connection.Closed.From = events.Outbound
	}
	c.cut(connection)
	c.conclude(connection)
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
//
// The requests are cut one behind the other. Where there is a hole, the cutting
// begins again with the next one that begins a segment. Responses follow their
// requests one behind the other too, until one cannot be read or a request may be
// missing. Then the outbound side is adrift: see follow.
type cutter struct {
	stream   *stream
	client   int // index of the client's half
	inbound  side
	outbound side
	request  wire.RequestHead
	response wire.ResponseHead
	scanner  wire.BodyScanner
	tries    int // heads that were looked for

	asked    int   // place of the last request
	shortest int   // octets of the shortest request
	before   int   // octets in front of the first request of a joined connection
	failed   error // why the cutting ended before the octets did
	partial  bool  // the last request is not whole, and was left out
	lost     int   // requests in holes, as far as they can be counted

	pipelined bool  // the client has asked before it had the response to its last request
	adrift    bool  // what the outbound side comes to next need not be for the next request
	owed      int   // how many responses come before that one, at least
	more      int   // and how many more it may be, since holes may have more requests in them
	supposed  int   // the first exchange whose response is its own only if the client waits for each; else -1
	uncertain int   // requests whose responses are not known though they may be there
	faulty    int   // responses that are not by the book
	fault     error // of the first of them
	unasked   int   // octets that answer no request
}

// A side is one half and how far it was cut.
type side struct {
	*half
	at int // place; negative if it is in front of what was captured
}

// rest returns what follows up to the next hole.
func (s *side) rest() []byte {
	if s.at < 0 {
		return nil
	}
	return s.from(s.at)
}

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
			c.before, c.supposed = c.inbound.at, 0
			return nil
		}
	}
	for i := range s.halves {
		if octets := s.halves[i].octets; len(octets) > 0 && recognize(octets) == errEncrypted {
			return errEncrypted
		}
	}
	if s.oneSided() {
		return errOneSide
	}
	return errForeign
}

// oneSided reports whether all that was captured was sent by a server.
func (s *stream) oneSided() bool {
	for i := range s.halves {
		octets := s.halves[i].octets
		responds := bytes.HasPrefix(octets, []byte("HTTP/1.")) || bytes.Contains(octets, []byte("\nHTTP/1."))
		if len(s.halves[1-i].octets) == 0 && responds {
			return i != s.client
		}
	}
	return false
}

func (c *cutter) setClient(client int) {
	c.client = client
	c.inbound = side{half: &c.stream.halves[client]}
	c.outbound = side{half: &c.stream.halves[1-client]}
}

func (c *cutter) cut(connection *Connection) {
	for c.failed == nil && !connection.Upgraded {
		begin := c.inbound.at
		request, whole := c.cutRequest()
		switch {
		case whole:
			exchange := Exchange{Request: request}
			c.follow(connection)
			connection.Upgraded = c.cutResponses(&exchange)
			connection.Exchanges = append(connection.Exchanges, exchange)
		case c.failed != nil || !c.resume(begin):
			return
		}
	}
}

// cutRequest takes the next request, if it is whole.
func (c *cutter) cutRequest() (m Message, whole bool) {
	rest := c.inbound.rest()
	n, framing, fault, err := ParseRequest(rest, &c.request)
	if err == wire.ErrIncomplete {
		c.partial = len(bytes.TrimLeft(rest, "\r\n")) > 0
		return m, false
	}
	if err == nil {
		c.asked = c.inbound.at + n - len(c.request.Raw)
		m, err = c.message(&c.inbound, n, len(c.request.Raw), framing)
	}
	if err != nil {
		c.failed = err
		return m, false
	}
	m.Fault = fault
	c.partial = m.Cut
	c.shortest = min(c.shortest, len(m.Raw))
	return m, !m.Cut
}

// cutResponses takes the responses to the request that was cut last. What it
// returns says whether HTTP ends with them, and a tunnel follows.
func (c *cutter) cutResponses(exchange *Exchange) (tunnel bool) {
	for !c.adrift {
		m, err := c.cutResponse(c.request.Method)
		if err == errNoMemory {
			c.failed = err
			return false
		}
		if err != nil {
			c.adrift = true
			if err != wire.ErrIncomplete {
				c.blame(err)
			}
			return false
		}
		c.adrift = m.Cut && len(c.outbound.rest()) == 0 // where it ends is in a hole
		status := c.response.Status
		if m.Raw[len("HTTP/1.1 200")] != ' ' {
			m.Fault = errNoSpace
			c.blame(errNoSpace)
		}
		if status >= 200 || status == 101 {
			exchange.Response = m
			return status == 101 || status < 300 && c.request.Is("CONNECT")
		}
		exchange.Interim = append(exchange.Interim, m)
	}
	return false
}

func (c *cutter) cutResponse(method []byte) (Message, error) {
	n, err := wire.ParseResponseHead(c.outbound.rest(), 0, &c.response)
	if err != nil {
		return Message{}, err
	}
	framing, err := wire.ResponseFraming(&c.response, method)
	if err != nil {
		return Message{}, err
	}
	return c.message(&c.outbound, n, len(c.response.Raw), framing)
}

// message takes from side s the message whose head ends after n octets, the
// last head of which are the head.
func (c *cutter) message(s *side, n, head int, framing wire.Framing) (Message, error) {
	c.scanner.Reset(framing)
	rest := s.rest()
	body, done, err := c.scanner.Scan(rest[n:])
	if err != nil {
		return Message{}, err
	}
	cost := int64(requestCost)
	if s == &c.outbound {
		cost = responseCost
	}
	if !c.stream.tracer.memory.takeMessage(cost, framing, body) {
		return Message{}, errNoMemory
	}
	if _, cut := s.holeAfter(s.at); !done && s.ended && !cut {
		done = c.scanner.End() == nil
	}
	begin, end := s.at+n-head, s.at+n+body
	m := Message{
		Raw: rest[n-head : n+body : n+body], HeadLen: head, Cut: !done,
		At: s.when(begin), End: s.when(end - 1),
	}
	if s.at = end; !done && framing.Kind == wire.Length {
		// However much of it is in a hole, it ends where its head says.
		s.at = begin + head + int(min(framing.Length, int64(s.length()-begin-head)))
	}
	return m, nil
}
