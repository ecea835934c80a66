package replay

import (
	"fmt"
	"io"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// exchange sends request i of a session, takes its response in, and counts what
// came of it.
func (w *worker) exchange(s *plan.Session, i int) {
	r := &s.Requests[i]
	if f := w.connect(); f.cause != Answered {
		w.lane.failed(s, i, f)
		return
	}
	w.began = w.begin()
	f := w.attempt(r)
	if f.cause == ClosedBeforeResponse && w.sent > 1 {
		w.lane.tally.Stale++
		if w.again(r) {
			f = w.retry(r)
		}
	}
	now := w.lane.loop.Clock()
	if f.cause == Answered {
		w.heardOf(now)
		w.answered(now)
		w.ended = now
	} else {
		w.lane.failed(s, i, f)
		w.afterFailure(f)
	}
	w.finishUpload()
}

// answered counts a response that is as it should be.
func (w *worker) answered(now loop.Time) {
	t := &w.lane.tally
	t.Requests++
	firstByte, latency := w.first.Sub(w.began), now.Sub(w.began)
	if w.isFirst {
		t.AnsweredFirst(w.connecting, firstByte, latency)
	} else {
		t.Answered(firstByte, latency)
	}
}

// begin is the time at which the request goes out. Where that is as soon as the
// last response was there, the clock need not be read again.
func (w *worker) begin() loop.Time {
	began := w.ended
	w.ended = 0
	if began == 0 || w.sent == 0 {
		return w.lane.loop.Clock()
	}
	return began
}

// again is for a connection that the server had closed while it was idle, which
// we learned from the request that it did not answer any more. Whether it was
// worked on nobody knows, so it is sent again only if its method allows that
// (RFC 9112 section 9.3.1) or no octet of it has left, and once.
func (w *worker) again(r *plan.Request) bool {
	return !w.lane.run.config.NoRetry && !w.lane.ending() && (r.Idempotent || w.took == 0)
}

// retry sends the request on a new connection, of which it is the first one. Its
// latency is that of this attempt: what pauses there were before it are loadgen's own.
func (w *worker) retry(r *plan.Request) failure {
	w.hangUp()
	if f := w.open(); f.cause != Answered {
		return f
	}
	w.lane.tally.Retries++
	w.began = w.lane.loop.Clock()
	return w.attempt(r)
}

// afterFailure decides what becomes of the connection. A response that merely
// is not the recorded one leaves it as good as any.
func (w *worker) afterFailure(f failure) {
	switch f.cause {
	case StatusMismatch, ContentMismatch:
		w.heardOf(w.lane.loop.Clock())
		return
	case ClosedBeforeResponse, ClosedInResponse:
		if w.sent == 1 {
			w.backOff() // a server that hangs up on newcomers is in trouble
		}
	}
	w.hangUp()
}

// attempt sends the request once, reads the response, and leaves the connection
// ready for the next request or closed.
func (w *worker) attempt(r *plan.Request) failure {
	w.send(r)
	a, f := w.receive(r)
	switch wrote := w.unwritten; {
	case f.cause == Answered && wrote.cause != Answered && a.framing.Kind == wire.UntilClose:
		// Of a reset the kernel tells once, and has told the writer: the end of
		// stream that the reader saw after it is perhaps none.
		return failure{ClosedInResponse, wrote.err}
	case f.cause == Answered:
		w.settle(r, a)
		return w.verdict.failure()
	case w.received == 0 && wrote.cause != Answered:
		return wrote // it came first, and the rest followed from it
	}
	return f
}

// send writes as much of the request as the kernel takes at once, which mostly is
// all of it; the rest goes out while the response comes in. A server may answer
// and hang up before it has read all, so a failure here does not keep us from
// reading.
func (w *worker) send(r *plan.Request) {
	l := w.lane
	octets := r.Bytes
	if r.Final != nil && w.enough(w.sent+1) {
		octets = r.Final
	}
	w.isFirst = w.sent == 0
	w.sent++
	deadline := l.loop.Now().Add(l.run.config.Timeout)
	w.conn.ReadDeadline(deadline)
	w.conn.WriteDeadline(deadline)
	w.took, w.received, w.unwritten = 0, 0, failure{}
	n, err := w.conn.WriteOnce(octets)
	w.wrote(n, err)
	if err == nil && n < len(octets) {
		w.startUpload(octets[n:])
	}
}

// wrote counts what the kernel took of the request, and notes why it took no more.
func (w *worker) wrote(n int, err error) {
	w.took += n
	w.lane.tally.BytesOut += int64(n)
	if err != nil {
		w.unwritten = ioFailure(err, 0)
	}
}

// An answer is what the head of a final response says.
type answer struct {
	status   int
	framing  wire.Framing
	persists bool
}

// receive reads the response. The buffer is borrowed once there is something to
// put into it, so that all workers of a loop use the same few, which stay in
// the processor's cache.
func (w *worker) receive(r *plan.Request) (answer, failure) {
	if err := w.conn.WaitReadable(); err != nil {
		return answer{}, ioFailure(err, 0)
	}
	buf := w.lane.loop.Buffer()
	defer buf.Release()
	a, f := w.receiveHead(r, buf)
	if f.cause == Answered {
		f = w.receiveBody(r, a, buf)
	}
	return a, f
}

// receiveHead reads up to the end of the head of the final response. Interim
// responses stand before it and are passed over (RFC 9110 section 15.2), except
// for 101, behind which no HTTP follows.
func (w *worker) receiveHead(r *plan.Request, buf *loop.Buffer) (answer, failure) {
	seen := 0
	for {
		if err := w.fill(buf); err != nil {
			return answer{}, ioFailure(err, w.received)
		}
		a, err := w.lane.memo.parse(buf, seen, &w.head, r)
		for err == nil && a.status < 200 && a.status != 101 {
			w.lane.tally.Interim++
			a, err = w.lane.memo.parse(buf, 0, &w.head, r)
		}
		if err == nil {
			return a, failure{}
		}
		if err != wire.ErrIncomplete {
			return answer{}, failure{BadResponse, err}
		}
		seen = buf.Len()
		if len(buf.Space()) == 0 {
			buf.Compact() // a head that fills a buffer has been refused already
		}
	}
}

// fill reads what there is, and counts it.
func (w *worker) fill(buf *loop.Buffer) error {
	n, err := buf.FillFrom(w.conn)
	if w.received == 0 {
		w.first = w.noticed(w.began)
	}
	w.received += int64(n)
	w.lane.tally.BytesIn += int64(n)
	w.full = len(buf.Space()) == 0
	return err
}

// noticed is when the loop heard of what has just come: at the beginning of its
// turn, which costs no look at the clock, unless that was before since.
func (w *worker) noticed(since loop.Time) loop.Time {
	if now := w.lane.loop.Now(); now > since {
		return now
	}
	return w.lane.loop.Clock()
}

// receiveBody reads up to the end of the response, and compares it on the way if
// that is wanted.
func (w *worker) receiveBody(r *plan.Request, a answer, buf *loop.Buffer) failure {
	w.lane.tally.Statuses[min(a.status, len(w.lane.tally.Statuses)-1)]++
	w.body.Reset(a.framing)
	w.verdict.begin(w.expectation(r), a.status)
	for {
		n, done, err := w.scan(buf.Unread())
		buf.Consume(n)
		switch {
		case err != nil:
			return failure{BadResponse, err}
		case done && buf.Len() > 0:
			return failure{ExcessOctets, fmt.Errorf("%s behind the end of the response", english.Plural(buf.Len(), "byte"))}
		case done:
			return failure{}
		}
		buf.Compact()
		if err := w.fill(buf); err != nil {
			return w.endOfStream(err)
		}
	}
}

// endOfStream is the end of a response of which the connection's end is the
// framing (RFC 9112 section 6.3 rule 8), and the truncation of any other.
func (w *worker) endOfStream(err error) failure {
	if err == io.EOF && w.body.End() == nil {
		return failure{}
	}
	return ioFailure(err, w.received)
}

// expectation is what the response is to be compared with, or nil.
func (w *worker) expectation(r *plan.Request) *plan.Expectation {
	if !w.lane.run.config.Verify {
		return nil
	}
	return r.Expect
}

// scan finds the end of the body in p. Content is looked at only if it is to be
// compared.
func (w *worker) scan(p []byte) (n int, done bool, err error) {
	if !w.verdict.wanted() {
		return w.body.Scan(p)
	}
	for {
		content, m, done, err := w.body.Content(p[n:])
		n += m
		w.verdict.feed(content)
		if done || err != nil || m == 0 {
			return n, done, err
		}
	}
}

// settle counts a whole response, and decides whether the connection can carry
// another request.
func (w *worker) settle(r *plan.Request, a answer) {
	w.verdict.end()
	if w.sent == 1 {
		w.lane.tally.First++
	} else {
		w.lane.tally.Reused++
	}
	if !a.persists || r.Closes || w.unwritten.cause != Answered || a.status == 101 {
		w.hangUp()
	}
}
