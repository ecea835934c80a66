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

	clientHop, originHop hop
	pad                  *pad           // nil while the exchange waits for a response, or in the queue
	ticket               origins.Ticket // for a place at an origin
	upload               upload         // the request's body
	notes                *notes         // for the log and those who look; nil: nobody does
	progress
}

// A progress is how far an exchange has come. It begins anew with each request.
type progress struct {
	request  requestState
	upstream upstreamState
	response responseState
	tunnel   *tunnel // what the exchange has become, after a 101
	end      ending
	marks    marks // for the log
}

// An ending is how an exchange ends, and what becomes of its two connections.
type ending struct {
	refusal   Refusal    // the gateway's own answer, or why it breaks off a response that had begun
	client    Cause      // what becomes of the client connection
	origin    pool.Cause // what became of the origin connection
	accounted bool       // all that is counted and logged
	brokenOff Cause      // why it came to its end beside the steps; Persists: it did not
	tells     Refusal    // what the client is told of that
}

func newExchange(g *Gateway) *exchange {
	x := &exchange{gateway: g, loop: g.loop}
	x.clientHop.gateway, x.originHop.gateway, x.originHop.isOrigin = g, g, true
	x.upload.exchange = x
	if x.timed() {
		x.notes = new(notes)
	}
	return x
}

// serve answers requests for as long as the next one has begun to arrive, and
// then leaves the connection idle or closes it.
func (x *exchange) serve() {
	x.clientHop.begin(x.client.conn, x.client.flow)
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
	x.release()
	if why == Persists {
		c.idle()
	} else {
		c.close(why, how)
	}
}

// run is one exchange.
func (x *exchange) run() {
	x.progress = progress{}
	x.upload.reset()
	x.clientHop.reads, x.clientHop.writes = false, false
	x.nameFlows()
	x.forward()
	if x.tunnel == nil {
		x.conclude()
	}
}

// forward goes from step to step. Each reports whether the next one follows. Where
// it does not, endBy, refuse or breakOff has said why; or there was no request
// after all; or the exchange has become a tunnel.
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

// conclude ends the exchange on both sides: the rest of the request goes to an
// origin that still reads it, the origin connection goes back, and the client is
// answered if it was not.
func (x *exchange) conclude() {
	if !x.request.begun {
		x.dropPad()
		return // there was no request
	}
	x.dropPad()
	x.originHop.release() // what the origin sent too much, or too little, ends here
	if x.response.phase == complete {
		x.upload.goOn()
	}
	if x.loop.Stopping() && (x.response.phase < complete || x.upload.sending) {
		x.end.brokenOff, x.end.tells = CutOff, Refusal{} // whatever it looks like
	}
	x.giveBack()
	x.upload.stop()
	if x.broken() {
		x.end.client = x.end.brokenOff
		if x.response.phase < complete {
			x.end.refusal = x.end.tells
		}
	}
	if x.end.refusal.refuses() && x.response.phase < relaying {
		x.sendRefusal()
		x.dropPad()
	}
	x.forgetRequest()
	if !x.upload.whole {
		x.planClose(RequestUnread)
	}
	x.account()
}

// endBy ends the exchange, and the client connection with it. It goes before what
// was planned.
func (x *exchange) endBy(why Cause) bool {
	x.end.client = why
	return false
}

// planClose has the client connection closed after this exchange, which goes on.
// The first reason counts.
func (x *exchange) planClose(why Cause) {
	if x.end.client == Persists {
		x.end.client = why
	}
}

// refuse ends the exchange by an answer of the gateway's own.
func (x *exchange) refuse(r Refusal) bool {
	x.end.refusal = r
	return false
}

// breakOff ends the exchange beside its steps, and goes before whatever they come
// to: the client reset its connection, its request came to no end or was refused,
// or the task that reads it broke. The answer refuses nothing when nobody is there
// to be told. The first reason counts, but one without an answer goes before one
// with. Whoever waits for the origin is woken, except while a connection is made,
// which has a short bound.
func (x *exchange) breakOff(why Cause, answer Refusal) {
	if !x.broken() || x.end.tells.refuses() && !answer.refuses() {
		x.end.brokenOff, x.end.tells = why, answer
	}
	if x.upstream.conn != nil {
		x.originHop.conn.Reset()
	}
	x.gateway.origins.Abandon(&x.ticket)
}

// broken reports whether the exchange was broken off.
func (x *exchange) broken() bool { return x.end.brokenOff != Persists }

// closeMode is how the client connection is closed, if it is.
func (x *exchange) closeMode() closeMode {
	switch {
	case x.response.phase == relaying && !x.showsItsEnd():
		return closeByReset // a response that was cut off must not look whole
	case x.end.client == ClientAsked && x.upload.whole && !x.clientHop.conn.Readable() && len(x.clientHop.unread()) == 0:
		return closeQuietly // the client knew that it would be the last, and sends no more
	}
	return causes[x.end.client].mode
}

// showsItsEnd reports whether the client can see by the framing of the response that
// it was cut off. Then the end of the stream does, behind all that was sent. Without
// that, only a reset tells (RFC 9112 section 8), which overtakes what the client has
// not read.
func (x *exchange) showsItsEnd() bool {
	r := &x.response
	return r.framing == wire.Length || r.framing == wire.Chunked && x.request.minor > 0 && !r.seemsAll
}

// release returns what the exchange holds.
func (x *exchange) release() {
	x.clientHop.release()
	x.originHop.release()
	x.client.exchange = nil
	x.client = nil
}

// cleanUp ends what a task that could not go on left in the exchange's hands.
func (x *exchange) cleanUp(why Cause) {
	if c := x.upstream.conn; c != nil {
		x.end.origin = pool.Aborted
		c.Pool().Give(c, pool.Aborted)
		x.upstream.conn = nil
	}
	x.gateway.origins.Leave(&x.ticket, origins.Unknown, "")
	x.client.exchange = nil
	x.client.close(why, closeByReset)
	if x.request.begun && !x.end.accounted {
		x.end.client, x.end.refusal = why, Refusal{}
		x.account()
	}
}
