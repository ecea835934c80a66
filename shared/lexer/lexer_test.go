package lexer

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

// oneWay is what goes one way on a connection.
type oneWay struct {
	ofRequest bool
	methods   []string // of the requests that responses answer, if that is known
	limits    wire.Limits
	bytes     []byte
}

func (w *oneWay) lexer() *Lexer {
	requests, responses := New(w.limits)
	if w.ofRequest {
		return requests
	}
	for _, method := range w.methods {
		responses.Answers(method)
	}
	return responses
}

// described is a line for each span: its role and bytes, and what else it says.
func described(b []byte, spans []Span) string {
	var text strings.Builder
	for i, s := range spans {
		if i > 0 && spans[i-1].Exchange != s.Exchange {
			fmt.Fprintf(&text, "#%d\n", s.Exchange)
		}
		fmt.Fprintf(&text, "%s %q", s.Role, b[s.From:s.To])
		if s.Interim {
			text.WriteString(" interim")
		}
		if s.Trailer {
			text.WriteString(" trailer")
		}
		if s.Err != nil {
			fmt.Fprintf(&text, " %s", s.Err.Rule)
		}
		text.WriteString("\n")
	}
	return text.String()
}

const (
	requestLine = `method "GET"
SP " "
request-target "/"
SP " "
HTTP-version "HTTP/1.1"
CRLF "\r\n"
`
	host = `field-name "Host"
colon ":"
OWS " "
field-value "a"
CRLF "\r\n"
`
	statusLine = `HTTP-version "HTTP/1.1"
SP " "
status-code "200"
SP " "
reason-phrase "OK"
CRLF "\r\n"
`
	emptyLine = `empty line "\r\n"
`
	lengthField = `field-name "Content-Length"
colon ":"
field-value "5"
CRLF "\r\n"
`
	chunkedField = `field-name "Transfer-Encoding"
colon ":"
OWS " "
field-value "chunked"
CRLF "\r\n"
`
)

var rolesTable = []struct {
	what, methods string // of what is answered; empty for requests
	bytes         string
	want          string
}{
	{"a request", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", requestLine + host + emptyLine},
	{"an empty line before it", "", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", emptyLine + requestLine + host + emptyLine},
	{"two requests", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		requestLine + host + emptyLine + "#2\n" + requestLine + host + emptyLine},
	{"whitespace around values, and within", "", "GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB: \t\r\nC:d \t e  \r\n\r\n",
		requestLine + host +
			"field-name \"A\"\ncolon \":\"\nCRLF \"\\r\\n\"\n" +
			"field-name \"B\"\ncolon \":\"\nOWS \" \\t\"\nCRLF \"\\r\\n\"\n" +
			"field-name \"C\"\ncolon \":\"\nfield-value \"d \\t e\"\nOWS \"  \"\nCRLF \"\\r\\n\"\n" + emptyLine},
	{"content", "", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:5\r\n\r\nhelloGET", requestLine + host + lengthField + emptyLine +
		"content \"hello\"\n#2\nmethod \"GET\"\n"},
	{"chunks", "", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"02;a=\"0 ;\";b\r\nhe\r\n3\r\nllo\r\n00;c\r\nA: b\r\n\r\n\r\n",
		requestLine + host + chunkedField + emptyLine + `chunk-size "02"
chunk-ext ";a=\"0 ;\";b"
CRLF "\r\n"
chunk-data "he"
CRLF "\r\n"
chunk-size "3"
CRLF "\r\n"
chunk-data "llo"
CRLF "\r\n"
last-chunk "00"
chunk-ext ";c"
CRLF "\r\n"
field-name "A" trailer
colon ":" trailer
OWS " " trailer
field-value "b" trailer
CRLF "\r\n" trailer
` + emptyLine + "#2\n" + emptyLine},
	{"behind a request that is the last one", "", "GET / HTTP/1.0\r\n\r\nGET",
		strings.Replace(requestLine, "1.1", "1.0", 1) + emptyLine + "bytes without frame \"GET\"\n"},
	{"a line that ends with a bare LF", "", "GET / HTTP/1.1\nHost: a\r\n\r\n",
		strings.TrimSuffix(requestLine, "CRLF \"\\r\\n\"\n") + "error \"\\nHost: a\\r\\n\\r\\n\" bare-lf\n"},
	{"a byte of no method", "", "G\x00T / HTTP/1.1\r\n\r\n", "method \"G\"\nerror \"\\x00T / HTTP/1.1\\r\\n\\r\\n\" method\n"},
	{"a space before a colon", "", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		requestLine + "field-name \"Host\"\nerror \" : a\\r\\n\\r\\n\" field-name-space\n"},
	{"two lengths", "", "\r\nGET / HTTP/1.1\r\nHost: a\r\nContent-Length:5\r\nTransfer-Encoding: chunked\r\n\r\n0",
		emptyLine + requestLine + host + lengthField +
			"error \"Transfer-Encoding: chunked\\r\\n\\r\\n0\" content-length-and-transfer-encoding\n"},
	{"a fault in a chunk", "", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		requestLine + host + chunkedField + emptyLine +
			"chunk-size \"1\"\nCRLF \"\\r\\n\"\nchunk-data \"a\"\nerror \"b\\r\\n\" chunk-end\n"},
	{"a fault in a trailer section", "", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a\r\n\r\n",
		requestLine + host + chunkedField + emptyLine +
			"last-chunk \"0\"\nCRLF \"\\r\\n\"\nfield-name \"Host\" trailer\nerror \": a\\r\\n\\r\\n\" trailer trailer-field\n"},

	{"a response", "GET", "HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello", statusLine + lengthField + emptyLine + "content \"hello\"\n"},
	{"a response until close", "GET", "HTTP/1.1 200 OK\r\n\r\nhello", statusLine + emptyLine + "content \"hello\"\n"},
	{"a response without a reason phrase, or its space", "GET", "HTTP/1.1 204 \r\n\r\nHTTP/1.1 204\r\n\r\nX",
		strings.Replace(statusLine, "200\"\nSP \" \"\nreason-phrase \"OK", "204\"\nSP \" ", 1) + emptyLine + "#2\n" +
			strings.Replace(statusLine, "200\"\nSP \" \"\nreason-phrase \"OK", "204", 1) + emptyLine + "#3\nerror \"X\" version\n"},
	{"a reason phrase of spaces", "GET", "HTTP/1.1 204   a \r\n\r\n",
		strings.NewReplacer("200", "204", "OK", "  a ").Replace(statusLine) + emptyLine},
	{"interim responses", "GET", "HTTP/1.1 103 OK\r\nContent-Length:5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello",
		strings.ReplaceAll(strings.Replace(statusLine, "200", "103", 1)+lengthField+emptyLine, "\n", " interim\n") +
			statusLine + lengthField + emptyLine + "content \"hello\"\n"},
	{"what follows the answer to HEAD", "HEAD GET",
		"HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello",
		statusLine + lengthField + emptyLine + "#2\n" + statusLine + lengthField + emptyLine + "content \"hello\"\n"},
	{"content of the answer to HEAD", "told HEAD", "HTTP/1.1 200 OK\r\nContent-Length:5\r\n\r\nhello",
		statusLine + lengthField + emptyLine + "bytes without frame \"hello\"\n"},
	{"behind a response that is the last one", "GET", "HTTP/1.0 200 OK\r\nContent-Length:5\r\n\r\nhelloHTTP",
		strings.Replace(statusLine, "1.1", "1.0", 1) + lengthField + emptyLine + "content \"hello\"\nbytes without frame \"HTTP\"\n"},
	{"another protocol", "GET", "HTTP/1.1 101 OK\r\n\r\nHTTP",
		strings.Replace(statusLine, "200", "101", 1) + emptyLine + "bytes without frame \"HTTP\"\n"},
	{"a tunnel", "CONNECT", "HTTP/1.1 200 OK\r\n\r\nHTTP", statusLine + emptyLine + "bytes without frame \"HTTP\"\n"},
	{"no tunnel", "CONNECT", "HTTP/1.1 400 OK\r\nContent-Length:5\r\n\r\nhelloHTTP",
		strings.Replace(statusLine, "200", "400", 1) + lengthField + emptyLine + "content \"hello\"\n#2\nHTTP-version \"HTTP\"\n"},
	{"an empty line before a response", "GET", "\r\nHTTP/1.1 200 OK\r\n\r\n", "error \"\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n\" version\n"},
	{"a status code of two digits", "GET", "HTTP/1.1 10 OK\r\n\r\n",
		"HTTP-version \"HTTP/1.1\"\nSP \" \"\nstatus-code \"10\"\nerror \" OK\\r\\n\\r\\n\" status-code\n"},
	{"a fault in an interim response", "GET", "HTTP/1.1 103 OK\r\n\r\r\n",
		strings.ReplaceAll(strings.Replace(statusLine, "200", "103", 1), "\n", " interim\n") + "error \"\\r\\r\\n\" interim bare-cr\n"},
}

// TestRoles wants these spans of whole inputs. "told" in front of the methods has no
// other request follow; else there is one more GET than responses ask for.
func TestRoles(t *testing.T) {
	var seen [numRoles]bool
	for _, c := range rolesTable {
		t.Run(c.what, func(t *testing.T) {
			w := oneWay{ofRequest: c.methods == "", bytes: []byte(c.bytes)}
			var isAll bool
			if w.methods = strings.Fields(c.methods); !w.ofRequest {
				if isAll = w.methods[0] == "told"; isAll {
					w.methods = w.methods[1:]
				} else {
					w.methods = append(w.methods, "GET", "GET")
				}
			}
			l := w.lexer()
			spans := l.AppendOpen(l.Append(nil, w.bytes))
			if got := described(w.bytes, spans); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			for _, s := range spans {
				seen[s.Role] = true
			}
			checkPieces(t, &w, func(int) bool { return true })
		})
	}
	for r := Method; r < numRoles; r++ {
		if !seen[r] {
			t.Errorf("no case has a %s", r)
		}
		if (r.Section() == "") != (r == Error) || r.String() == "" {
			t.Errorf("role %d is %q of %q", r, r, r.Section())
		}
	}
}

// checkPieces feeds the bytes one by one, and those beginnings of them that are looked
// at in one piece. It wants each byte to have one role, what is settled to stay, and of
// what is open only that to change which may.
func checkPieces(t *testing.T, w *oneWay, look func(length int) bool) {
	t.Helper()
	l := w.lexer()
	settled := l.Append(nil, w.bytes)
	final := roleOfEach(t, l.AppendOpen(slices.Clone(settled)), len(w.bytes))

	single := w.lexer()
	var spans []Span
	for i := range len(w.bytes) + 1 {
		if i > 0 {
			spans = single.Append(spans, w.bytes[i-1:i])
		}
		if !look(i) {
			continue
		}
		open := roleOfEach(t, single.AppendOpen(slices.Clone(spans)), i)
		certain := int64(0)
		if len(spans) > 0 {
			certain = spans[len(spans)-1].To
		}
		for at, s := range open {
			if !isSame(s, final[at]) && (int64(at) < certain || !mayBecome(open, at, final[at])) {
				t.Fatalf("after %d bytes of %q, of which %d are settled, byte %d is %+v, in the end %+v", i, w.bytes, certain, at, s, final[at])
			}
		}
		if piece := w.lexer().Append(nil, w.bytes[:i]); !isSameAll(piece, spans) {
			t.Fatalf("%d bytes of %q: got\n%swant\n%s", i, w.bytes, described(w.bytes, spans), described(w.bytes, piece))
		}
	}
	if !isSameAll(spans, settled) {
		t.Fatalf("%q byte by byte: got\n%swant\n%s", w.bytes, described(w.bytes, spans), described(w.bytes, settled))
	}
}

// roleOfEach returns for each byte its span, without the offsets. It wants the spans to
// cover n bytes in order, each once, and none to go on with the one before it.
func roleOfEach(t *testing.T, spans []Span, n int) (all []Span) {
	t.Helper()
	for i, s := range spans {
		if s.From != int64(len(all)) || s.To <= s.From || s.To > int64(n) || i > 0 && spans[i-1].continuesWith(s) {
			t.Fatalf("span %d of %d bytes is %+v, behind %+v", i, n, s, spans[:i])
		}
		if s.Role == 0 || (s.Role == Error) != (s.Err != nil) {
			t.Fatalf("span %d is %+v", i, s)
		}
		all = append(all, slices.Repeat([]Span{{Role: s.Role, Exchange: s.Exchange, Interim: s.Interim, Trailer: s.Trailer, Err: s.Err}}, int(s.To-s.From))...)
	}
	if len(all) != n {
		t.Fatalf("%d of %d bytes have a role: %+v", len(all), n, spans)
	}
	return all
}

// mayBecome reports whether the byte at an index, where all that came so far is as in
// open, may turn out to be of the final role.
func mayBecome(open []Span, at int, final Span) bool {
	s := open[at]
	isLastPart := !slices.ContainsFunc(open[at:], func(o Span) bool { return o.Role != s.Role })
	s.Interim = s.Interim || final.Interim // the status code was not whole
	switch {
	case final.Role == Error:
		return s.Exchange == final.Exchange
	case isLastPart && s.Role == OWS && final.Role == FieldValue, isLastPart && s.Role == LastChunk && final.Role == ChunkSize:
		s.Role = final.Role
	}
	return isSame(s, final)
}

func isSame(a, b Span) bool { return reflect.DeepEqual(a, b) }

func isSameAll(a, b []Span) bool { return slices.EqualFunc(a, b, isSame) }

// TestConnection has both Lexers of a connection tell each other what they need.
func TestConnection(t *testing.T) {
	const (
		get      = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		post     = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
		length   = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
		connect  = "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"
		ok       = "HTTP/1.1 200 OK\r\n\r\n"
		switched = "HTTP/1.1 101 OK\r\n\r\n"
	)
	// A step begins with > if it is a request's bytes, and has the role of the last one,
	// how many bytes the last span then has, and its exchange.
	for _, steps := range [][]string{
		{">HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "empty line 2 #1", "<" + length, "empty line 2 #1", ">" + get, "empty line 2 #2",
			"<HTTP/1.1 100 Continue\r\n\r\n", "empty line 2 #2", "<" + length + "hello", "content 5 #2"},
		{">" + connect + "GET", "method 3 #2", "<" + ok, "empty line 2 #1", "<HTTP", "bytes without frame 4 #1",
			">", "bytes without frame 3 #1", "> /", "bytes without frame 5 #1", ">" + get, "bytes without frame 27 #1"},
		{">" + connect + "\x16", "error 1 #2", "<" + ok, "empty line 2 #1", ">\x03", "bytes without frame 1 #2"},
		{">" + post + "a", "content 1 #1", "<" + switched + "b", "bytes without frame 1 #1", ">bc", "bytes without frame 1 #1"},
		{">" + get, "empty line 2 #1", "<" + length + "hello", "content 5 #1", "<HTTP", "bytes without frame 4 #1",
			">" + get, "empty line 2 #2", "<" + ok, "bytes without frame 19 #1"},
		{">" + get, "empty line 2 #1", "<" + length + "hello", "content 5 #1", ">GE", "method 2 #2", "<" + ok, "empty line 2 #2"},
		{">" + get, "empty line 2 #1", "<" + length + "hello", "content 5 #1", ">\n", "error 1 #2", "<" + ok, "empty line 2 #2"},
		{">HEAD / HTTP/1.0\r\n\r\n", "empty line 2 #1", "<" + length, "empty line 2 #1", "<hello", "bytes without frame 5 #1"},
		{">" + post, "empty line 2 #1", "<" + length + "hello", "content 5 #1", "<HTTP", "bytes without frame 4 #1"},
	} {
		requests, responses := New(wire.Limits{})
		for i := 0; i < len(steps); i += 2 {
			l := requests
			if steps[i][0] == '<' {
				l = responses
			}
			spans := l.AppendOpen(l.Append(nil, []byte(steps[i][1:])))
			last := spans[len(spans)-1]
			if got := fmt.Sprintf("%s %d #%d", last.Role, last.To-last.From, last.Exchange); got != steps[i+1] {
				t.Errorf("%q: %q ends with %s, want %s", steps[:i], steps[i], got, steps[i+1])
			}
		}
	}
}

// TestOneWay reads responses without their requests, or without some of them, and the
// requests of a tunnel without the responses.
func TestOneWay(t *testing.T) {
	_, responses := New(wire.Limits{})
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
	spans := responses.Append(nil, []byte(ok+ok))
	if last := spans[len(spans)-1]; last.Role != Content || last.Exchange != 2 {
		t.Errorf("no method is known: %+v", last)
	}
	requests, responses := New(wire.Limits{})
	requests.Skip(requests.Append(nil, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 100)
	spans = responses.Append(nil, []byte(ok+ok))
	if last := spans[len(spans)-1]; last.Role != Content || last.Exchange != 2 {
		t.Errorf("a request is left out: %+v", last)
	}
	requests, _ = New(wire.Limits{})
	spans = requests.Append(nil, []byte("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"))
	requests.Tunnel()
	spans = requests.Append(spans, []byte("GET / HTTP/1.1\r\n\r\n"))
	if last := spans[len(spans)-1]; last.Role != Unframed || last.To-last.From != 18 {
		t.Errorf("in the tunnel: %+v", last)
	}
}

// TestSkip leaves out bytes: of content, and more than that.
func TestSkip(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		before string
		skip   int64
		after  string
		want   string // the last three spans
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5, "HT", "empty line 2, content 5, HTTP-version 2"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 2, "c", "CRLF 2, empty line 2, content 5"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 6, "HT", "empty line 2, content 5, bytes without frame 3"},
		{"HTTP/1.1 200 OK\r\n\r\n", 1 << 40, "a", "CRLF 2, empty line 2, content 1099511627777"},
		{chunked + "5\r\nab", 3, "\r\n", "CRLF 2, chunk-data 5, CRLF 2"},
		{chunked + "5\r\nab", 4, "\n", "CRLF 2, chunk-data 5, bytes without frame 2"},
		{chunked + "5", 1, "\n", "empty line 2, chunk-size 1, bytes without frame 2"},
		{"HTTP/1.1 200", 1, "K", "SP 1, status-code 3, bytes without frame 2"},
		{"HTTP/1.1 100 OK\r\n\r\nHTTP", 1, "1", "empty line 2, HTTP-version 4, bytes without frame 2"},
		{"HTTP/1.1 100 OK\r\n\r\n", 1, "1", "CRLF 2, empty line 2, bytes without frame 2"},
		{"HTTP/1.1 2x", 1, "a", "SP 1, status-code 1, error 3"},
		{"HTTP/1.1 101 OK\r\n\r\n", 3, "a", "CRLF 2, empty line 2, bytes without frame 4"},
		{chunked + "5\r\nab", 0, "c", "chunk-size 1, CRLF 2, chunk-data 3"},
	} {
		_, l := New(wire.Limits{})
		spans := l.Append(l.Skip(l.Append(nil, []byte(c.before)), c.skip), []byte(c.after))
		spans = l.AppendOpen(spans)
		var got []string
		for _, s := range spans[len(spans)-3:] {
			got = append(got, fmt.Sprintf("%s %d", s.Role, s.To-s.From))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q, %d bytes left out, %q: %s, want %s", c.before, c.skip, c.after, got, c.want)
		}
		if last := spans[len(spans)-1]; last.To != int64(len(c.before)+len(c.after))+c.skip || last.Interim {
			t.Errorf("%q, %d bytes left out, %q: the last span is %+v", c.before, c.skip, c.after, last)
		}
	}
}

// TestMemory wants content, and bytes in no message, to cost one span and nothing else.
func TestMemory(t *testing.T) {
	piece := make([]byte, 64<<10)
	for _, begin := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
		"HTTP/1.1 101 OK\r\n\r\n",
		"\n",
	} {
		_, l := New(wire.Limits{})
		spans := l.Append(l.Append(nil, []byte(begin)), piece)
		n := len(spans)
		if allocations := testing.AllocsPerRun(100, func() { spans = l.Append(spans, piece) }); allocations > 0 {
			t.Errorf("%q: %v allocations for a piece", begin, allocations)
		}
		if want := int64(len(begin) + 102*len(piece)); len(spans) != n || spans[n-1].To != want {
			t.Errorf("%q: %d spans up to %d, want %d up to %d", begin, len(spans), spans[n-1].To, n, want)
		}
	}
}

// TestPipelinedRequests come in one large piece, of which no more than a bit is kept.
func TestPipelinedRequests(t *testing.T) {
	const n, request = 10_000, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	l, _ := New(wire.Limits{})
	spans := l.Append(nil, []byte(strings.Repeat(request, n)))
	if last := spans[len(spans)-1]; last.To != n*int64(len(request)) || last.Exchange != n || cap(l.head) > 4*pieceLen {
		t.Errorf("the last span is %+v, and %d bytes are kept", last, cap(l.head))
	}
}
