package replay

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
)

const (
	// evidenceRoom is how many bytes of failing exchanges each loop saves.
	evidenceRoom = 8 << 20
	// mostOfResponse is how much of a response is kept while it is read.
	mostOfResponse = 64 << 10
	// besides is what an exchange takes beside its bytes: its notes, mostly.
	besides = 4 << 10
)

// EvidenceRoom says in words how much is saved at most.
const EvidenceRoom = "8 MiB for each loop"

// Failures are the stream for Config.Failures. Its readers are given what it was told
// when they are closed, or have it flushed: nothing is written while it is measured.
type Failures struct {
	*events.Stream
	// Blanked says that a reader blanks values: why an exchange failed is saved without
	// the bytes that were compared.
	Blanked bool

	lanes []evidence
	saved atomic.Int64 // how many exchanges
}

// NewFailures makes that of runs on so many loops. A ring has twice the room, so that
// nothing is lost however fast exchanges fail, and no reader is roused.
func NewFailures(loops int) *Failures {
	f := &Failures{Stream: events.NewStream(loops, events.Options{
		Memory: loops * 2 * evidenceRoom, Rouse: 2 * evidenceRoom, Interval: 1000 * time.Hour,
	})}
	for i := range loops {
		f.lanes = append(f.lanes, evidence{f, f.Track(i), evidenceRoom})
	}
	return f
}

// evidence is what a lane saves of exchanges that failed, each as if it had been alone
// on its connection.
type evidence struct {
	of    *Failures
	track *events.Track
	room  int // bytes
}

// A keeping is what a worker keeps of the exchange under way, in case it fails.
type keeping struct {
	client, server netip.AddrPort
	request        []byte // of the plan
	response       []byte // the first bytes, interim responses among them
	status         int    // 0: there was no final head
	ended          bool   // the server has ended its direction
}

// keep begins to keep an exchange.
func (w *worker) keep(request []byte) {
	if w.lane.evidence == nil {
		return
	}
	k := w.keeping
	if k == nil {
		k = &keeping{}
		w.keeping = k
	}
	if w.isFirst {
		k.client, k.server = netip.AddrPort{}, w.conn.Remote()
		if own, isTCP := w.conn.LocalAddr().(*net.TCPAddr); isTCP {
			k.client = own.AddrPort()
		}
	}
	k.request, k.response, k.status, k.ended = request, k.response[:0], 0, false
}

// add keeps what was read.
func (k *keeping) add(p []byte) {
	k.response = append(k.response, p[:min(len(p), mostOfResponse-len(k.response))]...)
}

// why is what is said of a failure.
func (f *Failures) why(failed failure) string {
	var d *difference
	switch {
	case !f.Blanked:
		return failed.err.Error()
	case errors.As(failed.err, &d):
		return d.where
	}
	return failed.cause.String()
}

// save tells of an exchange that failed after its request had gone out.
func (w *worker) save(f failure, now loop.Time) {
	l, k := w.lane, w.keeping
	if l.evidence == nil || !w.asked || w.took == 0 || f.cause == Abandoned {
		return
	}
	request := k.request[:min(w.took, len(k.request))]
	size := len(request) + len(k.response) + besides
	if size > l.evidence.room {
		l.tally.Unsaved++
		return
	}
	l.evidence.room -= size
	l.tally.Saved++
	clock, wall := l.loop.Clock(), l.loop.Wall()
	at := func(t loop.Time) time.Time { return wall.Add(-clock.Sub(t)) }
	flow := &events.Flow{Client: k.client, Server: k.server}
	flow.ConnID = events.ConnID{Hop: events.ClientHop, N: uint64(l.evidence.of.saved.Add(1))}
	flow.Exchange.Client = events.Use{Conn: flow.ConnID, N: 1}
	track := l.evidence.track
	track.Open(flow, at(w.began))
	track.Bytes(flow, events.Inbound, at(w.began), request, false, "")
	if w.received > 0 {
		track.Bytes(flow, events.Outbound, at(w.first), k.response, false, "")
		flow.Skip(events.Outbound, uint64(w.received)-uint64(len(k.response)))
	}
	switch {
	case errors.Is(f.err, syscall.ECONNRESET):
		track.End(flow, events.Outbound, events.RST, wall, "")
	case k.ended:
		track.End(flow, events.Outbound, events.FIN, wall, "")
	}
	became := "kept"
	if w.conn == nil {
		track.Close(flow, events.Inbound, wall, f.cause.String())
		became = "closed"
	}
	session, i := w.place()
	track.Note(flow, wall, &events.Note{Kind: "failure", Warning: true, Text: l.evidence.of.why(f), Params: []events.Param{
		{Name: "cause", Value: f.cause.String()},
		{Name: "request", Value: strconv.Itoa(i + 1)},
		{Name: "session", Value: session.Name},
	}})
	track.Note(flow, wall, &events.Note{Kind: "exchange", Params: []events.Param{
		{Name: "method", Value: string(w.request.Method)},
		{Name: "target", Value: string(w.request.Target[:min(len(w.request.Target), besides/4)])},
		{Name: "status", Value: strconv.Itoa(k.status)},
		{Name: "sent", Value: strconv.FormatInt(w.received, 10)},
		{Name: "total", Value: strconv.FormatInt(now.Sub(w.began).Microseconds(), 10)},
		{Name: "client-connection", Value: became},
		{Name: "failure", Value: f.cause.String()},
	}})
}
