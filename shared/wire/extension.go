package wire

// Chunk extensions (RFC 9112 section 7.1.1):
//
//	chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
//
// They mean nothing here. But a recipient that looks for the end of the line in
// another way than by the grammar finds other chunks behind it, so extensions
// are refused unless they are well-formed.

// extOctet is what an octet is to an extension.
type extOctet uint8

const (
	extBWS extOctet = iota
	extToken
	extEquals
	extSemicolon
	extQuote
	extBackslash
	extOtherText // of a quoted string only
	extCR
	extControl // never allowed
	numExtOctets
)

// refused is where no octet of an extension leads to: it is not among its
// states.
const refused = inSizeStart

// nextInExtension says where each octet leads to from each state of an
// extension; where nothing is said, it is refused.
var nextInExtension = [...][numExtOctets]chunkState{
	inExtStart: {
		extBWS: inExtStart, extToken: inExtName,
	},
	inExtName: {
		extToken: inExtName, extBWS: inExtNameBWS, extEquals: inExtValueStart,
		extSemicolon: inExtStart, extCR: inSizeLF,
	},
	inExtNameBWS: {
		extBWS: inExtNameBWS, extEquals: inExtValueStart, extSemicolon: inExtStart,
	},
	inExtValueStart: {
		extBWS: inExtValueStart, extToken: inExtToken, extQuote: inExtQuoted,
	},
	inExtToken: {
		extToken: inExtToken, extBWS: inExtBWS, extSemicolon: inExtStart, extCR: inSizeLF,
	},
	inExtQuoted: {
		extBWS: inExtQuoted, extToken: inExtQuoted, extEquals: inExtQuoted, extSemicolon: inExtQuoted,
		extOtherText: inExtQuoted, extBackslash: inExtEscape, extQuote: inExtQuotedEnd,
	},
	inExtEscape: { // a backslash makes any octet of text mean itself
		extBWS: inExtQuoted, extToken: inExtQuoted, extEquals: inExtQuoted, extSemicolon: inExtQuoted,
		extOtherText: inExtQuoted, extBackslash: inExtQuoted, extQuote: inExtQuoted,
	},
	inExtQuotedEnd: {
		extBWS: inExtBWS, extSemicolon: inExtStart, extCR: inSizeLF,
	},
	inExtBWS: { // only another extension may follow
		extBWS: inExtBWS, extSemicolon: inExtStart,
	},
}

// extensionOctet takes one octet of chunk extensions, or the CR that ends them.
func (c *chunked) extensionOctet(o byte) Rule {
	next := nextInExtension[c.state][extOctetOf(o)]
	if next == refused {
		return orBareLF(RuleChunkExtension, o)
	}
	c.state = next
	if next == inSizeLF {
		return ""
	}
	return c.lineOctet()
}

func extOctetOf(o byte) extOctet {
	switch {
	case class[o]&tchar != 0:
		return extToken
	case isOWS(o):
		return extBWS
	case o == '=':
		return extEquals
	case o == ';':
		return extSemicolon
	case o == '"':
		return extQuote
	case o == '\\':
		return extBackslash
	case o == '\r':
		return extCR
	case class[o]&text != 0:
		return extOtherText
	}
	return extControl
}
