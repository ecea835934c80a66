package replay

import (
	"fmt"
	"io"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// answered counts a response that is as it should be.
func (w *worker) answered(now loop.Time) {
	t := &w.lane.tally
	t.Requests++
	firstByte, latency := w.first.Sub(w.began), now.Sub(w.began)
	if w.isFirst {
		t.AnsweredFirst(w.connecting, firstByte, latency)
	} else {
		t.Answered(w.position, max(w.began.Sub(w.before), 0), firstByte, latency)
	}
	if w.due != 0 {
		t.Response.Record(now.Sub(w.due))
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

// isStale says that the server had closed the connection while it was idle, which we
// learned from the request that it did not answer any more.
func (w *worker) isStale(f failure) bool { return f.cause == ClosedBeforeResponse && w.sent > 1 }

// mayRetry is for such a request. Whether it was worked on nobody knows, so it is sent
// again only if its method allows that (RFC 9112 section 9.3.1) or no byte of it has
// left, and once: the new connection is not stale. Its latency is that of the second
// attempt: what pauses there were before it are loadgen's own.
func (w *worker) mayRetry() bool {
	return !w.lane.run.config.NoRetry && !w.lane.ending() && (w.request.Idempotent || w.took == 0)
}

// afterFailure decides what becomes of the connection. A response that merely
// is not the recorded one leaves it as good as any.
func (w *worker) afterFailure(f failure, now loop.Time) {
	switch f.cause {
	case StatusMismatch, HeadMismatch, ContentMismatch:
		w.heardOf(now)
		return
	case ClosedBeforeResponse, ClosedInResponse:
		if w.sent == 1 {
			w.backOff() // a server that hangs up on newcomers is in trouble
		}
	}
	w.hangUp()
}

// send writes as much of the request as the kernel takes at once, which mostly is
// all of it, as it then reports; the rest goes out while the response comes in. A
// server may answer and hang up before it has read all, so a failure here does not
// keep us from reading.
func (w *worker) send() (whole bool) {
	l, r := w.lane, w.request
	if w.began = w.begin(); w.times > 0 {
		l.tally.Retries++
	}
	bytes := r.Bytes
	if w.last = w.isLast(w.ends); w.last {
		bytes = w.final(r)
	}
	w.asked, w.isFirst = true, w.sent == 0
	w.times++
	w.sent++
	w.position = w.sent
	w.deadline = l.loop.Now().Add(l.run.config.Timeout)
	w.conn.WriteDeadline(w.deadline)
	w.took, w.received, w.unwritten = 0, 0, failure{}
	w.keep(bytes)
	n := w.write(w.conn, w.tls, bytes)
	if w.unwritten.cause == Answered && n < len(bytes) {
		w.startUpload(bytes[n:])
	}
	return n == len(bytes)
}

// write writes once of the request, counts that, and notes why it was no more.
func (w *worker) write(conn *loop.Conn, secure *tlsConn, p []byte) (n int) {
	var took int
	var err error
	if secure != nil {
		n, took, err = secure.write(p)
	} else {
		n, err = conn.WriteOnce(p)
		took = n
	}
	w.wrote(n, took, err)
	return n
}

// wrote counts what the kernel took of requests, and notes why it took no more.
func (w *worker) wrote(n, took int, err error) {
	w.took += took
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

// A reading is what it takes to read a response. It is borrowed once there is
// something to read, as the buffer is, so that all workers of a loop use the same few,
// which stay in the processor's cache.
type reading struct {
	buf     *loop.Buffer
	head    wire.ResponseHead
	body    wire.BodyScanner
	verdict comparison
}

// receive reads the response, and leaves the connection ready for the next request or
// closed.
func (w *worker) receive() failure {
	speaks := w.tls != nil && w.tls.speaks(false)
	w.conn.ReadDeadline(w.deadline)
	if (w.pipe == nil || w.pipe.held == nil) && !speaks {
		if err := w.conn.WaitReadable(); err != nil {
			return w.unreceived(ioFailure(err, 0))
		}
		if w.tls != nil && !w.uploading() && !w.tls.speaks(true) {
			w.park(w.conn)
			return failure{}
		}
	}
	rd := w.takeReading()
	defer w.leaveReading(rd)
	a, f := w.receiveHead(rd)
	if f.cause == Answered {
		f = w.receiveBody(rd, a)
	}
	switch {
	case f.cause != Answered:
		return w.unreceived(f)
	case w.unwritten.cause != Answered && a.framing.Kind == wire.UntilClose && w.tls == nil:
		// Of a reset the kernel tells once, and has told the writer: the end of
		// stream that the reader saw after it is perhaps none. That of TLS is one.
		return failure{ClosedInResponse, w.unwritten.err}
	}
	w.settle(a)
	return rd.verdict.failure()
}

// unreceived is why there is no response: if the request could not be written, that
// came first, and the rest followed from it.
func (w *worker) unreceived(f failure) failure {
	if w.received == 0 && w.unwritten.cause != Answered {
		return w.unwritten
	}
	return f
}

// receiveHead reads up to the end of the head of the final response. Interim
// responses stand before it and are passed over (RFC 9110 section 15.2), except
// for 101, behind which no HTTP follows.
func (w *worker) receiveHead(rd *reading) (answer, failure) {
	l, r, buf, seen := w.lane, w.request, rd.buf, 0
	for {
		if held := seen == 0 && buf.Len() > 0; !held {
			if err := w.fill(buf); err != nil {
				return answer{}, ioFailure(err, w.received)
			}
		}
		a, err := l.memo.parse(buf, seen, &rd.head, r)
		for err == nil && a.status < 200 && a.status != 101 {
			l.tally.Interim++
			a, err = l.memo.parse(buf, 0, &rd.head, r)
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
	n, err := w.read(buf)
	if w.received == 0 {
		w.first = w.noticed(w.began)
	}
	if k := w.keeping; k != nil {
		k.add(buf.Unread()[buf.Len()-n:])
		k.ended = err == io.EOF
	}
	w.received += int64(n)
	w.lane.tally.BytesIn += int64(n)
	w.full = len(buf.Space()) == 0
	return err
}

// read reads once.
func (w *worker) read(buf *loop.Buffer) (int, error) {
	if w.tls != nil {
		return w.tls.fill(buf)
	}
	return buf.FillFrom(w.conn)
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
func (w *worker) receiveBody(rd *reading, a answer) failure {
	w.lane.tally.Statuses[min(a.status, len(w.lane.tally.Statuses)-1)]++
	if w.keeping != nil {
		w.keeping.status = a.status
	}
	rd.body.Reset(a.framing)
	rd.verdict.begin(w.expectation(), a.status)
	if w.lane.run.config.VerifyHead {
		rd.verdict.head(a.framing.Kind, w.lane.memo.raw, w.lane.run.config.Volatile)
	}
	for buf := rd.buf; ; {
		n, done, err := rd.scan(buf.Unread())
		buf.Consume(n)
		switch {
		case err != nil:
			return failure{BadResponse, err}
		case done && buf.Len() > 0 && w.behind() == 0:
			return failure{ExcessOctets, fmt.Errorf("%s behind the end of the response", english.Plural(buf.Len(), "byte"))}
		case done:
			rd.verdict.end()
			return failure{}
		}
		buf.Compact()
		if err := w.fill(buf); err == io.EOF && rd.body.End() == nil {
			// This response ends where the connection does (RFC 9112 section 6.3
			// rule 8); any other is cut off.
			rd.verdict.end()
			return failure{}
		} else if err != nil {
			return ioFailure(err, w.received)
		}
	}
}

// expectation is what the response is to be compared with, or nil.
func (w *worker) expectation() *plan.Expectation {
	if !w.lane.run.config.Verify {
		return nil
	}
	return w.request.Expect
}

// scan finds the end of the body in p. Content is looked at only if it is to be
// compared.
func (rd *reading) scan(p []byte) (n int, done bool, err error) {
	if !rd.verdict.wanted() {
		return rd.body.Scan(p)
	}
	for {
		content, m, done, err := rd.body.Content(p[n:])
		n += m
		rd.verdict.feed(content)
		if done || err != nil || m == 0 {
			return n, done, err
		}
	}
}

// settle counts a whole response, and decides whether the connection can carry
// another request.
func (w *worker) settle(a answer) {
	t := &w.lane.tally
	if w.sent == 1 {
		t.First++
	} else {
		t.Reused++
	}
	if w.behind() == 0 && (w.uploading() || w.unwritten.cause != Answered) {
		t.Early++
	}
	if w.last && w.lane.run.config.Close == CloseHeader && w.unwritten.cause == Answered {
		return // it is the server's turn
	}
	if !a.persists || w.request.Closes || w.unwritten.cause != Answered || a.status == 101 {
		w.hangUp()
	}
}
