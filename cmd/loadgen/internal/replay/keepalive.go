package replay

import (
	"bytes"
	"math"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/pace"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// A Closing says how a connection ends that has carried what it was to carry.
type Closing uint8

// The closings.
const (
	// CloseAsAsked: by a FIN, and the last request to a URL says so, as with
	// CloseHeader; the bytes of recorded ones stay as they are.
	CloseAsAsked Closing = iota
	// CloseFIN, CloseRST: we end it, by the one or the other, without a word before.
	CloseFIN
	CloseRST
	// CloseHeader: the last request has "Connection: close", and the server ends the
	// connection behind its response (RFC 9112 section 9.6).
	CloseHeader
)

// serverCloses is how long a server that has been asked to close may take for it.
const serverCloses = time.Second

// isLast says of the request that is about to be sent that it is the last on its
// connection. The last of its turn is where the recorded one ended.
func (w *worker) isLast(ends bool) bool {
	return w.enough(w.sent+1) || ends && w.lane.run.endsAsRecorded() || w.outlived()
}

// enough says that a connection which has carried n requests is to be closed.
func (w *worker) enough(n int) bool { return w.bound > 0 && n >= w.bound }

// aged is how many requests are left to a connection that is one of the first, of the
// bound. The connections of a lane are of all ages, as evenly as so many can be.
func (l *lane) aged(bound int) int {
	share := (float64(l.firsts) + 1 - l.random.Float64()) / float64(len(l.workers))
	l.firsts++
	return int(math.Ceil(share * float64(bound)))
}

// outlived says that the connection is older than it was to become.
func (w *worker) outlived() bool {
	life := w.lane.run.config.Lifetime
	return life > 0 && w.lane.loop.Clock().Sub(w.born) >= life
}

// retire closes a connection that has carried what it was to carry. Where the server is
// to be told before, one that only is too old carries a last request still.
func (w *worker) retire() {
	if w.conn == nil || !w.last && (w.lane.run.config.Close == CloseHeader || !w.outlived()) {
		return
	}
	if w.lane.run.config.Close == CloseHeader {
		w.awaitClose()
	}
	w.hangUp()
}

// awaitClose waits until the server has closed the connection.
func (w *worker) awaitClose() {
	w.conn.ReadDeadline(w.lane.loop.Now().Add(serverCloses))
	for {
		if _, err := w.conn.Discard(); err != nil {
			return
		}
	}
}

// end closes the connection, by a reset if it is our turn to end it and that is asked
// for.
func (w *worker) end(ours bool) {
	if ours && w.lane.run.config.Close == CloseRST {
		w.conn.Reset()
		return
	}
	if w.tls != nil {
		w.tls.closeNotify()
	}
	w.conn.Close()
}

// final is what goes out of the last request of a connection.
func (w *worker) final(r *plan.Request) []byte {
	if how := w.lane.run.config.Close; how == CloseFIN || how == CloseRST || r.Final == nil {
		return r.Bytes
	}
	return r.Final
}

// withFinals is the plan with a form of each request that asks for the end of the
// connection.
func withFinals(p *plan.Plan) *plan.Plan {
	all := *p
	all.Sessions = make([]plan.Session, len(p.Sessions))
	for i, s := range p.Sessions {
		all.Sessions[i] = plan.Session{Name: s.Name, Requests: make([]plan.Request, len(s.Requests))}
		for j, r := range s.Requests {
			if r.Final == nil && !r.Closes {
				r.Final = finalOf(r.Bytes)
			}
			all.Sessions[i].Requests[j] = r
		}
	}
	return &all
}

// finalOf puts the field behind all others.
func finalOf(request []byte) []byte {
	end := bytes.Index(request, []byte("\r\n\r\n")) + len("\r\n")
	if end < len("\r\n") { // its lines end otherwise
		return nil
	}
	final := wire.AppendField(bytes.Clone(request[:end]), "Connection", "close")
	return append(final, request[end:]...)
}

// hasGap says that the connection, or its user, is to be idle for a while before the
// next request. The worker is parked meanwhile.
func (w *worker) hasGap() bool {
	c := &w.lane.run.config
	from, gap := w.ready, c.Idle
	switch {
	case w.ready == 0 && c.Aged:
		from, gap = w.lane.began, pace.Between[time.Duration]{Most: c.Warmup / 2}
	case w.conn == nil && (w.ready == 0 || !c.IdleAnyway):
		gap = pace.Between[time.Duration]{}
	}
	if w.until != 0 || gap.Greatest() == 0 {
		w.until = 0
		return false
	}
	w.lane.pacer.wait(w, from.Add(gap.Draw(w.lane.random)))
	return true
}

// sourcesOf are the server's address, once for each address to connect from.
func sourcesOf(c *Config) (all []*loop.Address) {
	for _, from := range c.Sources {
		to := *c.Target
		to.From = from
		all = append(all, &to)
	}
	if all == nil {
		all = append(all, c.Target)
	}
	return all
}
