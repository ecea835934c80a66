package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/eventjson"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/filter"
	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/view"
	"github.com/hopwire/hopwire/shared/program"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "show what a recording has: exchanges as lines, pictures of both hops, or bytes",
		ArgsUsage:   "FILE",
		Description: showDescription + filter.Help() + showExamples,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "exchange", Usage: "show `EXCHANGE`, such as c3#2 or o1#7, on both hops; all: each"},
			&cli.BoolFlag{Name: "hex", Usage: "show bytes, and below them what they are by the RFCs' names"},
			&cli.BoolFlag{Name: "lanes", Usage: "show connections over time, when the file has ended: connecting, busy, waiting, idle, and who ended them"},
			&cli.BoolFlag{Name: "pool", Usage: "show what was decided about each exchange, and what was passed over and why"},
			&cli.BoolFlag{Name: "json", Usage: "show each event as a line of JSON, as " + schemaAt + " in the repository has it"},
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on while FILE is being written, and in FILE.1 and so on, until a signal"},
			&cli.StringFlag{Name: "filter", Usage: "show only the exchanges for which `EXPR` is true"},
			&cli.StringFlag{Name: "color", Value: "auto", Usage: "use colours `WHEN`: always, never, or auto, which is on a terminal, unless NO_COLOR is set"},
			&cli.StringFlag{Name: "memory", Value: "3GiB", Usage: "read captures of others within `SIZE` of memory, at least 64MiB"},
		},
		Action: show,
	}
}

const schemaAt = "cmd/loadgen/internal/eventjson/schema.json"

const showDescription = `
FILE is what edge --record wrote, or any pcapng or pcap file that tcpdump or
Wireshark captured of plain HTTP/1.1, also packed by gzip; - is standard input,
and what comes there is shown as it comes, until it ends or a signal does it.

Each exchange is a line, when it has ended: when it began, in seconds from the
beginning of the file; its name, such as c3#2 -> o1#7: the second request on the
client's connection c3, sent as the seventh on the origin's o1; status code, bytes
sent to the client, how long it took, the request, and what became of both
connections. Behind "!" stands why the edge refused it. Exchanges that have not
ended when the file does are told last, and connections without any when they are
closed.

In a picture of an exchange, "-" stands beside a line that the edge dropped, "+"
beside one that it inserted, "~" beside one that it changed, on the hop where it
sent that; the reason is in parentheses. Ends of lines are shown as ⏎, control
characters as Go writes them, such as \x1b.

The width is that of the terminal, or what COLUMNS says where there is none, or 80.

The EXPR of --filter is one of https://expr-lang.org, and may use
`

const showExamples = `

EXAMPLES
  loadgen show hop.pcapng
  loadgen show --exchange c3#2 hop.pcapng
  loadgen show --exchange c3#2 --hex hop.pcapng
  loadgen show --filter 'status >= 400 and reuse == "no"' hop.pcapng
  loadgen show --filter 'path matches "^/img" and wait > 100' hop.pcapng
  loadgen show --json hop.pcapng | jq -r 'select(.kind == "pool") | .params'
  loadgen show --follow hop.pcapng
  edge --origin 127.0.0.1:9000 --record - | loadgen show -`

// A shower shows events in one form.
type shower struct {
	style    view.Style
	terminal bool // somebody sees it on one
	out      *bufio.Writer
	warn     io.Writer
	filter   *filter.Filter
	want     string // name of the only exchange; empty: all

	draw    func(b []byte, x *view.Exchange) []byte
	isLines bool // a line for each, below a head
	between bool // an empty line stands between two

	follow bool
	json   bool
	lanes  *view.Lanes // nil: another form
	only   *chosen     // of the events, where not all are wanted

	all   view.Collector
	shown int // exchanges
	read  int // events, but for warnings
	said  []string
	done  bool // all that was wanted has been shown
}

func show(c *cli.Context) error {
	s, err := showerOf(c)
	if err != nil {
		return err
	}
	reading, err := readingOf(c)
	if err != nil {
		return err
	}
	reading.Progress = nil
	defer reading.end()
	name := c.Args().First()
	f, err := s.open(c, name)
	if err != nil {
		return err
	}
	defer f.Close()
	if s.terminal && s.isLines {
		s.out.WriteString(s.style.LineHead())
	}
	if s.json && (s.filter != nil || s.want != "") {
		if err := s.choose(c.Context, reading, name); err != nil {
			return err
		}
	}
	return errors.Join(s.run(c.Context, reading, name, f), s.out.Flush())
}

func showerOf(c *cli.Context) (*shower, error) {
	if c.Args().Len() != 1 {
		return nil, program.Usagef("name one recording, or - for standard input")
	}
	when := c.String("color")
	if when != "auto" && when != "always" && when != "never" {
		return nil, program.Usagef("--color is auto, always or never, not %q", when)
	}
	s := &shower{out: bufio.NewWriter(c.App.Writer), warn: c.App.ErrWriter}
	s.style.Width, s.terminal = program.Width(c.App.Writer)
	s.style.Colour = program.Colours(c.App.Writer, when)
	if expression := c.String("filter"); c.IsSet("filter") {
		var err error
		if s.filter, err = filter.New(expression); err != nil {
			return nil, program.Usagef("--filter: %w", err)
		}
	}
	if err := s.setForm(c); err != nil {
		return nil, err
	}
	return s, nil
}

// setForm finds out which form was asked for.
func (s *shower) setForm(c *cli.Context) error {
	if name := c.String("exchange"); c.IsSet("exchange") && name != "all" {
		x, err := events.ParseExchange(name)
		if err != nil {
			return program.Usagef("--exchange: %w", err)
		}
		s.want = x.String()
	}
	forms := 0
	for _, form := range []string{"hex", "pool", "json", "lanes"} {
		if c.Bool(form) {
			forms++
		}
	}
	s.json, s.follow, s.between = c.Bool("json"), c.Bool("follow"), true
	once := s.follow || c.Args().First() == standardInput
	switch {
	case forms > 1:
		return program.Usagef("--hex, --lanes, --pool and --json are different forms: ask for one at a time")
	case c.Bool("lanes") && (s.filter != nil || c.IsSet("exchange")):
		return program.Usagef("--lanes are of connections: it takes neither --filter nor --exchange")
	case s.follow && c.Args().First() == standardInput:
		return program.Usagef("--follow is for files: standard input is shown as it comes without it")
	case s.json && once && (s.filter != nil || s.want != ""):
		return program.Usagef("--json with --filter or --exchange reads a file twice: it takes neither --follow nor standard input")
	}
	switch {
	case c.Bool("pool"):
		s.draw, s.between = s.style.AppendDecisions, false
	case c.Bool("lanes"):
		s.lanes = new(view.Lanes)
	case c.Bool("hex"):
		s.draw = s.style.AppendHex
	case c.IsSet("exchange"):
		s.draw = s.style.AppendPicture
	default:
		s.draw, s.between, s.isLines = s.style.AppendLine, false, true
	}
	return nil
}

// open opens what is to be read. What was shown before more is waited for, can be
// seen.
func (s *shower) open(c *cli.Context, name string) (io.ReadCloser, error) {
	switch {
	case name == standardInput:
		return &flushing{untilSignal(c.Context, c.App.Reader), s.out}, nil
	case s.follow:
		f, err := follow(c.Context, name)
		return &flushing{f, s.out}, err
	}
	return os.Open(name)
}

// A flushing reader flushes what was written before it reads.
type flushing struct {
	io.Reader
	out *bufio.Writer
}

func (f *flushing) Close() error {
	if c, ok := f.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (f *flushing) Read(p []byte) (int, error) {
	f.out.Flush() // the error comes with the next
	return f.Reader.Read(p)
}

// untilSignal is a reader of r that ends at a signal, though r may not.
func untilSignal(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, r)
		pw.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { pw.Close() })
	return pr
}

// run shows what is in the file. What is wrong with a file of which something was
// shown is said, and no reason to fail: it may be the end of a recording that was cut
// off.
func (s *shower) run(ctx context.Context, reading *reading, name string, f io.Reader) error {
	if name == standardInput || s.follow { // a signal ends what is read
		ctx = context.WithoutCancel(ctx)
	}
	if name == standardInput {
		name = "standard input"
	}
	for e, err := range reading.Events(f) {
		switch {
		case err != nil && s.read == 0:
			return fmt.Errorf("%s: %w", name, err)
		case err != nil:
			s.say(fmt.Sprintf("%s: %v", name, err))
		default:
			if err := s.take(e); err != nil || s.done {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, x := range s.all.Open() {
		if err := s.show(x); err != nil {
			return err
		}
	}
	if s.read == 0 {
		return fmt.Errorf("%s has nothing to show: %s", name, strings.Join(s.said, "; "))
	}
	if s.lanes != nil {
		s.out.Write(s.style.AppendLanes(nil, s.lanes))
	}
	for _, warning := range s.said {
		s.say(warning)
	}
	if s.want != "" && s.shown == 0 {
		return fmt.Errorf("%s has no exchange %s", name, s.want)
	}
	return nil
}

func (s *shower) say(text string) {
	s.out.Flush()
	fmt.Fprintf(s.warn, "loadgen: %s\n", english.Printable(text))
}

func (s *shower) take(e *events.Event) error {
	if e.Kind == events.Noted && e.Note.Kind == "recording.warning" {
		s.said = append(s.said, e.Note.Text)
	} else {
		s.read++
	}
	switch {
	case s.lanes != nil:
		s.lanes.Add(e)
		return nil
	case s.json:
		return s.event(e)
	}
	for x := s.all.Add(e); x != nil; x = s.all.Next() {
		if err := s.show(x); err != nil {
			return err
		}
	}
	return nil
}

func (s *shower) event(e *events.Event) error {
	if s.only.has(e) {
		s.shown++
		_, err := s.out.Write(eventjson.Append(nil, e))
		return err
	}
	return nil
}

// chosen are the exchanges of which events are wanted, and the connections that they
// were on.
type chosen struct {
	exchanges map[events.Use]bool
	conns     map[events.ConnID]bool
}

// has reports whether e is wanted; of nil, all are.
func (c *chosen) has(e *events.Event) bool {
	if c == nil {
		return true
	}
	if (e.Kind == events.Bytes || e.Kind == events.Noted) && e.Exchange.Client.N > 0 {
		return c.exchanges[e.Exchange.Client]
	}
	return c.conns[e.Conn]
}

// choose reads the file for the first time: what is known of an exchange when it ends
// says whether its events are wanted.
func (s *shower) choose(ctx context.Context, reading *reading, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	only := &chosen{map[events.Use]bool{}, map[events.ConnID]bool{}}
	first := &shower{out: s.out, warn: io.Discard, filter: s.filter, want: s.want, between: true}
	first.draw = func(_ []byte, x *view.Exchange) []byte {
		only.exchanges[x.Client.Use] = true
		only.conns[x.Client.Conn] = true
		for i := range x.Tries {
			only.conns[x.Tries[i].Conn] = true
		}
		return nil
	}
	s.only = only
	return first.run(ctx, reading, name, f)
}

// show shows an exchange, or a connection that was for none, if it is wanted.
func (s *shower) show(x *view.Exchange) error {
	isConnection := x.Client.Use.N == 0
	if isConnection && (s.want != "" || s.filter != nil || s.between) || !s.isWanted(x) {
		return nil
	}
	if passes, err := s.filter.Passes(x); err != nil || !passes {
		if err != nil {
			err = fmt.Errorf("--filter: %w", err)
		}
		return err
	}
	var b []byte
	if s.between && s.shown > 0 {
		b = append(b, '\n')
	}
	s.shown++
	s.done = s.want != ""
	_, err := s.out.Write(s.draw(b, x))
	return err
}

// isWanted reports whether x has the name that was asked for: one on either hop, or
// both.
func (s *shower) isWanted(x *view.Exchange) bool {
	switch s.want {
	case "", x.ID.String(), x.ID.Client.String(), x.ID.Origin.String():
		return true
	}
	for i := range x.Tries {
		if s.want == x.Tries[i].Use.String() {
			return true
		}
	}
	return false
}
