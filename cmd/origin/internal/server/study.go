package server

import (
	"crypto/sha256"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/hopwire/hopwire/cmd/origin/internal/site"
	"github.com/hopwire/hopwire/cmd/origin/internal/study"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// serveStudy answers for the endpoint that scratch names.
func (x *exchange) serveStudy() outcome {
	_, query := x.target()
	a := study.For(&x.head, string(x.scratch), string(query[min(1, len(query)):]), x.address())
	if x.status = a.Status; a.Close {
		x.persists, x.planned = false, StudyCloses
	}
	switch a.Reads {
	case study.Whole:
		return x.measure(&a)
	case study.Beginning:
		return x.answerEarly(&a)
	case study.Frames:
		return x.settle(x.openWebSocket(&a))
	}
	x.disregardContent()
	return x.settle(x.sendAnswer(&a, x.head.Is("HEAD")))
}

// address is the one that the client reached us by, as it says itself. It goes into
// HTML and shell commands, so what has other characters than names and numbers need
// is passed over for the connection's own end.
func (x *exchange) address() string {
	host := x.head.Host()
	if _, authority, _ := x.head.Absolute(); authority != nil {
		host = authority
	}
	for _, c := range host {
		if !addressOctet[c] {
			host = nil
			break
		}
	}
	if len(host) > 0 {
		return string(host)
	}
	if local, ok := x.conn.LocalAddr().(*net.TCPAddr); ok {
		return local.String()
	}
	return "localhost"
}

var addressOctet = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]" {
		t[c] = true
	}
	return t
}()

// measure reads all of the content, and tells what it was.
func (x *exchange) measure(a *study.Answer) outcome {
	x.invite()
	length, sum := int64(0), sha256.New()
	for !x.body.Done() {
		part, err := x.readContent()
		if err != nil {
			return x.refuseBody(err)
		}
		sum.Write(part)
		length += int64(len(part))
	}
	a.Content = study.Measured(length, sum.Sum(nil))
	return x.settle(x.sendAnswer(a, false))
}

// answerEarly answers in the middle of the content. Unless the rest is read, too, the
// connection ends with the answer, and what still comes is thrown away by its
// lingering.
func (x *exchange) answerEarly(a *study.Answer) outcome {
	if a.After > 0 || a.ReadOn {
		x.invite()
	}
	for came := int64(0); came < a.After && !x.body.Done(); {
		part, err := x.readContent()
		if err != nil {
			return x.refuseBody(err)
		}
		came += int64(len(part))
	}
	x.persists = x.persists && (a.ReadOn || x.body.Done())
	err := x.sendAnswer(a, false)
	for err == nil && a.ReadOn && !x.body.Done() {
		if _, err := x.readContent(); err != nil {
			x.persists = false // the answer stays what it was
			break
		}
	}
	return x.settle(err)
}

// sendAnswer sends all that belongs to an answer. With headOnly it has no content.
func (x *exchange) sendAnswer(a *study.Answer, headOnly bool) error {
	if x.head.Minor > 0 { // others know no interim responses (RFC 9110 section 15.2)
		for _, status := range a.Interim {
			x.out = wire.AppendHeadEnd(wire.AppendStatusLine(x.out, status, ""))
		}
	}
	if a.Delay > 0 {
		if err := x.pauseUntil(x.worker.loop.Now().Add(a.Delay)); err != nil {
			return err
		}
		x.persists = x.persists && !x.worker.draining
	}
	if a.ETag != "" && a.Status == 200 {
		x.choosePart(a)
	}
	chunked := a.Unsized && a.HasContent() && x.head.Minor > 0
	x.sendAnswerHead(a, chunked)
	if headOnly || !a.HasContent() {
		return nil
	}
	if err := x.sendPieces(&a.Content, chunked); err != nil || !chunked {
		return err
	}
	x.out = append(x.out, "0\r\n"...)
	x.appendFields(a.Trailer)
	x.out = append(x.out, "\r\n"...)
	return nil
}

// choosePart heeds conditions and ranges.
func (x *exchange) choosePart(a *study.Answer) {
	f := &site.File{Size: a.Size, Modified: site.Undated, ETag: a.ETag}
	s := f.Select(x.head.Fields, x.head.Is("GET"))
	a.Status = s.Status
	a.Fields = append(a.Fields, study.Field{Name: "ETag", Value: a.ETag}, study.Field{Name: "Accept-Ranges", Value: "bytes"})
	if s.Status == 206 || s.Status == 416 {
		a.Fields = append(a.Fields, study.Field{Name: "Content-Range", Value: string(appendRange(nil, f, s))})
	}
	if s.Status != 200 {
		a.Content = a.Part(s.Offset, s.Length)
	}
}

func (x *exchange) sendAnswerHead(a *study.Answer, chunked bool) {
	switch x.begin(a.Status); {
	case !a.HasContent():
		if a.Status == 205 { // that there is none has to be said (RFC 9110 section 15.3.6)
			x.out = wire.AppendFieldInt(x.out, "Content-Length", 0)
		}
	case chunked:
		x.out = append(x.out, "Transfer-Encoding: chunked\r\n"...)
		for _, f := range a.Trailer {
			x.out = wire.AppendField(x.out, "Trailer", f.Name)
		}
	case a.Unsized:
		x.persists, x.planned = false, ResponseUnframed // what HTTP/1.0 has instead of chunks
	default:
		x.out = wire.AppendFieldInt(x.out, "Content-Length", a.Size)
	}
	if a.HasContent() && a.Type != "" {
		x.out = wire.AppendField(x.out, "Content-Type", a.Type)
	}
	x.appendFields(a.Fields)
	x.endHead()
}

func (x *exchange) appendFields(fields []study.Field) {
	for _, f := range fields {
		x.out = wire.AppendField(x.out, f.Name, f.Value)
	}
}

// sendPieces sends the pieces of content, each when it is its time.
func (x *exchange) sendPieces(c *study.Content, chunked bool) error {
	due := x.worker.loop.Now()
	for i := range c.Pieces {
		if i > 0 && c.Every > 0 {
			due = due.Add(c.Every)
			if err := x.pauseUntil(due); err != nil {
				return err
			}
		}
		x.scratch = c.Append(x.scratch[:0], i)
		if chunked {
			x.out = append(strconv.AppendInt(x.out, int64(len(x.scratch)), 16), "\r\n"...)
		}
		if err := x.put(x.scratch); err != nil {
			return err
		}
		x.sent += int64(len(x.scratch))
		if chunked {
			x.out = append(x.out, "\r\n"...)
		}
	}
	return nil
}

// pauseUntil writes what is pending and waits.
func (x *exchange) pauseUntil(t loop.Time) error {
	if err := x.flush(); err != nil || t <= x.worker.loop.Now() {
		return err
	}
	return x.waitUntil(t)
}

// waitUntil waits. A client that resets the connection meanwhile ends that at once. One
// that has only closed its end may still be reading; if not, its kernel says so when the
// next bytes come.
func (x *exchange) waitUntil(t loop.Time) error {
	w := &watch{}
	x.conn.Watch(w)
	err := w.Wait(x.worker.loop, t)
	x.conn.Watch(nil)
	switch err {
	case os.ErrDeadlineExceeded:
		return nil
	case nil:
		return syscall.ECONNRESET
	}
	return err
}

// A watch is fired when the client resets the connection.
type watch struct{ loop.Signal }

func (w *watch) Readable(*loop.Conn) {}
func (w *watch) Expired(*loop.Conn)  {}
func (w *watch) Aborted(*loop.Conn)  { w.Fire() }
