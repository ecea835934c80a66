package wire

// lastNoted is the last of the fields that decide framing and persistence;
// their identities come first.
const lastNoted = FieldConnection

// noted is what the fields that decide framing and persistence say. It is taken
// down while the field lines are parsed, so that the decisions need not look at
// them again.
type noted struct {
	lengthLines uint8 // how many Content-Length lines: 0, 1 or 2, which stands for more
	length      int64 // what the last one says
	lengthBad   bool  // or that it is not a number

	codings codings

	connClose     bool // Connection has the option close
	connKeepAlive bool // Connection has the option keep-alive
	connOthers    bool // Connection has an option beside these
}

// codings is what the Transfer-Encoding lines say, all of them together.
type codings uint8

const (
	codingsNone           codings = iota
	codingsChunked                // chunked alone
	codingsUnknown                // others, and not chunked
	codingsUnknownChunked         // others, followed by chunked
	codingsNotLast                // something follows chunked
	codingsMalformed              // not a list of tokens
)

// contentLength reads a Content-Length value: 1*DIGIT. Lists such as "5, 5" are
// refused although RFC 9112 section 6.3 allows to repair them: the next
// recipient might take the other member.
func (n *noted) contentLength(value []byte) {
	n.lengthLines = min(n.lengthLines+1, 2)
	length, ok := parseLength(value)
	n.length, n.lengthBad = length, !ok
}

// parseLength reads 1*DIGIT below 2 to the power of 63. A number that wraps
// around would end the content early and make a request of its rest.
func parseLength(value []byte) (n int64, ok bool) {
	const maxLength = 1<<63 - 1
	for _, c := range value {
		d := int64(c - '0')
		if c < '0' || c > '9' || n > (maxLength-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(value) > 0
}

// transferEncoding adds a Transfer-Encoding line to the list of codings. Unlike
// other lists, this one may have no empty members, since whether "chunked," is
// chunked has been answered differently.
func (n *noted) transferEncoding(value []byte) {
	list := List(value)
	for {
		n.codings = n.codings.followedBy(list.cut())
		if len(list) == 0 {
			break
		}
	}
	if len(value) > 0 && value[len(value)-1] == ',' {
		n.codings = codingsMalformed
	}
}

// followedBy returns c with one more coding applied.
func (c codings) followedBy(member []byte) codings {
	switch {
	case len(member) == 0 || !all(member, tchar) || c == codingsMalformed:
		return codingsMalformed
	case c == codingsChunked || c == codingsUnknownChunked || c == codingsNotLast:
		return codingsNotLast
	case !EqualFold(member, "chunked"):
		return codingsUnknown
	case c == codingsNone:
		return codingsChunked
	}
	return codingsUnknownChunked
}

// connection takes down the options of a Connection line (RFC 9110 section
// 7.6.1). It may not name a field that frames or routes the message: a gateway
// that removes what is named would forward the content as the next request, or
// to another site.
func (n *noted) connection(value []byte) Rule {
	list := List(value)
	for {
		option, ok := list.Next()
		switch {
		case !ok:
			return ""
		case EqualFold(option, "close"):
			n.connClose = true
		case EqualFold(option, "keep-alive"):
			n.connKeepAlive = true
		default:
			n.connOthers = true
			switch IdentifyField(option) {
			case FieldHost, FieldContentLength, FieldTransferEncoding:
				return RuleConnection
			}
		}
	}
}
