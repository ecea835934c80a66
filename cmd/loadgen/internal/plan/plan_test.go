package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wire"
)

// TestPlanOfARecording tells what becomes of one recorded exchange.
func TestPlanOfARecording(t *testing.T) {
	for _, test := range []struct {
		name              string
		request, response string
		want              Request // as far as it matters, Bytes apart
		left              string  // why it was left out, if it was
		note              string
	}{
		{
			name: "GET", request: plantest.Get("/a"), response: plantest.OK,
			want: Request{Idempotent: true, Expect: &Expectation{Status: 200, Content: []byte("hi"), Framing: wire.Length}},
		},
		{
			name: "HEAD", request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", response: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
			want: Request{Idempotent: true, NoContent: true, Expect: &Expectation{Status: 200, Content: []byte{}}},
		},
		{
			name: "POST", request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", response: "HTTP/1.1 204 No Content\r\n\r\n",
			want: Request{Expect: &Expectation{Status: 204, Content: []byte{}}},
		},
		{
			name: "chunked both ways", request: "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
			response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\nT: v\r\n\r\n",
			want:     Request{Idempotent: true, Expect: &Expectation{Status: 200, Content: []byte("abc"), Framing: wire.Chunked}},
		},
		{
			name: "response until close", request: plantest.Get("/a"), response: "HTTP/1.0 200 OK\r\n\r\nabc",
			want: Request{Idempotent: true, Expect: &Expectation{Status: 200, Content: []byte("abc"), Framing: wire.UntilClose}},
		},
		{
			name: "request that ends the connection", request: "DELETE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", response: plantest.OK,
			want: Request{Idempotent: true, Closes: true, Expect: &Expectation{Status: 200, Content: []byte("hi"), Framing: wire.Length}},
		},
		{
			name: "a head beyond the limits of servers", request: "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 30000) + "\r\n\r\n", response: plantest.OK,
			want: Request{Idempotent: true, Expect: &Expectation{Status: 200, Content: []byte("hi"), Framing: wire.Length}},
		},
		{
			name: "no response", request: plantest.Get("/a"), want: Request{Idempotent: true},
			note: "1 request without a whole, valid recorded response, which --verify cannot compare",
		},
		{
			name: "part of a response", request: plantest.Get("/a"), response: plantest.OK[:len(plantest.OK)-1], want: Request{Idempotent: true},
			note: "1 request without a whole",
		},
		{
			name: "a response that is none", request: plantest.Get("/a"), response: "HTTP/1.1 2 OK\r\n\r\n", want: Request{Idempotent: true},
			note: "1 request without a whole",
		},
		{
			name: "part of a request", request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
			left: "1 request left out: the recording has only part of it",
		},
		{name: "part of a head", request: "GET / HTTP/1.1\r\nHost: h\r\n", left: "1 request left out: the recording has only part of it"},
		{name: "not HTTP/1.1", request: "GET / HTTP/1.1\r\nHost : h\r\n\r\n", left: "1 request left out: not HTTP/1.1 by the book"},
		{name: "two lengths", request: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", left: "1 request left out: not HTTP/1.1 by the book"},
		{
			name: "a target that no URI has, and no Host", request: "GET /é%#\" HTTP/1.1\r\n\r\n", response: plantest.OK,
			want: Request{Idempotent: true, Expect: &Expectation{Status: 200, Content: []byte("hi"), Framing: wire.Length}},
			note: "1 request replayed as recorded, which servers may answer with 400: the request target has a byte that no URI has",
		},
		{name: "more than a request", request: plantest.Get("/a") + "x", left: "1 request left out: not HTTP/1.1 by the book"},
		{name: "CONNECT", request: "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", response: "HTTP/1.1 200 OK\r\n\r\n", left: "1 request left out: what follows a CONNECT or an upgrade is not HTTP"},
		{
			name: "upgrade", request: "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
			response: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", left: "1 request left out: what follows a CONNECT or an upgrade is not HTTP",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := FromRecording(plantest.Record([]plantest.Exchange{{test.request, test.response}}), events.ClientHop)
			if test.left != "" {
				if err == nil || !strings.Contains(err.Error(), test.left) {
					t.Fatalf("the error is %v, not %q", err, test.left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := plan.Sessions[0].Requests[0]
			if string(got.Bytes) != test.request || got.Final != nil {
				t.Errorf("sends %q, %q", got.Bytes, got.Final)
			}
			if !strings.HasPrefix(test.request, fmt.Sprintf("%s %s HTTP/1.", got.Method, got.Target)) {
				t.Errorf("method %q, target %q", got.Method, got.Target)
			}
			got.Bytes, got.Method, got.Target = nil, nil, nil
			if e := got.Expect; e != nil {
				head, _, _ := strings.Cut(test.response, "\r\n\r\n")
				if string(e.Head) != head+"\r\n\r\n" {
					t.Errorf("the recorded head is %q", e.Head)
				}
				e.Head = nil
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v (%+v), want %+v (%+v)", got, got.Expect, test.want, test.want.Expect)
			}
			if notes := strings.Join(plan.Notes, "\n"); !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// What is wrong with a request that is replayed nevertheless stands in words.
func TestFaultsInWords(t *testing.T) {
	const field = "Host: h\r\n"
	for head, want := range map[string]string{
		"GET / HTTP/1.1\r\n":                   "the request has no Host field",
		"GET / HTTP/1.1\r\nHost: a b\r\n":      "the Host field is not a host with an optional port",
		"GET / HTTP/1.1\r\n" + field + field:   "the request has more than one Host field line",
		"GET /a\"b HTTP/1.1\r\n" + field:       "the request target has a byte that no URI has",
		"GET /100% HTTP/1.1\r\n" + field:       "a percent sign in the target's path is not followed by two hexadecimal digits",
		"GET /a b HTTP/1.1\r\n" + field:        "the request target has a space",
		"GET  /a HTTP/1.1\r\n" + field:         "the request target has a space in front of it",
		"GET a HTTP/1.1\r\n" + field:           "the request target is in no form that this method may have",
		"GET http://u@h/ HTTP/1.1\r\n" + field: "the target does not name its server by host and port",
	} {
		notes := planned(t, []plantest.Exchange{{head + "\r\n", plantest.OK}}).Notes
		if want := []string{"1 request replayed as recorded, which servers may answer with 400: " + want}; !slices.Equal(notes, want) {
			t.Errorf("%q: notes %q, want %q", head, notes, want)
		}
	}
}

func TestCutMessagesAreNotCompared(t *testing.T) {
	rec := plantest.Record([]plantest.Exchange{{plantest.Get("/1"), "HTTP/1.1 200 OK\r\n\r\nhalf of"}})
	rec.Connections[0].Exchanges[0].Response.Cut = true
	plan, err := FromRecording(rec, events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Verifiable() {
		t.Error("half a response is taken for a whole one")
	}
}

func TestFaultyResponsesAreNotCompared(t *testing.T) {
	rec := plantest.Record([]plantest.Exchange{{plantest.Get("/1"), plantest.OK}})
	rec.Connections[0].Exchanges[0].Response.Fault = errors.New("more content than it says")
	plan, err := FromRecording(rec, events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	if want := "1 request without a whole, valid recorded response, which --verify cannot compare"; plan.Verifiable() || !slices.Equal(plan.Notes, []string{want}) {
		t.Errorf("verifiable %t, notes %q", plan.Verifiable(), plan.Notes)
	}
}

// What was lost is said before anything else.
func TestLossesAreNotedFirst(t *testing.T) {
	rec := plantest.Record([]plantest.Exchange{{plantest.Get("/1"), ""}, {"GET / HTTP/1.1\r\nHost", ""}})
	rec.Warnings, rec.Losses = []string{"a loss", "a remark"}, 1
	plan, err := FromRecording(rec, events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 request left out: the recording has only part of it", "a loss", "a remark",
		"1 request without a whole, valid recorded response, which --verify cannot compare"}
	if !slices.Equal(plan.Notes, want) || plan.Losses != 2 {
		t.Errorf("notes %q, %d of losses", plan.Notes, plan.Losses)
	}
}

// Of several recordings, the losses of all are first, and each note has a name.
func TestNotesOfSeveralRecordings(t *testing.T) {
	noted := func(source string, losses int, notes ...string) *Plan {
		p := planned(t, plantest.Gets("/"))
		p.Source, p.Losses, p.Notes = source, losses, notes
		return p
	}
	all := Join(noted("a", 1, "loss", "remark"), noted("b", 0, "remark"), noted("c", 2, "loss", "more"))
	want := []string{"a: loss", "c: loss", "c: more", "a: remark", "b: remark"}
	if !slices.Equal(all.Notes, want) || all.Losses != 3 {
		t.Errorf("notes %q, %d of losses", all.Notes, all.Losses)
	}
	if want := "connection c1 from 127.0.0.1:50001 in b"; all.Sessions[1].Name != want {
		t.Errorf("a session is called %q, not %q", all.Sessions[1].Name, want)
	}
	one := noted("a", 1, "loss", "remark")
	if alone := Join(one); !slices.Equal(alone.Notes, []string{"loss", "remark"}) {
		t.Errorf("alone: notes %q", alone.Notes)
	}
}

func TestPlanKeepsSessionsAndOrder(t *testing.T) {
	broken := []plantest.Exchange{{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", ""}}
	plan := planned(t, plantest.Gets("/1", "/2"), broken, append(broken, plantest.Gets("/3")...))
	var got []string
	for _, s := range plan.Sessions {
		line := s.Name + ":"
		for _, r := range s.Requests {
			line += " " + string(r.Target)
		}
		got = append(got, line)
	}
	want := []string{"connection c1 from 127.0.0.1:50001: /1 /2", "connection c3 from 127.0.0.1:50003: /3"}
	if !slices.Equal(got, want) || plan.Len() != 3 || plan.Joined {
		t.Errorf("got %q, %d requests, joined %t", got, plan.Len(), plan.Joined)
	}
	if want := []string{"2 requests left out: not HTTP/1.1 by the book"}; !slices.Equal(plan.Notes, want) {
		t.Errorf("notes %q", plan.Notes)
	}
	plan.Sessions[1].Requests[0].Expect.Status = 103
	if got := plan.Statuses(); !slices.Equal(got, []int{103, 200}) {
		t.Errorf("statuses %d", got)
	}
}

func TestHops(t *testing.T) {
	rec := func(hops ...events.Hop) *capture.Recording {
		all := &capture.Recording{}
		for _, h := range hops {
			c := plantest.Record(plantest.Gets("/" + h.String())).Connections[0]
			c.Hop = h
			all.Connections = append(all.Connections, c)
		}
		return all
	}
	for _, test := range []struct {
		name string
		rec  *capture.Recording
		hop  events.Hop
		want string // targets, or the error
	}{
		{"both, client", rec(events.ClientHop, events.OriginHop), events.ClientHop, "/client"},
		{"both, origin", rec(events.ClientHop, events.OriginHop), events.OriginHop, "/origin"},
		{"unknown, client", rec(events.UnknownHop, events.UnknownHop), events.ClientHop, "/unknown /unknown"},
		{"unknown, origin", rec(events.UnknownHop), events.OriginHop, "it has no request of the origin's hop; --hop client takes those of the client's"},
		{"origin only, client", rec(events.OriginHop), events.ClientHop, "it has no request of the client's hop; --hop origin takes those of the origin's"},
		{"nothing", rec(), events.ClientHop, "there is no HTTP/1.1 request in it"},
		{"nothing, and why", &capture.Recording{Warnings: []string{"b1", "b2", "a"}, Reasons: []string{"a", "b"}}, events.ClientHop,
			"there is no HTTP/1.1 request in it; a; b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := FromRecording(test.rec, test.hop)
			if err != nil {
				if err.Error() != test.want {
					t.Errorf("the error is %q", err)
				}
				return
			}
			var got []string
			for _, s := range plan.Sessions {
				got = append(got, string(s.Requests[0].Target))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestSeveralServersAreNoted(t *testing.T) {
	rec := plantest.Record(plantest.Gets("/1"), plantest.Gets("/2"))
	rec.Connections[1].Server = netip.MustParseAddrPort("127.0.0.1:9090")
	rec.Warnings = []string{"a warning of the reader"}
	plan, err := FromRecording(rec, events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a warning of the reader", "the recording has connections to 2 servers, all of which are replayed"}
	if !slices.Equal(plan.Notes, want) {
		t.Errorf("notes %q", plan.Notes)
	}
}

func TestJoin(t *testing.T) {
	url := func(s string) *Plan {
		p, err := FromURL(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	file := planned(t, plantest.Gets("/f"))
	for _, test := range []struct {
		name    string
		plans   []*Plan
		joined  bool
		targets string
	}{
		{"a URL", []*Plan{url("http://a/1")}, true, "a:80"},
		{"URLs of one server", []*Plan{url("http://a/1"), url("http://a:80/2")}, true, "a:80"},
		{"URLs of two servers", []*Plan{url("http://a/1"), url("http://b/1")}, true, "a:80 b:80"},
		{"a file", []*Plan{file}, false, ""},
		{"a file and a URL", []*Plan{file, url("http://a/1")}, false, "a:80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := Join(test.plans...)
			if p.Joined != test.joined || strings.Join(p.Targets, " ") != test.targets || p.Len() != len(test.plans) {
				t.Errorf("joined %t, targets %q, %d requests", p.Joined, p.Targets, p.Len())
			}
		})
	}
}

func TestFromURL(t *testing.T) {
	for _, test := range []struct {
		url, target, request string
	}{
		{"http://127.0.0.1:8080/a/b?c=d#e", "127.0.0.1:8080", "GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"},
		{"http://example.org", "example.org:80", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
		{"http://[::1]:81/ä b", "[::1]:81", "GET /%C3%A4%20b HTTP/1.1\r\nHost: [::1]:81\r\n\r\n"},
		{"https://h/", "https://h:443", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"https://[::1]:81/", "https://[::1]:81", "GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n"},
		{"http://h?q", "h:80", "GET /?q HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		p, err := FromURL(test.url)
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		r := p.Sessions[0].Requests[0]
		if string(r.Bytes) != test.request || p.Targets[0] != test.target || !p.Joined {
			t.Errorf("%s: to %s %q", test.url, p.Targets[0], r.Bytes)
		}
		if final := strings.TrimSuffix(test.request, "\r\n") + "Connection: close\r\n\r\n"; string(r.Final) != final {
			t.Errorf("%s: the last request is %q", test.url, r.Final)
		}
	}
}

func TestFromURLRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"ftp://h/":         "give an http or https URL",
		"http:///a":        "no host",
		"http://u:p@h/":    "user names",
		"http://h:x/":      "no URL",
		"http://h/%zz":     "no URL",
		"http://a b/":      "no URL",
		"http://h\x00.x/a": "no URL",
	} {
		if p, err := FromURL(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", url, p, err, want)
		}
	}
}

// planned is the plan of sessions.
func planned(t *testing.T, sessions ...[]plantest.Exchange) *Plan {
	t.Helper()
	p, err := FromRecording(plantest.Record(sessions...), events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestInstants: they begin with the earliest request, whichever connection it is of.
func TestInstants(t *testing.T) {
	rec := plantest.Record(plantest.Gets("/1", "/2"), plantest.Gets("/3"))
	noon := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	rec.Connections[0].Exchanges[0].Request.At = noon.Add(3 * time.Second)
	rec.Connections[0].Exchanges[1].Request.At = noon.Add(5 * time.Second)
	rec.Connections[1].Exchanges[0].Request.At = noon
	p, err := FromRecording(rec, events.ClientHop)
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Duration{p.Sessions[0].Requests[0].At, p.Sessions[0].Requests[1].At, p.Sessions[1].Requests[0].At}
	if want := []time.Duration{3 * time.Second, 5 * time.Second, 0}; !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
