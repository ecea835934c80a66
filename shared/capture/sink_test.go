package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/events"
)

// A disk is what a recorder writes files to, one after the other. It has only so
// much room, and may be given more.
type disk struct {
	files  []*bytes.Buffer
	room   int
	locked bool // it has no further file
}

var errLocked = errors.New("locked")

func newDisk(room int) *disk { return &disk{files: []*bytes.Buffer{new(bytes.Buffer)}, room: room} }

// Write takes as much of p as there is room for.
func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.files[len(d.files)-1].Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) next() error {
	if d.locked {
		return errLocked
	}
	d.files = append(d.files, new(bytes.Buffer))
	return nil
}

// exchangeOn records number n on f.
func exchangeOn(track *events.Track, f *events.Flow, n int) {
	request, response := numbered(f.ConnID, n)
	track.Bytes(f, events.Inbound, time.Now(), []byte(request), false, "an edit")
	track.Bytes(f, events.Outbound, time.Now(), []byte(response), false, "")
}

// What a full disk did not take is written once there is room, from where it was
// cut. Only what memory could not hold meanwhile is missing, and counted.
func TestFullDiskHasRoomAgain(t *testing.T) {
	for _, test := range []struct {
		exchanges int // while the disk is full
		loses     bool
	}{{10, false}, {5000, true}} {
		d := newDisk(3000)
		w, r, track := recordOn(t, d, smallest, Options{})
		f := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}, Client: someClient, Server: someServer}
		track.Open(f, time.Now())
		for n := range test.exchanges {
			exchangeOn(track, f, n)
			if n%100 == 9 {
				if err := r.Flush(); !errors.Is(err, errFull) || r.Failing() != err {
					t.Errorf("draining to a full disk gives %v", err)
				}
			}
		}
		if held := w.blocks.Len(); held > flushAt+1<<18 {
			t.Errorf("the writer holds %d bytes", held)
		}
		d.room = 1 << 30
		if err := r.Flush(); err != nil || r.Failing() != nil {
			t.Fatal(err, r.Failing())
		}
		exchangeOn(track, f, test.exchanges)
		track.Close(f, events.Outbound, time.Now(), "")
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		rec := readBytes(t, d.files[0].Bytes())
		lost := r.Dropped()
		if (lost.Events > 0) != test.loses || (lost.Bytes > 0) != test.loses {
			t.Errorf("lost %+v of %d exchanges", lost, test.exchanges)
		}
		if gaps := uint64(len(rec.Notes)); (gaps > 0) != test.loses {
			t.Errorf("notes %+v", rec.Notes)
		}
		if c := only(t, rec); !test.loses {
			checkNumbered(t, c, test.exchanges+1)
		} else if len(c.Exchanges) < 100 || c.Closed.How != events.FIN {
			t.Errorf("%d exchanges, %v", len(c.Exchanges), c.Closed)
		}
	}
}

// What the disk has not taken in the end is counted, to the last event.
func TestFullDiskToTheEnd(t *testing.T) {
	d := newDisk(3000)
	_, r, track := recordOn(t, d, smallest, Options{})
	f := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}, Client: someClient, Server: someServer}
	track.Open(f, time.Now())
	r.Flush()
	d.room = 0
	const writes, size = 3000, 1000
	for range writes {
		track.Bytes(f, events.Inbound, time.Now(), make([]byte, size), false, "")
		r.Flush()
	}
	if err := r.Close(); !errors.Is(err, errFull) {
		t.Errorf("the end gives %v", err)
	}
	if got, want := r.Dropped(), (events.Dropped{Events: writes, Bytes: writes * size}); got != want {
		t.Errorf("lost %+v, want %+v", got, want)
	}
}

// A pipe that nobody reads any more is given up at once: a later reader would see
// a recording without its beginning.
func TestPipeWithoutReader(t *testing.T) {
	pipe, sink := io.Pipe()
	pipe.CloseWithError(syscall.EPIPE)
	w, r, track := recordOn(t, io.Discard, smallest, Options{})
	w.sink = sink
	for n := range 1000 {
		f := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: uint64(n)}, Client: someClient, Server: someServer}
		track.Open(f, time.Now())
		exchangeOn(track, f, n)
		if err := r.Flush(); !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("%v, want %v", err, syscall.EPIPE)
		}
	}
	if got := r.Dropped().Events; got != 3000 || len(w.flows) > 0 || w.blocks.Len() > 0 {
		t.Errorf("%d events lost; %d connections and %d bytes held", got, len(w.flows), w.blocks.Len())
	}
}

// Each file of a bounded recording can be read by itself, and together they have
// all: no octet twice, none left out.
func TestRecordingInSeveralFiles(t *testing.T) {
	const bound, connections, exchanges = 20_000, 3, 200
	d := newDisk(1 << 30)
	_, r, track := recordOn(t, d, smallest, Options{Max: bound, Next: d.next})
	var flows [connections]*events.Flow
	for i := range flows {
		flows[i] = &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: uint64(i)}, Client: someClient, Server: someServer}
		flows[i].Client = netip.AddrPortFrom(someClient.Addr(), uint16(1000+i))
		if i == 2 {
			flows[i].Hop = events.OriginHop
		}
		track.Open(flows[i], time.Now())
		for n := range exchanges {
			exchangeOn(track, flows[i], n)
			if i > 0 {
				exchangeOn(track, flows[0], exchanges*i+n)
			}
			r.Flush()
		}
		if i > 0 {
			track.Close(flows[i], events.Outbound, time.Now(), "")
		}
	}
	track.Close(flows[0], events.Outbound, time.Now(), "")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(d.files) < 10 {
		t.Fatalf("%d files", len(d.files))
	}
	next := map[string]int{}
	for i, file := range d.files {
		if size := file.Len(); size < bound && i < len(d.files)-1 || size > bound+2000 {
			t.Errorf("file %d has %d bytes", i, size)
		}
		rec := readBytes(t, file.Bytes())
		if len(rec.Warnings) > 0 {
			t.Errorf("file %d: %q", i, rec.Warnings)
		}
		if named := len(rec.Notes) == 1 && rec.Notes[0].Kind == "recording.goes-on" && rec.Notes[0].Params[0].Value == fmt.Sprint(i) &&
			strings.Contains(rec.Notes[0].Text, " c0"); named != (i > 0) {
			t.Errorf("file %d: notes %+v", i, rec.Notes)
		}
		for _, c := range rec.Connections {
			id, err := events.ParseConnID(c.ID)
			if err != nil {
				t.Fatalf("file %d: a connection is called %q", i, c.ID)
			}
			for n, x := range c.Exchanges {
				request, response := numbered(id, next[c.ID])
				parted := len(x.Response.Raw) == 0 && n == len(c.Exchanges)-1 // the next file has the response
				if string(x.Request.Raw) != request || string(x.Response.Raw) != response && !parted {
					t.Fatalf("file %d: exchange %d of %s is %q, %q", i, next[c.ID], c.ID, x.Request.Raw, x.Response.Raw)
				}
				next[c.ID]++
			}
		}
	}
	if got := fmt.Sprint(next); got != "map[c0:600 c1:200 o2:200]" {
		t.Errorf("exchanges %s", got)
	}
}

// While there is no further file, nothing is added to one that is full.
func TestNextFileIsMissing(t *testing.T) {
	const bound = 20_000
	d := newDisk(1 << 30)
	_, r, track := recordOn(t, d, smallest, Options{Max: bound, Next: d.next})
	f := &events.Flow{ConnID: events.ConnID{Hop: events.ClientHop, N: 1}, Client: someClient, Server: someServer}
	track.Open(f, time.Now())
	d.locked = true
	for n := range 3000 {
		exchangeOn(track, f, n)
		if err := r.Flush(); err != nil && !errors.Is(err, errLocked) {
			t.Fatal(err)
		}
	}
	full := d.files[0].Len()
	lost := r.Dropped()
	if len(d.files) != 1 || full < bound || full > bound+2000 || lost.Events == 0 || !errors.Is(r.Failing(), errLocked) {
		t.Errorf("%d files, the first with %d bytes; lost %+v; %v", len(d.files), full, lost, r.Failing())
	}
	d.locked = false
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if d.files[0].Len() != full || len(d.files) < 2 || r.Dropped() != lost {
		t.Errorf("the full file has %d bytes, and there are %d; lost %+v", d.files[0].Len(), len(d.files), r.Dropped())
	}
	for _, file := range d.files {
		only(t, readBytes(t, file.Bytes()))
	}
}
