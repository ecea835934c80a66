package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

// switchProtocols ends HTTP on both connections: the 101 goes to the client, with
// what the origin sent behind it, and the exchange becomes a tunnel.
func (x *exchange) switchProtocols(h *wire.ResponseHead) bool {
	if _, r := frame(h, x.request.isHead); r.refuses() {
		return x.refuse(r)
	}
	if fault := heads.SwitchFault(x.request.offer, h); fault != "" {
		return x.refuse(switchFailure(x.request.offer, fault))
	}
	if !x.awaitUpload() {
		return false
	}
	x.gateway.origins.Answered(&x.ticket)
	came := x.originHop.unread()
	behind := len(came) - len(h.Raw)
	x.response.status, x.response.phase = uint16(h.Status), relaying
	x.gateway.editor.Response(&x.pad.edits, h, heads.ClientSide{})
	if _, err := x.clientHop.sendHead(x.pad, came); err != nil {
		return x.notTaken(err)
	}
	x.dropPad()
	x.originHop.release()
	x.forgetRequest()
	x.openTunnel(behind)
	return false
}

// switchFailure is the refusal of a 101 that no tunnel may come of.
func switchFailure(offer []byte, fault string) Refusal {
	if len(offer) == 0 {
		return originError(HTTPProtocolError, fault)
	}
	return originError(HTTPUpgradeFailed, fault)
}

// awaitUpload waits until the request is complete, since the new protocol begins
// behind it. A client that waits for 100 would wait for ever: the origin has to
// send that before 101.
func (x *exchange) awaitUpload() bool {
	u := &x.upload
	if u.heldBack {
		return x.refuse(originError(HTTPUpgradeFailed, "switching-protocols-before-continue"))
	}
	for u.running {
		if u.done.Wait(x.loop, 0) != nil {
			return false // the loop has been stopped
		}
	}
	if !x.request.written && !x.broken() {
		return x.refuse(originError(HTTPUpgradeFailed, "request-unfinished"))
	}
	return x.request.written && !x.broken()
}
