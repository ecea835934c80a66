package gateway

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/capture"
)

func TestRecording(t *testing.T) {
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, 1, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const answer = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	o := scripted(t, answering(answer))
	r := start(t, Config{Recorder: recorder}, o.address)
	c := r.dial()
	const request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
	forwarded := strings.Replace(answer, "Connection: keep-alive\r\n", "", 1)
	for range 2 {
		c.send(request)
		c.expect(forwarded)
	}
	c.CloseWrite()
	c.expectEnd()
	r.stop()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}

	whole := bytes.Clone(file.Bytes())
	recording, err := capture.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if len(recording.Warnings) > 0 || len(recording.Connections) != 2 {
		t.Fatalf("%d connections, warnings %q", len(recording.Connections), recording.Warnings)
	}
	for _, want := range []struct {
		id                string
		hop               capture.Hop
		request, response string
	}{
		{"c1", capture.ClientHop, request, forwarded},
		{"o1", capture.OriginHop, "GET /a HTTP/1.1\r\nHost: a\r\nVia: 1.1 hopwire\r\n\r\n", answer},
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
	} {
		if !bytes.Contains(whole, []byte(comment)) {
			t.Errorf("the recording does not say %q", comment)
		}
	}
	if len(recording.Notes) != 2 || recording.Notes[1].Params[0].Value != "c1#2 -> o1#2" {
		t.Errorf("notes %+v", recording.Notes)
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
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, 1, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan bool)
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		<-waiting
		p.send(hello)
		p.head()
		p.send(hello)
	})
	r := start(t, Config{Recorder: recorder, OriginMaxConnections: 1, QueueMax: 1}, o.address)
	first, second := r.dial(), r.dial()
	first.send(get("/1"))
	r.await("the first", func(c Counters) bool { return c.Origins == 1 })
	second.send(get("/2"))
	r.await("the second", func(c Counters) bool { return c.Queued == 1 })
	close(waiting)
	first.expect(hello)
	second.expect(hello)
	r.stop()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	recording, err := capture.Read(&file)
	if err != nil || len(recording.Notes) != 2 {
		t.Fatalf("%v, %+v", err, recording)
	}
	for i, want := range []string{"false", "true"} {
		if p := (capture.Param{Name: "queued", Value: want}); !slices.Contains(recording.Notes[i].Params, p) {
			t.Errorf("exchange %d: %v lacks %v", i+1, recording.Notes[i].Params, p)
		}
	}
}

// A recorded body is not spliced past the recorder.
func TestRecordedBigBody(t *testing.T) {
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, 1, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("0123456789", 50_000)
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + content
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.expect(content)
		p.send(answer)
	})
	r := start(t, Config{Recorder: recorder}, o.address)
	c := r.dial()
	go c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + content)
	c.expect(answer)
	r.stop()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	recording, err := capture.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
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
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, 1, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	up, down := strings.Repeat("up", 100_000), strings.Repeat("down", 50_000)
	o := scripted(t, func(_ int, p *peer) {
		p.head()
		p.send(switching)
		p.expect(up)
		p.send(down)
	})
	r := start(t, Config{Recorder: recorder}, o.address)
	c := r.dial()
	c.send(asked)
	c.expect(switching)
	go func() {
		c.send(up)
		c.CloseWrite()
	}()
	c.expect(down)
	c.expectEnd()
	r.await("the end", func(c Counters) bool { return c.ClientEnds[TunnelEnded] == 1 })
	r.stop()
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if got := file.String(); strings.Count(got, "upupup") < 2 || strings.Count(got, "downdown") < 2 {
		t.Error("the octets of the tunnel are missing")
	}
	recording, err := capture.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"c1", "o1"} {
		if c := find(recording, id); c == nil || !c.Upgraded || len(c.Exchanges) != 1 {
			t.Errorf("%s: %+v, warnings %q", id, c, recording.Warnings)
		}
	}
}
