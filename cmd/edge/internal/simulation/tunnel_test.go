package simulation

import (
	"bytes"
	"strconv"
)

// Tunnels: the last request of a connection may offer another protocol, and its
// origin may switch to it. From then on the octets of both mean nothing to the
// gateway.

// newOffer draws a request that offers to switch.
func (w *world) newOffer(c *call) *request {
	r := &request{number: len(w.requests), call: c, place: len(c.requests), minor: 1, status: -1, method: "GET", safe: true, offers: true}
	t := w.twin()
	authority := w.requestLine(r, t)
	w.host(r, t, authority)
	t.dropped(pick(w.rng, "Connection: Upgrade\r\n", "Connection: keep-alive, upgrade\r\n"))
	t.both(pick(w.rng, "Upgrade: chat\r\n", "upgrade: websocket, chat/2, chat\r\n"))
	w.te(r, t)
	t.added(upgradeLine)
	w.endHead(r, t)
	r.tunnel = content(r.number+2, w.size())
	w.register(r, t)
	return r
}

// switching is a response that switches; its body is what the origin says in the
// other protocol.
func (w *world) switching(r *request, p *response, t *twin) {
	t.both("HTTP/1.1 101 Switching Protocols\r\nX-Id: " + strconv.Itoa(r.number) + "." + strconv.Itoa(len(r.tries)) + "\r\n")
	t.dropped(pick(w.rng, "Connection: upgrade\r\n", "connection: Upgrade, keep-alive\r\n"))
	t.both("Upgrade: chat\r\n")
	if w.one(4) {
		t.dropped("Content-Length: " + pick(w.rng, "0", "1", "300") + "\r\n") // 0, say many servers
	}
	t.added(upgradeLine)
	p.status, p.switches, p.unframed, p.endless, p.persists = 101, true, true, true, false
	w.beginBody(p, t)
	p.pauses = append(p.pauses, len(t.sent))
	t.content(content(r.number+1, w.size()))
}

// tunnelled compares what the gateway writes to an origin in a tunnel, and
// reports whether there is one.
func (w *world) tunnelled(l *line, octets []byte) bool {
	if len(l.tries) == 0 {
		return false
	}
	t := l.tries[len(l.tries)-1]
	if t.response == nil || !t.response.switches {
		return false
	}
	want := t.request.tunnel[l.tunnelled:]
	if !bytes.HasPrefix(want, octets) {
		at := common(want, octets)
		w.fail("an origin is sent other bytes in a tunnel than the client's", "%v, %v, byte %d\nwant %.120q\nsaw  %.120q",
			t.request, l, l.tunnelled+at, around(want, at), around(octets, at))
	}
	l.tunnelled += len(octets)
	return true
}

// sayOffer sends the request that offers, and what there is to say once the origin
// has switched.
func (c *call) sayOffer(r *request) {
	if !c.await(r.place) || !c.send(r.sent) {
		return
	}
	for !c.over && r.answer.state != complete && !(r.switched() && c.hears >= c.tunnelAt) {
		if c.news.Wait(c.world.loop, 0) != nil {
			return
		}
	}
	if r.switched() && c.leaveAt == never && c.send(r.tunnel) {
		c.world.tell(r.use(), "the client has said all in its tunnel")
	}
}

func (r *request) switched() bool { return r.answer.source != nil && r.answer.source.switches }

// inTunnel is the origin's part after it has said all.
func (a *author) inTunnel() {
	w := a.world
	if w.one(3) {
		a.conn.CloseWrite()
	}
	if w.one(4) {
		w.pause(w.think)
		if w.rude.origins > 0 && w.one(2) {
			w.remark(a.line, "the origin resets its tunnel")
			a.conn.Reset()
		}
		return
	}
	for a.more() {
	}
}
