package accesslog

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

const (
	// batchSize is how many bytes a batch gathers before it is handed over.
	batchSize = 32 << 10
	// queued is how many batches wait for the file before lines are lost.
	queued = 64
	// patience is how long the end of the log may take to be written. The file may
	// be a pipe whose reader has stopped without closing it.
	patience = 2 * time.Second
)

// A Log is a file and the goroutine that writes it. A nil Log is none: its batches
// are nil, and it has nothing to close.
type Log struct {
	out     io.WriteCloser
	report  func(error)
	enough  int         // bytes that a batch gathers
	full    chan []byte // lines to write; nil: they are written where they are made
	empty   chan []byte // buffers to use again
	batches []*Batch
	lost    atomic.Uint64

	// The goroutine's.
	told uint64 // how many of the lost lines have been spoken of
	err  error  // the first failure; read after done
	done chan struct{}
}

// Open appends to the file at path, which is made if need be; "-" is standard
// output. See New for report.
func Open(path string, report func(error)) (*Log, error) {
	if path == "-" {
		return New(noClose{os.Stdout}, report), nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the access log cannot be opened: %w", err)
	}
	return New(f, report), nil
}

type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// New writes lines to out, and closes it in the end. What is lost meanwhile is
// told to report, on a goroutine of the log; nil means that nobody wants to know.
func New(out io.WriteCloser, report func(error)) *Log {
	l := &Log{
		out:    out,
		report: report,
		enough: batchSize,
		full:   make(chan []byte, queued),
		empty:  make(chan []byte, queued),
		done:   make(chan struct{}),
	}
	go l.write()
	return l
}

// Immediate writes each line to out by itself as soon as there is one, on the
// loop that makes it: for a simulated world, where nothing runs beside the loop
// and a line belongs to its instant.
func Immediate(out io.WriteCloser) *Log { return &Log{out: out} }

// Batch is what the lines of a loop are gathered in. It is made before the loops
// run.
func (l *Log) Batch(on *loop.Loop) *Batch {
	if l == nil {
		return nil
	}
	b := &Batch{log: l, loop: on, lines: l.spare()}
	b.due = on.After(maxAge, b.flush)
	l.batches = append(l.batches, b)
	return b
}

// Lost counts the lines that were lost because the file was too slow or failed.
// Any goroutine may call it.
func (l *Log) Lost() uint64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

// Close writes what the batches still hold, and closes the file; the loops must
// have ended. It gives up when that takes too long.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	if l.full != nil {
		close(l.full)
		select {
		case <-l.done:
		case <-time.After(patience):
			return fmt.Errorf("the access log is not complete: its end was not taken within %v", patience)
		}
	}
	if err := cmp.Or(l.err, l.out.Close()); err != nil {
		return fmt.Errorf("the access log is not complete: %w", err)
	}
	return nil
}

// take gets lines to write, and gives an empty buffer for others. It never waits
// for the goroutine: the loop has others to serve.
func (l *Log) take(lines []byte) []byte {
	if l.full == nil {
		l.put(lines)
		return lines[:0]
	}
	select {
	case l.full <- lines:
		return l.spare()
	default:
		l.lost.Add(count(lines))
		return lines[:0]
	}
}

// spare is a buffer that has been written, or a new one.
func (l *Log) spare() []byte {
	select {
	case lines := <-l.empty:
		return lines
	default:
		return make([]byte, 0, l.enough+l.enough/4)
	}
}

// write is the goroutine. After a failure it goes on taking lines, since there
// may be room on the disk again.
func (l *Log) write() {
	defer close(l.done)
	for lines := range l.full {
		l.put(lines)
		l.tellLost()
		select {
		case l.empty <- lines[:0]:
		default:
		}
	}
	for _, b := range l.batches {
		l.put(b.lines)
	}
}

// put tells the first failure only: a full disk would have it repeat itself.
func (l *Log) put(lines []byte) {
	_, err := l.out.Write(lines)
	if err == nil {
		return
	}
	n := count(lines)
	l.lost.Add(n)
	l.told += n
	if l.err == nil {
		l.err = err
		l.say("the access log cannot be written, its lines are lost: %w", err)
	}
}

// tellLost tells of the lines that did not fit in the queue.
func (l *Log) tellLost() {
	if n := l.lost.Load() - l.told; n > 0 {
		l.told += n
		l.say("%d lines of the access log were lost: it could not be written fast enough", n)
	}
}

func (l *Log) say(format string, args ...any) {
	if l.report != nil {
		l.report(fmt.Errorf(format, args...))
	}
}

func count(lines []byte) uint64 { return uint64(bytes.Count(lines, []byte("\n"))) }
