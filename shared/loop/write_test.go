package loop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestWritev(t *testing.T) {
	many := make([][]byte, 200)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	emptyFirst := append(make([][]byte, 150), []byte("at last"))
	for name, bufs := range map[string][][]byte{
		"none":                   nil,
		"one":                    {[]byte("hello")},
		"some":                   {[]byte("status line\r\n"), []byte("fields\r\n"), []byte("content")},
		"empty ones among them":  {{}, []byte("a"), nil, {}, []byte("b"), {}},
		"only empty ones":        {{}, nil, {}},
		"more than a call takes": many,
		"empty, and many":        emptyFirst,
		"more than the sockets hold": {
			pattern(1 << 20), []byte("x"), pattern(3 << 20), {}, pattern(5 << 20), []byte("the end"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, a, b *Conn) {
				want := bytes.Join(bufs, nil)
				before := deepCopy(bufs)
				join := beside(a.Loop(), func() {
					if n, err := a.Writev(bufs); n != int64(len(want)) || err != nil {
						t.Errorf("wrote %d of %d bytes, %v", n, len(want), err)
					}
					a.CloseWrite()
				})
				got, err := io.ReadAll(b)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes arrived, %v; want the %d that were written", len(got), err, len(want))
				}
				join()
				for i := range bufs {
					if !bytes.Equal(bufs[i], before[i]) {
						t.Errorf("Writev changed buffer %d", i)
					}
				}
			})
		})
	}
}

func deepCopy(bufs [][]byte) [][]byte {
	to := make([][]byte, len(bufs))
	for i, p := range bufs {
		to[i] = bytes.Clone(p)
	}
	return to
}

// The number that comes with an error is how many octets the peer may have got.
func TestWritesThatFail(t *testing.T) {
	file := makeFile(t, 64<<20)
	for name, write := range map[string]func(c *Conn) (int64, error){
		"Write":    func(c *Conn) (int64, error) { n, err := c.Write(pattern(64 << 20)); return int64(n), err },
		"Writev":   func(c *Conn) (int64, error) { return c.Writev([][]byte{pattern(64 << 20), pattern(9)}) },
		"Sendfile": func(c *Conn) (int64, error) { return c.Sendfile(file, 0, 64<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, a, b *Conn) {
				l := a.Loop()
				var n int64
				var err error
				join := beside(l, func() { n, err = write(a) })
				for a.writer == nil {
					pauseOnce(l)
				}
				a.Close()
				join()
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("the write gave %v, want %v", err, net.ErrClosed)
				}
				got, _ := io.ReadAll(b)
				if int64(len(got)) != n || n == 0 {
					t.Errorf("%d bytes were written, but %d arrived", n, len(got))
				}
			})
		})
	}
}

func makeFile(t *testing.T, size int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(pattern(size)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSendfile(t *testing.T) {
	const size = 3 << 20
	file := makeFile(t, size)
	content := pattern(size)
	for name, test := range map[string]struct {
		off, n int64
		want   []byte
		err    error
	}{
		"whole":             {0, size, content, nil},
		"a range":           {12345, 777, content[12345 : 12345+777], nil},
		"nothing":           {5, 0, nil, nil},
		"beyond the end":    {size, 1, nil, io.ErrUnexpectedEOF},
		"across the end":    {size - 10, 11, content[size-10:], io.ErrUnexpectedEOF},
		"the last of it":    {size - 10, 10, content[size-10:], nil},
		"a negative offset": {-1, 1, nil, os.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			between(t, func(t *testing.T, a, b *Conn) {
				join := beside(a.Loop(), func() {
					n, err := a.Sendfile(file, test.off, test.n)
					if n != int64(len(test.want)) || (err == nil) != (test.err == nil) || test.err == io.ErrUnexpectedEOF && err != test.err {
						t.Errorf("sent %d bytes, %v; want %d, %v", n, err, len(test.want), test.err)
					}
					a.CloseWrite()
				})
				got, err := io.ReadAll(b)
				if err != nil || !bytes.Equal(got, test.want) {
					t.Errorf("%d bytes arrived, %v; want %d", len(got), err, len(test.want))
				}
				join()
			})
		})
	}
	if pos, err := file.Seek(0, io.SeekCurrent); err != nil || pos != size {
		t.Errorf("the file's own offset is %d, %v; it was %d", pos, err, size)
	}
}

// A file that is cut while it is being sent ends the call, and what was sent is
// counted.
func TestSendfileOfAShrinkingFile(t *testing.T) {
	const size = 32 << 20
	file := makeFile(t, size)
	between(t, func(t *testing.T, a, b *Conn) {
		l := a.Loop()
		var n int64
		var err error
		join := beside(l, func() {
			n, err = a.Sendfile(file, 0, size)
			a.CloseWrite()
		})
		for a.writer == nil {
			pauseOnce(l)
		}
		if err := file.Truncate(1); err != nil {
			t.Fatal(err)
		}
		got, readErr := io.ReadAll(b)
		join()
		if err != io.ErrUnexpectedEOF || readErr != nil || int64(len(got)) != n {
			t.Errorf("sent %d bytes, %v, of which %d arrived, %v", n, err, len(got), readErr)
		}
		if err := file.Truncate(size); err != nil { // for the other network
			t.Fatal(err)
		}
	})
}

// relay runs script with two connections, from client to us and from us to
// origin, all on one loop.
func relay(t *testing.T, script func(t *testing.T, client, inbound, outbound, origin *Conn)) {
	between(t, func(t *testing.T, client, inbound *Conn) {
		l := client.Loop()
		var origin *Conn
		var arrived Signal
		l.group.listening = 0
		ln, err := l.group.Listen("127.0.0.1:0", func(c *Conn) { origin = c; arrived.Fire() })
		if err != nil {
			t.Fatal(err)
		}
		outbound, err := l.Dial(ln.Address(), l.soon())
		if err != nil {
			t.Fatal(err)
		}
		defer outbound.Close()
		for origin == nil {
			arrived.Wait(l, l.soon())
		}
		defer origin.Close()
		script(t, client, inbound, outbound, origin)
	})
}

func TestSplice(t *testing.T) {
	for name, size := range map[string]int{
		"nothing":                 0,
		"a byte":                  1,
		"a pipe's worth":          pipeSize,
		"more than anybody holds": 24 << 20,
	} {
		t.Run(name, func(t *testing.T) {
			relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
				l := client.Loop()
				want := pattern(size)
				send := beside(l, func() {
					client.Write(want)
					say(t, client, "what follows")
				})
				move := beside(l, func() {
					n, err := outbound.spliceFrom(inbound, int64(size))
					if n != int64(size) || err != nil {
						t.Errorf("moved %d of %d bytes, %v", n, size, err)
					}
					outbound.CloseWrite()
				})
				got, err := io.ReadAll(origin)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes arrived, %v; want %d", len(got), err, len(want))
				}
				move()
				send()
				hear(t, inbound, "what follows") // it was not touched
				if n := len(l.pipes.items); n > 1 {
					t.Errorf("%d pipes are kept, want one at most", n)
				}
			})
		})
	}
}

func TestSpliceEndsEarly(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		say(t, client, "half of it")
		client.CloseWrite()
		n, err := outbound.spliceFrom(inbound, 20)
		if n != 10 || err != io.ErrUnexpectedEOF {
			t.Errorf("moved %d bytes, %v; want 10, %v", n, err, io.ErrUnexpectedEOF)
		}
		hear(t, origin, "half of it")
	})
}

// Which side failed can be told from the error.
func TestSpliceFails(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		l := client.Loop()
		splice := func() error { return second(outbound.spliceFrom(inbound, 1<<30)) }
		writing := func(err error) bool {
			op, ok := err.(*net.OpError)
			return ok && op.Op == "splice"
		}
		inbound.ReadDeadline(l.Now())
		if err := splice(); !errors.Is(err, os.ErrDeadlineExceeded) || writing(err) {
			t.Errorf("with nothing to read it gave %v, want the reader's %v", err, os.ErrDeadlineExceeded)
		}
		inbound.ReadDeadline(0)
		send := beside(l, func() { client.Write(pattern(64 << 20)) })
		outbound.WriteDeadline(l.Now().Add(1))
		err := splice()
		for err == nil {
			err = splice()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !writing(err) {
			t.Errorf("with no room to write it gave %v, want the writer's %v", err, os.ErrDeadlineExceeded)
		}
		if len(l.pipes.items) != 0 {
			t.Error("a pipe is kept that may hold bytes of this connection")
		}
		outbound.WriteDeadline(0)
		origin.Reset()
		if err := splice(); !writing(err) {
			t.Errorf("after the origin's reset it gave %v, want the writer's error", err)
		}
		client.Reset()
		send()
		outbound.Close()
		if err := splice(); err == nil || writing(err) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the client's reset it gave %v", err)
		}
	})
}

// A reader that waits within a Splice can be canceled.
func TestSpliceCanceled(t *testing.T) {
	relay(t, func(t *testing.T, client, inbound, outbound, origin *Conn) {
		l := client.Loop()
		join := beside(l, func() {
			if n, err := outbound.spliceFrom(inbound, 100); n != 5 || err != ErrCanceled {
				t.Errorf("moved %d bytes, %v; want 5, %v", n, err, ErrCanceled)
			}
		})
		say(t, client, "hello")
		hear(t, origin, "hello")
		for !inbound.CancelRead() {
			pauseOnce(l)
		}
		join()
	})
}
