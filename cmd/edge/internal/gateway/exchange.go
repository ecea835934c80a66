package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// An exchange is everything that serving one request needs. A gateway has as
// many as requests are under way; an idle client connection has none.
type exchange struct {
	gateway *Gateway
	loop    *loop.Loop
	client  *client
	conn    *loop.Conn // the client's

	// in holds what the client has sent: the request's head, as long as it is
	// needed, as much of the body as came with it, and perhaps the beginning
	// of the next request. out holds what the origin has sent. Either is nil
	// when there is nothing to hold.
	in, out *loop.Buffer
	pad     *pad // nil while the exchange waits for the origin
	ticket  origins.Ticket

	progress
	up     upload
	taking outlet // to the client
	giving outlet // to the origin
	line   []byte // the request line, for the log
}

// A progress is how far an exchange has come. It is new for each of them.
type progress struct {
	end       Cause   // what becomes of the client connection
	fault     Cause   // what the client did to end the exchange, if anything
	refusal   Refusal // the answer of the gateway's own, if any
	accounted bool    // all that is counted and logged

	// The request.
	asked   bool  // an octet of it arrived
	head    int   // octets of its head, an empty line before it included
	message int   // octets of in that belong to it: the head and what of the body was there
	taken   int64 // octets that the kernel took
	minor   uint8
	framed  wire.FramingKind
	isHead  bool   // the method is HEAD
	safe    bool   // the method is
	expects bool   // the client waits for 100 before it sends the body
	last    bool   // it says that no other one follows
	held    bool   // all of it that was sent is still in the buffer
	written bool   // whole
	offer   []byte // the protocols that the client would switch to; empty if none was passed on

	// The origin.
	replayed  bool
	originEnd pool.Cause
	uses      uint32
	serial    uint64        // of the connection, for the log
	address   *loop.Address // of its origin, or of the last one tried, for the log
	origin    *pool.Conn
	originErr error // how the connection failed

	// The response.
	tunnel    *tunnel // what the exchange has become, after a 101
	framing   wire.FramingKind
	answered  bool // an octet of a response arrived
	begun     bool // the final response is on its way to the client
	ended     bool // at its frame's end
	excess    bool // octets came behind it
	persists  bool // the origin keeps its connection
	decode    bool // the client does not know the chunked coding
	unspliced bool // the kernel has no pipe to splice through
	status    int
	answer    int   // octets of the final head
	interim   int   // octets of interim responses
	octets    int64 // of the body, or of the tunnel, sent to the client
	inbound   int64 // octets of the tunnel, sent to the origin

	marks
}

func newExchange(g *Gateway) *exchange {
	g.made.exchanges++
	x := &exchange{gateway: g, loop: g.loop}
	x.up.exchange = x
	return x
}

// serve answers requests for as long as the next one has begun to arrive, and
// then leaves the connection idle or ends it.
func (x *exchange) serve() {
	x.in = x.loop.Buffer()
	x.taking, x.giving = outlet{left: x.gateway.pace.begin()}, outlet{}
	for {
		x.progress = progress{}
		x.up.reset()
		x.run()
		if x.end != Persists || x.in == nil || x.in.Len() == 0 {
			break
		}
	}
	if x.up.running {
		return // the loop has been stopped, and the upload's task will end later
	}
	if x.tunnel != nil {
		return // its own tasks end the exchange
	}
	c, end, how := x.client, x.end, x.ending()
	x.letGo()
	if end == Persists {
		c.idle()
	} else {
		c.end(end, how)
	}
}

// ending is how the client connection is closed, if it is.
func (x *exchange) ending() ending {
	switch {
	case x.begun && !x.ended:
		return abruptly // a response that was cut off must not look whole
	case x.end == ClientAsked && x.up.whole && !x.conn.Readable() && (x.in == nil || x.in.Len() == 0):
		return quietly // the client knew that it would be the last, and sends no more
	}
	return causes[x.end].ending
}

// letGo returns what the exchange holds.
func (x *exchange) letGo() {
	x.releaseIn()
	x.releaseOut()
	x.client.exchange = nil
	x.client, x.conn = nil, nil
}

func (x *exchange) releaseIn() {
	if x.in != nil {
		x.in.Release()
		x.in = nil
	}
}

func (x *exchange) releaseOut() {
	if x.out != nil {
		x.out.Release()
		x.out = nil
	}
}

// run is one exchange. Each step reports whether the next one follows; if not,
// it has said in end or refusal why.
func (x *exchange) run() {
	_ = x.readRequest() && // a whole head
		x.admit() && // its framing, and what forbids to forward it
		x.sendRequest() && // to an origin that begins to answer
		x.readResponse() && // past interim responses to the final head
		x.sendResponse() && // the head, and what of the body is there
		x.relayResponse() // the rest
	if x.tunnel == nil {
		x.conclude()
	}
}

// conclude ends the exchange on both sides.
func (x *exchange) conclude() {
	if !x.asked {
		x.dropPad()
		return // there was no request
	}
	if x.loop.Stopping() && !x.ended {
		x.fault = CutOff // whatever it looks like
	}
	x.giveBack()
	x.dropPad()
	x.releaseOut() // what the origin sent too much, or too little, ends here
	x.stopUpload()
	if x.fault != Persists {
		x.end, x.refusal = x.fault, Refusal{} // nobody is there to be told
	}
	if x.refusal.refuses() && !x.begun {
		x.sendRefusal()
		x.dropPad()
	}
	if x.end == Persists {
		x.passOver()
	}
	x.account()
}

// fail ends the exchange and the client connection.
func (x *exchange) fail(why Cause) bool {
	x.end = why
	return false
}

// refuse ends the exchange by an answer of the gateway's own.
func (x *exchange) refuse(r Refusal) bool {
	x.refusal = r
	return false
}

// closing says that the client connection ends after this exchange, unless that
// has been said already.
func (x *exchange) closing(why Cause) {
	if x.end == Persists {
		x.end = why
	}
}

// abort is called when the client has ended the exchange, by a handler or by the
// task that reads its request, and when that task breaks. Whoever waits for the
// origin is woken, except while a connection is made, which has a short bound.
func (x *exchange) abort(why Cause) {
	if x.fault == Persists {
		x.fault = why
	}
	if x.origin != nil {
		x.origin.Conn.Reset()
	}
	x.gateway.origins.Abandon(&x.ticket)
}

// aborted reports whether the client, or what it sent, has ended the exchange.
func (x *exchange) aborted() bool { return x.fault != Persists || x.up.refusal.refuses() }

// breakOff ends what a task that could not go on left in the exchange's hands.
func (x *exchange) breakOff(why Cause) {
	if x.origin != nil {
		x.originEnd = pool.Aborted
		x.origin.Pool().Give(x.origin, pool.Aborted)
		x.origin = nil
	}
	x.gateway.origins.Leave(&x.ticket, origins.Unknown, "")
	x.client.exchange = nil
	x.client.end(why, abruptly)
	if x.asked && !x.accounted {
		x.end, x.refusal = why, Refusal{}
		x.account()
	}
}
