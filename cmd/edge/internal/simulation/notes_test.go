package simulation

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
)

// judgeReading has package capture read the recording, and compares the notes with
// the access log, and the messages that it finds with those that were sent.
func (w *world) judgeReading() {
	if w.failure != nil {
		return
	}
	recording, err := capture.Read(&w.tape.file)
	if err != nil {
		w.fail("the recording cannot be read", "%v", err)
		return
	}
	ends := slices.DeleteFunc(recording.Notes, func(n capture.Note) bool { return n.Kind != "exchange" })
	if len(ends) != len(w.tape.entries) {
		w.fail("the recording has another number of exchanges than the log", "%d, not %d", len(ends), len(w.tape.entries))
		return
	}
	for i, e := range w.tape.entries {
		w.judgeNote(&ends[i], e)
	}
	for _, c := range recording.Connections {
		if id, err := events.ParseConnID(c.ID); err == nil && c.Hop == events.ClientHop && id.N <= uint64(len(w.accepted)) {
			w.judgeMessages(w.accepted[id.N-1].call, c.Exchanges)
		}
	}
}

func (w *world) judgeNote(n *capture.Note, e *logLine) {
	want := map[string]string{
		"status": strconv.Itoa(e.status), "client-connection": e.clientEnd, "origin-connection": strings.TrimPrefix(e.originEnd, "-"),
		"replayed": strconv.FormatBool(e.replayed),
	}
	if e.queued {
		want["queued"] = "true" // the log does not tell of a wait that took no time
	}
	for _, p := range n.Params {
		if is, ok := want[p.Name]; ok && is == p.Value {
			delete(want, p.Name)
		}
	}
	if len(want) > 0 || n.Exchange != e.exchange() || n.Conn != (events.ConnID{Hop: events.ClientHop, N: e.client}) {
		w.fail("the recording says otherwise of an exchange than the log", "%+v\n%+v\nnot %v", *e, n, want)
	}
}

// judgeMessages compares the requests of a client as they were found, as far as
// all are ones that can be.
func (w *world) judgeMessages(c *call, found []capture.Exchange) {
	for i, e := range found {
		if i == len(c.requests) || c.requests[i].fate > answered {
			return
		}
		if r := c.requests[i]; !bytes.Equal(e.Request.Raw, bytes.TrimPrefix(r.sent, crlf)) {
			w.fail("another request is read out of the recording than was sent", "%v\nwant %.200q\nhas  %.200q", r, r.sent, e.Request.Raw)
		}
	}
}
