package weather

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// An Early is an answer to an upload that is not whole yet, and what becomes of the
// rest of it.
type Early struct {
	// Name says it in words.
	Name string
	// Status is that of the answer.
	Status int
	// Octets is the size of the answer's content, if it is the origin's.
	Octets int

	origin manner
	fault  fault
}

// A manner is what the origin does with an upload.
type manner uint8

const (
	lingers manner = iota // answers that this is the last response, ends its own direction, and reads on
	closes                // answers so as well, and when the gateway has read that, closes with the rest unread
	readsOn               // answers, reads all of it, and keeps the connection

	// Of these the answer is the gateway's own.

	awaits // reads all of it and does not answer
	dies   // reads a part of it and closes
	absent // does not accept connections
)

// A fault is one of the upload's, for which the gateway has to refuse it.
type fault uint8

const (
	noFault     fault = iota
	twoHosts          // in the head (RFC 9112 section 3.2)
	brokenChunk       // two thirds into the content
)

// EarlyAnswers are those that no client may lose.
var EarlyAnswers = []Early{
	{Name: "413, origin lingers", Status: 413, Octets: 64, origin: lingers},
	{Name: "413, origin closes", Status: 413, Octets: 64, origin: closes},
	{Name: "200 of 4 kB, lingers", Status: 200, Octets: 4_000, origin: lingers},
	{Name: "200 of 300 kB, lingers", Status: 200, Octets: 300_000, origin: lingers},
	{Name: "413, origin reads on", Status: 413, Octets: 64, origin: readsOn},
	{Name: "202, origin reads on", Status: 202, Octets: 64, origin: readsOn},
	{Name: "502, no origin", Status: 502, origin: absent},
	{Name: "502, origin dies", Status: 502, origin: dies},
	{Name: "400, its head", Status: 400, origin: awaits, fault: twoHosts},
	{Name: "400, a late chunk", Status: 400, origin: awaits, fault: brokenChunk},
}

// Sound reports whether the upload itself is, so that any program can send it.
func (e *Early) Sound() bool { return e.fault == noFault }

// own reports whether the answer is the gateway's own, whose content is its affair.
func (e *Early) own() bool { return e.origin >= awaits }

// is reports whether a status is the one to be expected: gateways call an origin
// that fails by more than one number.
func (e *Early) is(status int) bool { return status == e.Status || e.Status >= 500 && status >= 500 }

// Start starts the origin for so many uploads, each of which may be followed by
// another request.
func (e *Early) Start(uploads int) (*Origin, error) {
	// Each of its connections is for one request: of one that was used before, a
	// gateway may pass its end on to the client as it is.
	return NewOrigin(Climate{Early: e, Goodbyes: 1}, 2*uploads, e.Octets, 0)
}

// nobody is an address at which nobody listens: the kernel gives its port to none
// that has not asked for it.
const nobody = "127.0.0.1:1"

// UploadOctets is the size of each upload: more than the kernels between client
// and origin hold. It is sent in pieces of 60,000, which are the chunks if it is
// chunked.
const UploadOctets = 30_000_000

const (
	pieceOctets = 60_000
	pieces      = UploadOctets / pieceOctets
)

// uploadPatience bounds an upload and its answer.
const uploadPatience = 30 * time.Second

// upload sends a POST whose content belongs to the number, with a length or chunked.
func (c *client) upload(id int64, broken fault) error {
	head := fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: weather\r\n", id)
	if broken == twoHosts {
		head += "Host: climate\r\n"
	}
	piece := appendContent(nil, id, pieceOctets)
	framing, end := fmt.Sprintf("Content-Length: %d\r\n\r\n", UploadOctets), ""
	if id&1 == 1 || broken == brokenChunk {
		framing, end = "Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"
		piece = fmt.Appendf(nil, "%x\r\n%s\r\n", len(piece), piece)
	}
	_, err := io.WriteString(c.conn, head+framing)
	for n := 0; n < pieces && err == nil; n++ {
		if broken == brokenChunk && n == pieces*2/3 {
			io.WriteString(c.conn, "no size\r\n")
		}
		_, err = c.conn.Write(piece)
	}
	if err == nil {
		_, err = io.WriteString(c.conn, end)
	}
	return err
}

// answerEarly answers an upload whose head has been read.
func (s *session) answerEarly(e *Early, id int64, f fields) Ending {
	s.over = s.conn.SetDeadline(time.Now().Add(uploadPatience)) != nil
	switch e.origin {
	case lingers:
		s.respond(id, e.Status, true)
		_ = s.conn.CloseWrite()
		_, _ = io.Copy(io.Discard, s.r)
		return Goodbye
	case closes:
		_, _ = s.r.Discard(pieceOctets)
		s.respond(id, e.Status, true)
		s.awaitTaken()
		return Unread
	case readsOn:
		s.respond(id, e.Status, false)
		if !s.readUpload(id, f) {
			s.origin.garbled.Add(1)
			s.over = true
			return Departed
		}
		s.origin.executed[id].Add(1)
		return Departed
	case dies:
		_, _ = s.r.Discard(UploadOctets / 3)
		return Unread
	}
	_, _ = io.Copy(io.Discard, s.r)
	return Unanswered
}

// readUpload reads the content of an upload and reports whether it is what belongs
// to the number.
func (s *session) readUpload(id int64, f fields) bool {
	body := f.reader(s.r)
	want, got := appendContent(nil, id, pieceOctets), make([]byte, pieceOctets)
	for range pieces {
		if _, err := io.ReadFull(body, got); err != nil || !bytes.Equal(got, want) {
			return false
		}
	}
	if n, err := io.Copy(io.Discard, body); n > 0 || err != nil {
		return false
	}
	if f.chunked {
		end, err := readLine(s.r) // behind the last chunk, which has no trailers
		return len(end) == 0 && err == nil
	}
	return true
}

// awaitTaken waits until the gateway has read what was sent to it. What it has not
// read then may be destroyed by a reset, which would not be its fault.
func (s *session) awaitTaken() {
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
		if !undelivered(s.conn) && !unread(s.conn.RemoteAddr(), s.conn.LocalAddr()) {
			return
		}
	}
}

// unread reports whether something waits to be read on the connection of this
// machine with these addresses, see proc_net_tcp(5).
func unread(local, remote net.Addr) bool {
	table, err := os.ReadFile("/proc/net/tcp")
	_, line, found := bytes.Cut(table, fmt.Appendf(nil, ": %s %s ", inTable(local), inTable(remote)))
	var state, sent, received int
	n, _ := fmt.Sscanf(string(line[:min(len(line), 64)]), "%x %x:%x", &state, &sent, &received)
	return err != nil || found && (n != 3 || received > 0)
}

// inTable is an address as /proc/net/tcp has it, in the machine's order of bytes.
func inTable(a net.Addr) string {
	tcp := a.(*net.TCPAddr)
	ip := tcp.IP.To4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], tcp.Port)
}
