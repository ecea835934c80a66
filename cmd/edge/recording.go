package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"syscall"

	"github.com/hashicorp/go-multierror"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/redact"
)

// A recording is the recorder and the file that it writes, or several of them where
// they have a bound: FILE, then FILE.1, FILE.2 and so on.
type recording struct {
	observer
	path string

	// The reader's goroutine's.
	file   *os.File
	first  *os.File // whose lock keeps another edge from FILE, and so from what follows it
	onDisk bool     // and not a pipe or a device
	size   int64    // what it holds, all of which we wrote
	number int
	remark int64 // the size at which its user is told of it; 0: never
}

// large is the size at which a recording without a bound is spoken of.
const large = 1 << 30

// openRecording begins a recording of what a stream tells; "-" is standard output.
// Max bounds its files; 0: no bound. The values of fields that have these names are
// blanked in it; nil: none are.
func openRecording(path string, max int64, names *redact.Names, stream *events.Stream, say func(string)) (_ *recording, err error) {
	r := &recording{path: path, file: os.Stdout}
	if path != "-" {
		if r.file, r.onDisk, err = create(path); err != nil {
			return nil, fmt.Errorf("the recording cannot be opened: %w", err)
		}
	}
	r.first = r.file
	options := capture.Options{Application: "edge"}
	switch {
	case max > 0 && !r.onDisk:
		r.file.Close()
		return nil, fmt.Errorf("--record-max means something only for a file, and %s is none: leave it out", path)
	case max > 0:
		options.Max, options.Next = max, r.next
	case r.onDisk:
		r.remark = large
	}
	recorder, err := capture.NewRecorder(r, options)
	if err != nil {
		r.file.Close()
		return nil, fmt.Errorf("the recording cannot be written: %w", err)
	}
	r.observer = observer{stream.Read(redact.Sink(recorder, names)), "recording", say}
	return r, nil
}

// create opens a file for a recording. It is made readable for nobody else, since
// it holds what cookies and passwords went by. One that another program is recording
// to is left as it is, and so is whatever a symbolic link leads to, which anybody may
// have put into a folder that all can write to.
func create(path string) (f *os.File, onDisk bool, err error) {
	flags := os.O_WRONLY | os.O_CREATE | syscall.O_NONBLOCK // a pipe without a reader is not waited for
	if !systemLink.MatchString(path) {
		flags |= syscall.O_NOFOLLOW
	}
	f, err = os.OpenFile(path, flags, 0o600)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, false, fmt.Errorf("%s is a symbolic link, which a recording does not follow; name the file itself", path)
	case errors.Is(err, syscall.ENXIO):
		return nil, false, fmt.Errorf("%s has no reader; begin that first", path)
	case err != nil:
		return nil, false, err
	}
	onDisk, err = claim(f)
	if err != nil {
		f.Close()
		return nil, false, err
	}
	return f, onDisk, nil
}

// systemLink are names that the system has made links of.
var systemLink = regexp.MustCompile(`^/dev/(stdout|stderr|fd/\d+)$|^/proc/(self|\d+)/fd/\d+$`)

// claim empties f, if it is a file on a disk and nobody else's.
func claim(f *os.File) (onDisk bool, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, fmt.Errorf("another edge is recording to %s; name another file, also for one that takes its place with --reuse-port", f.Name())
	}
	if err := f.Chmod(0o600); err != nil { // it may have been there before, for all to read
		return true, err
	}
	return true, f.Truncate(0) // a disk without locks has nobody to wait for
}

// Write takes all of p or, for want of room on the disk, nothing: what is there of it
// is taken away again, so that the file ends behind a packet.
func (r *recording) Write(p []byte) (n int, err error) {
	if !r.onDisk {
		return r.file.Write(p)
	}
	n, err = r.file.WriteAt(p, r.size)
	if err != nil && r.file.Truncate(r.size) == nil {
		n = 0
	}
	r.size += int64(n)
	if r.remark > 0 && r.size > r.remark {
		r.remark = 0
		r.say(fmt.Sprintf("the recording has passed 1 GiB, and goes on; --record-max would bound its files: %s", r.path))
	}
	return n, err
}

// next goes on in the next file.
func (r *recording) next() error {
	path := fmt.Sprintf("%s.%d", r.path, r.number+1)
	f, onDisk, err := create(path)
	if err == nil && !onDisk {
		f.Close()
		err = fmt.Errorf("%s is no file", path)
	}
	if err != nil {
		return err
	}
	if r.file != r.first {
		if err := r.file.Close(); err != nil {
			r.say(fmt.Sprintf("the recording is not complete: %v", err))
		}
	}
	r.file, r.size, r.number = f, 0, r.number+1
	return nil
}

// close ends the recording.
func (r *recording) close() error {
	if r == nil {
		return nil
	}
	return r.observer.close(r.end)
}

func (r *recording) end() error {
	var all *multierror.Error
	if err := r.Reader.Close(); err != nil {
		all = multierror.Append(all, fmt.Errorf("the recording is not complete: %w", err))
	}
	if r.file != r.first {
		all = multierror.Append(all, r.first.Close())
	}
	return multierror.Append(all, r.file.Close()).ErrorOrNil()
}
