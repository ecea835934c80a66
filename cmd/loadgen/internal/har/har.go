// Package har reads HTTP archives, HAR 1.2, which browsers save, as recordings.
//
//	entries ──► by connection ──► capture.Recording ──► plan, as of any recording
//
// An archive has no bytes but names and values, so heads are put together again:
// HTTP/1.1, whatever the browser has spoken. What got lost is said in the recording's
// warnings.
package har

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
)

// Is says whether what begins so may be an archive: JSON.
func Is(beginning []byte) bool {
	beginning = bytes.TrimPrefix(beginning, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(beginning, " \t\r\n"), []byte("{"))
}

// share is the part of the memory that an archive may be long: it is held as it is, as
// JSON's values, and as messages.
const share = 6

// Read reads an archive within the given memory.
func Read(r io.Reader, memory int64) (*capture.Recording, error) {
	text, err := io.ReadAll(io.LimitReader(r, memory/share+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > memory/share {
		return nil, fmt.Errorf("an archive may be a %dth of the memory long, which is %d bytes: raise --memory", share, memory/share)
	}
	var a archive
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &a); err != nil {
		return nil, fmt.Errorf("this is JSON, but no HTTP archive (HAR): %w", err)
	}
	if a.Log == nil {
		return nil, errors.New("this is JSON, but no HTTP archive (HAR): it has no log")
	}
	b := builder{rec: &capture.Recording{}, byName: map[string]*capture.Connection{}}
	for i := range a.Log.Entries {
		b.add(&a.Log.Entries[i])
	}
	b.warn()
	return b.rec, nil
}

// An archive is what is looked at of one.
type archive struct {
	Log *struct{ Entries []entry }
}

type entry struct {
	StartedDateTime time.Time
	Time            milliseconds // all that follows
	Timings         struct{ Blocked, DNS, Connect, Send, Wait, Receive milliseconds }
	Connection      string
	ServerIPAddress string
	FromCache       any `json:"_fromCache"` // Chromium
	Request         struct {
		Method, URL string
		HTTPVersion string
		Headers     []field
		BodySize    int64
		PostData    *content
	}
	Response struct {
		Status     int
		StatusText string
		Headers    []field
		Content    content
	}
}

// milliseconds are below 0 where they do not apply, and not a number where something else
// stands in their place.
type milliseconds float64

// UnmarshalJSON reads a number, which may be one in a string. What else there is is no
// reason to refuse an archive.
func (ms *milliseconds) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	number, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err != nil {
		number = math.NaN()
	}
	*ms = milliseconds(number)
	return nil
}

func (ms milliseconds) unknown() bool { return math.IsNaN(float64(ms)) }

const longest = 1e9 // milliseconds, which are days

func (ms milliseconds) duration() time.Duration {
	if ms.unknown() {
		return 0
	}
	return time.Duration(min(max(ms, 0), longest) * milliseconds(time.Millisecond))
}

type field struct{ Name, Value string }

type content struct {
	Size           int64
	Text, Encoding string
	Params         []any
}

// bytes are those of the content.
func (c *content) bytes() ([]byte, error) {
	if c.Encoding == "base64" {
		return base64.StdEncoding.DecodeString(c.Text)
	}
	return []byte(c.Text), nil
}

// A builder puts the recording together, and counts what it cannot keep.
type builder struct {
	rec    *capture.Recording
	byName map[string]*capture.Connection

	cached, bodiless, unreadable, broken int // left out
	alone, newer, secured                int
	timeless, untimed                    int
}

func (b *builder) add(e *entry) {
	at, err := url.Parse(e.Request.URL)
	switch {
	case e.FromCache != nil:
		b.cached++
		return
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https":
		b.unreadable++
		return
	case e.breaksLines():
		b.broken++
		return
	}
	body, whole := e.body()
	if !whole {
		b.bodiless++
		return
	}
	if at.Scheme == "https" {
		b.secured++
	}
	if v := strings.ToLower(e.Request.HTTPVersion); v != "" && !strings.HasPrefix(v, "http/1") {
		b.newer++
	}
	if e.mistimed() {
		b.untimed++
	}
	if !(e.Time > 0) && e.Response.Status != 0 {
		b.timeless++
	}
	c := b.connection(e, at)
	x := capture.Exchange{Request: e.request(at, body), Response: e.response()}
	e.setTimes(&x)
	c.Exchanges = append(c.Exchanges, x)
}

// breaksLines says that a line of one of the heads would be two, of which the second
// would be another field. The values of responses may: browsers write those of fields of
// one name as lines of one value.
func (e *entry) breaksLines() bool {
	lines := []string{e.Request.Method, e.Response.StatusText}
	for _, f := range e.Request.Headers {
		lines = append(lines, f.Name, f.Value)
	}
	for _, f := range e.Response.Headers {
		lines = append(lines, f.Name)
	}
	return slices.ContainsFunc(lines, func(s string) bool { return strings.ContainsAny(s, "\r\n") })
}

// mistimed says that one of the times is not a number.
func (e *entry) mistimed() bool {
	t := &e.Timings
	return slices.ContainsFunc([]milliseconds{e.Time, t.Blocked, t.DNS, t.Connect, t.Send, t.Wait, t.Receive}, milliseconds.unknown)
}

// setTimes says when the messages were sent: a request once it had a connection. Timings
// that come to more than all of the time give way to it.
func (e *entry) setTimes(x *capture.Exchange) {
	t := &e.Timings
	connected := t.Blocked.duration() + t.DNS.duration() + t.Connect.duration()
	sent, end := connected+t.Send.duration(), e.Time.duration()
	at := func(d time.Duration) time.Time { return e.StartedDateTime.Add(min(d, end)) }
	x.Request.At, x.Request.End = at(connected), at(sent)
	x.Response.At, x.Response.End = at(max(sent, end-t.Receive.duration())), at(end)
}

// body is the content of the request; whole is false if the archive lacks it.
func (e *entry) body() (body []byte, whole bool) {
	p := e.Request.PostData
	if p == nil {
		return nil, e.Request.BodySize <= 0
	}
	body, err := p.bytes()
	return body, err == nil && (len(body) > 0 || e.Request.BodySize <= 0 && len(p.Params) == 0)
}

// connection is that of the entry. One that names none has its own.
func (b *builder) connection(e *entry, at *url.URL) *capture.Connection {
	name := e.Connection + " " + at.Host
	if c := b.byName[name]; c != nil && e.Connection != "" {
		return c
	}
	if e.Connection == "" {
		b.alone++
	}
	n := len(b.rec.Connections) + 1
	c := &capture.Connection{ID: cmp.Or(e.Connection, fmt.Sprint(n)), Hop: events.ClientHop, Opened: e.StartedDateTime, Server: serverOf(e, at)}
	b.byName[name] = c
	b.rec.Connections = append(b.rec.Connections, c)
	return c
}

// serverOf is the server's address, as far as it is known.
func serverOf(e *entry, at *url.URL) netip.AddrPort {
	port := cmp.Or(at.Port(), map[string]string{"http": "80", "https": "443"}[at.Scheme])
	ip := cmp.Or(strings.Trim(e.ServerIPAddress, "[]"), at.Hostname())
	address, err := netip.ParseAddr(ip)
	if err != nil {
		address = netip.IPv4Unspecified()
	}
	n, _ := netip.ParseAddrPort("0.0.0.0:" + port)
	return netip.AddrPortFrom(address, n.Port())
}

// request puts the request together. Fields that frame it are made anew, since its
// content is known only as a whole.
func (e *entry) request(at *url.URL, body []byte) capture.Message {
	r := &e.Request
	host := at.Host
	var fields []byte
	for _, f := range r.Headers {
		switch name := strings.ToLower(f.Name); {
		case name == "host":
			host = f.Value
		case frames(name):
		default:
			fields = fmt.Appendf(fields, "%s: %s\r\n", f.Name, f.Value)
		}
	}
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", r.Method, at.RequestURI(), host, fields)
	if r.PostData != nil {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", len(body))
	}
	return message(append(head, "\r\n"...), body)
}

// response is cut behind its head unless its content is there, byte by byte: neither
// decoded nor in another character set. It is empty if there was none.
func (e *entry) response() capture.Message {
	r := &e.Response
	body, err := r.Content.bytes()
	empty := e.Request.Method == "HEAD" || r.Status == 204 || r.Status == 304
	if r.Status == 0 {
		return capture.Message{}
	}
	cut := err != nil || int64(len(body)) != max(r.Content.Size, 0)
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", r.Status, r.StatusText)
	for _, f := range r.Headers {
		switch name := strings.ToLower(f.Name); {
		case frames(name):
			continue
		case name == "content-encoding" && !empty:
			cut = true
		}
		for value := range strings.SplitSeq(f.Value, "\n") {
			head = fmt.Appendf(head, "%s: %s\r\n", f.Name, strings.TrimSuffix(value, "\r"))
		}
	}
	switch {
	case empty:
		body, cut = nil, false
	case cut:
		body = nil
		head = fmt.Appendf(head, "Content-Length: %d\r\n", max(r.Content.Size, 1))
	case r.Status >= 200:
		head = fmt.Appendf(head, "Content-Length: %d\r\n", len(body))
	}
	m := message(append(head, "\r\n"...), body)
	m.Cut = cut
	return m
}

// frames says that a field (of this name in lower case) frames a message of another
// version, or in another way than here.
func frames(name string) bool {
	return strings.HasPrefix(name, ":") || name == "content-length" || name == "transfer-encoding"
}

func message(head, body []byte) capture.Message {
	return capture.Message{Raw: append(head, body...), HeadLen: len(head)}
}

// warn says what is left out, and then what is not as it was.
func (b *builder) warn() {
	say := func(n int, what string) {
		if n > 0 {
			b.rec.Warnings = append(b.rec.Warnings, english.Plural(n, "request")+" "+what)
		}
	}
	say(b.bodiless, "left out: the archive lacks the content")
	say(b.unreadable, "left out: not to an http or https URL")
	say(b.broken, "left out: the end of a line is in a name or a value, which would begin another field")
	b.rec.Losses = len(b.rec.Warnings)
	b.rec.Reasons = b.rec.Warnings[:b.rec.Losses:b.rec.Losses]
	say(b.cached, "left out: answered from the browser's cache")
	say(b.alone, "of which the archive does not say on which connection: each has one of its own")
	say(b.untimed, "with a time that is not a number: it is taken as 0")
	say(b.timeless, "of which the archive does not say how long they took: their responses come at once")
	say(b.newer, "spoke HTTP/2 or 3, side by side on a connection: as HTTP/1.1 they follow one another")
	say(b.secured, "used TLS, of which nothing is left in the archive")
	b.rec.Warnings = append(b.rec.Warnings, "an archive has no bytes: heads are put together of its names and values, with Host first and Content-Length last")
}
