package wire

import (
	"errors"
	"testing"
)

// TestRequestFraming has one case for each rule of RFC 9112 section 6.3 that
// requests have, and for the order of the rules.
func TestRequestFraming(t *testing.T) {
	const te, cl = "Transfer-Encoding: chunked\r\n", "Content-Length: 7\r\n"
	for _, c := range []struct {
		version, fields string
		want            Framing
		rule            Rule
	}{
		{"1.1", "", Framing{}, ""},
		{"1.1", cl, Framing{Kind: Length, Length: 7}, ""},
		{"1.1", "content-length: 9223372036854775807\r\n", Framing{Kind: Length, Length: 1<<63 - 1}, ""},
		{"1.1", te, Framing{Kind: Chunked}, ""},
		{"1.1", te + cl, Framing{}, RuleConflict},
		{"1.1", te + "Content-Length: x\r\n", Framing{}, RuleLength},
		{"1.1", te + cl + cl, Framing{}, RuleLengthRepeated},
		{"1.1", cl + "Content-Length: x\r\n", Framing{}, RuleLengthRepeated},
		{"1.1", "Content-Length: x\r\n" + cl, Framing{}, RuleLengthRepeated},
		{"1.1", "Content-Length: 9223372036854775808\r\n", Framing{}, RuleLength},
		{"1.0", te, Framing{}, RuleCodingVersion},
		{"1.0", cl, Framing{Kind: Length, Length: 7}, ""},
		{"1.1", te + te, Framing{}, RuleCodingNotLast},
		{"1.1", "Transfer-Encoding: gzip\r\n" + te, Framing{}, RuleCodingUnknown},
		{"1.1", "Transfer-Encoding: gzip\r\n", Framing{}, RuleCodingNotLast},
		{"1.1", "Transfer-Encoding:\r\n", Framing{}, RuleCoding},
		{"1.1", "Transfer-Encoding: gzip, chunked, br\r\n", Framing{}, RuleCodingNotLast},
		{"1.1", "Transfer-Encoding: gzip, chunked, chunked\r\n", Framing{}, RuleCodingNotLast},
	} {
		var h RequestHead
		mustParse(t, []byte("POST / HTTP/"+c.version+"\r\nHost: a\r\n"+c.fields+"\r\n"), &h)
		checkFraming(t, c.fields, c.want, c.rule, 0)(RequestFraming(&h))
	}
}

func TestResponseFraming(t *testing.T) {
	const te, cl = "Transfer-Encoding: chunked\r\n", "Content-Length: 7\r\n"
	length, chunked, untilClose := Framing{Kind: Length, Length: 7}, Framing{Kind: Chunked}, Framing{Kind: UntilClose}
	for _, c := range []struct {
		method, line, fields string
		want                 Framing
		rule                 Rule
	}{
		{"GET", "1.1 200", "", untilClose, ""},
		{"GET", "1.1 200", cl, length, ""},
		{"GET", "1.1 200", te, chunked, ""},
		{"GET", "1.1 200", te + cl, Framing{}, RuleConflict},
		{"GET", "1.0 200", te, Framing{}, RuleCodingVersion},
		{"GET", "1.1 200", "Transfer-Encoding: gzip\r\n", Framing{}, RuleCodingUnknown},
		{"HEAD", "1.1 200", cl, Framing{}, ""},
		{"HEAD", "1.1 200", te, Framing{}, ""},
		{"HEAD", "1.1 200", "Transfer-Encoding: gzip\r\n", Framing{}, RuleCodingUnknown},
		{"GET", "1.1 200", "Transfer-Encoding: gzip\r\n" + te, Framing{}, RuleCodingUnknown},
		{"GET", "1.0 304", te, Framing{}, RuleCodingVersion},
		{"HEAD", "1.1 200", cl + cl, Framing{}, RuleLengthRepeated},
		{"HEAD", "1.1 200", te + cl, Framing{}, RuleConflict},
		{"GET", "1.1 100", cl, Framing{}, ""},
		{"GET", "1.1 199", "", Framing{}, ""},
		{"GET", "1.1 204", cl, Framing{}, ""},
		{"GET", "1.1 304", te, Framing{}, ""},
		{"GET", "1.1 205", "", untilClose, ""},
		{"CONNECT", "1.1 200", cl, Framing{}, ""},
		{"CONNECT", "1.1 299", te, Framing{}, ""},
		{"CONNECT", "1.1 300", cl, length, ""},
		{"CONNECT", "1.1 502", "", untilClose, ""},
	} {
		var h ResponseHead
		if _, err := ParseResponseHead([]byte("HTTP/"+c.line+" \r\n"+c.fields+"\r\n"), 0, &h); err != nil {
			t.Fatal(err)
		}
		checkFraming(t, c.method+" "+c.line+" "+c.fields, c.want, c.rule, 502)(ResponseFraming(&h, []byte(c.method)))
	}
}

// checkFraming returns a check of a framing function's results. status 0 is the
// rule's own.
func checkFraming(t *testing.T, what string, want Framing, rule Rule, status int) func(Framing, error) {
	t.Helper()
	return func(got Framing, err error) {
		t.Helper()
		if rule == "" {
			if err != nil || got != want {
				t.Errorf("%q: %+v, %v; want %+v", what, got, err, want)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Rule != rule {
			t.Errorf("%q: %+v, %v; want %s", what, got, err, rule)
			return
		}
		if status == 0 {
			status = rules[rule].status
		}
		if e.Status != status {
			t.Errorf("%q: refused with %d, want %d", what, e.Status, status)
		}
	}
}

func TestPersistence(t *testing.T) {
	for _, c := range []struct {
		version, connection string
		want                bool
	}{
		{"1.1", "", true},
		{"1.1", "close", false},
		{"1.1", "keep-alive", true},
		{"1.1", "keep-alive\r\nConnection: x, close", false},
		{"1.0", "", false},
		{"1.0", "Keep-Alive", true},
		{"1.0", "keep-alive, close", false},
		{"1.2", "", true},
	} {
		var request RequestHead
		mustParse(t, []byte("GET / HTTP/"+c.version+"\r\nHost: a\r\nConnection: "+c.connection+"\r\n\r\n"), &request)
		if got := RequestPersists(&request); got != c.want {
			t.Errorf("request, HTTP/%s, %q: %v", c.version, c.connection, got)
		}
		var response ResponseHead
		ParseResponseHead([]byte("HTTP/"+c.version+" 200 \r\nConnection: "+c.connection+"\r\n\r\n"), 0, &response)
		if got := ResponsePersists(&response, Framing{Kind: Length}); got != c.want {
			t.Errorf("response, HTTP/%s, %q: %v", c.version, c.connection, got)
		}
		if ResponsePersists(&response, Framing{Kind: UntilClose}) {
			t.Errorf("response, HTTP/%s, %q: persists beyond its close", c.version, c.connection)
		}
	}
}

func TestFramingKindString(t *testing.T) {
	for kind, want := range map[FramingKind]string{None: "none", Length: "length", Chunked: "chunked", UntilClose: "until-close"} {
		if got := kind.String(); got != want {
			t.Errorf("%d is %q, want %q", kind, got, want)
		}
	}
}
