package accesslog

import (
	"bytes"
	"time"
)

// pause is how long it takes after a failure until a write is tried again.
const pause = time.Second / 4

// write is the goroutine.
func (l *Log) write() {
	defer close(l.done)
	for {
		var again <-chan time.Time
		if l.file.out == nil { // the first reader is not to wait for the first line
			again = time.After(pause)
		}
		select {
		case lines, more := <-l.full:
			if !more {
				for _, b := range l.batches {
					l.put(b.lines)
				}
				return
			}
			l.put(lines)
			select {
			case l.empty <- lines[:0]:
			default:
			}
		case <-again:
			l.attempt(nil)
		case <-l.reopen:
			l.openAnew()
		}
	}
}

// put writes lines, however long that takes: there may be room on the disk again,
// or somebody who reads the fifo. Meanwhile the queue fills, and what it does not
// take is lost. A line that was cut goes on where it was cut, unless that would be
// in another file.
func (l *Log) put(lines []byte) {
	for rest := l.attempt(lines); len(rest) > 0; rest = l.attempt(rest) {
		select {
		case <-time.After(pause):
		case <-l.reopen:
			written := lines[:len(lines)-len(rest)]
			if l.openAnew() && len(written) > 0 && written[len(written)-1] != '\n' {
				cut := bytes.IndexByte(rest, '\n') + 1
				l.lose(rest[:cut])
				rest = rest[cut:]
			}
		case <-l.closing:
			l.lose(rest)
			return
		}
	}
}

// attempt writes lines and returns those that could not be written.
func (l *Log) attempt(lines []byte) (rest []byte) {
	rest, err := l.file.write(lines)
	switch {
	case err != nil:
		l.err = err
		l.failing.Store(new(err))
		l.hasNews()
	case l.failing.Load() != nil:
		l.failing.Store(nil)
		l.hasNews()
	}
	return rest
}

// openAnew reports whether the file is another one now.
func (l *Log) openAnew() bool {
	changed, err := l.file.reopen()
	switch {
	case err != nil && changed:
		l.say("the access log goes on in another file, the old one is not complete: %w", err)
	case err != nil:
		l.say("the access log goes on in the file that it had: %w", err)
	}
	return changed
}
