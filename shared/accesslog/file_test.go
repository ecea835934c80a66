package accesslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("it did not come to pass that %s", what)
		}
	}
}

// logTo opens a log for one loop.
func logTo(t *testing.T, path string, reopen <-chan struct{}, report func(error)) (*Log, *Batch) {
	t.Helper()
	log, err := Open(path, reopen, report)
	if err != nil {
		t.Fatal(err)
	}
	return log, log.Batch(stand(t))
}

// texts are what was written behind each line of the file at path.
func texts(t *testing.T, path string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		_, text, ok := strings.Cut(line, " 200 5 ")
		if !ok || !strings.HasPrefix(line, "127.0.0.1 - - [") || !strings.HasSuffix(line, "\n") {
			t.Errorf("%s has a line %q", path, line)
		}
		all = append(all, strings.TrimSuffix(text, "\n"))
	}
	return all
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for _, text := range []string{" first", " second"} {
		log, err := Open(path, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(log.Batch(stand(t)), text)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if lines := strings.Split(string(got), "\n"); err != nil || len(lines) != 3 || !strings.HasSuffix(lines[0], " first") || !strings.HasSuffix(lines[1], " second") {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Open(path+"/no/such/folder.log", nil, nil); err == nil || !strings.HasPrefix(err.Error(), "the access log cannot be opened: ") {
		t.Error(err)
	}
}

// Several processes may write to one file, or to one pipe.
func TestShared(t *testing.T) {
	const logs, each = 3, 3000
	for _, pipe := range []bool{false, true} {
		t.Run(fmt.Sprint("pipe ", pipe), func(t *testing.T) {
			got := filepath.Join(t.TempDir(), "access.log")
			path, r := got, (*os.File)(nil)
			if pipe {
				path = fifo(t)
				var err error
				if r, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			var opened []*Log
			var reading, writing sync.WaitGroup
			for i := range logs {
				log, b := logTo(t, path, nil, nil)
				opened = append(opened, log)
				writing.Go(func() {
					for n := range each {
						write(b, fmt.Sprint(" ", i, " ", n))
					}
				})
			}
			if pipe { // which has writers now
				reading.Go(func() {
					content, err := io.ReadAll(r)
					if err := errors.Join(err, os.WriteFile(got, content, 0o600)); err != nil {
						t.Error(err)
					}
				})
			}
			writing.Wait()
			for _, log := range opened {
				if err := log.Close(); err != nil {
					t.Error(err)
				}
			}
			reading.Wait()
			written := map[string]bool{}
			for _, text := range texts(t, got) {
				written[text] = true
			}
			if len(written) != logs*each {
				t.Errorf("%d lines, want %d", len(written), logs*each)
			}
		})
	}
}

// A socket is no fifo.
func TestOpenSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Open(path, nil, nil); err == nil || !errors.Is(err, syscall.ENXIO) {
		t.Error(err)
	}
}

// A file that is moved away again and again loses no line, and none is split.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	reopen := make(chan struct{}) // the goroutine has taken what it holds
	log, b := logTo(t, path, reopen, func(err error) { t.Error(err) })
	const files, each = 20, 2000
	want := 0
	for i := range files {
		for range each {
			write(b, fmt.Sprint(" ", want))
			want++
		}
		if err := os.Rename(path, fmt.Sprint(path, i)); err != nil {
			t.Fatal(err)
		}
		reopen <- struct{}{}
		eventually(t, "there is a new file", func() bool {
			_, err := os.Stat(path)
			return err == nil
		})
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	next := 0
	for i := range files + 1 {
		name := fmt.Sprint(path, i)
		if i == files {
			name = path
		}
		for _, text := range texts(t, name) {
			if text != fmt.Sprint(next) {
				t.Fatalf("%s: %q, want %d", name, text, next)
			}
			next++
		}
	}
	if next != want {
		t.Errorf("%d lines, want %d", next, want)
	}
}

// If there can be no new file, the log stays in the old one and says so.
func TestReopenFails(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path, moved := filepath.Join(folder, "access.log"), folder+".old"
	reopen := make(chan struct{})
	var said reports
	log, b := logTo(t, path, reopen, said.add)
	if err := os.Rename(folder, moved); err != nil {
		t.Fatal(err)
	}
	reopen <- struct{}{}
	write(b, " here")
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if got := texts(t, filepath.Join(moved, "access.log")); len(got) != 1 {
		t.Errorf("%d lines, want 1", len(got))
	}
	if want := "the access log goes on in the file that it had: open " + path + ": no such file or directory"; len(said.texts) != 1 || said.texts[0] != want {
		t.Errorf("it says %q, want %q", said.texts, want)
	}
}

// A line that a full disk has cut does not go on in another file.
func TestReopenBehindPartOfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	reopen := make(chan struct{})
	full := &disk{limited: true, room: 200}
	log := newLog(file{path: path, out: full}, reopen, nil)
	b := log.Batch(stand(t))
	for i := range 10 {
		write(b, fmt.Sprint(" ", i))
	}
	b.flush()
	eventually(t, "the disk is full", func() bool { return log.failing.Load() != nil })
	reopen <- struct{}{}
	eventually(t, "the rest is written", func() bool { return log.failing.Load() == nil })
	if err := log.Close(); err == nil || log.Lost() != 1 {
		t.Errorf("%v, %d lines lost, want 1", err, log.Lost())
	}
	whole := strings.Count(full.got.String(), "\n")
	got := texts(t, path)
	if strings.HasSuffix(full.got.String(), "\n") || whole+1+len(got) != 10 || got[0] != fmt.Sprint(whole+1) {
		t.Errorf("%d lines and %q in the old file, %q in the new one", whole, full.got.String(), got)
	}
}

// fifo makes a fifo.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A fifo is not waited for. What was written before it had a reader, and while it
// had none again, arrives.
func TestFifo(t *testing.T) {
	path := fifo(t)
	var said reports
	log, b := logTo(t, path, nil, said.add)
	write(b, " first")
	b.flush()
	eventually(t, "that nobody reads is said", func() bool { return said.count() > 0 })
	for _, text := range []string{"first", "second"} {
		r, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(r).ReadString('\n')
		if err != nil || !strings.HasSuffix(line, " 200 5 "+text+"\n") {
			t.Errorf("%q, %v; want %s", line, err, text)
		}
		r.Close()
		write(b, " second")
		b.flush()
	}
	eventually(t, "its reader is missed", func() bool { return log.failing.Load() != nil })
	if err := log.Close(); err == nil || err.Error() != "the access log is not complete: lines lost: 1: write "+path+": broken pipe" {
		t.Error(err)
	}
	if want := "the access log cannot be written: nobody reads the fifo; lines lost so far: 0"; said.texts[0] != want {
		t.Errorf("it says %q, want %q", said.texts[0], want)
	}
}

// A reader that comes before the first line does not wait for it, and one that
// never comes keeps nobody waiting.
func TestFifoWithoutLines(t *testing.T) {
	path := fifo(t)
	log, _ := logTo(t, path, nil, nil)
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(r); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
	r.Close()

	log, b := logTo(t, path, nil, nil)
	write(b, " lost")
	if err := log.Close(); !errors.Is(err, errNoReader) || log.Lost() != 1 {
		t.Errorf("%v, %d lines lost, want 1", err, log.Lost())
	}
}

// Into a pipe, which others may write to, go whole lines that the system does not
// cut.
func TestPartsForPipes(t *testing.T) {
	f := file{most: pipeAtomic}
	for _, sizes := range [][]int{{10}, {10, 20, 30}, {4096}, {4095, 1}, {4096, 1}, {5000}, {10, 5000, 10}, {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}} {
		var lines []byte
		for _, size := range sizes {
			lines = append(append(lines, bytes.Repeat([]byte("x"), size-1)...), '\n')
		}
		for len(lines) > 0 {
			part := f.part(lines)
			if part[len(part)-1] != '\n' || len(part) > pipeAtomic && bytes.IndexByte(part, '\n') < len(part)-1 {
				t.Errorf("%v: a part of %d bytes", sizes, len(part))
			}
			lines = lines[len(part):]
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	regular, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	if mostOf(w) != pipeAtomic || mostOf(regular) != 0 {
		t.Errorf("%d bytes at a time to a pipe, %d to a file", mostOf(w), mostOf(regular))
	}
}
