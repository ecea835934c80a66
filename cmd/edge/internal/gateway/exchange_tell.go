package gateway

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/events"
)

// What those are told who look at an exchange. While nobody does, each of these costs
// a comparison.

// nameFlows has the connections known by the exchange that they are used for.
func (x *exchange) nameFlows() {
	if x.gateway.tap == nil {
		return
	}
	n := x.client.requests
	if !x.request.begun {
		n++
	}
	name := events.Exchange{Client: events.Use{Conn: x.client.flow.ConnID, N: n}}
	if c := x.upstream.conn; c != nil {
		name.Origin = events.Use{Conn: c.Flow.ConnID, N: c.Uses()}
		c.Flow.Exchange = name
	}
	x.client.flow.Exchange = name
}

// tellEnd tells what came of the exchange.
func (x *exchange) tellEnd() {
	e := logEntry{}
	x.marks.phases(&e, x.loop.Clock())
	method, rest, _ := bytes.Cut(x.notes.line, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	note := x.gateway.tap.Note("exchange")
	note.Bytes("method", method).Bytes("target", target)
	note.Int("status", int64(x.response.status))
	note.String("request-framing", x.request.framing.String()).String("response-framing", x.response.framing.String())
	note.String("client-connection", x.end.client.String()).String("origin-connection", x.originEnd())
	note.String("refusal", x.end.refusal.String())
	note.Int("sent", x.response.sent)
	note.Bool("queued", x.marks.queued).Bool("replayed", x.upstream.replayed)
	for _, phase := range [...]struct {
		name string
		took time.Duration
	}{{"read", e.read}, {"queue", e.queue}, {"connect", e.connect}, {"send", e.send}, {"wait", e.wait}, {"relay", e.relay}, {"total", e.total}} {
		note.Int(phase.name, phase.took.Microseconds())
	}
	x.gateway.tap.Tell(x.client.flow)
}

// tellOrigin tells which origin has a place for the request, and why not another one.
func (x *exchange) tellOrigin() {
	if x.gateway.tap == nil || x.gateway.origins.Len() < 2 {
		return
	}
	var passed []byte
	for address, why := range x.gateway.origins.PassedOver(&x.ticket) {
		passed = appendPassedOver(passed, address.String(), why)
	}
	x.gateway.tap.Note("origin").
		String("origin", x.ticket.Origin().Address().String()).
		String("by", x.gateway.config.Balance.String()).
		Bytes("passed-over", passed)
	x.gateway.tap.Tell(x.client.flow)
}

// tellQueue tells that the request has to wait for a place.
func (x *exchange) tellQueue() {
	if x.gateway.tap == nil {
		return
	}
	x.gateway.tap.Note("queue").Int("position", int64(x.gateway.origins.Waiting()+1))
	x.gateway.tap.Tell(x.client.flow)
}

// tellPool tells which connection is used, or that there is to be a new one, and which
// were no longer fit. Those that are idle still have been so for longer.
func (x *exchange) tellPool(c *pool.Conn, passed *[]pool.PassedOver) {
	if x.gateway.tap == nil {
		return
	}
	var name [24]byte
	connection, taken := name[:0], "new"
	if c != nil {
		connection, taken = c.Flow.ConnID.AppendTo(connection), "idle"
	}
	var over []byte
	for _, p := range *passed {
		over = appendPassedOver(over, events.ConnID{Hop: events.OriginHop, N: p.Serial}.String(), p.Cause.String())
	}
	x.gateway.tap.Note("pool").
		String("taken", taken).
		Bytes("connection", connection).
		Int("idle", int64(x.ticket.Origin().Pool().Idle())).
		Bytes("passed-over", over)
	x.gateway.tap.Tell(x.client.flow)
}

func appendPassedOver(b []byte, what, why string) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	return append(append(append(b, what...), ' '), why...)
}

func inWords(err error) string {
	switch {
	case err == io.EOF:
		return "ended"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "silent"
	}
	return err.Error()
}

// tellReplay tells what is done about a connection that gave no response, and by
// which sign it was known.
func (x *exchange) tellReplay(decision Replay, sign error) {
	if x.gateway.tap == nil {
		return
	}
	x.gateway.tap.Note("replay").String("decision", decision.String()).String("sign", inWords(sign))
	x.gateway.tap.Tell(x.client.flow)
}
