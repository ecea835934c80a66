package server

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// halves are uploads that begin, each a head and the first part of its content.
var halves = [][2]string{
	{get("POST", "/post/a", "Content-Length: 100", "Expect: 100-continue"), "half"},
	{get("POST", "/post/a", "Transfer-Encoding: chunked", "Expect: 100-continue"), "4\r\nhalf\r\n"},
	{get("POST", "/post", "Content-Length: 100000", "Content-Type: "+multiparts, "Expect: 100-continue"),
		form("name=f; filename=a\r\n\r\nwhole", "name=f; filename=b\r\n\r\n"+strings.Repeat("x", 50_000))},
}

// What does not come to its end leaves nothing: not while it is under way, and not
// afterwards. startStore looks at that.
func TestUploadsThatDoNotEnd(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		ends   func(r *rig, p *peer)
	}{
		"the client stalls": {Config{BodyTimeout: 50 * time.Millisecond}, func(r *rig, p *peer) {
			p.expect(response("408 Request Timeout", "Content-Length: 0", "Connection: close"))
		}},
		"the client ends": {Config{}, func(r *rig, p *peer) {
			p.CloseWrite()
			p.expectEnd()
		}},
		"the client resets": {Config{}, func(r *rig, p *peer) {
			p.SetLinger(0)
			p.Close()
			for r.group.Conns() > 0 {
				time.Sleep(time.Millisecond)
			}
		}},
		"the server has drained for long enough": {Config{DrainTimeout: 50 * time.Millisecond, Report: func(error) {}}, func(r *rig, p *peer) {
			r.signal()
			r.await()
		}},
		"a second signal": {Config{DrainTimeout: time.Hour}, func(r *rig, p *peer) {
			r.signal()
			close(r.hurry)
			r.await()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, half := range halves {
				r, _ := startStore(t, c.config)
				p := r.dial()
				p.send(half[0])
				p.expect("HTTP/1.1 100 Continue\r\n\r\n")
				p.send(half[1])
				c.ends(r, p)
			}
		})
	}
}

// startSlow is startStore with a disk that says when it is to make something last, and
// does so when release is closed.
func startSlow(t *testing.T, config Config, expected ...string) (r *rig, syncing <-chan bool, release chan error) {
	t.Helper()
	storing(t, &config, expected...)
	begun := make(chan bool, 100)
	release = make(chan error)
	config.Uploads.Sync = func(*os.File) error {
		begun <- true
		return <-release
	}
	return start(t, files, config), begun, release
}

// While the disk takes its time, the loop's other clients notice nothing, and the
// upload's own pipelined request waits for it.
func TestASlowDiskHoldsNobodyUp(t *testing.T) {
	r, syncing, release := startSlow(t, Config{}, "a", "b")
	p, other := r.dial(), r.dial()
	p.send(post("/post/a", "", "hello") + get("GET", "/post/a"))
	<-syncing
	for range 10 {
		other.send(get("GET", "/"))
		if answer, _ := other.report(); answer.StatusCode != 200 {
			t.Fatal(answer.StatusCode)
		}
		other.send(get("GET", "/post/a"))
		if answer, _ := other.report(); answer.StatusCode != 404 {
			t.Fatal(answer.StatusCode)
		}
	}
	second := r.dial()
	second.send(post("/post/b", "", "hello"))
	<-syncing
	close(release)
	for _, p := range []*peer{p, second} {
		if answer, _ := p.report(); answer.StatusCode != 201 {
			t.Errorf("stored: %d", answer.StatusCode)
		}
	}
	if answer, text := p.report(); answer.StatusCode != 200 || text != "hello" {
		t.Errorf("the next request: %d, %q", answer.StatusCode, text)
	}
}

// The time that the disk takes is not the client's for sending: here, as long as others
// have all that there is of it.
func TestASlowDiskIsNotASlowClient(t *testing.T) {
	const others, bound = 32, time.Second // in which the others have to be there, on a busy machine as well
	var names []string
	for i := range others {
		names = append(names, fmt.Sprint(i))
	}
	r, syncing, release := startSlow(t, Config{BodyTimeout: bound}, append(names, "a")...)
	p := r.dial()
	p.send(get("POST", "/post/a", "Content-Length: 10", "Expect: 100-continue"))
	p.expect("HTTP/1.1 100 Continue\r\n\r\n")
	for _, name := range names {
		r.dial().send(post("/post/"+name, "", ""))
		<-syncing
	}
	p.send("hello")
	time.Sleep(2 * bound)
	close(release)
	p.send("hello")
	if answer, _ := p.report(); answer.StatusCode != 201 {
		t.Error(answer.StatusCode)
	}
}

// The end of the server waits for what the disk has begun, and no longer.
func TestStopWhileTheDiskIsBusy(t *testing.T) {
	r, syncing, release := startSlow(t, Config{}, "a")
	p := r.dial()
	p.send(post("/post/a", "", "hello"))
	<-syncing
	r.group.Stop()
	close(release)
	r.await()
	if rest, err := io.ReadAll(p.in); len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A disk that fails is said to the client by its status, and to whoever runs the
// server in words; nothing is left.
func TestDiskFails(t *testing.T) {
	for err, status := range map[error]string{syscall.ENOSPC: "507 Insufficient Storage", syscall.EIO: "500 Internal Server Error"} {
		var said reports
		config := Config{Report: said.add}
		storing(t, &config)
		config.Uploads.Sync = func(*os.File) error { return err }
		r := start(t, files, config)
		want := response(status, "Content-Length: 0")
		for _, request := range []string{post("/post/a", "", "hello"), post("/post/", multiparts, form("name=f; filename=a\r\n\r\n", "name=f; filename=b\r\n\r\n"))} {
			if got := r.converse(request); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
		r.stop()
		if len(said.texts) != 2 || !strings.Contains(said.texts[0], err.Error()) {
			t.Errorf("reported: %q", said.texts)
		}
	}
}

// A file that may not become larger is like a full disk in the middle of the content.
func TestDiskIsFull(t *testing.T) {
	var said reports
	r, _ := startStore(t, Config{Report: said.add}, "small")
	const most = 4 << 20 // which what the testing package writes of tests does not reach
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)
	large := strings.Repeat("x", most+1)
	for name, request := range map[string]string{
		"a length": post("/post/a", "", large), "chunks": chunked("/post/a", "", large),
		"a form": post("/post", multiparts, form("name=f; filename=a\r\n\r\n", "name=f; filename=b\r\n\r\n"+large)),
	} {
		p := r.dial()
		go io.WriteString(p, request)
		if answer, _ := p.report(); answer.StatusCode != 507 {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
	p := r.dial()
	p.send(post("/post/small", "", "hello"))
	if answer, _ := p.report(); answer.StatusCode != 201 {
		t.Errorf("what there is room for: %d", answer.StatusCode)
	}
}
