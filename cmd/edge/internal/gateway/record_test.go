package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// record plays a scene that is recorded. It returns what the recording says, and
// the file that says it.
func record(t *testing.T, on stage, config Config, client, origin script) (*capture.Recording, string) {
	t.Helper()
	return recordAs(t, on, config, events.Options{}, client, origin)
}

func recordAs(t *testing.T, on stage, config Config, options events.Options, client, origin script) (*capture.Recording, string) {
	t.Helper()
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	options.Memory = 64 << 20 // nothing is lost, however slow the reader
	config.Events = events.NewStream(1, options)
	reader := config.Events.Read(recorder)
	on.visit(t, config, client, origin)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	octets := file.String()
	recording, err := capture.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	return recording, octets
}

func TestRecording(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n" + someDate + "\r\n5\r\nhello\r\n0\r\n\r\n"
	const request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
	forwarded := strings.Replace(answer, "Connection: keep-alive\r\n", "", 1)
	recording, file := record(t, stage{}, Config{}, func(c *peer) {
		for range 2 {
			c.send(request)
			c.expect(forwarded)
		}
		c.CloseWrite()
		c.expectEnd()
	}, answering(answer))
	if len(recording.Warnings) > 0 || len(recording.Connections) != 2 {
		t.Fatalf("%d connections, warnings %q", len(recording.Connections), recording.Warnings)
	}
	for _, want := range []struct {
		id                string
		hop               events.Hop
		request, response string
	}{
		{"c1", events.ClientHop, request, forwarded},
		{"o1", events.OriginHop, "GET /a HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n", answer},
	} {
		connection := find(recording, want.id)
		if connection == nil || connection.Hop != want.hop || len(connection.Exchanges) != 2 {
			t.Fatalf("%s: %+v", want.id, connection)
		}
		for _, e := range connection.Exchanges {
			if string(e.Request.Raw) != want.request || string(e.Response.Raw) != want.response {
				t.Errorf("%s: %q and %q", want.id, e.Request.Raw, e.Response.Raw)
			}
		}
	}
	for _, comment := range []string{
		"drop Connection: keep-alive (connection field, RFC 9110 section 7.6.1)",
		"insert Via: 1.1 hopwire (via, RFC 9110 section 7.6.3)",
		"client-closed",
		"c1#2 -> o1#2",
	} {
		if !strings.Contains(file, comment) {
			t.Errorf("the recording does not say %q", comment)
		}
	}
	want := []string{"pool c1#1 taken=new", "exchange c1#1 -> o1#1 method=GET", "pool c1#2 taken=idle", "exchange c1#2 -> o1#2 method=GET"}
	if got := decisions(recording); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
}

// What was left out of trailer sections is told where they begin, on both hops.
func TestRecordedTrailers(t *testing.T) {
	recording, file := record(t, stage{}, Config{Forwarded: true}, func(c *peer) {
		c.send(post(namingChunks, "0\r\nX-A: 1\r\nForwarded: for=a\r\n\r\n"))
		c.expect(chunkedHead, "1\r\nx\r\n0\r\nB: c\r\n\r\n")
	}, func(p *peer) {
		p.expect(forwardedChunks, "0\r\n\r\n")
		p.send(namingHead, "1\r\nx\r\n0\r\nX-B: 1\r\nB: c\r\nTE: a\r\n\r\n")
	})
	for _, comment := range []string{
		"drop X-A: 1 (named by connection, RFC 9110 section 7.6.1)\n" +
			"drop Forwarded: for=a (claim of an untrusted client, RFC 7239 section 8.1)",
		"drop X-B: 1 (named by connection, RFC 9110 section 7.6.1)\n" +
			"drop TE: a (hop-by-hop field, RFC 9110 section 7.6.1)",
	} {
		if strings.Count(file, comment) != 1 {
			t.Errorf("the recording does not say once %q", comment)
		}
	}
	for id, want := range map[string][2]string{
		"c1": {"0\r\nX-A: 1\r\nForwarded: for=a\r\n\r\n", "1\r\nx\r\n0\r\nB: c\r\n\r\n"},
		"o1": {"0\r\n\r\n", "1\r\nx\r\n0\r\nX-B: 1\r\nB: c\r\nTE: a\r\n\r\n"},
	} {
		c := find(recording, id)
		if len(recording.Warnings) > 0 || c == nil || len(c.Exchanges) != 1 || string(c.Exchanges[0].Request.Body()) != want[0] || string(c.Exchanges[0].Response.Body()) != want[1] {
			t.Errorf("%s: %+v, warnings %q", id, c, recording.Warnings)
		}
	}
}

func find(r *capture.Recording, id string) *capture.Connection {
	for _, c := range r.Connections {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Who looks at a recording sees why an exchange took its time.
func TestRecordedQueue(t *testing.T) {
	recording, _ := record(t, stage{}, Config{OriginMaxConnections: 1, QueueMax: 1}, func(first *peer) {
		second := first.dial()
		first.send(get("/1"))
		first.await("its turn", func() bool { return first.counters().Origins == 1 })
		second.send(get("/2"))
		first.expectStatus(200)
		second.expectStatus(200)
	}, steady(time.Second))
	want := []string{"pool c1#1 taken=new", "queue c2#1 position=1", "exchange c1#1 -> o1#1 method=GET", "pool c2#1 taken=idle", "exchange c2#1 -> o1#2 method=GET"}
	if got := decisions(recording); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if end := recording.Notes[4]; end.Param("queued") != "true" || end.Param("queue") == "0" {
		t.Errorf("%+v", end)
	}
}

// decisions are the notes of a recording, each with its first parameter.
func decisions(r *capture.Recording) (all []string) {
	for _, n := range r.Notes {
		all = append(all, fmt.Sprintf("%s %s %s=%s", n.Kind, n.Exchange, n.Params[0].Name, n.Params[0].Value))
	}
	return all
}

// A stale connection shows in what is decided: which one it was, and by what sign.
func TestRecordedReplay(t *testing.T) {
	recording, _ := record(t, stage{}, Config{}, func(c *peer) {
		c.send(get("/1"))
		c.expectStatus(200)
		c.send(get("/2"))
		c.expectStatus(200)
	}, func(p *peer) {
		p.head()
		p.send(hello)
		if p.number == 1 {
			p.head() // and leaves
		}
	})
	want := []string{"pool c1#1 taken=new", "exchange c1#1 -> o1#1 method=GET", "pool c1#2 taken=idle",
		"replay c1#2 -> o1#2 decision=replayed", "exchange c1#2 -> o2#1 method=GET"}
	if got := decisions(recording); !slices.Equal(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	} else if sign := recording.Notes[3].Param("sign"); sign != "ended" {
		t.Errorf("stale by the sign of %q", sign)
	}
}

// A recording has an end of each connection, also of those that are idle when the
// program ends.
func TestRecordedCutOff(t *testing.T) {
	recording, file := record(t, stage{}, Config{}, func(c *peer) {
		c.send(get("/"))
		c.expectStatus(200)
		c.sleep(time.Second)
		c.server.CutOff()
		c.expectEnd()
	}, func(p *peer) {
		p.head()
		p.send(hello)
		p.expectEnd()
	})
	for id, from := range map[string]events.Direction{"c1": events.Outbound, "o1": events.Inbound} {
		if c := find(recording, id); c == nil || c.Closed.How != events.FIN || c.Closed.From != from {
			t.Errorf("%s: %+v", id, c)
		}
	}
	if !strings.Contains(file, CutOff.String()) || !strings.Contains(file, pool.Draining.String()) {
		t.Error("the causes are missing")
	}
}

// bigBodies are asked for and answered with.
const bigBody = 500_000

func bigBodies() (content string, client, origin script) {
	content = strings.Repeat("0123456789", bigBody/10)
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", bigBody, content)
	return content, func(c *peer) {
			c.start(func() { c.send(post(fmt.Sprintf("Content-Length: %d", bigBody), content)) })
			c.expect(answer)
		}, func(p *peer) {
			p.head()
			p.expect(content)
			p.send(answer)
		}
}

// A body that nobody needs to see is spliced, also while somebody looks, and what has
// gone by so is told of.
func TestSplicedBodyIsTold(t *testing.T) {
	_, client, origin := bigBodies()
	recording, file := recordAs(t, kernel, Config{}, events.Options{Spliced: true}, client, origin)
	unseen := map[string]int{}
	for _, n := range recording.Notes {
		if n.Kind == "recording.gap" {
			bytes, err := strconv.Atoi(n.Param("bytes"))
			if err != nil {
				t.Fatal(err)
			}
			unseen[n.Conn.String()+" "+n.Param("direction")] += bytes
		}
	}
	for _, way := range []string{"c1 inbound", "o1 inbound", "o1 outbound", "c1 outbound"} {
		if unseen[way] < bigBody/2 || unseen[way] > bigBody {
			t.Errorf("%s: %d bytes were not seen, want those of a body mostly", way, unseen[way])
		}
	}
	if len(file) > bigBody*2 {
		t.Errorf("the recording of 4 bodies takes %d bytes", len(file))
	}
}

// A recorded body is not spliced past the recorder.
func TestRecordedBigBody(t *testing.T) {
	content, client, origin := bigBodies()
	recording, _ := record(t, kernel, Config{}, client, origin)
	for _, id := range []string{"c1", "o1"} {
		connection := find(recording, id)
		if connection == nil || len(connection.Exchanges) != 1 {
			t.Fatalf("%s: %+v, warnings %q", id, connection, recording.Warnings)
		}
		e := connection.Exchanges[0]
		if string(e.Request.Body()) != content || string(e.Response.Body()) != content {
			t.Errorf("%s: bodies of %d and %d octets", id, len(e.Request.Body()), len(e.Response.Body()))
		}
	}
}

// A recording says that HTTP ended, and has the octets of both streams, on both
// hops.
func TestRecordedTunnel(t *testing.T) {
	up, down := strings.Repeat("up", 100_000), strings.Repeat("down", 50_000)
	recording, file := record(t, kernel, Config{}, func(c *peer) {
		c.send(asked)
		c.expect(switching)
		c.start(func() {
			c.send(up)
			c.CloseWrite()
		})
		c.expect(down)
		c.expectEnd()
		c.awaitEnd(TunnelEnded)
	}, func(p *peer) {
		p.head()
		p.send(switching)
		p.expect(up)
		p.send(down)
	})
	if strings.Count(file, "upupup") < 2 || strings.Count(file, "downdown") < 2 {
		t.Error("the octets of the tunnel are missing")
	}
	for _, id := range []string{"c1", "o1"} {
		if c := find(recording, id); c == nil || !c.Upgraded || len(c.Exchanges) != 1 {
			t.Errorf("%s: %+v, warnings %q", id, c, recording.Warnings)
		}
	}
}

// What was written of a request's body is recorded, although the response came to
// its end before the origin had room for the rest.
func TestRecordedUploadCutShort(t *testing.T) {
	var body strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&body, "%07d\n", n)
	}
	written := 0
	tight := stage{world: simnet.Options{Buffer: 4096, History: func(s simnet.Step) {
		if s.Conn == 2 && s.Side == simnet.Dialer && s.What == simnet.Wrote {
			written += s.Octets
		}
	}}}
	head := post("Content-Length: 80000", "")
	_, file := record(t, tight, Config{}, func(c *peer) {
		for _, piece := range []string{head, body.String()[:1000]} {
			c.send(piece)
			c.sleep(time.Millisecond)
		}
		c.start(func() { c.offer(body.String()[1000:]) }) // of the last that fits, a part
		c.expect(hello)
	}, func(p *peer) {
		p.head()
		p.sleep(time.Second) // by now there is no room
		p.send(hello)
		p.sleep(time.Second)
	})
	last := (written-len(toOrigin(head)))/8 - 1
	if number := fmt.Sprintf("%07d", last); last < 100 || strings.Count(file, number) != 2 {
		t.Errorf("%s, the last of what was written of the body, is recorded %d times, not on both hops", number, strings.Count(file, number))
	}
}

// What was read of an idle connection is recorded, too.
func TestRecordedWhileIdle(t *testing.T) {
	for _, test := range []struct {
		name   string
		idle   script
		warned bool
	}{
		{"octets", says("x"), true},
		{"end", closes, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			recording, _ := record(t, stage{}, Config{}, func(c *peer) {
				c.send(get("/"))
				c.expect(hello)
				c.sleep(2 * time.Second)
			}, func(p *peer) {
				p.head()
				p.send(hello)
				p.sleep(time.Second)
				test.idle(p)
				p.sleep(time.Second)
			})
			warned := slices.ContainsFunc(recording.Warnings, func(w string) bool { return strings.Contains(w, "more bytes than its head says") })
			if warned != test.warned {
				t.Errorf("warnings %q", recording.Warnings)
			}
			o := find(recording, "o1")
			if byOrigin := o.Closed.From == events.Outbound; byOrigin == warned {
				t.Errorf("closed %+v", o.Closed)
			}
		})
	}
}

// Whoever resets a connection, the recording says that it was he, and when he was idle.
func TestRecordedResets(t *testing.T) {
	answered := make(chan bool, 1)
	for _, test := range []struct {
		name           string
		client, origin script
		reset          string // the connection
	}{
		{"the origin, instead of a response", func(c *peer) {
			c.send(post("Content-Length: 1", "x"))
			c.expectStatus(502)
		}, func(p *peer) {
			p.head()
			p.Reset()
		}, "o1"},
		{"the origin, within its response", func(c *peer) {
			c.send(get("/"))
			c.expect("HTTP/1.1 200 OK\r\n", someDate, "Content-Length: 2\r\n\r\nx")
			answered <- true
			c.expectEnd()
		}, func(p *peer) {
			p.head()
			p.send("HTTP/1.1 200 OK\r\n" + someDate + "Content-Length: 2\r\n\r\nx")
			<-answered
			p.Reset()
		}, "o1"},
		{"the origin, while idle", func(c *peer) {
			c.send(get("/"))
			c.expect(hello)
			answered <- true
			c.await("the end", func() bool { return c.counters().OriginEnds[pool.Reset] == 1 })
		}, func(p *peer) {
			p.head()
			p.send(hello)
			<-answered
			p.Reset()
		}, "o1"},
		{"the client, waiting", func(c *peer) {
			c.send(get("/"))
			<-answered
			c.Reset()
			c.awaitEnd(ClientReset)
		}, func(p *peer) {
			p.head()
			answered <- true
			p.expectReset()
		}, "c1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			recording, _ := record(t, kernel, Config{}, test.client, test.origin)
			from := events.Inbound
			if test.reset[0] == 'o' {
				from = events.Outbound
			}
			if c := find(recording, test.reset); c == nil || c.Closed.How != events.RST || c.Closed.From != from {
				t.Errorf("%+v, want a reset, %s", c, from)
			}
		})
	}
}
