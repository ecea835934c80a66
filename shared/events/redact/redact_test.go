package redact

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
	"github.com/hopwire/hopwire/shared/lexer"
	"github.com/hopwire/hopwire/shared/wire"
)

// secret is what nobody is to see, and hidden what is seen of it.
const secret, hidden = "5ecret", "******"

const get = "GET / HTTP/1.1\r\nHost: a\r\n"

// A head is what goes one way on a connection, with the secret in it.
type head struct {
	name     string
	response bool
	bytes    string
	want     string // where the secret is not all that is blanked
}

var heads = []head{
	{name: "request", bytes: get + "Authorization: 5ecret\r\n\r\n"},
	{name: "several in one head", bytes: get + "Cookie: 5ecret\r\nA: b\r\nproxy-authorization:5ecret\r\nCOOKIE:\t5ecret\r\n\r\n"},
	{name: "field that was named", bytes: get + "X-Api-Key: 5ecret\r\nX-Api-Keys: shown\r\nX-Api: shown\r\n\r\n"},
	{name: "scheme and spaces", bytes: get + "Authorization: Basic 5ecret \r\nA: b\r\n\r\n", want: get + "Authorization: *************\r\nA: b\r\n\r\n"},
	{name: "pipelined", bytes: get + "\r\n" + get + "Cookie: 5ecret\r\n\r\n" + get + "Cookie: 5ecret\r\n\r\n"},
	{name: "behind content", bytes: get + "Content-Length: 16\r\n\r\nCookie: shown\r\n\r\n" + get + "Cookie: 5ecret\r\n\r\n"},
	{name: "trailer section", bytes: get + "Transfer-Encoding: chunked\r\n\r\ne\r\nCookie: shown\n\r\n0\r\nCookie: 5ecret\r\n\r\n" + get + "Cookie: 5ecret\r\n\r\n"},

	{name: "response", response: true, bytes: "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\nContent-Length: 15\r\n\r\nCookie: shown\r\n"},
	{name: "interim response", response: true, bytes: "HTTP/1.1 103 Early Hints\r\nSet-Cookie: 5ecret\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\nContent-Length: 0\r\n\r\n"},
	{name: "trailer section of a response", response: true, bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nSet-Cookie: 5ecret\r\n\r\n"},
	{name: "until close", response: true, bytes: "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\n\r\nCookie: shown\r\n"},
	{name: "unasked", response: true, bytes: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\n"},

	{name: "unfinished", bytes: get + "Cookie: 5ecret"},
	{name: "refused before", bytes: get + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\nCookie: 5ecret\r\n\r\nCookie: 5ecret\r\n"},
	{name: "refused behind", bytes: get + "Cookie: 5ecret\r\nA B: c\r\n\r\n"},
	{name: "no request at all", bytes: "Cookie: 5ecret\r\nCookie: 5ecret\r\n"},
	{name: "underscore", bytes: get + "Set_Cookie: 5ecret\r\nx_api_key: 5ecret\r\n\r\n"},
	{name: "blank before the colon", bytes: get + "Cookie : 5ecret\r\nCookie\t:\t5ecret\r\n\r\n"},
	{name: "blank before the name", bytes: get + " Cookie: 5ecret\r\n\r\n"},
	{name: "NUL in the name", bytes: get + "Set\x00Cookie: 5ecret\r\nCookie\x00: 5ecret\r\n\r\n"},
	{name: "no colon", bytes: get + "Cookie 5ecret\r\n\r\n"},
	{name: "two colons", bytes: get + "Cookie::5ecret\r\n\r\n", want: get + "Cookie:*******\r\n\r\n"},
	{name: "folded", bytes: get + "Cookie: a\r\n 5ecret\r\n\t5ecret\r\nA: b\r\n\r\n", want: get + "Cookie: *\r\n ******\r\n\t******\r\nA: b\r\n\r\n"},
	{name: "folded at once", bytes: get + "Cookie:\r\n 5ecret\r\nA: b\r\n\r\n"},
	{name: "NUL in the value", bytes: get + "Cookie: \x005ecret\x005ecret\r\n\r\n", want: get + "Cookie: \x00*************\r\n\r\n"},
	{name: "bare CR", bytes: "GET / HTTP/1.1\rCookie: 5ecret\r5ecret\r\nA: b\r\n\r\n"},
	{name: "bare LF", bytes: "GET / HTTP/1.1\nCookie: 5ecret\n5ecret\r\nA: b\r\n\r\n"},
	{name: "long name", bytes: get + "Cookie" + strings.Repeat(" ", 3000) + ": 5ecret\r\n\r\n"},
	{name: "long line", bytes: get + "A: " + strings.Repeat("b", 20<<10) + "\r\nCookie: 5ecret\r\n\r\n"},
	{name: "methods are none of these", bytes: "Cookie / HTTP/1.1\r\nHost: a\r\nCookie: 5ecret\r\n\r\nCookie /b HTTP/1.1\r\n\r\n"},
}

// wanted is what is to be seen.
func (h *head) wanted() string {
	if h.want != "" {
		return h.want
	}
	return strings.ReplaceAll(h.bytes, secret, hidden)
}

func mustParse(t testing.TB, names ...string) *Names {
	t.Helper()
	n, err := Parse(names)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var (
	when   = time.Unix(1e9, 0)
	client = events.ConnID{Hop: events.ClientHop, N: 1}
	first  = events.Exchange{Client: events.Use{Conn: client, N: 1}}
)

// tell gives the sink a connection with these pieces on it; those in which keep is
// false have passed and are missing.
func tell(sink events.Sink, response bool, pieces []string, keep func(int) bool) {
	sink.Take(&events.Event{At: when, Kind: events.Opened, Conn: client,
		Client: netip.MustParseAddrPort("127.0.0.1:1"), Server: netip.MustParseAddrPort("127.0.0.1:2")})
	d := events.Inbound
	if response {
		d = events.Outbound
		sink.Take(&events.Event{At: when, Kind: events.Bytes, Conn: client, Exchange: first, Content: []byte(get + "\r\n")})
	}
	offset := uint64(0)
	for i, piece := range pieces {
		if keep == nil || keep(i) {
			sink.Take(&events.Event{At: when, Kind: events.Bytes, Conn: client, Exchange: first, Direction: d, Offset: offset, Content: []byte(piece)})
		}
		offset += uint64(len(piece))
	}
	sink.Take(&events.Event{At: when, Kind: events.Noted, Conn: client, Exchange: first, Note: &events.Note{Kind: "exchange"}})
	sink.Take(&events.Event{At: when, Kind: events.Closed, Conn: client, Direction: d, Offset: offset, Means: events.FIN, Comment: "client-closed"})
}

// A seen sink keeps the bytes of one direction where they were, and comments.
type seen struct {
	events.Sink
	response bool
	bytes    []byte
	comments string
}

func (s *seen) Take(e *events.Event) {
	s.comments += e.Comment
	if e.Kind == events.Bytes && (e.Direction == events.Outbound) == s.response {
		s.bytes = append(s.bytes, make([]byte, int(e.Offset)-len(s.bytes))...)
		s.bytes = append(s.bytes, e.Content...)
	}
}

// cuts calls use with the pieces of b for each cut in two, and byte by byte.
func cuts(b string, use func(pieces []string)) {
	for i := range len(b) {
		if i < 200 || i > len(b)-200 {
			use([]string{b[:i], b[i:]})
		}
	}
	use(strings.Split(b, ""))
}

// However a head is cut, the same is seen of it, at once, and none of the secret.
func TestSecretsAreBlanked(t *testing.T) {
	names := mustParse(t, "X-Api-Key")
	for _, h := range heads {
		t.Run(h.name, func(t *testing.T) {
			cuts(h.bytes, func(pieces []string) {
				s := &seen{response: h.response}
				r := Sink(s, names).(*redactor)
				tell(r, h.response, pieces, nil)
				if got, want := string(s.bytes), h.wanted(); got != want {
					t.Fatalf("cut into %d, the first of %d bytes:\n got %q\nwant %q", len(pieces), len(pieces[0]), got, want)
				}
				if len(r.conns) > 0 {
					t.Error("a connection that is closed is remembered")
				}
			})
		})
	}
}

// No byte of a recording or of a trace is the secret's.
func TestSecretsAreNotWritten(t *testing.T) {
	names := mustParse(t, "X-Api-Key")
	for _, h := range heads {
		if len(h.bytes) > 2000 {
			continue // their files are large, and the same
		}
		t.Run(h.name, func(t *testing.T) {
			cuts(h.bytes, func(pieces []string) {
				var file bytes.Buffer
				recorder, err := capture.NewRecorder(&file, capture.Options{})
				if err != nil {
					t.Fatal(err)
				}
				tell(Sink(recorder, names), h.response, pieces, nil)
				if err := recorder.Close(); err != nil {
					t.Fatal(err)
				}
				shown := &pictures{}
				tell(Sink(shown, names), h.response, pieces, nil)
				if len(shown.text) == 0 {
					t.Fatal("no picture is shown")
				}
				for _, written := range [][]byte{file.Bytes(), shown.text} {
					if bytes.Contains(written, []byte(secret)) {
						t.Fatalf("the first of %d bytes:\n%q", len(pieces[0]), written)
					}
				}
			})
		})
	}
}

type pictures struct {
	events.Sink
	all  view.Collector
	text []byte
}

func (p *pictures) Take(e *events.Event) {
	if x := p.all.Add(e); x != nil {
		p.text = view.Style{Width: 200}.AppendPicture(p.text, x)
	}
}

// What edits dropped and inserted is blanked as it is in heads.
func TestEditsAreBlanked(t *testing.T) {
	long := "drop A: " + strings.Repeat("b", events.MaxPiece) + "\n"
	for _, test := range []struct{ names, comment, want string }{
		{"", "drop Cookie: a; b (c) (named by connection, RFC 9110 section 7.6.1)\ninsert Via: 1.1 x (via, RFC 9110 section 7.6.3)",
			"drop Cookie: ******** (named by connection, RFC 9110 section 7.6.1)\ninsert Via: 1.1 x (via, RFC 9110 section 7.6.3)"},
		{"", "drop cookie:a (x, y)\ndrop http://a (x, y)\ninsert / (x, y)", "drop cookie:* (x, y)\ndrop http://a (x, y)\ninsert / (x, y)"},
		{"", long + "drop Cookie: a (b)", long + "drop Cookie: *****"},
		{"X-Forwarded-For", "insert X-Forwarded-For: 10.0.0.1 (x, y)", "insert X-Forwarded-For: ******** (x, y)"},
		{"X-Forwarded-For", "insert , 10.0.0.1 (x, y)\ninsert a:80 (x, y)\ninsert Via: 1.1 x (x, y)", "insert ********** (x, y)\ninsert **** (x, y)\ninsert Via: 1.1 x (x, y)"},
	} {
		s := &seen{}
		r := Sink(s, mustParse(t, strings.Split(test.names, ",")[:min(len(test.names), 1)]...))
		r.Take(&events.Event{Kind: events.Bytes, Conn: client, Content: []byte(get), Comment: test.comment})
		if s.comments != test.want {
			t.Errorf("%q, names %q:\n got %q\nwant %q", test.comment, test.names, s.comments, test.want)
		}
	}
}

// Where bytes are missing, what may be left of a value is blanked, but not the first
// line of a message; nor content, as long as it is known to be some.
func TestGaps(t *testing.T) {
	names := mustParse(t)
	for _, test := range []struct {
		name     string
		response bool
		pieces   []string // every second one is missing
		want     string
	}{
		{"in a value", false, []string{get, "Cookie: a", "5ecret\r\nA: b\r\n\r\n"}, get + "\x00******\r\nA: b\r\n\r\n"},
		{"folded", false, []string{get, "Cookie: a", "5ecret\r\n 5ecret\r\nA: b\r\n\r\n"}, get + "\x00******\r\n ******\r\nA: b\r\n\r\n"},
		{"before a message", false, []string{get + "\r\n", get + "\r\n", get + "Cookie: 5ecret\r\n\r\n"}, get + "\r\n\x00" + get + "Cookie: ******\r\n\r\n"},
		{"in content", false, []string{get + "Content-Length: 20\r\n\r\nCookie", ": shown", " Cookie" + get + "Cookie: 5ecret\r\n"}, get + "Content-Length: 20\r\n\r\nCookie\x00 Cookie" + get + "Cookie: ******\r\n"},
		{"beyond content", false, []string{get + "Content-Length: 7\r\n\r\n", "content" + get, "Cookie: a\r\nCookie: 5ecret\r\n"}, get + "Content-Length: 7\r\n\r\n\x00*********\r\nCookie: ******\r\n"},
		{"before a response", true, []string{"", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\n\r\n"}, "\x00HTTP/1.1 200 OK\r\nSet-Cookie: ******\r\n\r\n"},
	} {
		s := &seen{response: test.response}
		tell(Sink(s, names), test.response, test.pieces, func(i int) bool { return i%2 == 0 })
		got := string(bytes.ReplaceAll(s.bytes, make([]byte, len(test.pieces[1])), []byte{0}))
		if got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

// Of a response whose request is missing nobody knows whether it has content: if that
// was HEAD, another head follows.
func TestResponseWithoutItsRequest(t *testing.T) {
	s := &seen{response: true}
	r := Sink(s, mustParse(t))
	for _, response := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\n\r\n"} {
		r.Take(&events.Event{Kind: events.Bytes, Conn: client, Direction: events.Outbound, Offset: uint64(len(s.bytes)), Content: []byte(response)})
	}
	if bytes.Contains(s.bytes, []byte(secret)) {
		t.Errorf("%q", s.bytes)
	}
}

// On whole connections, with all kinds of framing and cut at random, what is blanked is
// exactly the secrets; and where pieces are missing, none of them is seen.
func TestConnections(t *testing.T) {
	names := mustParse(t)
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 2))
		lossy := random.IntN(2) == 0
		var sent, got [2][]byte
		s := &both{got: &got}
		r := Sink(s, names)
		say := func(d events.Direction, message string) {
			for message != "" {
				n := min(1+random.IntN(1<<random.IntN(7)), len(message))
				if !lossy || random.IntN(20) > 0 {
					r.Take(&events.Event{Kind: events.Bytes, Conn: client, Direction: d, Offset: uint64(len(sent[d])), Content: []byte(message[:n])})
				}
				sent[d], message = append(sent[d], message[:n]...), message[n:]
			}
		}
		for range 1 + random.IntN(5) {
			methods := []string{"GET", "HEAD", "POST"}[:1+random.IntN(3)]
			random.Shuffle(len(methods), func(i, k int) { methods[i], methods[k] = methods[k], methods[i] })
			for _, m := range methods { // pipelined
				say(events.Inbound, m+" / HTTP/1.1\r\nHost: a\r\nCookie: 5ecret\r\n"+framed(random, m == "POST"))
			}
			for _, m := range methods {
				if random.IntN(4) == 0 {
					say(events.Outbound, "HTTP/1.1 103 Early Hints\r\nSet-Cookie: 5ecret\r\n\r\n")
				}
				head := "HTTP/1.1 200 OK\r\nSet-Cookie: 5ecret\r\n"
				switch {
				case m == "HEAD":
					say(events.Outbound, head+"Content-Length: 100\r\n\r\n")
				case random.IntN(4) == 0:
					say(events.Outbound, "HTTP/1.1 304 Not Modified\r\nSet-Cookie: 5ecret\r\nContent-Length: 100\r\n\r\n")
				default:
					say(events.Outbound, head+framed(random, true))
				}
			}
		}
		for d := range sent {
			want := bytes.ReplaceAll(sent[d], []byte(secret), []byte(hidden))
			if !lossy && !bytes.Equal(got[d], want) {
				t.Fatalf("seed %d, %v:\n got %q\nwant %q", seed, events.Direction(d), got[d], want)
			}
			for i, c := range got[d] {
				if c != 0 && c != blank && (want[i] == blank || c != sent[d][i]) {
					t.Fatalf("seed %d, %v: of\n%q is seen\n%q, at %d", seed, events.Direction(d), sent[d], got[d], i)
				}
			}
		}
	}
}

// framed is the end of a head, and content that looks like a head.
func framed(random *rand.Rand, content bool) string {
	const shown = "x\r\nCookie: shown\r\n folded\r\n\r\n"
	switch {
	case !content:
		return "\r\n"
	case random.IntN(2) == 0:
		return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(shown), shown)
	}
	return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n3\r\nend\r\n0\r\nCookie: 5ecret\r\n\r\n", len(shown), shown)
}

// both keeps the bytes of both directions where they were.
type both struct {
	events.Sink
	got *[2][]byte
}

func (b *both) Take(e *events.Event) {
	got := &b.got[e.Direction]
	*got = append(*got, make([]byte, int(e.Offset)-len(*got))...)
	*got = append(*got, e.Content...)
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ names, err string }{
		{"standard", ""},
		{"Standard, X-Api-Key", ""},
		{"X Api", `"X Api" is not the name of a field; write names such as X-Api-Key, with commas between them, or standard`},
		{"", `"" is not the name`},
		{"Cookie:", `"Cookie:" is not the name`},
		{"--", `"--" is not the name`},
		{"content_length", "content_length tells where a message ends, and without it nobody can read a recording; leave it out"},
	} {
		_, err := Parse(strings.Split(test.names, ","))
		if got := fmt.Sprint(err); test.err == "" != (err == nil) || !strings.HasPrefix(got, test.err) && err != nil {
			t.Errorf("%q: %v, want %q", test.names, err, test.err)
		}
	}
	if names := mustParse(t, Standard, "cookie"); names.further {
		t.Errorf("%+v: the standard fields are no further ones", names)
	}
}

// Who names nothing pays nothing.
func TestNoNames(t *testing.T) {
	s := &seen{}
	if Sink(s, nil) != events.Sink(s) {
		t.Error("there is something between")
	}
}

// Whatever is before a field, however it is spelled and cut, and whatever is missing:
// no byte of its value is seen, no byte is added or lost, and no line's end moves.
func FuzzRedact(f *testing.F) {
	f.Add(get, uint8(1), ": ", "secret", []byte{3, 20, 40}, uint8(0), false)
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", uint8(2), " : ", "se\ncr\ret", []byte{50, 9}, uint8(2), true)
	f.Add(get+"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0", uint8(0), "\x00:\r\n ", "\x00", []byte{1}, uint8(3), false)
	names := mustParse(f)
	f.Fuzz(func(t *testing.T, before string, which uint8, between, value string, cut []byte, lost uint8, response bool) {
		between = strings.Map(func(c rune) rune {
			if strings.ContainsRune(" \t\x00", c) {
				return c
			}
			return -1
		}, between)
		for strings.Contains(value, "\r\n") || strings.Contains(value, "HTTP/1.") {
			value = strings.NewReplacer("\r\n", "", "HTTP/1.", "").Replace(value)
		}
		value = strings.TrimRight(value, "\r")
		value = strings.TrimLeftFunc(value, func(c rune) bool { return c <= ' ' || c == 0x7f }) // which is no part of it
		begin := before + "\r\n" + standardFields[int(which)%len(standardFields)] + between + ":"
		all := begin + value + "\r\nA: b\r\n\r\n"
		if isContentAt(all, len(before)+2, response) || isContentAt(all, len(begin), response) {
			return // it is no field, or not that one
		}
		var pieces []string
		for rest := all; rest != ""; {
			n := len(rest)
			if len(cut) > 0 {
				n, cut = min(n, int(cut[0])+1), cut[1:]
			}
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		s := &seen{response: response}
		tell(Sink(s, names), response, pieces, func(i int) bool { return lost == 0 || i%int(lost) != int(lost)-1 })
		for i, c := range s.bytes {
			switch was := all[i]; {
			case c != was && c != blank && c != 0, c != was && c == blank && (was == '\r' || was == '\n'):
				t.Fatalf("%q has become\n%q, at %d", all, s.bytes, i)
			case i >= len(begin) && i < len(begin)+len(value) && c != blank && c != 0 && c != '\r' && c != '\n':
				t.Fatalf("of %q is seen\n%q, at %d", all, s.bytes, i)
			}
		}
		if lost == 0 && len(s.bytes) != len(all) {
			t.Fatalf("%d bytes have become %d", len(all), len(s.bytes))
		}
	})
}

// isContentAt reports whether a byte is content if nothing is missing.
func isContentAt(all string, at int, response bool) bool {
	requests, l := lexer.New(wire.Limits{})
	if requests.Append(nil, []byte(get+"\r\n")); !response {
		l, _ = lexer.New(wire.Limits{})
	}
	for _, s := range l.Append(nil, []byte(all)) {
		if s.From <= int64(at) && int64(at) < s.To {
			return s.Role == lexer.Content || s.Role == lexer.ChunkData
		}
	}
	return false
}
