package lexer

import "github.com/hopwire/hopwire/shared/wire"

// A Span is a run of bytes with one role.
type Span struct {
	From, To int64 // offsets among all bytes that went that way: From the first one's, To that behind the last one
	Role     Role

	// Exchange is which exchange of the connection the bytes belong to, from 1 on:
	// interim responses have the number of the final one. Bytes without frame have
	// that of the message before them.
	Exchange int

	Interim bool // in an interim response
	Trailer bool // in a field line of a trailer section

	// Err is, for the role Error, why wire refuses the message. From is the offending
	// byte, or the beginning of the line that offends as a whole. Its Offset counts
	// from the first byte of the head, an empty line before it included, or of the
	// body.
	Err *wire.Error
}

// A Lexer gives the bytes that go one way on a connection their roles.
type Lexer struct {
	peer      *Lexer // which reads the other way
	ofRequest bool

	stage    stage
	exchange int
	interim  bool // the message is an interim response
	last     bool // no message follows on this one

	head     []byte // what has come of one that is not whole; in a tunnel, what was taken for one
	request  wire.RequestHead
	response wire.ResponseHead
	body     wire.BodyScanner
	content  Role // of the body's content
	parts    parts
	err      *wire.Error

	methods []string // of the requests that are to be answered, for a Lexer of responses
	told    bool     // of any request

	spans   []Span // of the caller, during a call
	settled int64  // the offset behind the last span
	at      int64  // the offset behind the part that is being read
}

// stage is what the next byte stands in.
type stage uint8

const (
	inHead stage = iota
	inBody
	unframed
	failed
)

// New returns the two Lexers of a connection, which tell each other what they have to
// know: what method a response answers, and when a tunnel begins. So feed a request
// before its response. If only one way is to be read, leave the other Lexer alone, and
// use [Lexer.Answers] or [Lexer.Tunnel].
func New(limits wire.Limits) (requests, responses *Lexer) {
	requests, responses = &Lexer{ofRequest: true}, &Lexer{}
	requests.peer, responses.peer = responses, requests
	requests.request.Limits, requests.body.Limits = limits, limits
	responses.response.Limits, responses.body.Limits = limits, limits
	return requests, responses
}

// Answers says that a request with that method is to be answered. A Lexer of responses
// that is told of no request takes each response for that to a GET. Once it is told of
// one, what comes when all are answered, and before another one begins, is without
// frame (RFC 9112 section 9.2).
func (l *Lexer) Answers(method string) {
	l.methods, l.told = append(l.methods, method), true
}

// Tunnel says that the message that is being read is the last one, or if none is, that
// none has come since the last one that was whole: what follows is without frame.
func (l *Lexer) Tunnel() {
	if l.last = true; l.stage != inBody {
		l.enter(unframed)
	}
}

// Append takes the bytes that come next, and appends the spans that are settled by
// them. If spans are those of the calls before, one that goes on is made longer. It
// keeps neither p nor spans.
func (l *Lexer) Append(spans []Span, p []byte) []Span {
	l.spans = spans
	for len(p) > 0 {
		switch {
		case l.stage == inBody:
			p = p[l.takeBody(p):]
		case l.stage == inHead && !l.unasked():
			p = p[l.takeHead(p):]
		default:
			l.takeRest(int64(len(p)))
			p = nil
		}
	}
	return l.release()
}

// Skip takes n bytes that are not at hand, such as content that a recording left out.
// If there are more of them than content is known to follow, nobody knows what is
// behind them, and so they and all that follows are without frame.
func (l *Lexer) Skip(spans []Span, n int64) []Span {
	l.spans = spans
	if l.stage == inBody {
		content := min(n, l.body.Remaining())
		l.body.Advance(content)
		l.takeContent(content)
		n -= content
	}
	if n > 0 {
		if l.stage < unframed {
			l.splitOpen()
		}
		l.takeRest(n)
	}
	return l.release()
}

// AppendOpen appends spans of the bytes that were taken and are not settled, as far as
// these are known to be good. It changes nothing: the next Append begins where the
// settled spans end.
func (l *Lexer) AppendOpen(spans []Span) []Span {
	open := *l
	open.spans = spans
	if open.stage < unframed {
		open.splitOpen()
	} else {
		open.takeRest(0)
	}
	return open.spans
}

// splitOpen settles what is open.
func (l *Lexer) splitOpen() {
	if len(l.head) > 0 {
		l.splitHead(l.head)
		l.head = nil
	}
	l.endPart()
}

func (l *Lexer) release() []Span {
	spans := l.spans
	l.spans = nil
	return spans
}

// unasked reports whether the bytes that follow can be no response, for all requests
// are answered, and it is certain that no other one has begun.
func (l *Lexer) unasked() bool {
	if !l.told || len(l.methods) > 0 {
		return false
	}
	switch requests := l.peer; requests.stage {
	case inHead:
		return len(requests.head) == 0
	case unframed:
		return requests.last // or it is behind a gap
	default:
		return requests.stage == inBody
	}
}

// takeRest takes n bytes that stand in no message.
func (l *Lexer) takeRest(n int64) {
	role := Unframed
	if l.stage == failed {
		role = Error
	} else {
		l.enter(unframed)
	}
	l.emit(role, l.settled+int64(len(l.head))+n)
	l.head = l.head[:0]
}

// enter goes on to a stage in which parts of lines begin anew.
func (l *Lexer) enter(s stage) { l.stage, l.parts = s, parts{} }

// pieceLen is how many bytes are taken at a time before a head is known to be whole.
const pieceLen = 4 << 10

// takeHead takes bytes of a head, and returns how many.
func (l *Lexer) takeHead(p []byte) int {
	seen := len(l.head)
	l.head = append(l.head, p[:min(len(p), pieceLen)]...)
	taken := len(l.head) - seen
	n, framing, err := l.parse(seen)
	switch err := err.(type) {
	case nil:
		l.splitHead(l.head[:n])
		l.head = l.head[:0]
		l.beginBody(framing)
		return n - seen
	case *wire.Error:
		l.splitHead(l.head[:err.Offset])
		l.head = l.head[err.Offset:]
		l.refuse(err)
		l.takeRest(0)
	}
	return taken
}

// parse parses the head, of which seen bytes were there in the last call.
func (l *Lexer) parse(seen int) (n int, f wire.Framing, err error) {
	var raw []byte
	if l.ofRequest {
		if n, err = wire.ParseRequestHead(l.head, seen, &l.request); err != nil {
			return n, f, err
		}
		raw = l.request.Raw
		f, err = wire.RequestFraming(&l.request)
	} else {
		if n, err = wire.ParseResponseHead(l.head, seen, &l.response); err != nil {
			return n, f, err
		}
		raw = l.response.Raw
		f, err = wire.ResponseFraming(&l.response, []byte(l.method()))
	}
	if err != nil {
		err.(*wire.Error).Offset += n - len(raw)
	}
	return n, f, err
}

// method is that of the request that the response answers.
func (l *Lexer) method() string {
	if len(l.methods) == 0 {
		return "GET"
	}
	return l.methods[0]
}

// splitHead splits the beginning of a head, or a whole one, as far as it is good.
func (l *Lexer) splitHead(b []byte) {
	if !l.interim {
		l.exchange++
	}
	if l.parts.begins = Method; !l.ofRequest {
		l.parts.begins = Version
		isKnown := l.response.Status >= 100
		l.interim = isKnown && l.response.Interim()
	}
	l.split(b)
}

// beginBody goes on behind a whole head.
func (l *Lexer) beginBody(f wire.Framing) {
	l.enter(inBody)
	l.body.Reset(f)
	if l.content = Content; f.Kind == wire.Chunked {
		l.content, l.parts.begins = ChunkData, ChunkSize
	}
	switch {
	case l.ofRequest:
		l.last = !wire.RequestPersists(&l.request)
		l.peer.Answers(string(l.request.Method))
	case !l.interim:
		l.endExchange(f)
	}
	l.endBody()
}

// endExchange goes on behind the head of a final response, or of a 101.
func (l *Lexer) endExchange(f wire.Framing) {
	status := l.response.Status
	isTunnel := status == 101 || status/100 == 2 && l.method() == "CONNECT"
	l.last = isTunnel || !wire.ResponsePersists(&l.response, f)
	if isTunnel {
		l.peer.Tunnel()
	}
	l.methods = l.methods[min(1, len(l.methods)):]
}

// endBody goes on behind a body, if it is whole.
func (l *Lexer) endBody() {
	switch {
	case !l.body.Done():
	case l.last:
		l.enter(unframed)
	default:
		l.enter(inHead)
	}
}

// takeBody takes bytes of a body, and returns how many.
func (l *Lexer) takeBody(p []byte) int {
	content, n, _, err := l.body.Content(p)
	l.split(p[:n-len(content)])
	if err != nil {
		l.refuse(err.(*wire.Error))
		return n
	}
	l.takeContent(int64(len(content)))
	return n
}

// takeContent takes n bytes of content, which may be none.
func (l *Lexer) takeContent(n int64) {
	if n > 0 {
		l.emit(l.content, l.settled+n)
		l.parts.role = l.content
	}
	l.endBody()
}

func (l *Lexer) refuse(err *wire.Error) {
	l.endPart()
	l.stage, l.err = failed, err
}

// split takes bytes of lines.
func (l *Lexer) split(b []byte) {
	p := &l.parts
	for _, c := range b {
		role := p.next(c)
		if role != p.role && !(role == ChunkSize && p.role == LastChunk) {
			l.endPart()
		}
		p.role = role
		l.at++
		if role == FieldValue && !isOWS(c) {
			p.value = l.at
		}
		if c == '\n' {
			l.endPart()
			p.role, p.trailer = 0, l.stage == inBody && p.begins == FieldName
		}
	}
}

// endPart settles the part that is being read.
func (l *Lexer) endPart() {
	p := &l.parts
	switch p.role {
	case Method, Version, LastChunk:
		p.begins = FieldName
	case FieldValue:
		l.emit(FieldValue, p.value)
		l.emit(OWS, l.at)
	}
	l.emit(p.role, l.at)
	p.before = p.role
}

// emit settles the bytes up to an offset, if there are any.
func (l *Lexer) emit(role Role, to int64) {
	if to == l.settled {
		return
	}
	s := Span{From: l.settled, To: to, Role: role, Exchange: l.exchange}
	if l.settled, l.at = to, max(l.at, to); role != Unframed {
		s.Interim, s.Trailer = l.interim, l.parts.trailer && role != EmptyLine
	}
	if role == Error {
		s.Err = l.err
	}
	if n := len(l.spans); n > 0 {
		if before := &l.spans[n-1]; before.continuesWith(s) {
			before.To = to
			return
		}
	}
	l.spans = append(l.spans, s)
}

// continuesWith reports whether next is more of the same.
func (s Span) continuesWith(next Span) bool {
	s.From, s.To, next.To = s.To, 0, 0
	return s == next
}
