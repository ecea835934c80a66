package weather

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"path/filepath"
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
			got, posted, f, err := s.readHead()
			whole, err2 := s.readContent(got, posted, f)
			if err = errors.Join(err, err2); got != id || posted != post || !whole || err != nil {
				t.Errorf("request %d, post: %t: read as %d, post: %t, whole: %t, %v", id, post, got, posted, whole, err)
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

// Without a gateway between, naive clients see what the origin does with their
// uploads.
func TestNaiveClientsSeeWhatTheOriginDoes(t *testing.T) {
	const uploads = 4
	for _, test := range []struct {
		origin, expected   manner
		want               Outcome
		unusable, executed int64
	}{
		{lingers, lingers, Answered, 0, 0},
		{lingers, readsOn, Answered, uploads, 0},
		{readsOn, readsOn, Answered, 0, 2 * uploads}, // each, and what follows it
		{dies, dies, Reset, 0, 0},
		{absent, absent, Unconnected, 0, 0},
	} {
		e := Early{Status: 413, Octets: 100_000, origin: test.origin}
		origin, err := e.Start(uploads)
		if err != nil {
			t.Fatal(err)
		}
		expected := e
		expected.origin = test.expected
		load := Uploads{Gateway: origin.Addr(), Early: &expected, Clients: 2, Uploads: uploads}
		seen := load.Run(t.Context())
		origin.Close()
		if seen.Tally[test.want] != uploads || seen.Unusable != test.unusable {
			t.Errorf("manner %d: clients saw %v, want %d %v", test.origin, &seen, uploads, test.want)
		}
		if r := origin.Report(); r.Executed != test.executed || r.Garbled > 0 {
			t.Errorf("manner %d: the origin executed %d, want %d, and %d were garbled", test.origin, r.Executed, test.executed, r.Garbled)
		}
	}
}

// An origin that gets another upload than it should, or less of it, notices.
func TestUploadsAreReadWhole(t *testing.T) {
	for _, test := range []struct {
		sent, read int64
		fault      fault
		whole      bool
	}{
		{0, 0, noFault, true},
		{1, 1, noFault, true}, // chunked
		{0, 2, noFault, false},
		{1, 3, noFault, false},
		{1, 1, brokenChunk, false},
	} {
		near, far := net.Pipe()
		go func() {
			_ = (&client{conn: near}).upload(test.sent, test.fault)
			near.Close()
		}()
		s := session{r: bufio.NewReader(far)}
		_, _, f, err := s.readHead()
		if whole := s.readUpload(test.read, f); whole != test.whole || err != nil {
			t.Errorf("upload %d, read as %d: whole: %t, %v", test.sent, test.read, whole, err)
		}
		far.Close()
	}
}

// What was sent is unread until it has been read.
func TestUnread(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	waits := func() bool {
		for undelivered(far.(*net.TCPConn)) {
		}
		return unread(near.LocalAddr(), near.RemoteAddr())
	}
	before := waits()
	_, err1 := far.Write([]byte("x"))
	between := waits()
	_, err2 := near.Read(make([]byte, 1))
	if after := waits(); before || !between || after || err1 != nil || err2 != nil {
		t.Errorf("unread before it was sent: %t, when it was: %t, when it was read: %t; %v, %v", before, between, after, err1, err2)
	}
}

// Programs report an answer, and it is noticed when that is another one.
func TestProgramsReportTheAnswer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "upload")
	if err := WriteUpload(file); err != nil {
		t.Fatal(err)
	}
	e := Early{Status: 413, Octets: 64, origin: lingers}
	origin, err := e.Start(1)
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	for _, p := range Programs {
		t.Run(p.Name, func(t *testing.T) {
			if tool := p.Lacks(); tool != "" {
				t.Skipf("%s is not installed", tool)
			}
			if err := p.Upload(t.Context(), origin.Addr(), file, &e); err != nil {
				t.Error(err)
			}
			for _, other := range []Early{{Status: 200, Octets: 64}, {Status: 413, Octets: 63}} {
				if p.Upload(t.Context(), origin.Addr(), file, &other) == nil {
					t.Errorf("a 413 of 64 bytes was taken for a %d of %d", other.Status, other.Octets)
				}
			}
		})
	}
}
