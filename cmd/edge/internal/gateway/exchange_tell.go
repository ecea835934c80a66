package gateway

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
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
	us := func(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
	method, rest, _ := strings.Cut(string(x.line), " ")
	target, _, _ := strings.Cut(rest, " ")
	x.gateway.tap.Note(x.client.flow, "exchange",
		events.Param{Name: "method", Value: method},
		events.Param{Name: "target", Value: target},
		events.Param{Name: "status", Value: fmt.Sprint(x.response.status)},
		events.Param{Name: "request-framing", Value: x.request.framing.String()},
		events.Param{Name: "response-framing", Value: x.response.framing.String()},
		events.Param{Name: "client-connection", Value: x.end.client.String()},
		events.Param{Name: "origin-connection", Value: x.originEnd()},
		events.Param{Name: "refusal", Value: x.end.refusal.String()},
		events.Param{Name: "sent", Value: fmt.Sprint(x.response.sent)},
		events.Param{Name: "queued", Value: fmt.Sprint(x.marks.queued)},
		events.Param{Name: "replayed", Value: fmt.Sprint(x.upstream.replayed)},
		events.Param{Name: "read", Value: us(e.read)},
		events.Param{Name: "queue", Value: us(e.queue)},
		events.Param{Name: "connect", Value: us(e.connect)},
		events.Param{Name: "send", Value: us(e.send)},
		events.Param{Name: "wait", Value: us(e.wait)},
		events.Param{Name: "relay", Value: us(e.relay)},
		events.Param{Name: "total", Value: us(e.total)},
	)
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
	x.gateway.tap.Note(x.client.flow, "origin",
		events.Param{Name: "origin", Value: x.ticket.Origin().Address().String()},
		events.Param{Name: "by", Value: x.gateway.config.Balance.String()},
		events.Param{Name: "passed-over", Value: string(passed)},
	)
}

// tellQueue tells that the request has to wait for a place.
func (x *exchange) tellQueue() {
	if x.gateway.tap == nil {
		return
	}
	x.gateway.tap.Note(x.client.flow, "queue",
		events.Param{Name: "position", Value: strconv.Itoa(x.gateway.origins.Waiting() + 1)})
}

// tellPool tells which connection is used, or that there is to be a new one, and which
// were no longer fit. Those that are idle still have been so for longer.
func (x *exchange) tellPool(c *pool.Conn, passed *[]pool.PassedOver) {
	if x.gateway.tap == nil {
		return
	}
	connection, taken := "", "new"
	if c != nil {
		connection, taken = c.Flow.ConnID.String(), "idle"
	}
	var over []byte
	for _, p := range *passed {
		over = appendPassedOver(over, events.ConnID{Hop: events.OriginHop, N: p.Serial}.String(), p.Cause.String())
	}
	x.gateway.tap.Note(x.client.flow, "pool",
		events.Param{Name: "taken", Value: taken},
		events.Param{Name: "connection", Value: connection},
		events.Param{Name: "idle", Value: strconv.Itoa(x.ticket.Origin().Pool().Idle())},
		events.Param{Name: "passed-over", Value: string(over)},
	)
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
	x.gateway.tap.Note(x.client.flow, "replay",
		events.Param{Name: "decision", Value: decision.String()},
		events.Param{Name: "sign", Value: inWords(sign)},
	)
}
