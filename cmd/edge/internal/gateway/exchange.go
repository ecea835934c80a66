package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/loop"
)

// An exchange is everything that serving one request needs. A gateway has as
// many as requests are under way; an idle client connection has none.
type exchange struct {
	gateway *Gateway
	loop    *loop.Loop
	client  *client

	clientHop, originHop hop
	pad                  *pad           // nil while the exchange waits for the origin
	place                origins.Ticket // at an origin, or in the queue for one
	upload               upload         // the part of the request's body that came later
	line                 []byte         // the request line, for the log

	// These begin anew with each request.
	request  requestState
	upstream upstreamState
	response responseState
	tunnel   *tunnel // what the exchange has become, after a 101
	end      ending
	marks    marks // for the log
}

// An ending is how an exchange ends, and what becomes of its two connections.
type ending struct {
	refusal   Refusal    // the gateway's own answer, if it gave one
	abort     Cause      // why it was broken off from the client's side, if it was
	client    Cause      // what becomes of the client connection
	origin    pool.Cause // what became of the origin connection
	accounted bool       // all that is counted and logged
}

func newExchange(g *Gateway) *exchange {
	g.made.exchanges++
	x := &exchange{gateway: g, loop: g.loop}
	x.clientHop.gateway, x.originHop.gateway, x.originHop.isOrigin = g, g, true
	x.upload.exchange = x
	return x
}

// serve answers requests for as long as the next one has begun to arrive, and
// then leaves the connection idle or closes it.
func (x *exchange) serve() {
	x.clientHop.begin(x.client.conn, x.client.flow)
	x.originHop.begin(nil, nil)
	x.clientHop.borrow()
	for {
		x.run()
		if x.end.client != Persists || x.tunnel != nil || len(x.clientHop.unread()) == 0 {
			break
		}
	}
	if x.upload.running {
		return // the loop has been stopped, and the upload's task will end later
	}
	if x.tunnel != nil {
		return // its own tasks end the exchange
	}
	c, why, how := x.client, x.end.client, x.closeMode()
	x.letGo()
	if why == Persists {
		c.idle()
	} else {
		c.close(why, how)
	}
}

// run is one exchange. Each step reports whether the next one follows; if not, it
// has said why, by close, refuse or abort.
func (x *exchange) run() {
	x.request, x.upstream, x.response = requestState{}, upstreamState{}, responseState{}
	x.tunnel, x.end, x.marks = nil, ending{}, marks{}
	x.upload.reset()
	x.forward()
	if x.tunnel == nil {
		x.conclude()
	}
}

func (x *exchange) forward() {
	request, ok := x.readRequest() // a whole head
	if !ok || !x.admit(request) {  // its framing, its edits, and what forbids to forward it
		return
	}
	if !x.sendRequest(request) { // to an origin that begins to answer
		return
	}
	response, ok := x.readResponse() // past interim responses to the final head
	if !ok || !x.sendResponse(response) {
		return
	}
	x.relayResponse() // the rest of the body
}

// conclude ends the exchange on both sides.
func (x *exchange) conclude() {
	if !x.request.begun {
		x.dropPad()
		return // there was no request
	}
	if x.loop.Stopping() && x.response.phase < complete {
		x.end.abort = CutOff // whatever it looks like
	}
	x.giveBack()
	x.dropPad()
	x.originHop.release() // what the origin sent too much, or too little, ends here
	x.upload.stop()
	if x.end.abort != Persists {
		x.end.client, x.end.refusal = x.end.abort, Refusal{} // nobody is there to be told
	}
	if x.end.refusal.refuses() && x.response.phase < forwarding {
		x.sendRefusal()
		x.dropPad()
	}
	if x.end.client == Persists {
		x.upload.discard()
	}
	x.account()
}

// close ends the exchange, and the client connection with it.
func (x *exchange) close(why Cause) bool {
	x.end.client = why
	return false
}

// closeAfter says that the client connection is closed after this exchange, unless
// that has been said already.
func (x *exchange) closeAfter(why Cause) {
	if x.end.client == Persists {
		x.end.client = why
	}
}

// refuse ends the exchange by an answer of the gateway's own.
func (x *exchange) refuse(r Refusal) bool {
	x.end.refusal = r
	return false
}

// abort breaks the exchange off from the client's side: its connection was reset,
// or its request came to no end. Whoever waits for the origin is woken, except
// while a connection is made, which has a short bound.
func (x *exchange) abort(why Cause) {
	if x.end.abort == Persists {
		x.end.abort = why
	}
	if x.upstream.conn != nil {
		x.originHop.conn.Reset()
	}
	x.gateway.origins.Abandon(&x.place)
}

// aborted reports whether the client, or what it sent, has broken the exchange
// off.
func (x *exchange) aborted() bool {
	return x.end.abort != Persists || x.upload.refusal.refuses()
}

// closeMode is how the client connection is closed, if it is.
func (x *exchange) closeMode() closeMode {
	switch {
	case x.response.phase == forwarding:
		return closeByReset // a response that was cut off must not look whole
	case x.end.client == ClientAsked && x.upload.whole && !x.clientHop.conn.Readable() && len(x.clientHop.unread()) == 0:
		return closeQuietly // the client knew that it would be the last, and sends no more
	}
	return causes[x.end.client].mode
}

// letGo returns what the exchange holds.
func (x *exchange) letGo() {
	x.clientHop.release()
	x.originHop.release()
	x.client.exchange = nil
	x.client = nil
}

// giveUp ends what a task that could not go on left in the exchange's hands.
func (x *exchange) giveUp(why Cause) {
	if c := x.upstream.conn; c != nil {
		x.end.origin = pool.Aborted
		c.Pool().Give(c, pool.Aborted)
		x.upstream.conn = nil
	}
	x.gateway.origins.Leave(&x.place, origins.Unknown, "")
	x.client.exchange = nil
	x.client.close(why, closeByReset)
	if x.request.begun && !x.end.accounted {
		x.end.client, x.end.refusal = why, Refusal{}
		x.account()
	}
}
