package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wire"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:        "convert",
		Usage:       "make a recording of an HTTP archive (HAR)",
		ArgsUsage:   "IN OUT",
		Description: convertDescription,
		Flags:       []cli.Flag{&cli.StringFlag{Name: "memory", Value: "3GiB", Usage: "read the archive within `SIZE` of memory, at least 64MiB"}},
		Action:      convertAction,
	}
}

const convertDescription = `
IN is an HTTP archive, HAR 1.2, which a browser saved, and OUT a pcapng file for
loadgen replay and Wireshark. What is not there is not made up: content that the
archive lacks is a hole, and behind a request without a response the connection
ends. Notes on what is not as it was go to standard error.

EXAMPLES
  loadgen convert page.har page.pcapng`

func convertAction(c *cli.Context) error {
	if c.NArg() != 2 {
		return program.Usagef("name an archive and the file to be made of it")
	}
	from, to := c.Args().Get(0), c.Args().Get(1)
	switch {
	case to == standardInput:
		return program.Usagef("OUT is a file, and may not be -")
	case sameFile(from, to):
		return program.Usagef("%s would be overwritten, which is to be converted", from)
	}
	reading, err := readingOf(c)
	if err != nil {
		return err
	}
	defer reading.end()
	rec, err := readArchive(reading, from)
	if err != nil {
		return err
	}
	if rec == nil {
		return fmt.Errorf("%s is no HTTP archive (HAR) that can be read", from)
	}
	out, err := create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := convert(rec, out); err != nil {
		return fmt.Errorf("%s: %w", out.Name(), err)
	}
	for _, w := range rec.Warnings {
		fmt.Fprintln(c.App.ErrWriter, w)
	}
	return out.Close()
}

// convert writes what a recording has, in the order of time.
func convert(rec *capture.Recording, out io.Writer) error {
	var all []events.Event
	for _, c := range rec.Connections {
		all = appendConnection(all, c)
	}
	slices.SortStableFunc(all, func(a, b events.Event) int { return a.At.Compare(b.At) })
	w, err := capture.NewRecorder(out, capture.Options{Application: "loadgen"})
	if err != nil {
		return err
	}
	for i := range all {
		if !w.Ready() {
			break
		}
		w.Take(&all[i])
	}
	return w.Close()
}

// appendConnection appends the events of a connection, or of several, each of which
// ends with a request that has no response.
func appendConnection(all []events.Event, c *capture.Connection) []events.Event {
	var passed [2]uint64
	id, last, place := events.ConnID{Hop: events.ClientHop}, time.Time{}, uint32(0)
	add := func(at time.Time, e events.Event) {
		if last.Before(at) { // or several were under way at once, which now follow one another
			last = at
		}
		e.Conn, e.At, e.Offset, e.Reverse = id, last, passed[e.Direction], passed[e.Direction.Reverse()]
		if place > 0 {
			e.Exchange.Client = events.Use{Conn: id, N: place}
		}
		passed[e.Direction] += uint64(len(e.Content)) + e.Missing
		all = append(all, e)
	}
	message := func(d events.Direction, m *capture.Message) {
		add(m.At, events.Event{Kind: events.Bytes, Direction: d, Content: m.Raw[:m.HeadLen]})
		for rest := m.Body(); len(rest) > 0; {
			piece := rest[:min(len(rest), events.MaxPiece)]
			rest = rest[len(piece):]
			add(m.End, events.Event{Kind: events.Bytes, Direction: d, Content: piece, Partial: len(rest) > 0})
		}
		if n := missing(m); d == events.Outbound && n > 0 {
			add(m.End, events.Event{Kind: events.Gap, Direction: d, Missing: n})
		}
	}
	for i := range c.Exchanges {
		x := &c.Exchanges[i]
		if id.N == 0 {
			id.N, passed, place = uint64(len(all)+1), [2]uint64{}, 0
			add(x.Request.At, events.Event{Kind: events.Opened, Client: clientOf(c.Server, id.N), Server: c.Server})
		}
		place++
		message(events.Inbound, &x.Request)
		if len(x.Response.Raw) > 0 {
			message(events.Outbound, &x.Response)
		}
		add(x.Response.End, events.Event{Kind: events.Noted, Note: noteOf(x)})
		if len(x.Response.Raw) == 0 {
			add(last, events.Event{Kind: events.Closed, Direction: events.Inbound, Means: events.RST})
			id.N = 0
		}
	}
	if id.N != 0 {
		add(last, events.Event{Kind: events.Closed, Direction: events.Inbound, Means: events.FIN, Comment: "the archive has no more of it"})
	}
	return all
}

// noteOf is what is known of an exchange beyond its bytes: how it ended, and its times,
// which those of its bytes are not where content is missing.
func noteOf(x *capture.Exchange) *events.Note {
	between := func(from, to time.Time) string { return strconv.FormatInt(to.Sub(from).Microseconds(), 10) }
	return &events.Note{Kind: "exchange", Params: []events.Param{
		{Name: "status", Value: status(&x.Response)},
		{Name: "wait", Value: between(x.Request.End, x.Response.At)},
		{Name: "relay", Value: between(x.Response.At, x.Response.End)},
		{Name: "total", Value: between(x.Request.At, x.Response.End)},
	}}
}

// status is the status code of a response.
func status(m *capture.Message) string {
	var head wire.ResponseHead
	if _, err := wire.ParseResponseHead(m.Raw, 0, &head); err != nil {
		return "0"
	}
	return strconv.Itoa(head.Status)
}

// missing is how much content a response lacks.
func missing(m *capture.Message) uint64 {
	var head wire.ResponseHead
	if _, err := wire.ParseResponseHead(m.Raw, 0, &head); !m.Cut || err != nil {
		return 0
	}
	framing, err := wire.ResponseFraming(&head, []byte("GET"))
	if err != nil {
		return 0
	}
	return uint64(framing.Length)
}

// clientOf is an address for documentation (RFC 5737, RFC 3849): archives have none.
func clientOf(server netip.AddrPort, n uint64) netip.AddrPort {
	address := netip.MustParseAddr("198.51.100.1")
	if server.Addr().Is6() {
		address = netip.MustParseAddr("2001:db8::1")
	}
	return netip.AddrPortFrom(address, cmp.Or(uint16(n), 1))
}
