package gateway

import (
	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

// switchProtocols ends HTTP on both connections: the 101 goes to the client,
// with what the origin sent behind it, and the exchange becomes a tunnel.
func (x *exchange) switchProtocols(h *wire.ResponseHead, n int) bool {
	if _, r := x.judge(h); r.refuses() {
		return x.refuse(r)
	}
	if fault := heads.SwitchFault(x.offer, h); fault != "" {
		return x.refuse(switchFailure(x.offer, fault))
	}
	if !x.finishUpload() {
		return false
	}
	x.gateway.origins.Answered(&x.ticket)
	behind := x.out.Len() - n
	x.status, x.begun = h.Status, true
	x.gateway.editor.Response(&x.pad.edits, h, heads.ClientSide{Upgrade: true})
	if !x.toClient(&x.pad.edits, x.out.Unread()) {
		return false
	}
	x.dropPad()
	x.releaseOut()
	if x.message > 0 {
		x.consume()
	}
	x.openTunnel(behind)
	return false
}

// finishUpload waits until the request is complete, since the new protocol
// begins behind it. A client that waits for 100 would wait for ever: the origin
// has to send that before 101.
func (x *exchange) finishUpload() bool {
	if x.expects && !x.up.whole {
		return x.refuse(originError(HTTPUpgradeFailed, "switching-protocols-before-continue"))
	}
	for x.up.running {
		if x.up.ended.Wait(x.loop, 0) != nil {
			return false // the loop has been stopped
		}
	}
	if !x.written && !x.aborted() {
		return x.refuse(originError(HTTPUpgradeFailed, "request-unfinished"))
	}
	return x.written && !x.aborted()
}

// switchFailure is the refusal of a 101 that no tunnel may come of.
func switchFailure(offer []byte, fault string) Refusal {
	if len(offer) == 0 {
		return originError(HTTPProtocolError, fault)
	}
	return originError(HTTPUpgradeFailed, fault)
}
