package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// recorded runs a scene with a recording.
func recorded(t *testing.T, o simnet.Options, client, origin func(*loop.Conn)) (file string, recording *capture.Recording) {
	t.Helper()
	var b bytes.Buffer
	recorder, err := capture.NewRecorder(&b, 1, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = act(t, simnet.New(1, o), Config{Recorder: recorder}, client, origin)
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	file = b.String()
	if recording, err = capture.Read(&b); err != nil {
		t.Fatal(err)
	}
	return file, recording
}

// What was written of a request's body is recorded, although the response came to
// its end before the origin had room for the rest.
func TestRecordedUploadCutShort(t *testing.T) {
	var body strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&body, "%07d\n", n)
	}
	written := 0
	o := simnet.Options{Buffer: 4096, History: func(s simnet.Step) {
		if s.Conn == 2 && s.Side == simnet.Dialer && s.What == simnet.Wrote {
			written += s.Octets
		}
	}}
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n"
	file, _ := recorded(t, o, func(c *loop.Conn) {
		for _, piece := range []string{head, body.String()[:1000]} {
			c.Write([]byte(piece))
			c.Loop().Sleep(time.Millisecond)
		}
		c.Loop().Go(loop.Func(func() { c.Write([]byte(body.String()[1000:])) })) // of the last that fits, a part
		hear(c, "hello")
	}, func(c *loop.Conn) {
		hear(c, "\r\n\r\n")
		c.Loop().Sleep(time.Second) // by now there is no room
		c.Write([]byte(hello))
		c.Loop().Sleep(time.Second)
	})
	last := (written-len(toOrigin(head)))/8 - 1
	if number := fmt.Sprintf("%07d", last); last < 100 || strings.Count(file, number) != 2 {
		t.Errorf("%s, the last of what was written of the body, is recorded %d times, not on both hops", number, strings.Count(file, number))
	}
}

// What was read of an idle connection is recorded, too.
func TestRecordedWhileIdle(t *testing.T) {
	for _, test := range []struct {
		name    string
		idle    func(*loop.Conn)
		warning string
	}{
		{"octets", func(c *loop.Conn) { c.Write([]byte("x")) }, "1 byte behind the last response"},
		{"end", func(c *loop.Conn) { c.Close() }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, recording := recorded(t, simnet.Options{}, func(c *loop.Conn) {
				c.Write([]byte(get("/")))
				hear(c, "hello")
				c.Loop().Sleep(2 * time.Second)
			}, func(c *loop.Conn) {
				hear(c, "\r\n\r\n")
				c.Write([]byte(hello))
				c.Loop().Sleep(time.Second)
				test.idle(c)
				c.Loop().Sleep(time.Second)
			})
			warned := slices.ContainsFunc(recording.Warnings, func(w string) bool { return strings.Contains(w, "1 byte behind the last response") })
			if warned != (test.warning != "") {
				t.Errorf("warnings %q", recording.Warnings)
			}
			o := find(recording, "o1")
			if byOrigin := o.Closed.From == capture.Outbound; byOrigin == warned {
				t.Errorf("closed %+v", o.Closed)
			}
		})
	}
}
