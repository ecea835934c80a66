package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// silent is for recordings that have nothing to say.
func silent(t *testing.T) func(string) {
	return func(line string) { t.Errorf("it says %q", line) }
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A recording is nobody else's to read, and a file that was there is emptied.
func TestNewRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.pcapng")
	for range 2 {
		r, err := openRecording(path, 0, nil, oneTrack(), silent(t))
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		rec, err := capture.ReadFile(path)
		if err != nil || len(rec.Warnings) != 1 || !strings.HasPrefix(rec.Warnings[0], "the file holds no packets") {
			t.Errorf("%+v, %v", rec, err)
		}
		// One that was there before is made its owner's alone.
		if err := errors.Join(os.WriteFile(path, make([]byte, 1<<20), 0o600), os.Chmod(path, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody records to, and what a link leads to, stays as it is.
func TestRecordingDestroysNothing(t *testing.T) {
	dir := t.TempDir()
	path, link, pipe := filepath.Join(dir, "r.pcapng"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	mine, err := openRecording(path, 0, nil, oneTrack(), silent(t))
	if err != nil {
		t.Fatal(err)
	}
	defer mine.close()
	if err := errors.Join(os.Symlink(path, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	before := mustRead(t, path)
	for name, want := range map[string]string{
		path: "another edge is recording to " + path + "; name another file, also for one that takes its place with --reuse-port",
		link: link + " is a symbolic link",
		pipe: pipe + " has no reader; begin that first",
		dir:  "is a directory",
	} {
		if _, err := openRecording(name, 0, nil, oneTrack(), silent(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if after := mustRead(t, path); after != before {
		t.Errorf("the file had %d bytes and has %d", len(before), len(after))
	}
}

// A pipe that has a reader is a file like any other, but that it has no bound.
func TestRecordingToPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := openRecording(pipe, 1e6, nil, oneTrack(), silent(t)); err == nil || !strings.Contains(err.Error(), "means something only for a file") {
		t.Error(err)
	}
	r, err := openRecording(pipe, 0, nil, oneTrack(), silent(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	if rec, err := capture.Read(reader); err != nil {
		t.Errorf("%+v, %v", rec, err)
	}
}

// The next file gets the same care as the first one. While it cannot be had, the
// recording says what it loses, and then goes on.
func TestNextFileIsTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.pcapng")
	next, err := openRecording(path+".1", 0, nil, oneTrack(), silent(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{path: path, observer: observer{say: silent(t)}}
	if r.file, r.onDisk, err = create(path); err != nil {
		t.Fatal(err)
	}
	r.first = r.file
	if err := r.next(); err == nil || !strings.Contains(err.Error(), "another edge is recording to "+path+".1") {
		t.Error(err)
	}
	if err := errors.Join(next.close(), r.next()); err != nil {
		t.Fatal(err)
	}
	// The first file is still held, or another edge would begin anew at it, and then
	// take the others.
	if _, _, err := create(path); err == nil || !strings.Contains(err.Error(), "another edge is recording") {
		t.Error(err)
	}
	if err := errors.Join(os.Symlink(path, path+".2"), syscall.Mkfifo(path+".3", 0o600)); err != nil {
		t.Fatal(err)
	}
	io.WriteString(r, "second")
	if err := r.next(); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Error(err)
	}
	r.number++
	reader, err := os.OpenFile(path+".3", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := r.next(); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Error(err)
	}
	if err := r.file.Close(); err != nil {
		t.Error(err)
	}
	if got := mustRead(t, path+".1"); got != "second" {
		t.Errorf("the second file holds %q", got)
	}
}

// Its user hears once how large a recording has become to which no bound was set.
func TestLargeRecording(t *testing.T) {
	var said []string
	r := &recording{path: filepath.Join(t.TempDir(), "r"), observer: observer{say: func(line string) { said = append(said, line) }}}
	var err error
	if r.file, r.onDisk, err = create(r.path); err != nil {
		t.Fatal(err)
	}
	defer r.file.Close()
	r.remark = large
	r.size = large - 1 // the rest of the file is a hole
	for i, want := range []int{0, 1, 1} {
		if n, err := r.Write([]byte("x")); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if len(said) != want {
			t.Errorf("after %d bytes more: %q", i+1, said)
		}
	}
}

// Losses are said at once, and then once a minute at most, each of them once.
func TestSayingLosses(t *testing.T) {
	var told losses
	at := time.Unix(1e9, 0)
	full := errors.New("no space left on device")
	for _, step := range []struct {
		after time.Duration
		lost  events.Dropped
		why   error
		says  string
	}{
		{0, events.Dropped{}, nil, ""},
		{time.Second, events.Dropped{}, full, ""},
		{time.Second, events.Dropped{Events: 1, Bytes: 10}, full, "the recording has lost 1 event with 10 bytes: no space left on device"},
		{59 * time.Second, events.Dropped{Events: 2, Bytes: 30}, full, ""},
		{time.Second, events.Dropped{Events: 3, Bytes: 60}, nil, "the recording has lost 2 events with 50 bytes: it is not written fast enough"},
		{time.Hour, events.Dropped{Events: 3, Bytes: 60}, nil, ""},
	} {
		at = at.Add(step.after)
		if got := told.since("recording", step.lost, step.why, at); got != step.says {
			t.Errorf("%+v: %q", step, got)
		}
	}
}

func oneTrack() *events.Stream { return events.NewStream(1, events.Options{}) }
