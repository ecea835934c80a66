package accesslog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A file is where lines are written. Several processes may share it, since whole
// lines go into each write, at its end.
type file struct {
	path string         // to open it anew; empty: that is not possible
	out  io.WriteCloser // nil: a fifo that nobody reads yet
	most int            // bytes of a write; 0: any number
}

// pipeAtomic is the largest write to a pipe that others' do not mix with, and of
// which a process that is killed does not leave a part (PIPE_BUF).
const pipeAtomic = 4096

// errNoReader: a fifo cannot be opened before somebody reads it.
var errNoReader = errors.New("nobody reads the fifo")

// openFile opens the file at path; "-" is standard output. That a fifo has no
// reader is not an error.
func openFile(path string) (file, error) {
	if path == "-" {
		return file{out: noClose{os.Stdout}, most: mostOf(os.Stdout)}, nil
	}
	f := file{path: path}
	if err := f.open(); err != errNoReader {
		return f, err
	}
	return f, nil
}

type noClose struct{ io.Writer }

func (noClose) Close() error { return nil }

// open opens the file without waiting, which matters for a fifo only.
func (f *file) open() error {
	out, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		if info, _ := os.Stat(f.path); errors.Is(err, syscall.ENXIO) && info != nil && info.Mode().Type() == fs.ModeNamedPipe {
			return errNoReader
		}
		return err
	}
	f.out, f.most = out, mostOf(out)
	return nil
}

// mostOf is how much to write to a file at a time.
func mostOf(f *os.File) int {
	if info, err := f.Stat(); err == nil && info.Mode().Type() == fs.ModeNamedPipe {
		return pipeAtomic
	}
	return 0
}

// reopen opens another file at the path. If that cannot be, the one that was is
// kept.
func (f *file) reopen() (changed bool, err error) {
	if f.path == "" {
		return false, nil
	}
	was := *f
	if err := f.open(); err != nil {
		return false, err
	}
	return true, was.close()
}

// write returns the lines that could not be written, of which the first may have
// been in part.
func (f *file) write(lines []byte) (rest []byte, err error) {
	if f.out == nil {
		if err := f.open(); err != nil {
			return lines, err
		}
	}
	for len(lines) > 0 && err == nil {
		var n int
		n, err = f.out.Write(f.part(lines))
		lines = lines[n:]
	}
	return lines, err
}

// part is as many whole lines as go into a write, but one at least.
func (f *file) part(lines []byte) []byte {
	if f.most == 0 || len(lines) <= f.most {
		return lines
	}
	if end := bytes.LastIndexByte(lines[:f.most], '\n'); end >= 0 {
		return lines[:end+1]
	}
	return lines[:bytes.IndexByte(lines, '\n')+1]
}

func (f *file) close() error {
	if f.out == nil {
		return nil
	}
	return f.out.Close()
}
