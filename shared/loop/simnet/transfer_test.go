package simnet

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hopwire/hopwire/shared/loop"
)

func TestOctetsArrive(t *testing.T) {
	r := newRig(t, 1, Options{})
	r.writes(r.a, "hello", 5, nil)
	r.reads(r.b, 10, "", loop.ErrAgain)
	r.reports(r.b, loop.ReadyRead)
	r.reads(r.b, 10, "hello", nil)
	r.writes(r.b, "world", 5, nil)
	r.reports(r.a, loop.ReadyRead)
	r.reads(r.a, 3, "wor", nil)
	r.reads(r.a, 2, "ld", nil)
	r.reads(r.a, 2, "", loop.ErrAgain)
}

func TestFullBuffers(t *testing.T) {
	r := newRig(t, 1, Options{Buffer: 10})
	r.writes(r.a, "0123456789abcdef", 10, nil)
	r.writes(r.a, "x", 0, loop.ErrAgain)
	if got := r.step(); got[r.a] != loop.ReadyWrite || got[r.b] != loop.ReadyRead {
		t.Errorf("after the bytes left: %v", got)
	}
	r.writes(r.a, "ABCDEFGHIJKLM", 10, nil) // into the send buffer: the receive buffer is full
	r.reports(r.a, 0)
	r.reads(r.b, 4, "0123", nil) // makes room for four to travel
	r.reports(r.a, loop.ReadyWrite)
	r.writes(r.a, "0123456789", 4, nil)
	r.reads(r.b, 20, "456789ABCD", nil)
	r.reports(r.b, loop.ReadyRead)
	r.reads(r.b, 20, "EFGHIJ0123", nil)
}

func TestWritev(t *testing.T) {
	r := newRig(t, 1, Options{Buffer: 8})
	bufs := [][]byte{[]byte("abc"), nil, []byte("defg"), []byte("hij")}
	if n, err := r.Writev(r.a, bufs); n != 8 || err != nil {
		t.Errorf("Writev = %d, %v", n, err)
	}
	if n, err := r.Writev(r.a, bufs); n != 0 || err != loop.ErrAgain {
		t.Errorf("Writev = %d, %v", n, err)
	}
	r.step()
	r.reads(r.b, 20, "abcdefgh", nil)
	if len(bufs) != 4 || string(bufs[2]) != "defg" {
		t.Errorf("Writev changed its buffers: %q", bufs)
	}
}

func TestSendfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	os.WriteFile(name, []byte("0123456789"), 0o600)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := newRig(t, 1, Options{Buffer: 5})
	for _, c := range []struct {
		off  int64
		n    int
		sent int
		err  error
	}{
		{2, 3, 3, nil},
		{5, 9, 2, nil},
		{7, 9, 0, loop.ErrAgain},
		{10, 5, 0, nil}, // the file's end comes before the full buffer
	} {
		if n, err := r.Sendfile(r.a, f, c.off, c.n); n != c.sent || err != c.err {
			t.Errorf("Sendfile(%d, %d) = %d, %v; want %d, %v", c.off, c.n, n, err, c.sent, c.err)
		}
	}
	if r.step()[r.a] != loop.ReadyWrite {
		t.Error("room for more was not reported")
	}
	r.reads(r.b, 9, "23456", nil)
	if n, err := r.Sendfile(r.a, f, 7, 9); n != 3 || err != nil {
		t.Errorf("Sendfile of the rest = %d, %v", n, err)
	}
	r.step()
	r.reads(r.b, 9, "789", nil)
}

func TestSplice(t *testing.T) {
	r := newRig(t, 1, Options{Buffer: 1 << 20})
	p, err := r.NewPipe()
	r.must(err)
	splice := func(op string, n, want int, wantErr error) {
		t.Helper()
		var got int
		var err error
		if op == "in" {
			got, err = r.SpliceIn(p, r.b, n)
		} else {
			got, err = r.SpliceOut(r.b, p, n)
		}
		if got != want || err != wantErr {
			t.Errorf("splice %s %d = %d, %v; want %d, %v", op, n, got, err, want, wantErr)
		}
	}
	splice("in", 10, 0, loop.ErrAgain)
	long := string(bytes.Repeat([]byte("0123456789"), 10000))
	r.writes(r.a, long, len(long), nil)
	r.reports(r.b, loop.ReadyRead)
	splice("in", len(long), pipeSize, nil)
	splice("in", len(long), 0, loop.ErrAgain) // the pipe is full
	r.must(r.CloseWrite(r.a))
	r.reports(r.b, loop.ReadyRead|loop.ReadyEnd)
	splice("out", pipeSize, pipeSize, nil)
	splice("in", len(long), len(long)-pipeSize, nil)
	splice("in", 1, 0, io.EOF)
	splice("out", 1<<20, len(long)-pipeSize, nil)
	r.settle()
	r.reads(r.a, 1<<20, long, nil)
}

func TestSpliceLeavesOctetsUnreported(t *testing.T) {
	r := newRig(t, 3, Options{Piece: 4})
	p, err := r.NewPipe()
	r.must(err)
	r.writes(r.a, "0123456789", 10, nil)
	r.settle()
	n, err := r.SpliceIn(p, r.b, 10)
	if n == 0 || n > 4 || err != nil {
		t.Fatalf("SpliceIn = %d, %v", n, err)
	}
	r.reports(r.b, 0)
	for err == nil {
		_, err = r.SpliceIn(p, r.b, 10)
	}
	if held := string(p.(*pipe).held); held != "0123456789" {
		t.Errorf("the pipe holds %q", held)
	}
	r.writes(r.a, "x", 1, nil)
	r.reports(r.b, loop.ReadyRead)
}

func TestShortWrites(t *testing.T) {
	r := newRig(t, 1, Options{ShortWrites: 1})
	whole := bytes.Repeat([]byte("0123456789"), 100)
	var got []byte
	for sent, p := 0, make([]byte, 2000); len(got) < len(whole); {
		n, err := r.Write(r.a, whole[sent:])
		if sent += n; n > 1 && err == nil && sent < len(whole) {
			if _, err := r.Write(r.a, whole[sent:]); err != loop.ErrAgain {
				t.Fatalf("after a short write: %v", err)
			}
		}
		if sent < len(whole) && r.step()[r.a] != loop.ReadyWrite {
			t.Fatal("room for more was not reported")
		}
		r.settle()
		n, _ = r.Read(r.b, p)
		got = append(got, p[:n]...)
	}
	if !bytes.Equal(got, whole) {
		t.Error("the bytes have changed on their way")
	}
}
