package replay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// saved runs with a stream for failures, and reads what was written of it.
func saved(t *testing.T, run func(*Failures) *Result) (*Result, *capture.Recording) {
	t.Helper()
	var file bytes.Buffer
	recorder, err := capture.NewRecorder(&file, capture.Options{Application: "loadgen"})
	if err != nil {
		t.Fatal(err)
	}
	stream := NewFailures(1)
	reader := stream.Read(recorder)
	r := run(stream)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if d := reader.Dropped(); d != (events.Dropped{}) {
		t.Errorf("lost: %+v", d)
	}
	rec, err := capture.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, note := range rec.Notes {
		if note.Kind == "failure" {
			n++
		}
	}
	if int64(n) != r.Saved {
		t.Errorf("%d failures in the recording, %d saved", n, r.Saved)
	}
	return r, rec
}

// noteOf is the note of why an exchange failed.
func noteOf(t *testing.T, rec *capture.Recording, c *capture.Connection) *capture.Note {
	t.Helper()
	for i := range rec.Notes {
		note := &rec.Notes[i]
		if note.Kind == "failure" && note.Conn.String() == c.ID {
			return note
		}
	}
	t.Fatalf("no note says why that on %s failed", c.ID)
	return nil
}

// TestFailuresAreSaved tells what is found in the recording of one that failed.
func TestFailuresAreSaved(t *testing.T) {
	long := strings.Repeat("x", 3*mostOfResponse)
	for _, test := range []struct {
		name     string
		script   func(*peer)
		cause    Cause
		response string // empty: the server's, as far as it is kept
		end      events.Means
		from     events.Direction
	}{
		{"other content", always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho"), ContentMismatch,
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho", events.NotEnded, 0},
		{"another status, after interim ones", always("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), StatusMismatch,
			"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", events.NotEnded, 0},
		{"other content until the end", func(p *peer) {
			p.next()
			p.say("HTTP/1.1 200 OK\r\n\r\nhello")
		}, ContentMismatch, "HTTP/1.1 200 OK\r\n\r\nhello", events.FIN, events.Outbound},
		{"half a response", func(p *peer) {
			p.next()
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
		}, ClosedInResponse, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", events.FIN, events.Outbound},
		{"no response", func(p *peer) { p.next() }, ClosedBeforeResponse, "", events.FIN, events.Outbound},
		{"a reset", func(p *peer) { p.next(); p.reset() }, ClosedBeforeResponse, "", events.RST, events.Outbound},
		{"a long response", always(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long)), ContentMismatch,
			"HTTP/1.1 200 OK\r\nContent-Length: 196608\r\n\r\nxxx", events.NotEnded, 0},
		{"nothing in time", func(p *peer) { p.next(); p.next() }, Timeout, "", events.FIN, events.Inbound},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, test.script)
			post := "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
			r, rec := saved(t, func(failures *Failures) *Result {
				return replayed(t, planned(t, []plantest.Exchange{{post, plantest.OK}}), s.address,
					Config{Verify: true, Failures: failures, Timeout: 300 * time.Millisecond})
			})
			if r.Saved != 1 || r.Unsaved != 0 || r.Causes[test.cause] != 1 {
				t.Fatalf("%d saved, %d not, causes %v", r.Saved, r.Unsaved, r.Causes)
			}
			c := rec.Connections[0]
			if len(c.Exchanges) != 1 || string(c.Exchanges[0].Request.Raw) != post || c.Server.String() != s.address || !c.Client.IsValid() {
				t.Errorf("the connection is %+v", c)
			}
			if got := string(c.Exchanges[0].Response.Raw); !strings.HasPrefix(got, test.response) || test.response == "" && got != "" {
				t.Errorf("the response is %q", got[:min(len(got), 100)])
			}
			if c.Closed.How != test.end || c.Closed.From != test.from {
				t.Errorf("ended by %v, from %v", c.Closed.How, c.Closed.From)
			}
			note := noteOf(t, rec, c)
			if note.Param("cause") != test.cause.String() || note.Text == "" || !strings.HasPrefix(strings.SplitN(r.Explanations[0], ": ", 3)[2], firstLine(fmt.Errorf("%s", note.Text))) {
				t.Errorf("the note is %+v, explained is %q", note, r.Explanations)
			}
			again, err := plan.FromRecording(rec, events.ClientHop)
			if err != nil || again.Len() != 1 || string(again.Sessions[0].Requests[0].Bytes) != post {
				t.Errorf("to be sent again: %+v, %v", again, err)
			}
		})
	}
}

// TestNoMoreIsSavedThanThereIsRoomFor: the first are kept, and all are counted.
func TestNoMoreIsSavedThanThereIsRoomFor(t *testing.T) {
	const size = evidenceRoom / 4
	s := serve(t, always("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	r, rec := saved(t, func(failures *Failures) *Result { // of two runs
		p, config := planned(t, []plantest.Exchange{postOf(size)}), Config{Verify: true, Failures: failures, Requests: 2}
		r := replayed(t, p, s.address, config)
		config.Requests = 8
		r.Follow(replayed(t, p, s.address, config))
		return r
	})
	if r.Errors != 10 || r.Saved != 3 || r.Unsaved != 7 {
		t.Fatalf("%d failed, %d saved, %d not", r.Errors, r.Saved, r.Unsaved)
	}
	if n := len(rec.Connections); n != 3 {
		t.Errorf("the recording has %d connections", n)
	}
	for _, c := range rec.Connections {
		if n := len(c.Exchanges[0].Request.Raw); n < size {
			t.Errorf("%s has %d bytes of the request", c.ID, n)
		}
	}
}

// TestOnlyWhatWasSentIsSaved: no connection, no exchange.
func TestOnlyWhatWasSentIsSaved(t *testing.T) {
	s := serve(t, func(*peer) {})
	ok, _ := saved(t, func(failures *Failures) *Result {
		return replayed(t, planned(t, plantest.Gets("/")), "127.0.0.1:1", Config{Failures: failures, patience: time.Millisecond})
	})
	if ok.Errors != 1 || ok.Saved+ok.Unsaved != 0 {
		t.Errorf("%d failed, %d saved, %d not", ok.Errors, ok.Saved, ok.Unsaved)
	}
	without := replayed(t, planned(t, plantest.Gets("/")), s.address, Config{})
	if without.Errors != 1 || without.Saved+without.Unsaved != 0 {
		t.Errorf("%d failed, %d saved, %d not", without.Errors, without.Saved, without.Unsaved)
	}
}

// TestFailuresOfAHostileNetwork: whatever breaks, what is saved of a request is what
// was sent, and can be sent again where it was all.
func TestFailuresOfAHostileNetwork(t *testing.T) {
	t.Parallel()
	requests := map[string]bool{}
	p := simPlan(t)
	for _, s := range p.Sessions {
		for _, r := range s.Requests {
			requests[string(r.Bytes)] = true
		}
	}
	all := int64(0)
	for seed := range simSeeds() {
		r, rec := saved(t, func(failures *Failures) *Result {
			r, err := simulated(t, seed, simnet.Hostile(seed), p, Config{Connections: 3, Verify: true, Requests: 40, Timeout: time.Second, Failures: failures})
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			return r
		})
		unsent := r.Causes[ConnectRefused] + r.Causes[ConnectTimeout] + r.Causes[ConnectFailed]
		if r.Saved+unsent > r.Errors || r.Unsaved > 0 {
			t.Errorf("seed %d: %d failed, %d of them not sent, %d saved, %d not", seed, r.Errors, unsent, r.Saved, r.Unsaved)
		}
		all += r.Saved
		for _, c := range rec.Connections {
			noteOf(t, rec, c)
			for _, x := range c.Exchanges {
				if raw := string(x.Request.Raw); x.Request.Cut == requests[raw] {
					t.Errorf("seed %d: a request was saved as %.80q", seed, raw)
				}
			}
		}
	}
	if all == 0 {
		t.Error("nothing failed")
	}
}
