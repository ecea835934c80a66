package simulation

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A line is one connection of the network, as the gateway's end of it sees it.
type line struct {
	number uint64
	call   *call         // of a client; nil: the line goes to an origin
	serial uint64        // by the gateway; 0: not known
	to     uint16        // port
	cuts   [2]simnet.Cut // of what comes from the side that accepted it, and from the one that dialed
	born   loop.Time

	arrived, read int64 // octets towards the gateway
	ended, reset  bool  // that has arrived at the gateway, too
	resetAt       loop.Time
	struck        bool      // the network broke it
	closed        bool      // the gateway did
	gone          bool      // and has no place any more
	idleAt        loop.Time // when it was accepted, or its last exchange ended

	// To an origin.
	current   *try   // the request that the gateway is writing; nil: none
	tunnelled int    // octets of the tunnel written to the origin
	opening   []byte // of one whose number is not written yet
	tries     []*try
	unasked   []*response // what the origin said that answers no request
	waiting   loop.Time   // since when there is something that the gateway has not read
	givenUp   bool        // the origin ended it, or will not say what it should

	*passage // nil unless the gateway records or a story is told
}

// dialer is the end that dialed.
func (l *line) dialer() netip.AddrPort {
	const firstPort, ports = 32768, 28232
	addr := netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + (l.number-1)/ports)})
	return netip.AddrPortFrom(addr, uint16(firstPort+(l.number-1)%ports))
}

// id is the connection's name in recordings, as far as the gateway's number is known.
func (l *line) id() events.ConnID {
	switch {
	case l.serial == 0:
		return events.ConnID{N: l.number}
	case l.call == nil:
		return events.ConnID{Hop: events.OriginHop, N: l.serial}
	}
	return events.ConnID{Hop: events.ClientHop, N: l.serial}
}

func (l *line) String() string {
	if l.serial == 0 {
		return fmt.Sprintf("line #%d", l.number)
	}
	return l.id().String()
}

// end says who has that end of the line.
func (l *line) end(side simnet.Side) string {
	switch {
	case (side == simnet.Dialer) != (l.call != nil):
		return "gateway"
	case l.call != nil:
		return "client"
	}
	return "origin"
}

var cutNames = [...]string{simnet.CutReset: "a reset", simnet.CutEnd: "an end"}

// last is the request that is on a line, or was the last one; nil: there was none.
func (l *line) last() *request {
	switch c := l.call; {
	case c != nil:
		return c.requests[min(c.logged, len(c.requests)-1)]
	case len(l.tries) > 0:
		return l.tries[len(l.tries)-1].request
	}
	return nil
}

// tunnels reports whether the last request of a client's line was answered by a
// switch to another protocol.
func (l *line) tunnels() bool {
	r := l.call.requests
	return r[len(r)-1].switched()
}

// keeps is how long the origin keeps the connection while it is idle, as it has said
// last; 0 if it has not.
func (l *line) keeps() (d time.Duration) {
	for _, t := range l.tries {
		if t.response != nil && t.response.keeps > 0 {
			d = time.Duration(t.response.keeps) * time.Second
		}
	}
	return d
}

// A try is one time that a request is sent to an origin.
type try struct {
	request  *request
	line     *line
	start    int64 // in the line
	written  int   // octets
	read     int64 // by the gateway, of the line, before
	response *response
	cut      int  // octets of the response that the origin sends
	silent   bool // or none at all, or too late
	deaf     bool // the origin reads nothing while it writes the response
	early    bool // the response was complete before the request was written
}

// use is its place on its connection.
func (t *try) use() events.Use {
	return events.Use{Conn: t.line.id(), N: uint32(slices.Index(t.line.tries, t) + 1)}
}

// String names it as recordings do, such as "c3#2 -> o1#7".
func (t *try) String() string {
	return events.Exchange{Client: t.request.use(), Origin: t.use()}.String()
}

// end is where on the line the request ends.
func (t *try) end() int64 { return t.start + int64(len(t.request.want)) }

// step is told all that happens in the network.
func (w *world) step(s simnet.Step) {
	if s.Conn == 0 || int(s.Conn) > len(w.lines) {
		return
	}
	l := w.lines[s.Conn-1]
	if w.story != nil {
		w.story.step(l, s)
	}
	if s.What == simnet.WasCut {
		l.struck, w.struck = true, true
		w.remark(l, "the network: %s behind byte %d from the %s", cutNames[l.cuts[s.Side].Kind], l.cuts[s.Side].At, l.end(s.Side))
		return
	}
	gateways := (s.Side == simnet.Acceptor) == (l.call != nil)
	if l.passage != nil {
		l.passage.step(gateways, l.closed, s)
	}
	if w.tape != nil {
		w.tape.step(s)
	}
	if gateways {
		w.atGateway(l, s)
	} else if s.What == simnet.Accepted {
		w.lastAccepted = l
	}
}

// atGateway is a step of the gateway's own end.
func (w *world) atGateway(l *line, s simnet.Step) {
	switch s.What {
	case simnet.Dialed:
		w.judgeBound(l)
	case simnet.Accepted:
		w.accepted = append(w.accepted, l)
		l.idleAt = s.At
		l.serial = uint64(len(w.accepted))
	case simnet.Connected:
		l.born = s.At
	case simnet.Wrote:
		if l.call != nil {
			w.relayed(l.call, s.Data)
		} else {
			w.forwarded(l, s.Data)
		}
	case simnet.Arrived:
		if l.arrived == l.read {
			l.waiting = s.At
		}
		l.arrived += int64(s.Octets)
		if c := l.call; c != nil {
			for ; c.came < len(c.requests) && c.requests[c.came].from < l.arrived; c.came++ {
				c.requests[c.came].cameAt = s.At
			}
		}
	case simnet.Read:
		l.read += int64(s.Octets)
	case simnet.EndArrived:
		l.ended, l.waiting = true, s.At
	case simnet.ResetArrived:
		l.reset, l.resetAt, l.waiting = true, s.At, s.At
	case simnet.ClosedWrite, simnet.Closed, simnet.ClosedReset:
		w.gatewayCloses(l, s.What)
	}
}

// judgeBound counts the gateway's connections to an origin.
func (w *world) judgeBound(to *line) {
	n, most := 0, w.config.OriginMaxConnections
	if most == 0 {
		return
	}
	for _, l := range w.lines {
		if l.to == to.to && !l.closed {
			n++
		}
	}
	if n > most {
		w.fail("an origin has more connections than it may", "port %d: %d", to.to, n)
	}
}

// forwarded compares what the gateway writes to an origin with what it has to.
func (w *world) forwarded(l *line, octets []byte) {
	for len(octets) > 0 && w.failure == nil {
		t := l.current
		if t == nil {
			if w.tunnelled(l, octets) {
				return
			}
			if l.opening = append(l.opening, octets...); len(l.opening) == len(octets) {
				w.judgeUse(l)
			}
			r, ok := w.named(l.opening)
			if !ok {
				if len(l.opening) > 64 {
					w.fail("an origin is sent what no client sent", "%v: %.80q", l, l.opening)
				}
				return
			}
			octets = l.opening
			l.opening = l.opening[:0]
			if t = w.begin(l, r); t == nil {
				return
			}
		}
		octets = octets[w.compare(t, octets):]
	}
}

func (w *world) compare(t *try, octets []byte) int {
	want := t.request.want[t.written:]
	n := min(len(octets), len(want))
	if !bytes.Equal(octets[:n], want[:n]) {
		at := common(octets, want)
		w.fail("an origin is sent what the client did not send, or other edits than are due",
			"%v, %v, byte %d\nwant %.120q\nsaw  %.120q", t.request, t.line,
			t.written+at, around(want, at), around(octets, at))
		return len(octets)
	}
	t.written += n
	if r := t.request; r.fate == breaksOff && (t.written > r.faulty || t.written == len(r.want)) {
		w.fail("a fault of a request was sent on", "%v", t.request)
	}
	if t.written == len(t.request.want) {
		t.line.current = nil
	}
	return n
}

func common(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// around is what stands before and behind an octet.
func around(p []byte, at int) []byte { return p[max(0, min(at, len(p))-40):min(len(p), at+80)] }

// named finds the request whose first octets these are. Each has its number in
// its target.
func (w *world) named(octets []byte) (r *request, ok bool) {
	_, target, _ := bytes.Cut(octets, []byte(" "))
	if len(target) < len("http://") {
		return nil, false
	}
	_, path, _ := bytes.Cut(bytes.TrimPrefix(target, []byte("http://")), []byte("/"))
	number := 0
	for _, c := range path {
		if c < '0' || c > '9' {
			if number >= len(w.requests) {
				return nil, false
			}
			return w.requests[number], true
		}
		number = number*10 + int(c-'0')
	}
	return nil, false
}

// judgeUse looks at the state of a connection on which a request begins.
func (w *world) judgeUse(l *line) {
	limits := w.limits
	n := len(l.tries)
	if n == 0 {
		return // whether a new one is fit nobody can know
	}
	last := l.tries[n-1]
	source, used := last.request.answer.source, l.read-last.read
	keeps := l.keeps()
	waits := l.arrived > l.read || l.ended || l.reset
	switch {
	case source == nil || last.request.answer.state != complete || used < int64(len(source.sent)):
		w.fail("a request is sent on a connection whose last response did not come to its end", "%v", l)
	case last.early:
		w.fail("a request is sent on a connection on which the last one was answered before it was written", "%v", l)
	case used > int64(len(source.sent)):
		w.fail("a request is sent on a connection on which there were bytes behind the last response", "%v", l)
	case waits && w.net.Now() >= l.waiting.Add(w.late):
		w.fail("a request is sent on a connection that was not clean", "%v: the origin spoke unasked or ended at %v", l, l.waiting)
	case !source.persists || w.config.Verbatim && last.request.closes:
		w.fail("a request is sent on a connection whose end the origin had announced", "%v", l)
	case keeps > 0 && last.request.logged != nil && w.net.Now() > last.request.loggedAt.Add(keeps-min(keeps/10, time.Second)+w.late+time.Millisecond):
		w.fail("a request is sent on a connection that the origin is about to end, as it had announced", "%v: %v after %v", l, keeps, last.request.loggedAt)
	case limits.Uses > 0 && n >= int(limits.Uses):
		w.fail("a connection is used more often than the limit", "%v: %d", l, n+1)
	case limits.Age > 0 && w.net.Now().Sub(l.born) > limits.Age+w.late+time.Millisecond:
		w.fail("a connection is used that is older than the limit", "%v", l)
	}
}

// begin is a request whose first octets are written to an origin.
func (w *world) begin(l *line, r *request) *try {
	c := r.call
	switch {
	case r.fate == answered || r.fate == turnedBack:
		w.fail("a request was sent on that must not be", "%v", r)
	case c.end != "" && c.end != "kept":
		w.fail("a request was sent on behind the last one of its connection", "%v, after %s", r, c.end)
	case r.place < c.forwarded:
		w.fail("requests were sent on out of order", "%v", r)
	case len(r.tries) > 0:
		w.judgeReplay(r, l)
	case l.call != nil || c.line.arrived < r.from:
		w.fail("a request was sent on that has not arrived", "%v", r)
	}
	if w.failure != nil {
		return nil
	}
	c.forwarded = r.place
	t := &try{request: r, line: l, read: l.read}
	if n := len(l.tries); n > 0 {
		t.start = l.tries[n-1].end()
	}
	r.tries = append(r.tries, t)
	l.tries = append(l.tries, t)
	l.current = t
	return t
}

// judgeReplay applies the rule for sending a request again.
func (w *world) judgeReplay(r *request, to *line) {
	last := r.tries[len(r.tries)-1]
	l := last.line
	switch {
	case len(r.tries) > 1:
		w.fail("a request was sent a third time", "%v", r)
	case !r.safe && last.written > 0:
		w.fail("a request that is not safe was sent twice", "%v (%s), %v", r, r.method, l)
	case l.read > last.read:
		w.fail("a request was sent again after bytes of a response", "%v, %v", r, l)
	case last == l.tries[0]:
		w.fail("a request was sent again although the first connection was new", "%v, %v", r, l)
	case len(to.tries) > 0:
		w.fail("a request was sent again on a connection that was not new", "%v, %v", r, to)
	}
}
