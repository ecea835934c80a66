package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRequestHead(t *testing.T) {
	const raw = "GET http://example.com:8080?q HTTP/1.1\r\n" +
		"hOST: example.com\r\n" +
		"Connection: foo, Keep-Alive\r\n" +
		"X-Any: 1\r\n" +
		"connection:\r\n" +
		"Connection: , X-Any\r\n" +
		"x-any: 2\r\n\r\n"
	var h RequestHead
	n, err := ParseRequestHead([]byte("\r\n"+raw+"rest"), 0, &h)
	if err != nil || n != len(raw)+2 || string(h.Raw) != raw {
		t.Fatalf("n = %d, err = %v, Raw = %q", n, err, h.Raw)
	}
	if !h.Is("GET") || h.Is("get") || h.Form != AbsoluteForm || string(h.Host()) != "example.com" {
		t.Errorf("method %q, form %d, host %q", h.Method, h.Form, h.Host())
	}
	scheme, authority, path := h.Absolute()
	if string(scheme) != "http" || string(authority) != "example.com:8080" || string(path) != "?q" {
		t.Errorf("the target is split into %q %q %q", scheme, authority, path)
	}
	if v, ok := h.Lookup("x-ANY"); !ok || string(v) != "1" {
		t.Errorf("Lookup: %q, %v", v, ok)
	}
	if _, ok := h.Lookup("X-Other"); ok {
		t.Error("Lookup finds a field that is not there")
	}
	if v, ok := h.Field(FieldConnection); !ok || string(v) != "foo, Keep-Alive" {
		t.Errorf("Field: %q, %v", v, ok)
	}
	for _, id := range []FieldID{FieldOther, FieldExpect, numFieldIDs, 64 + FieldHost, 255} {
		if _, ok := h.Field(id); ok {
			t.Errorf("Field finds FieldID(%d)", id)
		}
		if members := h.Members(id); true {
			if m, ok := members.Next(); ok {
				t.Errorf("FieldID(%d) has the member %q", id, m)
			}
		}
	}
	if got := collect(h.Members(FieldConnection)); got != "foo|Keep-Alive|X-Any" {
		t.Errorf("Connection has the members %s", got)
	}
	if !h.NominatesAny() || !h.Nominates([]byte("x-any")) || h.Nominates([]byte("X-An")) {
		t.Error("Nominates is wrong")
	}
}

// TestResponseHead has two Host lines, which mean nothing in a response.
func TestResponseHead(t *testing.T) {
	const raw = "HTTP/1.0 103 Early Hints\r\n" +
		"Host: a b\r\nHost:\r\n" +
		"Connection: keep-alive, X-Hop\r\n" +
		"Upgrade: a, b/1\r\n" +
		"x-hop: 1\r\n\r\n"
	var h ResponseHead
	if n, err := ParseResponseHead([]byte(raw+"rest"), 0, &h); err != nil || n != len(raw) || string(h.Raw) != raw {
		t.Fatalf("n = %d, err = %v, Raw = %q", n, err, h.Raw)
	}
	if h.Status != 103 || h.Minor != 0 || string(h.Reason) != "Early Hints" || !h.Interim() || len(h.Fields) != 5 {
		t.Errorf("the head is %+v", h)
	}
	if v, ok := h.Field(FieldHost); !ok || string(v) != "a b" {
		t.Errorf("Field: %q, %v", v, ok)
	}
	if got := collect(h.Members(FieldUpgrade)); got != "a|b/1" {
		t.Errorf("Upgrade has the members %s", got)
	}
	if !h.NominatesAny() || !h.Nominates([]byte("X-HOP")) || h.Nominates([]byte("Upgrade")) {
		t.Error("Nominates is wrong")
	}
}

// TestSpans puts a head together again from its parts.
func TestSpans(t *testing.T) {
	for _, raw := range []string{curlHead, browserHead} {
		var h RequestHead
		mustParse(t, []byte(raw), &h)
		if scheme, authority, path := h.Absolute(); scheme != nil || authority != nil || path != nil {
			t.Errorf("%q is split into %q %q %q", h.Target, scheme, authority, path)
		}
		var b bytes.Buffer
		b.Write(h.Raw[:h.FieldsStart()])
		for i := range h.Fields {
			start, end := h.Fields[i].Span()
			if start != b.Len() {
				t.Fatalf("line %d begins at %d, want %d", i, start, b.Len())
			}
			b.Write(h.Raw[start:end])
		}
		b.WriteString("\r\n")
		if b.String() != raw {
			t.Errorf("the parts are %q, want %q", b.String(), raw)
		}
	}
}

// TestSlicesEndWithTheirText appends to what a head points to: the head must
// not change.
func TestSlicesEndWithTheirText(t *testing.T) {
	var h RequestHead
	raw := []byte(curlHead)
	mustParse(t, raw, &h)
	_ = append(h.Method, '!')
	_ = append(h.Target, '!')
	_ = append(h.Raw, '!')
	for _, l := range h.Fields {
		_ = append(l.Name, '!')
		_ = append(l.Value, '!')
	}
	if string(raw) != curlHead {
		t.Errorf("the head became %q", raw)
	}
}

func TestList(t *testing.T) {
	for list, want := range map[string]string{
		"":                        "",
		",":                       "",
		" \t,, ":                  "",
		"a":                       "a",
		" a ":                     "a",
		"a,b":                     "a|b",
		"a , \tb\t,":              "a|b",
		",a b,c":                  "a b|c",
		"close,keep-alive,\tx\t ": "close|keep-alive|x",
	} {
		l := List(list)
		var got []string
		for m, ok := l.Next(); ok; m, ok = l.Next() {
			got = append(got, string(m))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q has the members %q, want %q", list, got, want)
		}
	}
	if l := List("foo, CLOSE"); !l.Contains("close") || l.Contains("clos") || string(l) != "foo, CLOSE" {
		t.Error("Contains is wrong")
	}
}

func collect(members Members) string {
	var all []string
	for m, ok := members.Next(); ok; m, ok = members.Next() {
		all = append(all, string(m))
	}
	return strings.Join(all, "|")
}

// TestErrors wants a section and a whole sentence for each rule, and a place in
// each message.
func TestErrors(t *testing.T) {
	for rule, r := range rules {
		err := refuse(rule, 23)
		if r.status < 400 || !strings.HasPrefix(r.section, "RFC ") || !strings.Contains(r.sentence, "; ") {
			t.Errorf("%s: %+v", rule, r)
		}
		if text := err.Error(); !strings.Contains(text, string(rule)) || !strings.HasSuffix(text, "byte 23)") {
			t.Errorf("the message is %q", text)
		}
	}
	if !errors.Is(ErrTruncated, io.ErrUnexpectedEOF) {
		t.Error("ErrTruncated is no io.ErrUnexpectedEOF")
	}
}

// TestErrorOffsets points at the offending octet, an empty line before the
// request line included.
func TestErrorOffsets(t *testing.T) {
	for _, c := range []struct {
		head string
		rule Rule
		at   int
	}{
		{"\r\nGE(T / HTTP/1.1\r\n\r\n", RuleMethod, 4},
		{"GET /\x00 HTTP/1.1\r\n\r\n", RuleTargetOctet, 5},
		{"\r\nGET a HTTP/1.1\r\n\r\n", RuleTargetForm, 6},
		{"GET / HTTP/2.0\r\n\r\n", RuleMajorVersion, 6},
		{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", RuleFieldNameSpace, 20},
		{"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", RuleFieldValue, 23},
		{"\r\nGET / HTTP/1.1\r\nA: b\r\nHost: a@b\r\n\r\n", RuleHost, 24},
		{"GET / HTTP/1.1\r\nA: b\r\n\r\n", RuleHostMissing, 16},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", RuleConnection, 25},
	} {
		_, err := ParseRequestHead([]byte(c.head), 0, new(RequestHead))
		var e *Error
		if !errors.As(err, &e) || e.Rule != c.rule || e.Offset != c.at || e.Section == "" {
			t.Errorf("%q: %v, want %s at %d", c.head, err, c.rule, c.at)
		}
	}
}

// TestResponseErrors wants 502 of whatever is wrong with a response's head.
func TestResponseErrors(t *testing.T) {
	for head, rule := range map[string]Rule{
		"\r\nHTTP/1.1 200 OK\r\n\r\n":           RuleVersion,
		"HTTP/2.0 200 OK\r\n\r\n":               RuleMajorVersion,
		"HTTP/1.1 20 OK\r\n\r\n":                RuleStatusCode,
		"HTTP/1.1 200 O\x00K\r\n\r\n":           RuleReason,
		"HTTP/1.1 200 OK\n\n":                   RuleBareLF,
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n":      RuleFieldNameSpace,
		"HTTP/1.1 200 OK\r\n" + longLine(1<<15): RuleHeadTooLarge,
	} {
		_, err := ParseResponseHead([]byte(head), 0, new(ResponseHead))
		var e *Error
		if !errors.As(err, &e) || e.Rule != rule || e.Status != 502 {
			t.Errorf("%.60q: %v, want %s and 502", head, err, rule)
		}
	}
}

func longLine(n int) string { return "A: " + strings.Repeat("x", n) + "\r\n" }
