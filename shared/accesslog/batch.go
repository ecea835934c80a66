package accesslog

import (
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// maxAge is how long a line waits for others.
const maxAge = time.Second

// A Batch gathers the lines of one loop. It sees to it by itself that they get to
// the Log.
type Batch struct {
	log   *Log
	loop  *loop.Loop
	lines []byte
	due   *loop.Timer // runs out when the first line is maxAge old

	// The time of a line, made once a second.
	time   []byte
	nextAt loop.Time // when the next second begins
}

// Begin begins a line with what Common Log Format has. The caller appends what
// else there is to tell to the result, which is the batch's own memory, and gives
// it to End before anybody else uses the batch. The size is that of the content.
func (b *Batch) Begin(client netip.AddrPort, requestLine []byte, status int, size int64) []byte {
	line := appendHost(b.lines, client)
	line = append(line, " - - "...)
	line = append(line, b.now()...)
	line = append(line, ` "`...)
	line = AppendEscaped(line, requestLine)
	line = append(line, `" `...)
	line = appendNumber(line, int64(status))
	line = append(line, ' ')
	return appendNumber(line, size)
}

// End ends the line.
func (b *Batch) End(line []byte) {
	first := len(b.lines) == 0
	b.lines = append(line, '\n')
	switch {
	case len(b.lines) >= b.log.enough:
		b.flush()
	case first:
		b.due.Reset(maxAge)
	}
}

// age is called when lines have waited long enough. With much before them they
// would wait anyway, so they go on gathering: the queue is for full batches then.
func (b *Batch) age() {
	if b.log.isBehind() {
		b.due.Reset(maxAge)
		return
	}
	b.flush()
}

func (b *Batch) flush() {
	if len(b.lines) > 0 {
		b.lines = b.log.take(b.lines)
	}
}

func (b *Batch) now() []byte {
	if now := b.loop.Now(); now >= b.nextAt {
		wall := b.loop.Wall()
		b.nextAt = now.Add(time.Second - time.Duration(wall.Nanosecond()))
		b.time = wall.AppendFormat(b.time[:0], "[02/Jan/2006:15:04:05 -0700]")
	}
	return b.time
}
