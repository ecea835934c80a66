package weather

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	const idle = 100 * time.Millisecond
	for _, test := range []struct {
		name    string
		climate Climate
		use     int
		right   func(Plan) bool
	}{
		{"the first request is waited for", Climate{Idle: idle, Strikes: 1}, 1, func(p Plan) bool { return p == Plan{} }},
		{"calm", Climate{}, 2, func(p Plan) bool { return p == Plan{} }},
		{"idle", Climate{Idle: idle}, 2, func(p Plan) bool {
			return p.Strike == Departed && (p.Idle == IdleFIN || p.Idle == IdleRST) && p.Wait >= idle*8/10 && p.Wait <= idle*12/10
		}},
		{"strikes", Climate{Strikes: 1}, 2, func(p Plan) bool {
			return p.Wait == 0 && (p.Strike == Unread || p.Strike == Unanswered)
		}},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		seen := map[Ending]bool{}
		for range 100 {
			p := test.climate.plan(rng, test.use)
			if !test.right(p) {
				t.Errorf("%s: %+v", test.name, p)
			}
			seen[p.Idle], seen[p.Strike] = true, true
		}
		if test.use > 1 && test.climate != (Climate{}) && len(seen) < 2 {
			t.Errorf("%s: only one ending was ever drawn: %v", test.name, seen)
		}
	}
}

// The content of a number differs from that of any other in every line.
func TestContent(t *testing.T) {
	for _, test := range []struct {
		id     int64
		octets int
		want   string
	}{
		{7, 0, ""},
		{7, 5, "00000"},
		{7, 16, "000000000000007\n"},
		{12, 40, "000000000000012\n000000000000012\n00000000"},
	} {
		if got := string(appendContent([]byte("x"), test.id, test.octets)); got != "x"+test.want {
			t.Errorf("%d, %d bytes: %q, want %q", test.id, test.octets, got, test.want)
		}
	}
}

// What a client makes of octets that a gateway might send for request 12.
func TestReceive(t *testing.T) {
	const right = "000000000000012\n"
	head := func(status, more string) string { return "HTTP/1.1 " + status + "\r\n" + more + "\r\n" }
	for _, test := range []struct {
		name, octets string
		want         Outcome
		persists     bool
	}{
		{"right", head("200 OK", "Content-Length: 16\r\n") + right, Answered, true},
		{"chunked", head("200 OK", "transfer-encoding: chunked\r\n") + "8\r\n00000000\r\n8\r\n0000012\n\r\n0\r\n\r\n", Answered, true},
		{"the last one", head("200 OK", "Connection: close\r\nContent-Length: 16\r\n") + right, Answered, false},
		{"of another request", head("200 OK", "Content-Length: 16\r\n") + "000000000000013\n", Wrong, false},
		{"too much", head("200 OK", "Content-Length: 16\r\n") + right + "x", Wrong, false},
		{"refusal", head("502 Bad Gateway", "Content-Length: 0\r\n"), Failed, true},
		{"other status", head("404 Not Found", "Content-Length: 16\r\n") + right, Wrong, false},
		{"no HTTP", "hello\r\n\r\n", Wrong, false},
		{"nothing", "", Closed, false},
		{"cut in the head", "HTTP/1.1 200 OK\r\nContent-L", Cut, false},
		{"cut in the content", head("200 OK", "Content-Length: 16\r\n") + right[:7], Cut, false},
		{"cut in a chunk", head("200 OK", "Transfer-Encoding: chunked\r\n") + "8\r\n0000", Cut, false},
	} {
		c := newClient(16)
		c.r.Reset(strings.NewReader(test.octets))
		if o, persists := c.receive(12); o != test.want || persists != test.persists {
			t.Errorf("%s: %v, persists: %t; want %v, %t", test.name, o, persists, test.want, test.persists)
		}
	}
}

// Each way to send a request is read back as what it was.
func TestRequestsAreReadAsTheyAreSent(t *testing.T) {
	for id := range int64(4) {
		for _, post := range []bool{false, true} {
			near, far := net.Pipe()
			go func() {
				c := newClient(0)
				c.conn = near
				c.send(request{id: id, post: post})
			}()
			s := session{r: bufio.NewReader(far)}
			if got, whole, err := s.readRequest(); got != id || !whole || err != nil {
				t.Errorf("request %d, post: %t: read as %d, whole: %t, %v", id, post, got, whole, err)
			}
			near.Close()
			far.Close()
		}
	}
}

// Without a gateway between, clients see what the origin does: the instrument
// shows what there is to be shown.
func TestClientsSeeWhatTheOriginDoes(t *testing.T) {
	const requests = 400
	origin, err := NewOrigin(Climate{Strikes: 0.5}, requests, 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	load := Load{Gateway: origin.Addr(), Clients: 8, Requests: requests, Gap: time.Millisecond, Posts: true, Octets: 64, Seed: 1}
	tally := load.Run(t.Context())
	report := origin.Report()
	if report.Ends[Unread] == 0 || tally[Reset] != report.Ends[Unread] {
		t.Errorf("the origin reset %d connections, clients saw %v", report.Ends[Unread], tally)
	}
	if report.Ends[Unanswered] == 0 || tally[Closed] != report.Ends[Unanswered] {
		t.Errorf("the origin closed %d connections without an answer, clients saw %v", report.Ends[Unanswered], tally)
	}
	if report.Executed != tally[Answered]+tally[Closed] || report.Duplicates != 0 {
		t.Errorf("executed %d posts, %d twice; clients saw %v", report.Executed, report.Duplicates, tally)
	}
	load.Run(t.Context())
	if again := origin.Report(); again.Duplicates == 0 {
		t.Errorf("all was sent again, and no duplicate counted: %+v", again)
	}
}

func TestLog(t *testing.T) {
	var l Log
	text := []byte("a kept/kept replayed\nb kept/kept\nc kept/kept replayed\nunfinished replayed")
	for piece := range bytes.SplitAfterSeq(text, []byte("e")) {
		l.Write(piece)
	}
	if l.Lines() != 3 || l.Replayed() != 2 {
		t.Errorf("%d lines, %d replayed; want 3 and 2", l.Lines(), l.Replayed())
	}
}
