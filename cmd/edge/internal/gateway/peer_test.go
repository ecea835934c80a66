package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing/iotest"
	"time"
)

// A conn is a connection of either network.
type conn interface {
	net.Conn
	CloseWrite() error
	Reset() error
}

// A socket is a connection of the kernel's.
type socket struct{ *net.TCPConn }

// Reset closes the connection so that the gateway sees a reset.
func (s socket) Reset() error {
	s.SetLinger(0)
	return s.Close()
}

func impatient(c net.Conn) conn {
	c.SetDeadline(time.Now().Add(patience))
	return socket{c.(*net.TCPConn)}
}

// A peer is a client, or an origin's end of a connection. It reads no octet
// before it is to.
type peer struct {
	conn
	*scene
	name   string
	origin *origin // nil: it is a client
	number int     // of the connection among the origin's, from 1
	move   int     // of a rule
	failed bool
	over   bool // the connection has ended
}

func (p *peer) errorf(format string, args ...any) {
	p.t.Helper()
	p.failed = true
	who := p.name
	if p.move > 0 {
		who += fmt.Sprintf(", move %d", p.move)
	}
	p.scene.errorf("%s: %s", who, fmt.Sprintf(format, args...))
}

// send writes the parts, one write each.
func (p *peer) send(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if _, err := p.Write([]byte(part)); err != nil {
			p.errorf("sending %.40q: %v", part, err)
			return
		}
	}
}

// offer sends to somebody who may have stopped listening.
func (p *peer) offer(octets string) { p.Write([]byte(octets)) }

// sendEvery offers the octets n times, with a pause before each.
func (p *peer) sendEvery(pause time.Duration, n int, octets string) {
	for range n {
		p.sleep(pause)
		if _, err := p.Write([]byte(octets)); err != nil {
			return
		}
	}
}

// expect reads exactly these octets. They have someDate in the place of any other,
// and a client's where an origin's response has none.
func (p *peer) expect(octets ...string) {
	p.t.Helper()
	want := strings.Join(octets, "")
	if p.origin == nil && !p.config.Verbatim {
		want = dated(want)
	}
	b := make([]byte, len(want))
	n, err := io.ReadFull(p, b)
	if got := undated(string(b[:n])); got != want {
		p.errorf("received\n%.300q (%v), want\n%.300q", got, err, want)
	}
}

// expectEnd wants the end of the stream and nothing before it.
func (p *peer) expectEnd() {
	p.t.Helper()
	p.over = true
	if rest, err := io.ReadAll(p); err != nil || len(rest) > 0 {
		p.errorf("received %.300q and %v, want the end of the stream", rest, err)
	}
}

// expectReset wants the connection to be reset, whatever comes before.
func (p *peer) expectReset() {
	p.t.Helper()
	p.over = true
	if n, err := io.Copy(io.Discard, p); !errors.Is(err, syscall.ECONNRESET) {
		p.errorf("received %d octets and %v, want a reset", n, err)
	}
}

// stay waits for the end of the scene, up to which nothing more may come.
func (p *peer) stay() {
	p.t.Helper()
	if n, err := p.Read(make([]byte, 1)); n > 0 || !errors.Is(err, net.ErrClosed) {
		p.errorf("received %d octets and %v, want neither", n, err)
	}
}

// drain reads up to either end.
func (p *peer) drain() {
	p.over = true
	io.Copy(io.Discard, p)
}

// until reads up to the mark, or up to the end.
func (p *peer) until(mark string) string {
	var got strings.Builder
	var octet [1]byte
	for !strings.HasSuffix(got.String(), mark) {
		if _, err := p.Read(octet[:]); err != nil {
			break
		}
		got.WriteByte(octet[0])
	}
	return got.String()
}

// head reads the next head, and is empty if there is none. That an origin was
// asked is written down.
func (p *peer) head() string {
	head := p.until("\r\n\r\n")
	if !strings.HasSuffix(head, "\r\n\r\n") {
		return ""
	}
	if p.origin != nil {
		p.wasAsked(p.origin.name)
	}
	return head
}

// response reads a response with net/http as the judge of its framing.
func (p *peer) response(method string) (*http.Response, string) {
	p.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(iotest.OneByteReader(p)), &http.Request{Method: method})
	if err != nil {
		p.errorf("reading a response: %v", err)
		return new(http.Response), ""
	}
	content, err := io.ReadAll(res.Body)
	if err != nil {
		p.errorf("reading content after %.40q: %v", content, err)
	}
	return res, string(content)
}

// expectStatus reads a response to a GET.
func (p *peer) expectStatus(status int) *http.Response {
	p.t.Helper()
	res, _ := p.response("GET")
	if res.StatusCode != status {
		p.errorf("status %d (%s), want %d", res.StatusCode, res.Header.Get("Proxy-Status"), status)
	}
	return res
}

// expectRefusal reads an answer of the gateway's own.
func (p *peer) expectRefusal(status int, detail string) *http.Response {
	p.t.Helper()
	res := p.expectStatus(status)
	if got := res.Header.Get("Proxy-Status"); !strings.HasPrefix(got, "hopwire; error=") || !strings.Contains(got, detail) {
		p.errorf("Proxy-Status %q, want one with %q", got, detail)
	}
	return res
}

// fetch sends a request on a connection of its own, and returns what comes back.
func (s *scene) fetch(target string, fields ...string) string {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	c.send(get(target, append(fields, "Connection: close")...))
	all, _ := io.ReadAll(c)
	return string(all)
}

// expectFetch wants what comes back to have this in it.
func (s *scene) expectFetch(want, target string, fields ...string) {
	s.t.Helper()
	if got := s.fetch(target, fields...); !strings.Contains(got, want) {
		s.errorf("%s was answered by %q, want %q", target, got, want)
	}
}

// answering answers every request without content by the same response.
func answering(response string) script {
	return func(p *peer) {
		for p.head() != "" {
			p.send(response)
		}
	}
}

// steady answers every request with the origin's name, after a time.
func steady(after time.Duration) script {
	return func(p *peer) {
		for p.head() != "" {
			p.sleep(after)
			p.offer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + p.origin.name)
		}
	}
}

// cast is n origins that answer at once.
func cast(n int) (all []script) {
	for range n {
		all = append(all, steady(0))
	}
	return all
}

// silent answers nothing, and closes.
func silent(p *peer) { p.head() }

// echo sends back what comes.
func echo(p *peer) { io.Copy(p, p) }

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// get is a request without content.
func get(target string, fields ...string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, lines(fields))
}

// post is a request with content.
func post(framing, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n" + body
}

// toOrigin is a request as the origin hears it.
func toOrigin(request string) string {
	return strings.Replace(request, "\r\n\r\n", "\r\nVia: 1.1 hopwire\r\n\r\n", 1)
}

// refusal is an answer of the gateway's own.
func refusal(status, proxyStatus string, fields ...string) string {
	content := contentOf(status, proxyStatus)
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sProxy-Status: hopwire; %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n%s",
		status, someDate, proxyStatus, len(content), lines(fields), content)
}

func withoutContent(response string) string {
	head, _, _ := strings.Cut(response, "\r\n\r\n")
	return head + "\r\n\r\n"
}

// contentOf is the content of an answer of the gateway's own; TestRefusalInWords tells
// whether the words are right.
func contentOf(status, proxyStatus string) string {
	_, rest, _ := strings.Cut(proxyStatus, "error=")
	token, _, _ := strings.Cut(rest, ";")
	_, rest, _ = strings.Cut(proxyStatus, `details="`)
	r := Refusal{Rule: strings.TrimSuffix(rest, `"`)}
	n, _ := strconv.Atoi(status[:3])
	r.Status = uint16(n)
	for e := range ProxyErrors {
		if e.String() == token {
			r.Error = e
		}
	}
	if _, words := r.words(); r.Rule != "" && words == "" && r.Rule != "via" {
		panic("no words say what the rule is: " + r.Rule)
	}
	return string(r.appendContent(nil))
}

func lines(fields []string) (s string) {
	for _, f := range fields {
		s += f + "\r\n"
	}
	return s
}

// someDate is what is put in the place of any other.
const someDate = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"

var date = regexp.MustCompile(`Date: [^\r]*\r\n`)

func undated(s string) string { return date.ReplaceAllString(s, someDate) }

// finalHead is that of a final response, and at its end what the gateway says of
// the connection.
var finalHead = regexp.MustCompile(`(HTTP/1\.[01] [2-9]\d\d[^\r]*\r\n(?:[^\r]+\r\n)*?)((?:Connection: (?:upgrade|close|keep-alive)\r\n)*\r\n)`)

// dated is responses with a date, where the gateway puts one.
func dated(responses string) string {
	return finalHead.ReplaceAllStringFunc(responses, func(head string) string {
		if date.MatchString(head) {
			return head
		}
		return finalHead.ReplaceAllString(head, "${1}"+someDate+"${2}")
	})
}
