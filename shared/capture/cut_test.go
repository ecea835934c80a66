package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/english"

	"github.com/hopwire/hopwire/shared/events"
)

// dialogue captures segments, each of them
//
//	>octets   sent by the client
//	<octets   sent by the server
//	>FIN      with FIN, and no octets
//	!>octets  sent, and not captured; likewise !< and !>FIN
//
// The first one may be joined: the handshake was not captured.
func dialogue(t testing.TB, segments ...string) *Recording {
	t.Helper()
	tap := newWiretap(t, layers.LinkTypeEthernet)
	if segments[0] == joinedThere {
		segments = segments[1:]
	} else {
		tap.connect()
	}
	tap.say(segments...)
	return readBytes(t, tap.file.Bytes())
}

const joinedThere = "joined"

func (tap *wiretap) say(segments ...string) {
	for _, s := range segments {
		octets, missed := strings.CutPrefix(s, "!")
		d, flags := events.Inbound, tcpFlags(0)
		if octets[0] == '<' {
			d = events.Outbound
		}
		if octets = octets[1:]; octets == "FIN" {
			octets, flags = "", flagFIN
		}
		if !missed {
			tap.send(d, flags, tap.sent[d], octets)
		} else {
			tap.sent[d] += len(octets)
		}
		if flags != 0 {
			tap.sent[d]++
		}
	}
}

// ask and reply make messages that can be told apart.
func ask(n int) string { return fmt.Sprintf(">GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", n) }

func reply(n int) string { return fmt.Sprintf("<HTTP/1.1 21%d OK\r\nContent-Length: 2\r\n\r\nhi", n) }

func asked(n int) string { return fmt.Sprintf("GET /%d 28+0 -> 21%d OK 38+2", n, n) }

// What was not captured costs the messages in it, and no others.
func TestHoles(t *testing.T) {
	const post = ">POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n"
	const chunked = ">POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	cases := []struct {
		name     string
		segments []string
		want     []string
		warning  string // another one is there if some are uncertain
		unsure   int
	}{
		{"a request", []string{ask(1), reply(1), "!" + ask(2), reply(2), ask(3), reply(3), ask(4), reply(4)},
			[]string{asked(1), asked(3), asked(4)}, "28 bytes of requests missing; lost at least 1 request", 0},
		{"two requests and one again", []string{ask(1), reply(1), "!" + ask(2), reply(2), "!" + ask(3), reply(3), ask(4), reply(4),
			"!" + ask(5), reply(5), ask(6), reply(6)},
			[]string{asked(1), asked(4), asked(6)}, "84 bytes of requests missing; lost at least 3 requests", 0},
		{"the first request", []string{"!" + ask(1), reply(1), ask(2), reply(2)},
			[]string{asked(2)}, "28 bytes of requests missing; lost at least 1 request", 0},
		{"the last request", []string{ask(1), reply(1), "!" + ask(2), reply(2), ">", "!>x", ">G"},
			[]string{asked(1)}, "29 bytes of requests missing; lost at least 1 request", 0},
		{"a request that was not answered before the next", []string{ask(1), reply(1), "!" + ask(2), ask(3), reply(2), reply(3), ask(4), reply(4)},
			[]string{asked(1), "GET /3 28+0 ->", asked(4)}, "28 bytes of requests missing; lost at least 1 request", 1},
		{"half a head", []string{ask(1), reply(1), ask(2)[:9], "!>" + ask(2)[9:20], ">" + ask(2)[20:], reply(2), ask(3), reply(3)},
			[]string{asked(1), asked(3)}, "11 bytes of requests missing; lost at least 1 request", 0},
		{"content, in which a request stands", []string{post, "!>" + strings.Repeat("x", 32), ask(7), reply(1), ask(2), reply(2)},
			[]string{asked(2)}, "32 bytes of requests missing; lost at least 1 request", 0},
		{"content and more", []string{post, "!>" + strings.Repeat("x", 60+28), reply(1), reply(1), ask(2), reply(2)},
			[]string{asked(2)}, "88 bytes of requests missing; lost at least 2 requests", 0},
		{"a chunk", []string{chunked, ">5\r\nhello\r\n", "!>5\r\nhello\r\n", ">5\r\nHTTP/\r\n", ">0\r\n\r\n", reply(1), ask(2), reply(2)},
			[]string{asked(2)}, "10 bytes of requests missing; lost at least 1 request", 0},
		{"a response", []string{ask(1), "!" + reply(1), ask(2), reply(2)},
			[]string{"GET /1 28+0 ->", asked(2)}, "40 bytes of responses missing; kept the requests", 0},
		{"the head of a response", []string{ask(1), "!<" + reply(1)[1:20], "<" + reply(1)[20:], ask(2), reply(2)},
			[]string{"GET /1 28+0 ->", asked(2)}, "19 bytes of responses missing; kept the requests", 0},
		{"the content of a response", []string{ask(1), reply(1)[:40], "!<i", ask(2), reply(2)},
			[]string{"GET /1 28+0 -> 211 OK (cut) 38+1", asked(2)}, "1 byte of responses missing; kept the requests", 0},
		{"a chunk of a response", []string{ask(1), "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "!<1\r\nx\r\n", "<0\r\n\r\n", ask(2), reply(2)},
			[]string{"GET /1 28+0 -> 200 OK (cut) 47+0", asked(2)}, "6 bytes of responses missing; kept the requests", 0},

		{"a request of those sent at once", []string{ask(1) + ask(2)[1:], "!" + ask(3), ask(4), reply(1) + reply(2)[1:] + reply(3)[1:] + reply(4)[1:], ask(5), reply(5)},
			[]string{asked(1), asked(2), "GET /4 28+0 ->", asked(5)}, "28 bytes of requests missing; lost at least 1 request", 1},
		{"a request, while the one behind it goes unanswered", []string{ask(1), reply(1), "!" + ask(2), ask(3), reply(2), ask(4), reply(3), reply(4)},
			[]string{asked(1), "GET /3 28+0 ->", "GET /4 28+0 ->"}, "28 bytes of requests missing; lost at least 1 request", 2},
		{"two requests in one hole, always two unanswered", []string{ask(1), ask(2), reply(1), ask(3), reply(2), "!" + ask(4), reply(3), "!" + ask(5), reply(4), ask(6), reply(5), reply(6)},
			[]string{asked(1), asked(2), asked(3), "GET /6 28+0 ->"}, "56 bytes of requests missing; lost at least 2 requests", 1},
		{"two requests at once, after which all are one too late", []string{ask(1), reply(1), "!" + ask(2) + ask(3)[1:], reply(2), ask(4), reply(3), ask(5), reply(4), reply(5)},
			[]string{asked(1), "GET /4 28+0 ->", "GET /5 28+0 ->"}, "56 bytes of requests missing; lost at least 1 request", 2},
		{"the end of a response, with the next requests sent", []string{ask(1), ask(2), "<HTTP/1.1 211 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "!<0\r\n\r\n", ask(3), reply(2), reply(3)},
			[]string{"GET /1 28+0 -> 211 OK (cut) 47+0", "GET /2 28+0 ->", "GET /3 28+0 ->"}, "5 bytes of responses missing; kept the requests", 2},
		{"a response, with the next requests sent", []string{ask(1), ask(2), "!" + reply(1), ask(3), reply(2), reply(3)},
			[]string{"GET /1 28+0 ->", "GET /2 28+0 ->", "GET /3 28+0 ->"}, "40 bytes of responses missing; kept the requests", 2},
		{"the last request", []string{ask(1), reply(1), "!" + ask(2), reply(2), "<FIN", ">FIN"},
			[]string{asked(1)}, "28 bytes of requests missing; lost at least 1 request", 0},
		{"the last request, which was acknowledged", []string{ask(1), reply(1), "!" + ask(2), reply(2)},
			[]string{asked(1)}, "28 bytes of requests missing; lost at least 1 request", 0},
		{"the last request, by an empty segment", []string{ask(1), reply(1), "!" + ask(2), ">"},
			[]string{asked(1)}, "28 bytes of requests missing; lost at least 1 request", 0},
		{"the end of a response until close", []string{ask(1), "<HTTP/1.1 200 OK\r\n\r\nabc", "!<def", "<FIN"},
			[]string{"GET /1 28+0 -> 200 OK (cut) 19+3"}, "3 bytes of responses missing; kept the requests", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rec := dialogue(t, c.segments...)
			equalLines(t, "exchanges", describe(only(t, rec)), c.want)
			equalLines(t, "warnings", rec.Warnings, append([]string{theirID + c.warning}, uncertain(c.unsure)...))
		})
	}
}

func uncertain(n int) []string {
	if n == 0 {
		return nil
	}
	return []string{theirID + english.Plural(n, "request") + " kept without a response, since it is not certain which is whose"}
}

// A response is to the request that the server had seen, and that the client had
// not yet an answer to; or to none.
func TestWhoseResponse(t *testing.T) {
	const timeout = "<HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
	const unasked = theirID + "%d bytes of responses answer no request and were left out"
	const middle = theirID + "its beginning was not captured"
	cases := []struct {
		name     string
		capture  func(tap *wiretap)
		want     []string
		warnings []string
	}{
		{"answered, and once more", func(tap *wiretap) { tap.say(ask(1), reply(1), reply(2), ask(3), reply(3)) },
			[]string{asked(1), asked(3)}, []string{fmt.Sprintf(unasked, 40)}},
		{"answered before it asks", func(tap *wiretap) { tap.say(timeout, ask(1), reply(1)) },
			[]string{asked(1)}, []string{fmt.Sprintf(unasked, 51)}},
		{"asks before it has seen the timeout", func(tap *wiretap) {
			tap.say(ask(1), reply(1), timeout)
			tap.sent[events.Outbound] -= len(timeout) - 1
			tap.say(ask(2))
		}, []string{asked(1), "GET /2 28+0 ->"}, []string{fmt.Sprintf(unasked, 51)}},
		{"the same, captured behind the request", func(tap *wiretap) {
			tap.say(ask(1), reply(1), ask(2))
			tap.sent[events.Inbound] -= len(ask(2)) - 1
			tap.say(timeout)
			tap.sent[events.Inbound] += len(ask(2)) - 1
			tap.say(reply(2))
		}, []string{asked(1), asked(2)}, []string{fmt.Sprintf(unasked, 51)}},
		{"nobody acknowledges anything", func(tap *wiretap) {
			tap.deaf = true
			tap.say(ask(1), reply(1), ask(2), reply(2))
		}, []string{asked(1), asked(2)}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			tap.connect()
			c.capture(tap)
			rec := readBytes(t, tap.file.Bytes())
			equalLines(t, "exchanges", describe(only(t, rec)), c.want)
			equalLines(t, "warnings", rec.Warnings, c.warnings)
		})
	}
	for _, c := range []struct {
		name     string
		segments []string
		want     []string
		warnings []string // beside that of the joining
	}{
		{"one was asked before", []string{ask(1), reply(0), ask(2), reply(1), reply(2)}, []string{"GET /1 28+0 ->", "GET /2 28+0 ->"}, uncertain(2)},
		{"one was asked before, and all are answered", []string{ask(1), reply(0), ask(2), reply(1), reply(2), ask(3), reply(3)},
			[]string{"GET /1 28+0 ->", "GET /2 28+0 ->", asked(3)}, uncertain(2)},
		{"none was asked before", []string{ask(1), reply(1), ask(2), reply(2)}, []string{asked(1), asked(2)}, nil},
		{"a timeout in the end", []string{ask(1), reply(1), timeout}, []string{asked(1)}, []string{fmt.Sprintf(unasked, 51)}},
		{"the first response is lost", []string{"<", ask(1), "!" + reply(1), ask(2), reply(2)}, []string{"GET /1 28+0 ->", asked(2)},
			[]string{theirID + "40 bytes of responses missing; kept the requests"}},
		{"the first response and the server's segments before it are lost", []string{ask(1), "!" + reply(1), ask(2), reply(2)}, []string{"GET /1 28+0 ->", asked(2)}, uncertain(1)},
	} {
		t.Run("joined, "+c.name, func(t *testing.T) {
			rec := dialogue(t, append([]string{joinedThere}, c.segments...)...)
			equalLines(t, "exchanges", describe(only(t, rec)), c.want)
			equalLines(t, "warnings", rec.Warnings, append(c.warnings, middle))
		})
	}
}

// FIN is an end if all in front of it was captured.
func TestFINs(t *testing.T) {
	const untilClose = "<HTTP/1.1 200 OK\r\n\r\nabc"
	for _, c := range []struct {
		name    string
		capture func(tap *wiretap)
		want    string
	}{
		{"behind all", func(tap *wiretap) { tap.say("<FIN") }, "GET /1 28+0 -> 200 OK 19+3"},
		{"sent twice", func(tap *wiretap) { tap.say("<FIN"); tap.sent[events.Outbound]--; tap.say("<FIN") }, "GET /1 28+0 -> 200 OK 19+3"},
		{"not captured", func(tap *wiretap) { tap.say("!<FIN", ">") }, "GET /1 28+0 -> 200 OK (cut) 19+3"},
		{"of an earlier connection", func(tap *wiretap) { tap.send(events.Outbound, flagFIN, -70000, "") }, "GET /1 28+0 -> 200 OK (cut) 19+3"},
		{"of another one", func(tap *wiretap) { tap.send(events.Outbound, flagFIN, 1<<30, "") }, "GET /1 28+0 -> 200 OK (cut) 19+3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tap := newWiretap(t, layers.LinkTypeEthernet)
			tap.connect()
			tap.say(ask(1), untilClose)
			c.capture(tap)
			rec := readBytes(t, tap.file.Bytes())
			equalLines(t, "exchanges", describe(only(t, rec)), []string{c.want})
			equalLines(t, "warnings", rec.Warnings, nil)
		})
	}
}

// Octets that waited for ones that never came have the times at which they were
// captured.
func TestTimesBehindHoles(t *testing.T) {
	rec := dialogue(t, ask(1), reply(1), "!"+ask(2), reply(2), ask(3), reply(3), ask(4), reply(4))
	x := only(t, rec).Exchanges
	for i := 1; i < len(x); i++ {
		if !x[i].Request.At.After(x[i-1].Response.End) || !x[i].Response.At.After(x[i].Request.End) {
			t.Errorf("exchange %d: asked %v, answered %v; the one before it %v", i, x[i].Request.At, x[i].Response.At, x[i-1].Response.End)
		}
	}
}

// A response that is not by the book costs no other, and is not one to compare
// with.
func TestFaultyResponses(t *testing.T) {
	const head = ">HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n"
	cases := []struct {
		name, request, response, want, warning string
	}{
		{"no space behind the status", ask(2), "<HTTP/1.1 202\r\nContent-Length: 2\r\n\r\nhi", "GET /2 28+0 -> 202 (fault) 35+2", "no space stands behind the status code"},
		{"a space before a colon", ask(2), "<HTTP/1.1 202 OK\r\nContent-Length : 2\r\n\r\nhi", "GET /2 28+0 ->", "whitespace stands between"},
		{"LF", ask(2), "<HTTP/1.1 202 OK\nContent-Length: 2\n\nhi", "GET /2 28+0 ->", "bare LF"},
		{"CRLF behind the content", ask(2), reply(2) + "\r\n", "GET /2 28+0 -> 212 OK (fault) 38+2", "more bytes than its head says"},
		{"content to HEAD", head, reply(2), "HEAD /2 29+0 -> 212 OK (fault) 38+0", "more bytes than its head says"},
		{"content of 204", ask(2), "<HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", "GET /2 28+0 -> 204 No Content (fault) 46+0", "more bytes than its head says"},
		{"two lengths", ask(2), "<HTTP/1.1 202 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "GET /2 28+0 ->", "more than one Content-Length"},
		{"a chunk that is none", ask(2), "<HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nhi", "GET /2 28+0 ->", "chunk size"},
		{"no HTTP", ask(2), "<hi\r\n", "GET /2 28+0 ->", "version"},
	}
	for _, c := range cases {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, last %t", c.name, last), func(t *testing.T) {
				segments, want := []string{ask(1), reply(1), c.request, c.response}, []string{asked(1), c.want}
				if !last {
					segments = append(segments, ask(3), reply(3), ask(4), reply(4))
					want = append(want, asked(3), asked(4))
				}
				rec := dialogue(t, segments...)
				equalLines(t, "exchanges", describe(only(t, rec)), want)
				if !slices.ContainsFunc(rec.Warnings, func(w string) bool {
					return strings.HasPrefix(w, theirID+"1 response not by the book: ") && strings.Contains(w, c.warning)
				}) {
					t.Errorf("warnings %q", rec.Warnings)
				}
			})
		}
	}
}

// Behind one that cannot be read, requests that were sent before it came have no
// response.
func TestFaultyResponseToPipelined(t *testing.T) {
	rec := dialogue(t, ask(1), ask(2), "<HTTP/1.1 201 OK\r\nX : 1\r\n\r\n", ask(3), reply(2), reply(3))
	equalLines(t, "exchanges", describe(only(t, rec)), []string{"GET /1 28+0 ->", "GET /2 28+0 ->", "GET /3 28+0 ->"})
	if len(rec.Warnings) != 2 || rec.Warnings[0] != uncertain(2)[0] {
		t.Errorf("warnings %q", rec.Warnings)
	}
}

// A response to nothing is no fault of the one before it.
func TestResponseToNothing(t *testing.T) {
	rec := dialogue(t, ask(1), reply(1), "<HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
	equalLines(t, "exchanges", describe(only(t, rec)), []string{asked(1)})
	equalLines(t, "warnings", rec.Warnings, []string{theirID + "51 bytes of responses answer no request and were left out"})
}

// Small captures, each of which holds one fault. tshark counts as many requests in
// them that are whole.
func TestFaultyCaptures(t *testing.T) {
	for _, c := range []struct {
		file     string
		requests int
		warning  string // the first one
	}{
		{"gap_one_of_twelve", 11, theirID + "34 bytes of requests missing; lost at least 1 request"},
		{"request_nohost", 4, ""},
		{"request_utf8", 4, ""},
		{"response_noreason", 3, theirID + "3 responses not by the book, the first: no space stands behind the status code"},
		{"loss_hidden_behind_notes", 38, "connection 31 (10.0.2.1:5000 > 10.0.0.2:80): 34 bytes of requests missing; lost at least 1 request"},
	} {
		t.Run(c.file, func(t *testing.T) {
			rec, err := ReadFile(filepath.Join("testdata", c.file+".pcap"))
			if err != nil {
				t.Fatal(err)
			}
			n, answered := 0, 0
			for _, connection := range rec.Connections {
				for _, x := range connection.Exchanges {
					n++
					if len(x.Response.Raw) > 0 && !x.Response.Cut {
						answered++
					}
				}
			}
			if n != c.requests || answered != n {
				t.Errorf("%d requests, %d with whole responses, want %d", n, answered, c.requests)
			}
			if first := append(rec.Warnings, "")[0]; first != c.warning {
				t.Errorf("warnings %q, want first %q", rec.Warnings, c.warning)
			}
		})
	}
}

// Losses come first, and of each kind some and the number of the others.
func TestWarningsAreInOrder(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	for i := range 50 {
		tap.ends[0] = netip.AddrPortFrom(tap.ends[0].Addr(), uint16(5000+i))
		tap.sent = [2]int{}
		tap.send(events.Inbound, 0, 0, askA)
		tap.send(events.Outbound, 0, 0, answer)
		if i >= 25 {
			tap.send(events.Inbound, 0, len(askA)+10, askB[10:])
		}
	}
	w := readBytes(t, tap.file.Bytes()).Warnings
	if len(w) != 42 || !strings.Contains(w[19], "requests missing") || w[20] != "5 more connections of which requests are missing" ||
		!strings.Contains(w[21], "its beginning was not captured") || w[41] != "30 more connections of which the beginning was not captured" {
		t.Errorf("%d warnings: %s", len(w), strings.Join(w, "\n"))
	}
}

// However many holes there are, what stands between them is found, and so are the
// responses.
func TestManyHoles(t *testing.T) {
	var segments, want []string
	for range pagesPerConnection + 4 {
		segments = append(segments, "!"+ask(1), reply(1), ask(2), reply(2))
		want = append(want, asked(2))
	}
	equalLines(t, "exchanges", describe(only(t, dialogue(t, segments...))), want)
}

// Of segments that wait for another one, each place is known once.
func TestSegmentsThatWait(t *testing.T) {
	var h half
	h.next = 1000
	for range 3 {
		for _, n := range []uint32{500, 100, 300, 100, 200} {
			h.expect(&layers.TCP{Seq: 1000 + n, BaseLayer: layers.BaseLayer{Payload: []byte("x")}}, false, 1000, moment{})
		}
	}
	var places []int
	for _, m := range h.ahead {
		places = append(places, m.place)
	}
	if !slices.Equal(places, []int{100, 200, 300, 500}) {
		t.Errorf("places %v", places)
	}
}

// What is missing and was acknowledged is not waited for long.
func TestWaitsForWhatMayCome(t *testing.T) {
	tap := newWiretap(t, layers.LinkTypeEthernet)
	tap.connect()
	tap.say(ask(1), reply(1), "!"+ask(2), reply(2))
	for range 10 * pagesBehind {
		tap.say(ask(3), reply(3))
	}
	memory := &memory{bound: DefaultMemory}
	source, err := openPackets(bytes.NewReader(tap.file.Bytes()), memory.block())
	if err != nil {
		t.Fatal(err)
	}
	in, most := reader{rec: new(Recording), memory: memory, tracer: newTracer(memory)}, 0
	for err == nil {
		err = in.step(source)
		for _, s := range in.tracer.all {
			most = max(most, len(s.halves[0].ahead))
		}
	}
	if most > pagesBehind {
		t.Errorf("%d segments waited for one that was acknowledged, want at most %d", most, pagesBehind)
	}
}

// A request that cannot be read is said to be there, also behind others.
func TestUnreadableBehindOthers(t *testing.T) {
	rec := dialogue(t, ">\r\n"+ask(1)[1:], reply(1), ">GET /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	if len(only(t, rec).Exchanges) != 1 || len(rec.Warnings) != 1 || !strings.Contains(rec.Warnings[0], "a request cannot be read") {
		t.Errorf("%v, %q", describe(only(t, rec)), rec.Warnings)
	}
}
