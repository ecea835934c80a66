package main

import (
	"bytes"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
)

// exchangeOn tells of one exchange.
func exchangeOn(track *events.Track, n uint32) {
	at := func(us int64) time.Time { return time.Unix(1, us*1000) }
	client := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}, Client: netip.MustParseAddrPort("127.0.0.1:1")}
	track.Open(client, at(0))
	client.Exchange.Client = events.Use{Conn: client.ConnID, N: n}
	track.Bytes(client, events.Inbound, at(1), []byte("GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n"), false, "")
	track.Bytes(client, events.Outbound, at(2), []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, "")
	track.Note(client, at(3), &events.Note{Kind: "exchange", Params: []events.Param{{Name: "status", Value: "400"}, {Name: "total", Value: "2"}, {Name: "client-connection", Value: "refused"}}})
}

func TestTrace(t *testing.T) {
	for _, pictures := range []bool{false, true} {
		var out bytes.Buffer
		stream := oneTrack()
		trace := openTrace(&out, view.Style{Width: 120}, pictures, nil, stream, silent(t))
		exchangeOn(stream.Track(0), 1)
		exchangeOn(stream.Track(0), 2)
		if err := trace.close(); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		for _, want := range []string{"c1#1 ", "c1#2 ", `GET /\x1b[31m`, " 400 ", "refused/-"} {
			if !strings.Contains(got, want) {
				t.Errorf("pictures %t: no %q in\n%s", pictures, want, got)
			}
		}
		if lines := strings.Count(got, "\n"); strings.Contains(got, "\x1b") || !pictures && lines != 3 || pictures && !strings.Contains(got, "Host: a⏎") {
			t.Errorf("pictures %t:\n%s", pictures, got)
		}
	}
}

// Whoever stops reading is given up, and what he has not read is counted; whoever only
// waits holds nobody up, also at the end.
func TestTraceWithoutReader(t *testing.T) {
	pipe, out := io.Pipe()
	pipe.CloseWithError(syscall.EPIPE)
	stream := oneTrack()
	var said []string
	trace := openTrace(out, view.Style{}, false, nil, stream, func(line string) { said = append(said, line) })
	exchangeOn(stream.Track(0), 1)
	if err := trace.Flush(); err == nil {
		t.Error("the lost line is no error")
	}
	exchangeOn(stream.Track(0), 2)
	trace.close()
	if len(said) != 1 || !strings.HasPrefix(said[0], "the trace lacks ") {
		t.Errorf("said %q", said)
	}

	_, stuck := io.Pipe()
	stream = oneTrack()
	trace = openTrace(stuck, view.Style{}, false, nil, stream, silent(t))
	exchangeOn(stream.Track(0), 1)
	if err := trace.close(); err == nil || !strings.Contains(err.Error(), "not taken within") {
		t.Errorf("the end of a trace that nobody takes gives %v", err)
	}
}
