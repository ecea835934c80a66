package gateway

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
)

// BenchmarkExchange measures what an exchange costs in the program, without the
// kernel: 64 clients that always have another request, and an origin that has
// the response at once. The time of a recording's reader is in cpu-ns/op.
func BenchmarkExchange(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		begun := processorTime(b)
		exchanges(b, nil)
		b.ReportMetric(float64(processorTime(b)-begun)/float64(b.N), "cpu-ns/op")
	})
	b.Run("recorded", func(b *testing.B) {
		recorder, err := capture.NewRecorder(io.Discard, capture.Options{})
		if err != nil {
			b.Fatal(err)
		}
		stream := events.NewStream(1, events.Options{Memory: 64 << 20})
		reader := stream.Read(recorder)
		begun := processorTime(b)
		exchanges(b, stream)
		if err := reader.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(processorTime(b)-begun)/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(reader.Dropped().Events)/float64(b.N), "lost/op")
	})
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func exchanges(b *testing.B, stream *events.Stream) {
	const clients = 64
	e := &instant{clients: clients, left: b.N}
	e.request = []byte("GET /static/app.js HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench/1.0\r\n" +
		"Accept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n")
	e.response = []byte("HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sun, 22 Nov 2026 11:28:28 GMT\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 1024\r\nLast-Modified: Sun, 22 Nov 2026 11:28:26 GMT\r\nETag: \"6b02d1da-400\"\r\n\r\n" + string(make([]byte, 1024)))
	group, err := loop.NewGroup(1, loop.Config{Engine: func(int) (loop.Engine, error) { return e, nil }})
	if err != nil {
		b.Fatal(err)
	}
	e.done = group.Stop
	server, err := New(group, Config{Origins: []*loop.Address{{TCP: netip.MustParseAddrPort("127.0.0.1:1")}}, Events: stream})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := server.Listen("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := group.Run(); err != nil {
		b.Fatal(err)
	}
}

// instant is an engine without a world: what is asked for is there at once.
type instant struct {
	loop.Engine
	request, response []byte
	clients, left     int
	accepted          int
	done              func()
	tokens            []uint64
	isClient, has     []bool
	events            []loop.Event
	now               loop.Time
}

func (e *instant) Now() loop.Time  { return e.now }
func (e *instant) Wall() time.Time { return time.Unix(0, int64(e.now)) }
func (e *instant) Wake()           {}
func (e *instant) Close() error    { return nil }

func (e *instant) Wait(events []loop.Event, until loop.Time) (int, error) {
	e.now += 1000
	n := copy(events, e.events)
	e.events = e.events[:copy(e.events, e.events[n:])]
	if n == 0 && until == loop.Never {
		return 0, errors.New("nothing will happen")
	}
	return n, nil
}

func (e *instant) open(client bool) loop.Handle {
	e.tokens, e.isClient, e.has = append(e.tokens, 0), append(e.isClient, client), append(e.has, client)
	return loop.Handle(len(e.tokens) - 1)
}

func (e *instant) Listen(at *loop.Address) (loop.Handle, *loop.Address, error) {
	return e.open(false), at, nil
}

func (e *instant) Resume(h loop.Handle, token uint64) error {
	e.events = append(e.events, loop.Event{Token: token, Ready: loop.ReadyRead})
	return nil
}

func (e *instant) Pause(loop.Handle) error { return nil }

func (e *instant) Accept(loop.Handle) (loop.Handle, netip.AddrPort, error) {
	if e.accepted == e.clients {
		return 0, netip.AddrPort{}, loop.ErrAgain
	}
	e.accepted++
	return e.open(true), netip.AddrPort{}, nil
}

func (e *instant) Connect(*loop.Address) (loop.Handle, error) { return e.open(false), nil }
func (e *instant) ConnectResult(loop.Handle) error            { return nil }

func (e *instant) Register(h loop.Handle, token uint64) error {
	e.tokens[h] = token
	ready := loop.ReadyWrite
	if e.has[h] {
		ready |= loop.ReadyRead
	}
	e.events = append(e.events, loop.Event{Token: token, Ready: ready})
	return nil
}

func (e *instant) Peek(h loop.Handle) error {
	if e.has[h] {
		return nil
	}
	return loop.ErrAgain
}

func (e *instant) Read(h loop.Handle, p []byte) (int, error) {
	switch {
	case !e.has[h]:
		return 0, loop.ErrAgain
	case e.isClient[h]:
		e.has[h] = false
		return copy(p, e.request), nil
	}
	e.has[h] = false
	return copy(p, e.response), nil
}

// Write lets the other side have what follows: a response, or the next request.
func (e *instant) Write(h loop.Handle, p []byte) (int, error) {
	if e.isClient[h] {
		if e.left--; e.left == 0 {
			e.done()
		}
	}
	e.has[h] = true
	e.events = append(e.events, loop.Event{Token: e.tokens[h], Ready: loop.ReadyRead})
	return len(p), nil
}

func (e *instant) Writev(h loop.Handle, bufs [][]byte) (int, error) {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	_, err := e.Write(h, nil)
	return n, err
}

func (e *instant) Sendfile(loop.Handle, *os.File, int64, int) (int, error) { return 0, os.ErrInvalid }
func (e *instant) CloseSocket(loop.Handle) error                           { return nil }
func (e *instant) Reset(loop.Handle) error                                 { return nil }
func (e *instant) CloseWrite(loop.Handle) error                            { return nil }
func (e *instant) LocalAddr(loop.Handle) netip.AddrPort                    { return netip.AddrPort{} }
