package accesslog

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/hopwire/hopwire/shared/jsonline"
	"github.com/hopwire/hopwire/shared/loop"
)

// maxAge is how long a line waits for others. Who looks right behind a request is to find
// its line; a write for each loop every so often costs nothing.
const maxAge = 100 * time.Millisecond

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

// JSON reports whether lines are objects, which begin with Object and not with Begin.
func (b *Batch) JSON() bool { return b.log.JSON }

// Object begins a line of the program that is a JSON object, of the event that it tells
// of. The rest is as with Begin.
func (b *Batch) Object(program, event string) []byte {
	line := append(jsonline.Begin(b.lines), `"time":"`...)
	line = b.appendInstant(line)
	return jsonline.Text(jsonline.Text(append(line, '"'), "program", program), "event", event)
}

// AppendRequest adds the parts of a request line to an object; or what came of one that
// is no request, or of which nobody has seen the end.
func AppendRequest(b, line []byte, whole bool) []byte {
	if !whole {
		return jsonline.Text(b, "request_line", line)
	}
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(rest, []byte(" HTTP/"))
	b = jsonline.Text(jsonline.Text(b, "method", method), "target", target)
	return jsonline.Text(b, "version", version)
}

// End ends the line.
func (b *Batch) End(line []byte) {
	first := len(b.lines) == 0
	if b.log.JSON {
		b.lines = jsonline.End(line)
	} else {
		b.lines = append(line, '\n')
	}
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
		b.time = b.second(now).AppendFormat(b.time[:0], "[02/Jan/2006:15:04:05 -0700]")
	}
	return b.time
}

// appendInstant tells the time in UTC to the microsecond (RFC 3339).
func (b *Batch) appendInstant(line []byte) []byte {
	now := b.loop.Clock()
	if now >= b.nextAt {
		b.time = b.second(now).UTC().AppendFormat(b.time[:0], jsonline.Second)
	}
	us := (time.Second - b.nextAt.Sub(now)).Microseconds()
	line = append(append(line, b.time...), '.')
	for unit := int64(100_000); unit > 0; unit /= 10 {
		line = append(line, byte('0'+us/unit%10))
	}
	return append(line, 'Z')
}

// second reads the wall clock, and notes when its next second begins.
func (b *Batch) second(now loop.Time) time.Time {
	wall := b.loop.Wall()
	b.nextAt = now.Add(time.Second - time.Duration(wall.Nanosecond()))
	return wall
}
