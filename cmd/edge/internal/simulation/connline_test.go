package simulation

import (
	"bytes"

	"github.com/hopwire/hopwire/shared/events"
)

// A connLine is what the access log says of a connection that has ended.
type connLine struct {
	side     byte // c or o; 0: the line is none of these
	serial   uint64
	cause    string
	requests int
}

// readConnLine reads
//
//	127.0.0.1 - - [time] "-" - - o1@127.0.0.1:20000 idle-timeout requests=7 age=30000ms local=127.0.0.1:32769
func readConnLine(p []byte) (e connLine) {
	_, after, ok := bytes.Cut(p, []byte(`] "-" - - `))
	words := bytes.Fields(after)
	if !ok || len(words) < 4 {
		return e
	}
	requests, ok := bytes.CutPrefix(words[2], []byte("requests="))
	if !ok || len(words[0]) < 2 {
		return e
	}
	serial, _, _ := bytes.Cut(words[0][1:], []byte("@"))
	return connLine{words[0][0], uint64(number(serial)), string(words[1]), number(requests)}
}

// connections are those that the log has told of, by which it is judged.
type connections struct {
	clients uint64         // that have ended
	origins map[uint64]int // that have, with the requests that they had
	used    map[uint64]int // of origin connections: the last of their requests that is told of
}

// use notes what the log says of an exchange.
func (c *connections) use(e *logLine) {
	if c.used == nil {
		c.origins, c.used = make(map[uint64]int), make(map[uint64]int)
	}
	c.used[e.origin] = max(c.used[e.origin], e.use)
	c.used[e.stale] = max(c.used[e.stale], e.staleUse)
}

// judgeConnection looks whether an end fits to what was told of the exchanges before.
func (w *world) judgeConnection(e *connLine) {
	switch told := &w.connections; {
	case w.failure != nil:
	case e.side == 'o':
		if _, twice := told.origins[e.serial]; twice {
			w.fail("the log has two ends of a connection", "%+v", e)
		}
		told.use(new(logLine)) // there may have been none
		told.origins[e.serial] = e.requests
	case e.serial == 0 || e.serial > uint64(len(w.accepted)):
		w.fail("the log has the end of a connection that no client opened", "%+v", e)
	default:
		told.clients++
		c := w.accepted[e.serial-1].call
		if e.requests != c.logged {
			w.fail("the log counts the requests of a connection otherwise than their lines", "%+v, not %d", e, c.logged)
		}
		if c.end != "" && c.end != "kept" && c.end != e.cause {
			w.fail("the log has two causes for the end of a connection", "%+v, not %s", e, c.end)
		}
	}
}

// judgeConnections is for when all have ended.
func (w *world) judgeConnections(clients, origins uint64) {
	told := &w.connections
	if told.clients != clients || uint64(len(told.origins)) != origins {
		w.fail("the log lacks ends of connections", "%d of %d clients, %d of %d to origins", told.clients, clients, len(told.origins), origins)
	}
	for serial, requests := range told.origins {
		if used := told.used[serial]; used != requests {
			w.fail("the log counts the requests of a connection otherwise than their lines", "%v: %d, not %d",
				events.ConnID{Hop: events.OriginHop, N: serial}, requests, used)
		}
	}
}
