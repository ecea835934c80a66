package wire

// A BodyScanner finds the end of a body in the octets that follow a head, and
// the content in it, without holding any of them. The zero value is a body of
// no octets; set Limits, and call Reset for each body.
//
// A caller uses [BodyScanner.Scan] to relay a body as it came, or
// [BodyScanner.Content] to take the content out of it, or mixes them. Both go
// on where the last call stopped. After an error the scanner is of no use until
// Reset.
type BodyScanner struct {
	// Limits bounds the chunked coding: ChunkLine and Trailer count. Reset
	// keeps it; set it before.
	Limits Limits

	framing Framing
	left    int64 // octets of content still to come: of the body, or of the chunk
	passed  int64 // octets of the body gone by
	chunks  chunked
}

// Reset begins a body with that framing.
func (s *BodyScanner) Reset(f Framing) {
	*s = BodyScanner{Limits: s.Limits, framing: f}
	switch f.Kind {
	case Length:
		s.left = f.Length
	case UntilClose:
		s.left = 1<<63 - 1
	case Chunked:
		s.chunks.maxLine, s.chunks.maxTrailer = s.Limits.chunkLine(), s.Limits.trailer()
	}
}

// HoldTrailer has the scanner stop before the trailer section of this body, unless
// it is empty, or go on again: with hold, [BodyScanner.AtTrailer] is true there, and
// no octet is taken any more; without, as after Reset, the section is passed like
// all the rest. So a caller can keep it until it is whole, and change it.
func (s *BodyScanner) HoldTrailer(hold bool) { s.chunks.hold = hold }

// Scan takes the next octets of the stream and returns how many of them belong
// to the body, chunk framing and trailer section included. That is all of them
// unless the body ends among them, and then done is true, or a trailer section
// that is to be held begins. The octets of content are skipped over, not looked
// at. The error is an *Error; n then counts the octets before the offending one.
func (s *BodyScanner) Scan(p []byte) (n int, done bool, err error) {
	for {
		var taken int
		_, taken, done, err = s.Content(p[n:])
		n += taken
		if done || err != nil || n == len(p) || s.AtTrailer() {
			return n, done, err
		}
	}
}

// Content takes octets of the stream up to the end of the next span of content
// and returns the span, which points into p, and how many octets were taken.
// When these are all of p, the span may be empty. done is true when the body is
// complete; the last span may come with it. Call it again with p[n:] until done
// is true, p is used up, or no octet is taken, which is before a trailer section
// that is to be held.
func (s *BodyScanner) Content(p []byte) (content []byte, n int, done bool, err error) {
	if s.framing.Kind == Chunked && s.left == 0 {
		n, err = s.chunks.frame(p)
		s.passed += int64(n)
		if err != nil {
			err.(*Error).Offset = int(s.passed)
			return nil, n, false, err
		}
		if s.chunks.state == inChunkData {
			s.left = s.chunks.size
		}
	}
	if s.left > 0 {
		content = p[n:]
		if int64(len(content)) > s.left {
			content = content[:s.left]
		}
		n += len(content)
		s.Advance(int64(len(content)))
	}
	return content, n, s.Done(), nil
}

// Remaining returns how many octets of content are known to follow directly:
// the rest of a body with a length, the rest of the current chunk, and for
// content until close the largest int64. They may be moved past the scanner, by
// splice for one, and reported to Advance.
func (s *BodyScanner) Remaining() int64 { return s.left }

// Advance reports that n octets of content, at most Remaining, went by unseen.
func (s *BodyScanner) Advance(n int64) {
	n = min(n, s.left)
	s.passed += n
	if n <= 0 || s.framing.Kind == UntilClose {
		return
	}
	s.left -= n
	if s.left == 0 && s.framing.Kind == Chunked {
		s.chunks.state = inChunkDataCR
	}
}

// AtTrailer reports whether the octets that follow are held: the last chunk has
// gone by, and if anything but the empty line comes, it is a trailer section.
func (s *BodyScanner) AtTrailer() bool { return s.chunks.holds() }

// LastChunkBegun reports whether a size of zero has gone by, or a part of a size that
// may still be zero. Then there are recipients who take the end of the stream for that
// of the body, although its last line is missing.
func (s *BodyScanner) LastChunkBegun() bool {
	return s.framing.Kind == Chunked && s.chunks.state != inSizeStart && s.chunks.size == 0
}

// Done reports whether the body is complete.
func (s *BodyScanner) Done() bool {
	switch s.framing.Kind {
	case UntilClose:
		return false
	case Chunked:
		return s.chunks.state == chunkedDone
	}
	return s.left == 0
}

// End says what the end of the stream means here: nil when the body is
// complete, or when it is its end; otherwise ErrTruncated.
func (s *BodyScanner) End() error {
	if s.framing.Kind == UntilClose || s.Done() {
		return nil
	}
	return ErrTruncated
}
