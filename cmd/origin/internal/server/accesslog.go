package server

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// An accessLog writes the lines of all loops, each as a line in Common Log
// Format:
//
//	127.0.0.1 - - [22/Nov/2026:11:30:00 +0000] "GET / HTTP/1.1" 200 3239
//
// A loop collects lines and hands them over whole, and a goroutine writes them,
// so that a slow disk or pipe does not hold a loop up. If it is too slow for
// too long, lines are lost, and it is reported how many.
type accessLog struct {
	w      io.Writer
	full   chan []byte // lines to write
	empty  chan []byte // buffers to use again
	report func(error)
	done   chan struct{}
}

const (
	logChunk   = 32 << 10    // octets collected before they are handed over
	logDelay   = time.Second // and how long they wait for that
	logBacklog = 64          // chunks that wait for the writer

	logPatience = 2 * time.Second // for the writer, in the end
)

// newAccessLog returns nil, a log that does nothing, if w is nil.
func newAccessLog(w io.Writer, report func(error)) *accessLog {
	if w == nil {
		return nil
	}
	l := &accessLog{
		w: w, report: report,
		full: make(chan []byte, logBacklog), empty: make(chan []byte, logBacklog),
		done: make(chan struct{}),
	}
	go l.write()
	return l
}

// write reports the first failure only: a full disk would have it repeat itself.
func (l *accessLog) write() {
	defer close(l.done)
	failed := false
	for lines := range l.full {
		if _, err := l.w.Write(lines); err != nil && !failed {
			failed = true
			l.report(fmt.Errorf("the access log cannot be written, its lines are lost: %w", err))
		}
		select {
		case l.empty <- lines[:0]:
		default:
		}
	}
}

// spare is a buffer that has been written, or a new one.
func (l *accessLog) spare() []byte {
	select {
	case b := <-l.empty:
		return b
	default:
		return make([]byte, 0, logChunk+logChunk/4)
	}
}

// close writes what is left. The loops have ended.
func (l *accessLog) close() {
	if l == nil {
		return
	}
	close(l.full)
	select {
	case <-l.done:
	case <-time.After(logPatience): // a pipe whose reader has stopped is none to wait for
		l.report(fmt.Errorf("the access log is not complete: its end was not taken within %v", logPatience))
	}
}

// buffer is what one loop collects its lines in; nil if there is no log.
func (l *accessLog) buffer(on *loop.Loop) *logBuffer {
	if l == nil {
		return nil
	}
	b := &logBuffer{log: l, loop: on, lines: l.spare()}
	b.flushed = on.After(logDelay, b.flush)
	b.flushed.Stop()
	return b
}

type logBuffer struct {
	log     *accessLog
	loop    *loop.Loop
	lines   []byte
	flushed *loop.Timer
	lost    int
}

// add appends a line. when and request are texts, request one that quoted made.
func (b *logBuffer) add(remote netip.Addr, when, request []byte, status int, sent int64) {
	if len(b.lines) == 0 {
		b.flushed.Reset(logDelay)
	}
	p := b.lines
	if remote.IsValid() {
		p = remote.AppendTo(p)
	} else {
		p = append(p, '-') // a Unix socket
	}
	p = append(p, " - - ["...)
	p = append(p, when...)
	p = append(p, `] "`...)
	p = append(p, request...)
	p = append(p, `" `...)
	p = strconv.AppendInt(p, int64(status), 10)
	p = append(p, ' ')
	if sent > 0 {
		p = strconv.AppendInt(p, sent, 10)
	} else {
		p = append(p, '-')
	}
	b.lines = append(p, '\n')
	if len(b.lines) >= logChunk {
		b.flush()
	}
}

// flush hands the lines over. It never waits: the loop has others to serve.
func (b *logBuffer) flush() {
	b.flushed.Stop()
	select {
	case b.log.full <- b.lines:
		b.lines = b.log.spare()
		b.tellLost()
	default:
		b.lost += bytes.Count(b.lines, []byte("\n"))
		b.lines = b.lines[:0]
	}
}

// close hands over what is left, and waits for that if need be: the loop has
// ended.
func (b *logBuffer) close() {
	if b == nil {
		return
	}
	b.log.full <- b.lines
	b.tellLost()
}

func (b *logBuffer) tellLost() {
	if b.lost > 0 {
		b.log.report(fmt.Errorf("%d lines of the access log were lost: it could not be written fast enough", b.lost))
		b.lost = 0
	}
}

// named notes what the access log will say of the request: its octets may be
// gone when the response is complete.
func (x *exchange) named() {
	x.sent, x.owed = 0, 0
	if x.worker.log != nil {
		line := x.head.Raw[:x.head.FieldsStart()-len("\r\n")]
		x.line = appendQuoted(x.line[:0], line)
	}
}

// nameless is named for a request whose head could not be read.
func (x *exchange) nameless() {
	x.sent = 0
	x.line = append(x.line[:0], '-')
}

// account writes the line for the response that was made.
func (x *exchange) account() {
	if w := x.worker; w.log != nil {
		w.log.add(x.conn.Remote().Addr(), w.logTime, x.line, x.status, x.sent)
	}
}

// appendQuoted appends text that may stand between quotes in a log: whatever
// could end the quotes or the line, or move a terminal's cursor, is written as
// \xHH.
func appendQuoted(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}
