package accesslog

import (
	"bytes"
	"fmt"
	"io"
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
	// quiet is how long nothing is said of losses after something was.
	quiet = time.Minute
)

// A Log is a file and the goroutine that writes it. A nil Log is none: its batches
// are nil, and it has nothing to close.
type Log struct {
	// JSON has each line be a JSON object. It is set before there are batches.
	JSON bool

	report  func(error)
	enough  int         // bytes that a batch gathers
	full    chan []byte // lines to write; nil: they are written where they are made
	empty   chan []byte // buffers to use again
	batches []*Batch

	lost    atomic.Uint64
	failing atomic.Pointer[error] // why the last write failed; nil: it did not
	news    chan struct{}         // there is something to say of these; holds one
	told    chan struct{}         // closed: nothing more is said
	closing chan struct{}

	// The goroutine's, until done.
	file   file
	reopen <-chan struct{}
	err    error // the last failure
	done   chan struct{}
}

// Open appends to the file at path, which is made if need be; "-" is standard
// output. Each time reopen tells, the file is opened anew, since the old one has
// been moved away. See New for report.
func Open(path string, reopen <-chan struct{}, report func(error)) (*Log, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("the access log cannot be opened: %w", err)
	}
	return newLog(f, reopen, report), nil
}

// New writes lines to out, and closes it in the end. What is lost meanwhile is
// told to report, on a goroutine of the log, at once and then each minute as long
// as there is more; nil means that nobody wants to know.
func New(out io.WriteCloser, report func(error)) *Log {
	return newLog(file{out: out}, nil, report)
}

func newLog(f file, reopen <-chan struct{}, report func(error)) *Log {
	l := &Log{
		report:  report,
		enough:  batchSize,
		full:    make(chan []byte, queued),
		empty:   make(chan []byte, queued),
		news:    make(chan struct{}, 1),
		told:    make(chan struct{}),
		closing: make(chan struct{}),
		file:    f,
		reopen:  reopen,
		done:    make(chan struct{}),
	}
	go l.write()
	go l.tell()
	return l
}

// Immediate writes each line to out by itself as soon as there is one, on the
// loop that makes it: for a simulated world, where nothing runs beside the loop
// and a line belongs to its instant.
func Immediate(out io.WriteCloser) *Log { return &Log{file: file{out: out}} }

// Batch is what the lines of a loop are gathered in. It is made before the loops
// run.
func (l *Log) Batch(on *loop.Loop) *Batch {
	if l == nil {
		return nil
	}
	b := &Batch{log: l, loop: on, lines: l.spare()}
	b.due = on.After(maxAge, b.age)
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
		close(l.closing)
		close(l.full)
		<-l.told
		select {
		case <-l.done:
		case <-time.After(patience):
			return fmt.Errorf("the access log is not complete: its end was not taken within %v; lines lost: %d at least", patience, l.abandon())
		}
	}
	err := l.file.close()
	switch lost := l.Lost(); {
	case lost > 0 && l.err != nil:
		return fmt.Errorf("the access log is not complete: lines lost: %d: %w", lost, l.err)
	case lost > 0:
		return fmt.Errorf("the access log is not complete: lines lost, since it could not be written fast enough: %d", lost)
	case err != nil:
		return fmt.Errorf("the access log is not complete: %w", err)
	}
	return nil
}

// abandon counts the lines that were lost, and those that are now.
func (l *Log) abandon() uint64 {
	lost := l.Lost()
	for lines := range l.full {
		lost += count(lines)
	}
	for _, b := range l.batches {
		lost += count(b.lines)
	}
	return lost
}

// take gets lines to write, and gives an empty buffer for others. It never waits
// for the goroutine: the loop has others to serve.
func (l *Log) take(lines []byte) []byte {
	if l.full == nil {
		l.lose(l.attempt(lines))
		return lines[:0]
	}
	select {
	case l.full <- lines:
		return l.spare()
	default:
		l.lose(lines)
		return lines[:0]
	}
}

// isBehind reports whether the goroutine has much to write.
func (l *Log) isBehind() bool { return len(l.full) >= queued/2 }

// lose counts lines that were not written and will not be. All losses come by
// here.
func (l *Log) lose(lines []byte) {
	if n := count(lines); n > 0 {
		l.lost.Add(n)
		l.hasNews()
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

func (l *Log) hasNews() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// tell is a goroutine of its own, since the other one may be stuck in a write. Of
// what comes to pass while the log closes, Close tells.
func (l *Log) tell() {
	defer close(l.told)
	var told uint64
	failed := false
	for {
		select {
		case <-l.news:
		case <-l.closing:
			return
		}
		lost, failing := l.lost.Load(), l.failing.Load()
		switch {
		case lost == told && failed == (failing != nil):
			continue
		case failing != nil:
			l.say("the access log cannot be written: %w; lines lost so far: %d", *failing, lost)
		case failed:
			l.say("the access log can be written again; lines lost so far: %d", lost)
		default:
			l.say("the access log cannot be written fast enough; lines lost so far: %d", lost)
		}
		told, failed = lost, failing != nil
		select {
		case <-time.After(quiet):
		case <-l.closing:
			return
		}
	}
}

func (l *Log) say(format string, args ...any) {
	if l.report != nil {
		l.report(fmt.Errorf(format, args...))
	}
}

func count(lines []byte) uint64 { return uint64(bytes.Count(lines, []byte("\n"))) }
