package weather

import (
	"bytes"
	"sync/atomic"
)

// A Log counts what edge writes to its access log.
type Log struct {
	lines, replayed atomic.Int64
	half            []byte // of a line that is not whole
}

// Lines is how many lines there were.
func (l *Log) Lines() int64 { return l.lines.Load() }

// Replayed is how many requests were sent once more, after a stale connection.
func (l *Log) Replayed() int64 { return l.replayed.Load() }

func (l *Log) Write(b []byte) (int, error) {
	l.half = append(l.half, b...)
	whole := bytes.LastIndexByte(l.half, '\n') + 1
	l.lines.Add(int64(bytes.Count(l.half[:whole], []byte("\n"))))
	l.replayed.Add(int64(bytes.Count(l.half[:whole], []byte(" replayed"))))
	l.half = append(l.half[:0], l.half[whole:]...)
	return len(b), nil
}
