package server

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/tally"
	"github.com/hopwire/hopwire/shared/wire"
)

// A Cause says why a connection was closed, by the words that the edge has for it.
type Cause uint8

const (
	Broken Cause = iota // serving it failed

	ClientClosed // the client closed it between two requests
	ClientAsked  // the client does not want it to persist (RFC 9112 section 9.3)
	ClientIdle   // no request came in time
	GaveWay      // it was idle, all places were taken, and another client waited for one
	Drained      // the program is about to end

	ResponseUnframed // only the end of the connection ends the response (RFC 9112 section 6.3)
	StudyCloses      // an endpoint for study is to
	TunnelEnded      // a WebSocket has come to its end

	ClientReset      // the client reset it
	ClientStalled    // the client did not take the response in time
	RequestTruncated // the stream ended within a request
	RequestStalled   // the rest of a request did not come in time
	RequestUnread    // there was more of a request than is read to save the connection
	Refused          // the request was refused, and where the next one begins is in doubt

	Faulted           // a fault was to end it
	ResponseTruncated // a file became shorter while it was sent
	CutOff            // the program ended before it had come to its end

	// Causes is how many there are.
	Causes
)

func (c Cause) String() string {
	return [Causes]string{"broken", "client-closed", "client-asked", "idle-timeout", "gave-way", "draining",
		"response-until-close", "study-closes", "tunnel-ended",
		"client-reset", "client-stalled", "request-truncated", "request-timeout", "request-unread", "refused",
		"fault", "response-truncated", "cut-off"}[c]
}

// A RequestEnd says what a request came to.
type RequestEnd uint8

const (
	Answered    RequestEnd = iota // by a response that was made whole
	Declined                      // by a response that says what is wrong with the request, and closes
	BrokenOff                     // it has no response, or a part of one
	RequestEnds                   // how many there are
)

func (e RequestEnd) String() string { return [...]string{"answered", "refused", "broken-off"}[e] }

// A method is one of those that are counted apart.
type method uint8

const (
	methodUnread method = iota // the head could not be read
	methodGET
	methodHEAD
	methodPOST
	methodOPTIONS
	methodOther
	methods
)

func (m method) String() string {
	return [...]string{"none", "GET", "HEAD", "POST", "OPTIONS", "other"}[m]
}

func methodOf(h *wire.RequestHead) method {
	switch {
	case h.Is("GET"):
		return methodGET
	case h.Is("HEAD"):
		return methodHEAD
	case h.Is("POST"):
		return methodPOST
	case h.Is("OPTIONS"):
		return methodOPTIONS
	}
	return methodOther
}

// Counters are what a server has done since it began.
type Counters struct {
	Clients         uint64              // connections accepted
	ClientEnds      [Causes]uint64      // and closed
	ClosedByClients uint64              // of these, the client sent the first FIN or RST
	ClosedByUs      uint64              // and we did
	Requests        uint64              // of which at least a byte arrived
	Methods         [methods]uint64     // the same ones
	RequestEnds     [RequestEnds]uint64 // those that are over
	TLSHellos       uint64              // requests that were none, but TLS
	HTTP2Prefaces   uint64              // or HTTP/2
	Responses       tally.Statuses      // the same ones, by the status with which a response began
	BytesIn         uint64              // read from clients
	BytesOut        uint64              // written to them
	LogLost         uint64              // lines that the access log lost
}

// A Census is what a server holds at one moment, and what it has counted until then.
// Each worker is counted between two turns of its loop, so that these hold at any
// moment, also while requests come:
//
//	Clients accepted = Clients + all ClientEnds = Clients + ClosedByClients + ClosedByUs
//	Requests         = all Methods = UnderWay + all RequestEnds = UnderWay + all Responses
type Census struct {
	Clients     int // connections
	IdleClients int // of these, those without a request
	Counters    Counters
	Durations   tally.Durations   // of requests that are over, by the turns of the loop; not of tunnels
	Faults      map[string]uint64 // strikes, by the names of faults
}

// UnderWay is how many requests have begun and are not over.
func (c *Census) UnderWay() uint64 {
	under := c.Counters.Requests
	for _, n := range c.Counters.RequestEnds {
		under -= n
	}
	return under
}

// All yields what there is now and what was counted, by name, in an order that does
// not change.
func (c *Census) All(yield func(name string, value uint64) bool) {
	n := &c.Counters
	var all tally.List
	all.Add("client-connections.open", uint64(c.Clients))
	all.Add("client-connections.idle", uint64(c.IdleClients))
	all.Add("requests.under-way", c.UnderWay())
	all.Add("client-connections", n.Clients)
	all.Add("client-connections.closed-by-client", n.ClosedByClients)
	all.Add("client-connections.closed-by-origin", n.ClosedByUs)
	all.Add("requests", n.Requests)
	all.Add("other-protocols.tls-hello", n.TLSHellos)
	all.Add("other-protocols.http2-preface", n.HTTP2Prefaces)
	all.Add("bytes.in", n.BytesIn)
	all.Add("bytes.out", n.BytesOut)
	all.Add("log-lines-lost", n.LogLost)
	tally.AddEach[method](&all, "methods.", n.Methods[:])
	tally.AddEach[RequestEnd](&all, "request-ends.", n.RequestEnds[:])
	n.Responses.AddTo(&all)
	tally.AddEach[Cause](&all, "client-ends.", n.ClientEnds[:])
	for _, name := range slices.Sorted(maps.Keys(c.Faults)) {
		all.Add("faults."+name, c.Faults[name])
	}
	all.All(yield)
}

// Ask has each loop count, and waits for all of them until ctx is done. That, or the
// end of a loop, is an error. Any goroutine may call it, but none of a loop.
func (s *Server) Ask(ctx context.Context) (sum Census, err error) {
	all, err := loop.Ask(ctx, s.group, func(i int) Census { return s.workers[i].census() })
	for i := range all {
		sum.add(&all[i])
	}
	sum.Faults = s.Faults()
	sum.Counters.LogLost = s.config.AccessLog.Lost()
	return sum, err
}

func (w *worker) census() Census {
	idle := w.idle.Len()
	return Census{Clients: idle + w.busy, IdleClients: idle, Counters: w.counters, Durations: w.durations}
}

func (c *Census) add(o *Census) {
	c.Clients += o.Clients
	c.IdleClients += o.IdleClients
	c.Durations.Add(&o.Durations)
	a, b := &c.Counters, &o.Counters
	a.Clients += b.Clients
	a.ClosedByClients += b.ClosedByClients
	a.ClosedByUs += b.ClosedByUs
	a.Requests += b.Requests
	a.TLSHellos += b.TLSHellos
	a.HTTP2Prefaces += b.HTTP2Prefaces
	a.BytesIn += b.BytesIn
	a.BytesOut += b.BytesOut
	a.Responses.Add(&b.Responses)
	for i, n := range b.ClientEnds {
		a.ClientEnds[i] += n
	}
	for i, n := range b.Methods {
		a.Methods[i] += n
	}
	for i, n := range b.RequestEnds {
		a.RequestEnds[i] += n
	}
}

// left counts a connection that is about to be closed.
func (w *worker) left(conn *loop.Conn, why Cause) {
	if w.loop.Stopping() {
		why = CutOff // whatever it looks like
	}
	w.counters.ClientEnds[why]++
	if conn.Ended() {
		w.counters.ClosedByClients++
	} else {
		w.counters.ClosedByUs++
	}
}

// endOf is what a request came to whose response was made, with err if something was
// wrong with sending it.
func endOf(err error) RequestEnd {
	if err != nil {
		return BrokenOff
	}
	return Answered
}

// received counts a request as it begins.
func (x *exchange) received(m method) {
	x.worker.counters.Requests++
	x.worker.counters.Methods[m]++
	x.open = true
}

// countRule counts a head that is of another protocol, by the rule that it broke.
func (c *Counters) countRule(rule wire.Rule) {
	switch rule {
	case wire.RuleTLSHello:
		c.TLSHellos++
	case wire.RuleHTTP2Preface:
		c.HTTP2Prefaces++
	}
}

// over counts a request that has come to its end; status 0 is no response.
func (x *exchange) over(end RequestEnd, status int) {
	x.open = false
	x.worker.counters.RequestEnds[end]++
	x.worker.counters.Responses[status]++
	if status != 101 { // a tunnel is over when it is
		x.worker.durations.Count(x.worker.loop.Now().Sub(x.begun))
	}
}

// giveUp counts a request to which nothing was answered.
func (x *exchange) giveUp() {
	if x.open {
		x.over(BrokenOff, 0)
	}
}

// endBy notes why the connection will be closed. The first reason counts.
func (x *exchange) endBy(why Cause) {
	if x.why == Broken {
		x.why = why
	}
}

// wrote counts what was written, and notes why that failed.
func (x *exchange) wrote(n int64, err error) error {
	x.worker.counters.BytesOut += uint64(n)
	switch err {
	case nil:
	case os.ErrDeadlineExceeded:
		x.endBy(ClientStalled)
	case io.ErrUnexpectedEOF:
		x.endBy(ResponseTruncated)
	default:
		x.endBy(ClientReset)
	}
	return err
}

// notRead is why a connection is closed of which the rest of a request did not come.
func notRead(err error) Cause {
	switch err {
	case io.EOF:
		return RequestTruncated
	case os.ErrDeadlineExceeded:
		return RequestStalled
	}
	return ClientReset
}
