package loop

import (
	"bytes"
	"testing"
)

func TestBuffer(t *testing.T) {
	g := newGroup(t, 1, Config{})
	b := g.Loop(0).Buffer()
	if b.Len() != 0 || len(b.Space()) != BufferSize {
		t.Fatalf("an empty buffer has %d bytes and room for %d", b.Len(), len(b.Space()))
	}
	b.Filled(copy(b.Space(), "request content"))
	b.Consume(len("request "))
	if got := string(b.Unread()); got != "content" {
		t.Fatalf("unread is %q", got)
	}
	b.Compact()
	if got := string(b.Unread()); got != "content" || len(b.Space()) != BufferSize-len("content") {
		t.Fatalf("unread is %q, with room for %d", got, len(b.Space()))
	}
	b.Consume(len("content"))
	mustPanic(t, "consuming more than there is", func() { b.Consume(1) })
}

func TestBufferIsUsedAgain(t *testing.T) {
	l := newGroup(t, 1, Config{}).Loop(0)
	b := l.Buffer()
	b.Filled(100)
	b.Release()
	mustPanic(t, "releasing twice", b.Release)
	again := l.Buffer()
	if again != b {
		t.Error("a released buffer was not used again")
	}
	if again.Len() != 0 || len(again.Space()) != BufferSize {
		t.Error("a buffer that is used again is not empty")
	}
	if l.Buffer() == b {
		t.Error("a buffer was lent twice")
	}
}

func TestBuffersAreLetGo(t *testing.T) {
	g := newGroup(t, 1, Config{})
	l := g.start()
	on(t, l, func() { l.Buffer().Release() })
	for range 2 {
		on(t, l, l.trim)
	}
	on(t, l, func() {
		if n := len(l.buffers.items); n != 0 {
			t.Errorf("%d buffers are kept that nobody needs", n)
		}
	})
}

func TestFillFrom(t *testing.T) {
	between(t, func(t *testing.T, a, b *Conn) {
		buf := a.Loop().Buffer()
		defer buf.Release()
		say(t, a, "hello")
		if n, err := buf.FillFrom(b); n != 5 || err != nil || string(buf.Unread()) != "hello" {
			t.Errorf("filled %d bytes, %v: %q", n, err, buf.Unread())
		}
		buf.Filled(len(buf.Space()))
		if n, err := buf.FillFrom(b); n != 0 || err != nil {
			t.Errorf("filled %d bytes into no space, %v", n, err)
		}
		buf.Consume(buf.Len())
		buf.Compact()
		a.Write(bytes.Repeat([]byte("x"), 3))
		a.Close()
		for buf.Len() < 3 {
			if _, err := buf.FillFrom(b); err != nil {
				t.Fatal(err)
			}
		}
		hearEnd(t, b)
	})
}

func mustPanic(t testing.TB, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	f()
}
