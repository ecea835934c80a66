package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
)

// A side is one end of a connection with the gateway.
type side struct {
	showing *showing
	conn    *loop.Conn
	over    bool // the connection has ended
}

// A move is one thing that a side does, or waits for.
type move func(*side) error

// says sends octets.
func says(octets ...string) move {
	return func(s *side) error {
		_, err := s.conn.Write([]byte(strings.Join(octets, "")))
		return err
	}
}

// shouts sends octets to somebody who may have stopped listening.
func shouts(octets ...string) move {
	return func(s *side) error {
		says(octets...)(s)
		return nil
	}
}

// pipelines sends octets without waiting until they are taken.
func pipelines(octets ...string) move {
	return func(s *side) error {
		s.conn.Loop().Go(loop.Func(func() { shouts(octets...)(s) }))
		return nil
	}
}

// pipelinesLast does so and then ends the sending direction.
func pipelinesLast(octets ...string) move {
	return func(s *side) error {
		s.conn.Loop().Go(loop.Func(func() {
			shouts(octets...)(s)
			halfCloses(s)
		}))
		return nil
	}
}

// mumbles sends octets one by one, with a pause before each.
func mumbles(octets string, pause time.Duration) move {
	return func(s *side) error {
		for i := range octets {
			s.conn.Loop().Sleep(pause)
			if err := says(octets[i : i+1])(s); err != nil {
				return err
			}
		}
		return nil
	}
}

// hears waits for exactly these octets.
func hears(octets ...string) move {
	return func(s *side) error {
		want := strings.Join(octets, "")
		p := make([]byte, len(want))
		n, err := io.ReadFull(s.conn, p)
		if got := undated(string(p[:n])); got != want {
			return fmt.Errorf("heard\n%.300q (%v), want\n%.300q", got, err, want)
		}
		return nil
	}
}

// isEnded waits for the end of the stream, and nothing before it.
func isEnded(s *side) error {
	s.over = true
	if n, err := s.conn.Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("%d octets and %v, want the end of the stream", n, err)
	}
	return nil
}

// isEndedWithin is isEnded within a time, and some for the network.
func isEndedWithin(d time.Duration) move {
	return func(s *side) error {
		began := s.conn.Loop().Now()
		if err := isEnded(s); err != nil {
			return err
		}
		if waited := s.conn.Loop().Now().Sub(began); waited > d {
			return fmt.Errorf("the end came after %v", waited)
		}
		return nil
	}
}

// isReset waits for a reset, whatever comes before.
func isReset(s *side) error {
	s.over = true
	if n, err := io.Copy(io.Discard, s.conn); !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%d octets and %v, want a reset", n, err)
	}
	return nil
}

// isLeft waits for either end.
func isLeft(s *side) error {
	s.over = true
	io.Copy(io.Discard, s.conn)
	return nil
}

// stays waits for the end of the scene, in which nothing more may come.
func (s *side) stays() error {
	if n, err := s.conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%d octets and %v, want neither", n, err)
	}
	return nil
}

func halfCloses(s *side) error { return s.conn.CloseWrite() }

func closes(s *side) error {
	s.over = true
	return s.conn.Close()
}

func resets(s *side) error {
	s.over = true
	return s.conn.Reset()
}

func waits(d time.Duration) move {
	return func(s *side) error {
		s.conn.Loop().Sleep(d)
		return nil
	}
}

// drains is what a signal to the program does.
func drains(s *side) error {
	s.showing.server.Drain()
	return nil
}

// toOrigin is a request as the origin hears it.
func toOrigin(request string) string {
	return strings.Replace(request, "\r\n\r\n", "\r\nVia: 1.1 hopwire\r\n\r\n", 1)
}

// post is a request with content.
func post(framing, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n" + body
}

// refusal is an answer of the gateway's own.
func refusal(status, proxyStatus string, fields ...string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sProxy-Status: hopwire; %s\r\nContent-Length: 0\r\n%s\r\n", status, someDate, proxyStatus, lines(fields))
}

// someDate is what is put in the place of any other.
const someDate = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"

var date = regexp.MustCompile(`Date: [^\r]*\r\n`)

func undated(s string) string { return date.ReplaceAllString(s, someDate) }
