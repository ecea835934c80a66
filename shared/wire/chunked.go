package wire

// chunkState is where in a chunked body the scanner is (RFC 9112 section 7.1):
//
//	chunked-body = *chunk last-chunk trailer-section CRLF
//	chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//	last-chunk   = 1*("0") [ chunk-ext ] CRLF
//
// The states are in the order of the grammar.
type chunkState uint8

const (
	inSizeStart chunkState = iota // before the first digit
	inSize
	inExtStart // after a semicolon; the states of extensions are in extension.go
	inExtName
	inExtNameBWS
	inExtValueStart
	inExtToken
	inExtQuoted
	inExtEscape
	inExtQuotedEnd
	inExtBWS
	inSizeLF
	inChunkData
	inChunkDataCR
	inChunkDataLF
	inTrailerStart // before a trailer field, or the empty line
	inTrailerName
	inTrailerValue
	inTrailerLF
	inLastLF // after the CR of the empty line
	chunkedDone
)

// chunked takes the octets of the chunked coding that are not content, one
// after the other: it keeps its place between any two of them.
type chunked struct {
	maxLine    int // as Limits says
	maxTrailer int

	size     int64 // of the chunk
	line     int   // octets of the size and extensions
	overhead int   // see weigh
	trailer  int   // octets of the trailer section
	state    chunkState
	digits   uint8 // of the size
	hold     bool  // the trailer section is not to be entered
	name     trailerName
}

// frame takes octets up to the content of the next chunk, or to the end of the
// body; or to a trailer section that is not empty, if that is to be held. n is how
// many; on an error it is the index of the offending octet.
func (c *chunked) frame(p []byte) (n int, err error) {
	for n < len(p) && c.state != inChunkData && c.state != chunkedDone {
		if c.holds() && p[n] != '\r' {
			return n, nil
		}
		if rule := c.octet(p[n]); rule != "" {
			return n, refuse(rule, n)
		}
		n++
	}
	return n, nil
}

// holds reports whether the last chunk has come to its end, nothing behind it was
// taken, and none is to be.
func (c *chunked) holds() bool { return c.hold && c.state == inTrailerStart && c.trailer == 0 }

// octet takes one octet and returns the rule that it breaks, if any.
func (c *chunked) octet(o byte) Rule {
	switch {
	case c.state <= inSize:
		return c.sizeOctet(o)
	case c.state < inSizeLF:
		return c.extensionOctet(o)
	case c.state < inTrailerStart:
		return c.lineEndOctet(o)
	}
	return c.trailerOctet(o)
}

// sizeOctet takes an octet of chunk-size or the one that ends it. More digits
// than an int64 has are refused even if they are zeros, and before any of them
// can be shifted out: a size that wraps around ends the chunk early, and its
// data goes on as the next request.
func (c *chunked) sizeOctet(o byte) Rule {
	if class[o]&hexdig == 0 {
		return c.sizeEnds(o)
	}
	if c.state == inSizeStart {
		c.state, c.size, c.digits, c.line = inSize, 0, 0, 0
	}
	if c.digits++; c.digits > 16 || c.size > (1<<63-1)>>4 {
		return RuleChunkSizeTooBig
	}
	c.size = c.size<<4 | int64(hexValue(o))
	return c.lineOctet()
}

// sizeEnds takes the octet after chunk-size. Whitespace is refused there, even
// before an extension: recipients differ on whether the size goes on behind it.
func (c *chunked) sizeEnds(o byte) Rule {
	switch {
	case o == '\r' && c.state == inSize:
		c.state = inSizeLF
		return ""
	case o == ';' && c.state == inSize:
		c.state = inExtStart
		return c.lineOctet()
	case o == '\n':
		return RuleBareLF
	}
	return RuleChunkSize
}

func hexValue(o byte) byte {
	if o <= '9' {
		return o - '0'
	}
	return o&^0x20 - 'A' + 10
}

// lineOctet counts an octet of a chunk's size and extensions.
func (c *chunked) lineOctet() Rule {
	if c.line++; c.line > c.maxLine {
		return RuleChunkLineTooLong
	}
	return ""
}

// lineEndOctet takes the LF after size and extensions, or the CRLF after the
// data.
func (c *chunked) lineEndOctet(o byte) Rule {
	switch {
	case c.state == inSizeLF && o == '\n':
		return c.sizeIsKnown()
	case c.state == inSizeLF:
		return RuleBareCR
	case c.state == inChunkDataCR && o == '\r':
		c.state = inChunkDataLF
	case c.state == inChunkDataLF && o == '\n':
		c.state = inSizeStart
	default:
		return RuleChunkEnd
	}
	return ""
}

// sizeIsKnown goes on to the data of the chunk, or after the last chunk to the
// trailer section.
func (c *chunked) sizeIsKnown() Rule {
	if c.size == 0 {
		c.state = inTrailerStart
		return ""
	}
	c.state = inChunkData
	return c.weigh()
}

// weigh keeps a tally of framing that is out of proportion to the content. A
// chunk of one octet with a long extension, over and over, would make a
// recipient read a thousand times what it lets through (CVE-2023-39326). Each
// chunk may have a few octets for nothing and two for each octet of content.
func (c *chunked) weigh() Rule {
	const free, maxOverhead = 16, 16 << 10
	paid := min(c.size, maxOverhead) // more would pay for nothing more, and might overflow
	c.overhead = max(0, c.overhead+c.line+len("\r\n")-free-2*int(paid))
	if c.overhead > maxOverhead {
		return RuleChunkOverhead
	}
	return ""
}

// trailerOctet takes one octet of the trailer section, whose grammar is that of
// field lines (RFC 9112 section 7.1.2), or of the empty line that ends the
// body.
func (c *chunked) trailerOctet(o byte) Rule {
	isEmptyLine := c.state == inLastLF || c.state == inTrailerStart && o == '\r'
	if c.trailer++; c.trailer > c.maxTrailer && !isEmptyLine {
		return RuleTrailerTooLarge
	}
	switch {
	case c.state == inTrailerStart:
		return c.trailerStart(o)
	case c.state == inTrailerName:
		return c.trailerName(o)
	case c.state == inTrailerValue:
		return c.trailerValue(o)
	case o != '\n':
		return RuleBareCR
	case c.state == inLastLF:
		c.state = chunkedDone
	default:
		c.state = inTrailerStart
	}
	return ""
}

func (c *chunked) trailerStart(o byte) Rule {
	switch {
	case o == '\r':
		c.state = inLastLF
		return ""
	case isOWS(o):
		return RuleFold
	case class[o]&tchar == 0:
		return orBareLF(RuleFieldName, o)
	}
	c.state = inTrailerName
	c.name = trailerName{}
	c.name.add(o)
	return ""
}

func (c *chunked) trailerName(o byte) Rule {
	switch {
	case class[o]&tchar != 0:
		c.name.add(o)
		return ""
	case o == ':' && c.name.isRefused():
		return RuleTrailerField
	case o == ':':
		c.state = inTrailerValue
		return ""
	case o == '\r':
		return RuleFieldNoColon
	case isOWS(o):
		return RuleFieldNameSpace
	}
	return orBareLF(RuleFieldName, o)
}

func (c *chunked) trailerValue(o byte) Rule {
	switch {
	case o == '\r':
		c.state = inTrailerLF
	case class[o]&text == 0:
		return orBareLF(RuleFieldValue, o)
	}
	return ""
}

// A trailerName keeps the beginning of a trailer field's name, which may arrive
// in pieces: enough of it to recognise the names that are refused.
type trailerName struct {
	octets [len("Transfer-Encoding") + 1]byte
	len    uint8
}

func (t *trailerName) add(o byte) {
	if int(t.len) < len(t.octets) {
		t.octets[t.len] = o
		t.len++
	}
}

// isRefused reports whether the field must not stand in a trailer section. A
// recipient that merges trailer fields into the header section, as some do,
// would frame or route the message anew after it was checked (RFC 9110 section
// 6.5.1).
func (t *trailerName) isRefused() bool {
	switch IdentifyField(t.octets[:t.len]) {
	case FieldContentLength, FieldTransferEncoding, FieldHost:
		return true
	}
	return false
}
