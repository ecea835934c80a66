package accesslog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

const (
	// batchSize is when a batch is handed over.
	batchSize = 32 << 10
	// queued is how many batches wait for the disk before lines are dropped.
	queued = 64
	// MaxAge is how long a line waits in a batch: the owner of a Batch calls
	// Flush that often.
	MaxAge = time.Second
)

// A Log is the file and the goroutine that writes it.
type Log struct {
	out     io.WriteCloser
	full    chan []byte
	empty   chan []byte
	dropped atomic.Uint64
	done    chan struct{}
	err     error // the first failure; read after done
}

// Open appends to the file at path, which is made if need be; "-" is standard
// output.
func Open(path string) (*Log, error) {
	if path == "-" {
		return New(noClose{os.Stdout}), nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the access log cannot be opened: %w", err)
	}
	return New(f), nil
}

type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// New writes lines to out, and closes it in the end.
func New(out io.WriteCloser) *Log {
	l := &Log{
		out:   out,
		full:  make(chan []byte, queued),
		empty: make(chan []byte, queued),
		done:  make(chan struct{}),
	}
	go l.write()
	return l
}

// Immediate writes each line to out by itself as soon as there is one, on the
// loop that adds it: for a simulated world, where nothing runs beside the loop
// and a line belongs to its instant.
func Immediate(out io.WriteCloser) *Log { return &Log{out: out} }

func (l *Log) immediate() bool { return l.full == nil }

// write is the goroutine. After a failure it goes on taking batches, since the
// loops must not come to a stop, and counts their lines as dropped.
func (l *Log) write() {
	defer close(l.done)
	for b := range l.full {
		l.put(b)
		select {
		case l.empty <- b[:0]:
		default:
		}
	}
}

func (l *Log) put(b []byte) {
	if _, err := l.out.Write(b); err != nil {
		l.dropped.Add(lines(b))
		l.err = errors.Join(l.err, onlyFirst(l.err, err))
	}
}

func onlyFirst(first, err error) error {
	if first != nil {
		return nil
	}
	return fmt.Errorf("the access log cannot be written: %w", err)
}

func lines(b []byte) (n uint64) {
	for _, c := range b {
		if c == '\n' {
			n++
		}
	}
	return n
}

// Dropped counts the lines that were lost because the disk was too slow or
// failed. Any goroutine may call it.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Close writes what was handed over and closes the file. No batch may be used
// any more.
func (l *Log) Close() error {
	if !l.immediate() {
		close(l.full)
		<-l.done
	}
	return errors.Join(l.err, l.out.Close())
}

// A Batch gathers the lines of one loop.
type Batch struct {
	log   *Log
	buf   []byte
	stamp stamp
}

// Batch returns a new, empty batch.
func (l *Log) Batch() *Batch {
	return &Batch{log: l, buf: make([]byte, 0, batchSize+batchSize/4)}
}

// Add appends the line of e. It reports whether it is the first of the batch, in
// which case the caller sees to it that Flush is called within MaxAge.
func (b *Batch) Add(e *Entry, at time.Time) (first bool) {
	first = len(b.buf) == 0
	b.buf = e.appendTo(b.buf, b.stamp.at(at))
	if len(b.buf) >= batchSize || b.log.immediate() {
		b.Flush()
		return false
	}
	return first
}

// Flush hands the lines over without waiting. If the queue is full they are
// dropped, and counted.
func (b *Batch) Flush() {
	if len(b.buf) == 0 {
		return
	}
	if b.log.immediate() {
		b.log.put(b.buf)
		b.buf = b.buf[:0]
		return
	}
	select {
	case b.log.full <- b.buf:
		b.buf = b.fresh()
	default:
		b.log.dropped.Add(lines(b.buf))
		b.buf = b.buf[:0]
	}
}

func (b *Batch) fresh() []byte {
	select {
	case buf := <-b.log.empty:
		return buf
	default:
		return make([]byte, 0, batchSize+batchSize/4)
	}
}
