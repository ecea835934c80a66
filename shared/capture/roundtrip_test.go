package capture

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/events"
)

// What is written comes back as exchanges, message by message.
func TestRoundTrip(t *testing.T) {
	const get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	big := strings.Repeat("x", 200000)
	cases := []struct {
		name     string
		record   func(tp *tape, f *events.Flow)
		want     []string
		warnings []string
		closed   Closing // At is not compared
		upgraded bool
	}{
		{"keep-alive", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, ok)
			tp.in(f, get)
			tp.out(f, ok)
			tp.finish(f)
		}, []string{"GET /a 28+0 -> 200 OK 38+2", "GET /a 28+0 -> 200 OK 38+2"}, nil, Closing{How: events.FIN}, false},

		{"pipelined, answered in other pieces", func(tp *tape, f *events.Flow) {
			tp.in(f, get+get[:5], get[5:]+get)
			tp.out(f, ok[:3], ok[3:]+ok+ok[:20], ok[20:])
			tp.end(f, events.Outbound, events.FIN)
			tp.end(f, events.Inbound, events.FIN)
		}, []string{"GET /a 28+0 -> 200 OK 38+2", "GET /a 28+0 -> 200 OK 38+2", "GET /a 28+0 -> 200 OK 38+2"},
			nil, Closing{How: events.FIN, From: events.Outbound}, false},

		{"chunked both ways, with a trailer section", func(tp *tape, f *events.Flow) {
			tp.in(f, "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n", "0\r\n", "A: b\r\n\r\n")
			tp.out(f, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\n\r\n")
		}, []string{"POST /p 57+21 -> 200 OK 47+11"}, nil, Closing{}, false},

		{"more than one segment holds", func(tp *tape, f *events.Flow) {
			tp.in(f, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"+big)
			tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"+big)
		}, []string{"POST /p 53+200000 -> 200 OK 43+200000"}, nil, Closing{}, false},

		{"interim responses", func(tp *tape, f *events.Flow) {
			tp.in(f, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
			tp.out(f, "HTTP/1.1 100 Continue\r\n\r\n")
			tp.in(f, "x")
			tp.out(f, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+ok)
		}, []string{"POST /p 70+1 -> 100 Continue 25+0, 103 Early Hints 40+0, 200 OK 38+2"}, nil, Closing{}, false},

		{"responses that end with their head", func(tp *tape, f *events.Flow) {
			tp.in(f, "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n")
			tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
			tp.in(f, get)
			tp.out(f, "HTTP/1.1 204 No Content\r\n\r\n")
			tp.in(f, get)
			tp.out(f, "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n")
		}, []string{"HEAD /h 29+0 -> 200 OK 39+0", "GET /a 28+0 -> 204 No Content 27+0", "GET /a 28+0 -> 304 Not Modified 49+0"},
			nil, Closing{}, false},

		{"until close", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, "HTTP/1.1 200 OK\r\n\r\n", "all ", "of it")
			tp.end(f, events.Outbound, events.FIN)
			tp.end(f, events.Inbound, events.FIN)
		}, []string{"GET /a 28+0 -> 200 OK 19+9"}, nil, Closing{How: events.FIN, From: events.Outbound}, false},

		{"until close, which was a reset", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, "HTTP/1.1 200 OK\r\n\r\n", "part")
			tp.end(f, events.Outbound, events.RST)
		}, []string{"GET /a 28+0 -> 200 OK (cut) 19+4"}, nil, Closing{How: events.RST, From: events.Outbound}, false},

		{"reset in the middle of a response", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, ok[:39])
			tp.end(f, events.Inbound, events.RST)
			tp.out(f, ok[39:]) // the edge may still have tried
		}, []string{"GET /a 28+0 -> 200 OK (cut) 38+1"}, nil, Closing{How: events.RST}, false},

		{"reset after FIN", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.end(f, events.Inbound, events.FIN)
			tp.out(f, ok)
			tp.end(f, events.Outbound, events.RST)
		}, []string{"GET /a 28+0 -> 200 OK 38+2"}, nil, Closing{How: events.RST, From: events.Outbound}, false},

		{"unanswered", func(tp *tape, f *events.Flow) {
			tp.in(f, get+get)
			tp.out(f, ok)
			tp.end(f, events.Outbound, events.FIN)
		}, []string{"GET /a 28+0 -> 200 OK 38+2", "GET /a 28+0 ->"}, nil, Closing{How: events.FIN, From: events.Outbound}, false},

		{"half a request", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, ok)
			tp.in(f, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
			tp.finish(f)
		}, []string{"GET /a 28+0 -> 200 OK 38+2"},
			[]string{"connection c1 (127.0.0.1:50001 > 127.0.0.1:41234): its last request is not whole and was left out"},
			Closing{How: events.FIN}, false},

		{"a request that is refused", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, ok)
			tp.in(f, "GET / HTTP/1.1\r\nHost : a\r\n\r\n")
			tp.out(f, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			tp.finish(f)
		}, []string{"GET /a 28+0 -> 200 OK 38+2"},
			[]string{"connection c1 (127.0.0.1:50001 > 127.0.0.1:41234): a request cannot be read: * left it out, and what follows"},
			Closing{How: events.FIN}, false},

		{"a response to nothing", func(tp *tape, f *events.Flow) {
			tp.in(f, get)
			tp.out(f, ok)
			tp.out(f, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
			tp.end(f, events.Outbound, events.FIN)
		}, []string{"GET /a 28+0 -> 200 OK 38+2"},
			[]string{"connection c1 (127.0.0.1:50001 > 127.0.0.1:41234): 51 bytes of responses answer no request and were left out"},
			Closing{How: events.FIN, From: events.Outbound}, false},

		{"upgrade", func(tp *tape, f *events.Flow) {
			tp.in(f, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			tp.out(f, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			tp.in(f, "\x00\x01\x02")
			tp.out(f, get)
			tp.finish(f)
		}, []string{"GET /chat 64+0 -> 101 Switching Protocols 69+0"}, nil, Closing{How: events.FIN}, true},

		{"connect", func(tp *tape, f *events.Flow) {
			tp.in(f, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
			tp.out(f, "HTTP/1.1 200 OK\r\n\r\n")
			tp.in(f, get)
		}, []string{"CONNECT a:443 39+0 -> 200 OK 19+0"}, nil, Closing{}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tp := newTape(t)
			c.record(tp, tp.open(events.ClientHop))
			rec := tp.read()
			got := only(t, rec)
			equalLines(t, "exchanges", describe(got), c.want)
			matchLines(t, rec.Warnings, c.warnings)
			if got.Closed.How != c.closed.How || got.Closed.From != c.closed.From || got.Upgraded != c.upgraded {
				t.Errorf("closed %v from %v, upgraded %v; want %v from %v, %v", got.Closed.How, got.Closed.From,
					got.Upgraded, c.closed.How, c.closed.From, c.upgraded)
			}
		})
	}
}

// matchLines compares warnings; a * in the wanted ones stands for anything.
func matchLines(t testing.TB, got, want []string) {
	t.Helper()
	matches := len(got) == len(want)
	for i := 0; matches && i < len(want); i++ {
		begin, end, wild := strings.Cut(want[i], "*")
		matches = got[i] == want[i] || wild && strings.HasPrefix(got[i], begin) && strings.HasSuffix(got[i], end)
	}
	if !matches {
		t.Errorf("warnings:\n got %q\nwant %q", got, want)
	}
}

func TestRoundTripIdentity(t *testing.T) {
	addr := netip.MustParseAddrPort
	cases := []struct {
		hop                          events.Hop
		client, server               netip.AddrPort
		id, wantClient, wantedServer string
	}{
		{events.ClientHop, addr("127.0.0.1:1234"), addr("127.0.0.2:80"), "c1", "127.0.0.1:1234", "127.0.0.2:80"},
		{events.OriginHop, addr("[::1]:1234"), addr("[::1]:8080"), "o1", "[::1]:1234", "[::1]:8080"},
		{events.ClientHop, addr("[::ffff:10.0.0.1]:1234"), addr("10.0.0.2:8080"), "c1", "10.0.0.1:1234", "10.0.0.2:8080"},
		{events.ClientHop, addr("[fe80::1%eth0]:1234"), addr("[fe80::2]:8080"), "c1", "[fe80::1]:1234", "[fe80::2]:8080"},
		{events.ClientHop, addr("10.0.0.1:1234"), addr("[fe80::2]:8080"), "c1", "[::ffff:10.0.0.1]:1234", "[fe80::2]:8080"},
		{events.OriginHop, netip.AddrPort{}, netip.AddrPort{}, "o1", "198.51.100.1:1025", "198.51.100.2:80"},
	}
	for _, c := range cases {
		tp := newTape(t)
		tp.n++
		f := tp.openBetween(c.hop, c.client, c.server)
		opened := tp.now
		tp.in(f, "GET / HTTP/1.0\r\n\r\n")
		sent := tp.now
		got := only(t, tp.read())
		if got.ID != c.id || got.Hop != c.hop || got.Client.String() != c.wantClient || got.Server.String() != c.wantedServer {
			t.Errorf("%v > %v on %v: got %s on %v, %v > %v", c.client, c.server, c.hop, got.ID, got.Hop, got.Client, got.Server)
		}
		if !got.Opened.Equal(opened) || !got.Exchanges[0].Request.At.Equal(sent) {
			t.Errorf("opened %v, sent %v; want %v, %v", got.Opened, got.Exchanges[0].Request.At, opened, sent)
		}
	}
}

// The same octets between the same addresses on both hops stay two connections,
// as does a second connection from the same port.
func TestRoundTripKeepsConnectionsApart(t *testing.T) {
	tp := newTape(t)
	client, server := netip.MustParseAddrPort("127.0.0.1:1234"), netip.MustParseAddrPort("127.0.0.1:80")
	var flows []*events.Flow
	for _, hop := range []events.Hop{events.ClientHop, events.OriginHop, events.ClientHop} {
		tp.n++
		f := tp.openBetween(hop, client, server)
		tp.in(f, "GET / HTTP/1.0\r\n\r\n")
		flows = append(flows, f)
		if hop == events.OriginHop {
			tp.out(flows[0], "HTTP/1.0 200 OK\r\n\r\nfirst")
			tp.end(flows[0], events.Outbound, events.FIN) // and never the other way
		}
	}
	var ids []string
	for _, c := range tp.read().Connections {
		ids = append(ids, c.ID)
		if len(c.Exchanges) != 1 {
			t.Errorf("%s has %d exchanges, want 1", c.ID, len(c.Exchanges))
		}
	}
	equalLines(t, "connections", ids, []string{"c1", "o2", "c3"})
}

func TestMessageTimes(t *testing.T) {
	tp := newTape(t)
	f := tp.open(events.ClientHop)
	tp.in(f, "POST / HTTP/1.1\r\nHost: a\r\nCon")
	begin := tp.now
	tp.in(f, "tent-Length: 2\r\n\r\nh", "i")
	end := tp.now
	tp.out(f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	answered := tp.now
	x := only(t, tp.read()).Exchanges[0]
	if !x.Request.At.Equal(begin) || !x.Request.End.Equal(end) || !x.Response.At.Equal(answered) || !x.Response.End.Equal(answered) {
		t.Errorf("request %v to %v, response %v to %v; want %v to %v, %v", x.Request.At, x.Request.End,
			x.Response.At, x.Response.End, begin, end, answered)
	}
}

func TestRoundTripNotes(t *testing.T) {
	tp := newTape(t)
	used := tp.open(events.OriginHop)
	used.Exchange.Client = events.Use{Conn: events.ConnID{Hop: events.ClientHop, N: 3}, N: 2}
	notes := []Note{
		{Conn: used.ConnID, Exchange: used.Exchange, Note: events.Note{Kind: "pool", Params: params("idle", "12ms", "uses", "3"), Text: "took the newest"}},
		{Note: events.Note{Kind: "refused", Params: params("field", `a]b"c\d`)}},
		{Note: events.Note{Text: "only text - with [brackets]"}},
		{Note: events.Note{Kind: "empty", Warning: true}},
	}
	for i := range notes {
		notes[i].At = tp.tick()
		var about *events.Flow
		if notes[i].Conn != (events.ConnID{}) {
			about = used
		}
		tp.track.Note(about, notes[i].At, &notes[i].Note)
	}
	if got := tp.read().Notes; !reflect.DeepEqual(got, notes) {
		t.Errorf("got  %+v\nwant %+v", got, notes)
	}
}

func params(texts ...string) (list []events.Param) {
	for i := 0; i < len(texts); i += 2 {
		list = append(list, events.Param{Name: texts[i], Value: texts[i+1]})
	}
	return list
}
