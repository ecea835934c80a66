package loop

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spliceFrom moves n octets from src to c by a Splice, with deadlines that hold for
// all of them together. An error which is a *net.OpError with Op "splice" came from
// writing to c, another one from reading src.
func (c *Conn) spliceFrom(src *Conn, n int64) (moved int64, err error) {
	var s Splice
	defer s.End()
	for moved < n {
		if _, err := s.From(src, n-moved); err == io.EOF {
			return moved, io.ErrUnexpectedEOF
		} else if err != nil {
			return moved, err
		}
		for s.Held() > 0 {
			m, err := s.To(c)
			moved += int64(m)
			if err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

// Whoever moves octets by a Splice sees each step of them, so that a peer which
// takes them slowly does not count as one that takes none. spliceFrom with a
// deadline for all of them shows the difference.
func TestSpliceShowsProgress(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		l := client.Loop()
		const size, stall = 4 << 20, 300 * time.Millisecond
		narrow(t, outbound, origin)
		send := beside(l, func() { client.Write(pattern(2 * size)) })
		take := beside(l, func() { // in at least twice the stall
			p := make([]byte, size/64)
			for _, err := io.ReadFull(origin, p); err == nil; _, err = io.ReadFull(origin, p) {
				l.Sleep(stall / 32)
			}
		})
		steps, moved := 0, 0
		for moved < size {
			var s Splice
			n, err := s.From(inbound, int64(size-moved))
			if err != nil {
				t.Fatal(err)
			}
			for moved += n; s.Held() > 0; steps++ {
				outbound.WriteDeadline(l.Now().Add(stall))
				if _, err := s.To(outbound); err != nil {
					t.Errorf("%d bytes had moved, and then none in %v: %v", moved-s.Held(), stall, err)
					s.End()
					return
				}
			}
		}
		if steps < 2 {
			t.Errorf("%d bytes moved in %d steps", moved, steps)
		}
		outbound.WriteDeadline(l.Now().Add(stall))
		if n, err := outbound.spliceFrom(inbound, size); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one deadline for %d bytes was enough for them: %d, %v", size, n, err)
		}
		outbound.Reset()
		inbound.Reset()
		send()
		take()
	})
}

// narrow leaves little room between two ends, compared to what the kernel likes
// to give, but more than a segment.
func narrow(t *testing.T, from, to *Conn) {
	t.Helper()
	err := errors.Join(
		unix.SetsockoptInt(int(from.handle), unix.SOL_SOCKET, unix.SO_SNDBUF, 128<<10),
		unix.SetsockoptInt(int(to.handle), unix.SOL_SOCKET, unix.SO_RCVBUF, 256<<10),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// A pipe is kept for others when it is empty, and only then.
func TestSpliceEnds(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		l := client.Loop()
		say(t, client, "hello")
		var s Splice
		if n, err := s.From(inbound, 100); n != 5 || err != nil || s.Held() != 5 {
			t.Errorf("took %d bytes, %v, and holds %d; want 5", n, err, s.Held())
		}
		if len(l.pipes.items) != 0 {
			t.Error("a pipe is kept for others that holds bytes")
		}
		if n, err := s.To(outbound); n != 5 || err != nil || s.Held() != 0 {
			t.Errorf("gave %d bytes, %v, and holds %d; want 5 and 0", n, err, s.Held())
		}
		hear(t, origin, "hello")
		if len(l.pipes.items) != 1 {
			t.Errorf("%d pipes are kept, want 1", len(l.pipes.items))
		}
		s.End()

		say(t, client, "dropped")
		s.From(inbound, 100)
		s.End()
		if n, err := s.To(outbound); n != 0 || err != nil || s.Held() != 0 || len(l.pipes.items) != 0 {
			t.Errorf("after End it gave %d bytes, %v, holds %d, and %d pipes are kept", n, err, s.Held(), len(l.pipes.items))
		}
		client.CloseWrite()
		if n, err := s.From(inbound, 100); n != 0 || err != io.EOF {
			t.Errorf("at the end of stream it took %d bytes, %v", n, err)
		}
		s.End()
	})
}

// Without descriptors there is no pipe, and nothing was taken.
func TestSpliceWithoutPipe(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		l := client.Loop()
		engine := l.engine
		l.engine = pipeless{engine}
		defer func() { l.engine = engine }()
		say(t, client, "hello")
		var s Splice
		n, err := s.From(inbound, 100)
		if e, ok := err.(*net.OpError); n != 0 || !ok || e.Op != "pipe" {
			t.Errorf("took %d bytes, %v; want an error of making the pipe", n, err)
		}
		s.End()
		hear(t, inbound, "hello")
	})
}

type pipeless struct{ Engine }

func (pipeless) NewPipe() (Pipe, error) { return nil, unix.EMFILE }

// WriteOnce writes what fits, and the rest is for the next call.
func TestWriteOnce(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		p := pattern(8 << 20)
		for name, once := range map[string]func() (int, error){
			"WriteOnce":  func() (int, error) { return a.WriteOnce(p) },
			"WritevOnce": func() (int, error) { return a.WritevOnce([][]byte{p[:1000], p[1000:]}) },
		} {
			n, err := once()
			if n == 0 || n == len(p) || err != nil {
				t.Fatalf("%s: wrote %d of %d bytes at once, %v", name, n, len(p), err)
			}
			a.WriteDeadline(l.Now().Add(time.Millisecond))
			for err == nil { // the kernel may find more room
				var m int
				m, err = once()
				n += m
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: without room it gave %v", name, err)
			}
			unsent := a.Unsent()
			if unsent == 0 {
				t.Errorf("%s: without room nothing is unsent", name)
			}
			a.WriteDeadline(0)
			if _, err := io.CopyN(io.Discard, b, int64(n)); err != nil {
				t.Errorf("%s: of %d bytes written not all came: %v", name, n, err)
			}
			for end := l.soon(); a.Unsent() >= unsent; pauseOnce(l) {
				if l.Now() > end {
					t.Fatalf("%s: all came, and %d bytes are unsent", name, a.Unsent())
				}
			}
		}
		if n, err := a.WriteOnce(nil); n != 0 || err != nil {
			t.Errorf("writing nothing gave %d, %v", n, err)
		}
	})
}
