package fault

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/hopwire/hopwire/shared/wire"
)

// A Strike is what becomes of one response, and of the interim ones before it.
type Strike struct {
	cutter
	fault  *Fault
	method []byte
	minor  uint8

	state   state
	held    []byte // a part of the head, or of the line of a chunk
	head    wire.ResponseHead
	body    wire.BodyScanner
	framing wire.Framing

	left   int64 // of the content that gets chunks
	chunk  int64 // of the chunk under way
	chunks int64 // that have begun
}

// state is where in the response we are.
type state uint8

const (
	atHead     state = iota
	asItIs           // bytes of the body that stay as they are
	inChunks         // bytes of chunks, which are recognised
	intoChunks       // content that gets chunks
	atLast           // the last chunk, and what is behind it
)

// Strike strikes the response to a request with that method, in HTTP/1.minor.
func (f *Fault) Strike(method []byte, minor uint8) *Strike {
	return &Strike{fault: f, method: bytes.Clone(method), minor: minor, cutter: cutter{acts: slices.Clone(f.acts), struck: f.Answer > 0}}
}

// Name is that of the fault.
func (s *Strike) Name() string { return s.fault.Name() }

// Count counts the strike.
func (s *Strike) Count() { s.fault.Count() }

// Pass takes the next bytes of the response, cut anywhere, and gives the steps to
// take. After one that ends the response there are none.
func (s *Strike) Pass(p []byte) iter.Seq[Step] {
	return s.steps(func() { s.take(p) })
}

// End is called when the response is whole. It gives the last steps to take.
func (s *Strike) End() iter.Seq[Step] {
	return s.steps(func() {
		s.put(s.held)
		s.pass(behindBody, Wait, dribble)
		for range s.fault.extra {
			s.put(extra)
			s.struck = true
		}
		s.pass(behindBody, FIN, Stop)
	})
}

// Sent is how many bytes of the body have gone out.
func (s *Strike) Sent() int64 {
	if s.part != byteOfBody {
		return 0
	}
	return s.at
}

// Struck reports whether anything was not as it should have been.
func (s *Strike) Struck() bool { return s.struck }

func (s *Strike) steps(f func()) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		s.yield = yield
		f()
		s.flush()
	}
}

func (s *Strike) take(p []byte) {
	for len(p) > 0 && !s.over {
		switch s.state {
		case atHead:
			p = s.takeHead(p)
		case inChunks:
			p = s.takeChunks(p)
		case intoChunks:
			p = s.makeChunks(p)
		case atLast:
			if !s.fault.noLastChunk {
				s.send(p)
			}
			return
		default:
			s.send(p)
			return
		}
	}
}

// takeHead waits for a whole head.
func (s *Strike) takeHead(p []byte) (rest []byte) {
	seen := len(s.held)
	s.held = append(s.held, p...)
	n, err := wire.ParseResponseHead(s.held, seen, &s.head)
	if err == wire.ErrIncomplete {
		return nil
	}
	if err == nil && s.head.Interim() {
		s.put(s.held[:n])
		s.held = s.held[:0]
		return p[n-seen:]
	}
	if err == nil {
		s.framing, err = wire.ResponseFraming(&s.head, s.method)
	}
	if err != nil { // nobody can tell where its parts are
		s.state = asItIs
		s.put(s.held)
		s.held = nil
		return nil
	}
	s.sendHead()
	s.held = s.held[:0]
	if !s.over {
		s.beginBody()
	}
	return p[n-seen:]
}

// sendHead sends what comes before the head, and the head.
func (s *Strike) sendHead() {
	s.insert()
	head := s.edited()
	for i := range s.acts {
		s.acts[i].place = s.resolve(s.acts[i].place, int64(len(head)))
	}
	s.enter(byteOfHead)
	s.send(head)
}

// resolve makes a number of a byte of what is half of the head or of the content.
func (s *Strike) resolve(p place, head int64) place {
	switch p.mark {
	case beforeHead:
		return place{byteOfHead, 0}
	case inHead:
		return place{byteOfHead, head / 2}
	case behindHead:
		return place{byteOfHead, head}
	case inBody:
		switch s.framing.Kind {
		case wire.Length:
			return place{byteOfBody, s.halfway()}
		case wire.Chunked:
			return place{mark: beforeLastChunk}
		}
		return place{mark: behindBody}
	}
	return p
}

// halfway is how many bytes of the body bring half of the content.
func (s *Strike) halfway() int64 {
	half := s.framing.Length / 2
	if !s.coded() {
		return half
	}
	size := s.fault.chunkSize
	whole, part := half/size, half%size
	at := half + whole*int64(len(chunkLine(size))+len(crlf))
	if part > 0 {
		at += int64(len(chunkLine(min(size, s.framing.Length-whole*size))))
	}
	return at
}

func chunkLine(size int64) []byte { return fmt.Appendf(nil, "%x\r\n", size) }

func (s *Strike) beginBody() {
	s.enter(byteOfBody)
	s.state = asItIs
	switch {
	case s.coded():
		s.state, s.left = intoChunks, s.framing.Length
		if s.left == 0 {
			s.lastChunk(lastChunk)
		}
	case s.framing.Kind == wire.Chunked:
		s.state = inChunks
		s.body.Reset(s.framing)
	}
}

// coded says whether content that has a length gets chunks, which HTTP/1.0 does not
// know.
func (s *Strike) coded() bool {
	return s.fault.chunkSize > 0 && s.framing.Kind == wire.Length && s.minor > 0
}

var (
	crlf      = []byte("\r\n")
	lastChunk = []byte("0\r\n\r\n")
	extra     = []byte("x")
)

// makeChunks makes chunks of content.
func (s *Strike) makeChunks(p []byte) (rest []byte) {
	if s.chunk == 0 {
		s.chunk = min(s.fault.chunkSize, s.left)
		s.beginChunk(chunkLine(s.chunk))
	}
	n := min(s.chunk, int64(len(p)))
	s.send(p[:n])
	s.chunk -= n
	s.left -= n
	if s.chunk == 0 {
		s.send(crlf)
	}
	if s.left == 0 {
		s.lastChunk(lastChunk)
	}
	return p[n:]
}

// takeChunks recognises the line of each chunk, and holds it until it is whole: only
// then is known whether it is that of the last.
func (s *Strike) takeChunks(p []byte) (rest []byte) {
	if n := min(s.body.Remaining(), int64(len(p))); n > 0 {
		s.body.Advance(n)
		s.send(p[:n])
		return p[n:]
	}
	if _, _, err := s.body.Scan(p[:1]); err != nil {
		s.state = asItIs // and so are the bytes
	}
	s.held = append(s.held, p[0])
	switch {
	case s.body.Remaining() > 0:
		s.beginChunk(s.held)
	case p[0] == '\n' && s.body.LastChunkBegun():
		s.lastChunk(s.held)
	case p[0] == '\n' || s.state == asItIs: // behind the content of a chunk
		s.send(s.held)
	default:
		return p[1:]
	}
	s.held = s.held[:0]
	return p[1:]
}

// beginChunk sends the line of a chunk.
func (s *Strike) beginChunk(line []byte) {
	if s.chunks++; s.chunks > 1 {
		s.pass(betweenChunks, Wait, Stop)
	}
	if s.chunks == s.fault.badChunk {
		s.struck = true
		line = []byte("no size\r\n")
	}
	s.send(line)
}

// lastChunk sends the last chunk, or the line that it begins with.
func (s *Strike) lastChunk(line []byte) {
	s.pass(beforeLastChunk, Wait, Stop)
	if s.state = atLast; s.fault.noLastChunk {
		s.struck = true
		return
	}
	s.send(line)
}

// Begun reports whether a byte of the final response has gone out.
func (s *Strike) Begun() bool { return s.at > 0 || s.part == byteOfBody || s.state == asItIs }
