package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:        "replay",
		Usage:       "send what was recorded, as fast as the server answers or at a rate",
		ArgsUsage:   "RECORDING...",
		Description: replayDescription + paceDescription + keepAliveDescription + replayExamples,
		Flags:       replayFlags(),
		Action:      replayAction,
	}
}

const replayDescription = `
A RECORDING is a file that edge --record wrote, or any pcapng or pcap file that
tcpdump or Wireshark captured of plain HTTP/1.1; or - for such a file on standard
input; or an HTTP archive (HAR) that a browser saved, of whose names and values the
requests are put together; or a URL, for which "loadgen replay" need be no more than
"loadgen".
` + requestDescription + `

If a capture has requests to several servers, --server says which to take. Of a
gateway and the origins behind it only the gateway's are taken, as with --hop.

Requests go out with exactly the recorded bytes. The requests of a recorded
connection stay together on one connection, in their order; --connections of
these sessions are under way at once, and each begins when another has ended.
The next request of a connection goes out when the whole response to the last
one was read. A large request goes out while its response comes in.

However large recordings are, and whatever is in them, reading them takes no more
memory than --memory. What then does not fit is left out, and a note says so; if
memory is short, or a recording of many gigabytes has to be replayed, change it.

Without --duration and --requests, recordings are sent once from beginning to
end, and a URL for 10 seconds. With either, recordings are gone through again
and again until the bound is reached.

A request failed if no whole, valid response arrived in time or, with --verify,
if the response is not the recorded one. Any status code is a response. If a
server closes a connection that was kept alive just as a request is sent, then
GET, HEAD, OPTIONS, TRACE, PUT and DELETE are sent again on a new connection;
other requests have failed, since the server may have acted on them. The report
says how often that was; with --retry none, nothing is sent again.
` + verifyDescription + `

A response may be whole before the server has read the request. The rest of it
goes out as long as the server reads; when it takes nothing for a second, the
connection is closed. The request is answered, and the report says how many were
so.

When --duration is over, or at a signal, requests under way get --grace to come
to their end; those that do not are unfinished. Of a given number of requests,
those that were not sent are unsent.

After an attempt to connect that failed, and after a connection that ended
without having answered, there is a pause of 5 ms, then twice as long after each
further one, up to 500 ms, until there is an answer. The report says how many
pauses there were; with --no-backoff, there are none. A connection gives up, and
its session, when attempts have failed for 2 s in which no connection was
answered.

To an https URL or target TLS 1.2 or 1.3 is spoken, and HTTP/1.1 in it. The
certificate has to be for the URL's host or, for recordings, the target's.
Sessions are resumed only with --tls-resume: then you measure clients that come
again, otherwise new ones. If a handshake fails, no connection was opened. An
end of the connection that TLS did not announce (close_notify) ends no response.

The latency of a request is from before its first byte is written to the last
byte of its response; "first byte" ends with the first that comes back. A user
also waits for the connection: "+ connecting" counts in, for the first request
of each, how long it took to open it, handshake included. The 99th percentile is the shortest of
these times that at least 99 % do not exceed.

With --ledger edge=127.0.0.1:9090,origin=127.0.0.1:9091 the counters of these
programs are read from their --admin before and after, and what was sent here must
have been seen there: requests and their ends, connections and who closed them, and
the same between edge and origins. "Up to" stands before what need not have arrived,
such as unfinished requests. Nobody else may use the programs meanwhile. If a number
is missing, the report names it, and the exit status is 1.

With --repeat, each run is a whole one, with a --warmup and a ramp of its own. The
report is of all together, and says how far they are apart; in JSON it has the
figures of each, for loadgen compare. A run that did not come to its end is the
last. Each has a verdict, and the gravest counts. A ledger is of all together.

The first SIGTERM, SIGINT or SIGHUP has no more requests sent, and the report
written; the second SIGTERM or SIGINT stops at once.

The report begins with a verdict. INVALID: the figures do not mean what they
say, since one of the connections, for which there was a request, could never be
opened, more than one in a hundred requests are unfinished, the --rate was missed
by more than 5 %, or the 99th percentile of lateness is above 1 ms and a tenth of
the median of the responses. SUSPECT: there is
less or something else in them than it seems, since more than one in a thousand
requests are unfinished, a loop was busy for more than 90 % of the time, requests
were sent again, fewer than 1,000 were answered, which is too few for a 99th
percentile, or loadgen and the server may run on one and the same processor only.
Otherwise VALID. Each reason says what to do.

The exit status is 3 if the verdict is INVALID, whatever else there is to tell.
Otherwise it is 0 if every request was answered, be it after attempts to connect
that failed, of which the report tells; 1 if a request failed, if more than one
in a thousand requests are unfinished, or as many connections still being opened
at the end, if the ledger does not balance, or if there is no result; 2 if the command line is wrong or asks for
more connections than this machine allows. SUSPECT does not change it.
`

const replayExamples = `
EXAMPLES
  loadgen http://127.0.0.1:8080/hello.txt
  loadgen -X PUT -H 'Content-Type: text/plain' --data @note.txt http://HOST/note
  loadgen replay recording.pcapng --target 127.0.0.1:8080 --verify
  ssh HOST tcpdump -c 9999 -w - port 80 | loadgen replay - --target :8080
  loadgen replay a.pcap b.pcap --target :8080 --connections 64 --duration 30s
  loadgen replay http://127.0.0.1:8080/ --requests-per-connection 1
  loadgen replay http://127.0.0.1:8080/ --requests-per-connection 1..9
  loadgen replay http://127.0.0.1:8080/ --pipeline 8
  loadgen replay http://127.0.0.1:8080/ --idle 10ms..2s --connection-lifetime 1m
  loadgen replay http://127.0.0.1:8080/ --rate 9000 --arrivals poisson --ramp 5s
  loadgen replay recording.pcapng --target :8080 --pace recorded --speed 2
  loadgen replay https://127.0.0.1:8443/ --ca ca.pem --requests-per-connection 1
  loadgen replay a.pcap --target https://127.0.0.1:8443 --insecure
  loadgen replay http://127.0.0.1:8080/ --ledger edge=:9090,origin=:9091`

const (
	defaultConnections = 16
	defaultDuration    = 10 * time.Second // of URLs
)

func replayFlags() []cli.Flag {
	return slices.Concat(requestFlags(), []cli.Flag{
		targetFlag(),
		&cli.IntFlag{Name: "connections", Aliases: []string{"c"}, Value: defaultConnections, Usage: "keep `N` sessions under way at once"},
		&cli.DurationFlag{Name: "duration", Aliases: []string{"d"}, Usage: "stop after `DURATION`, such as 30s", DefaultText: "no bound for files, 10s for URLs"},
		&cli.Int64Flag{Name: "requests", Aliases: []string{"n"}, Usage: "stop after `N` requests", DefaultText: "once through the recordings"},
		repeatFlag(1, "make `N` runs, one after the other; --requests and --duration are those of each"),
	}, recordingFlags(), patienceFlags(), []cli.Flag{
		formatFlag(),
		&cli.StringFlag{Name: "hdr-log", Usage: "write the histograms to `FILE` too, for HdrHistogram's tools and loadgen merge"},
		ledgerFlag(),
		program.LoopsFlag(),
	}, verifyFlags(), paceFlags(), keepAliveFlags(), tlsFlags())
}

func replayAction(c *cli.Context) error {
	p, config, err := setUp(c)
	if err != nil {
		return err
	}
	failures, err := saveFailures(c, &config)
	if err != nil {
		return err
	}
	log, err := newHdrLog(c)
	if err != nil {
		return err
	}
	books, err := openBooks(c)
	if err != nil || os.Getenv(checkOnly) != "" {
		return err
	}
	result, rounds, err := repeat(c, p, config, log)
	if err != nil {
		return err
	}
	note, unsaved := failures.end(result)
	if note != "" {
		p.Notes = append(p.Notes, note)
	}
	r := report.New(settingsOf(c, p, config), p.Notes, result)
	r.IsOf(rounds...)
	r.Ledger = books.close(c.Context, result)
	if err := write(c, r); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return ending(r.Verdict, errors.Join(unsaved, log.close(), result.Err(), r.Ledger.Err()))
}

// statusInvalid is the exit status where the figures do not mean what they say.
const statusInvalid = 3

// ending is err, which says what failed, or else why the figures are invalid; if they
// are, with the status for that, since a failure that invalid figures show is not
// measured either.
func ending(v verdict.Verdict, err error) error {
	switch {
	case v.State != verdict.Invalid:
		return err
	case err == nil:
		why, _, _ := strings.Cut(v.Reasons[0], "; ") // behind which the report says what to do
		err = fmt.Errorf("the figures are invalid: %s", why)
	}
	return cli.Exit(err, statusInvalid)
}

// setUp reads the recordings and checks the flags. A signal ends it: a file may be a
// pipe into which nobody writes, and a name server may not answer.
func setUp(c *cli.Context) (*plan.Plan, replay.Config, error) {
	type ready struct {
		p      *plan.Plan
		config replay.Config
	}
	reading, err := readingOf(c)
	if err != nil {
		return nil, replay.Config{}, err
	}
	defer reading.end()
	r, err := orSignal(c.Context, func() (r ready, err error) {
		if err = checkLimits(c); err == nil {
			r.p, err = planOf(c, c.Args().Slice(), reading)
		}
		if err == nil {
			r.config, err = configOf(c, r.p)
		}
		return r, err
	})
	return r.p, r.config, err
}

// checkLimits finds out whether the machine has what the connections need, before
// anything is read.
func checkLimits(c *cli.Context) error {
	n := c.Int("connections")
	overTCP := !strings.HasPrefix(c.String("target"), "unix:")
	sources, err := sourcesOf(c.String("source"))
	if err != nil {
		return err
	}
	limits := replay.SystemLimits()
	limits.Ports *= max(len(sources), 1)
	if err := limits.Check(n, min(c.Int("loops"), n), overTCP); err != nil {
		return program.Usagef("--connections: %w", err)
	}
	return nil
}

// run replays the plan, for the first time or once more. Where somebody watches, it
// tells how far it has come, and takes that away again.
func run(c *cli.Context, p *plan.Plan, config replay.Config, round int) (*replay.Result, error) {
	if terminal := program.Terminal(c.App.ErrWriter); terminal != nil {
		colour := os.Getenv("NO_COLOR") == "" // no-color.org
		config.Progress = func(now replay.Progress) {
			io.WriteString(terminal, report.Line(now, round, c.Int("repeat"), terminal.Columns(), colour))
		}
		defer func() {
			io.WriteString(terminal, report.Cleared())
			terminal.Flush() // the report comes behind it, by another way
		}()
	}
	return replay.Run(c.Context, p, config)
}

// planOf reads the recordings.
func planOf(c *cli.Context, args []string, reading *reading) (*plan.Plan, error) {
	hop := events.HopNamed(c.String("hop"))
	if hop == events.UnknownHop {
		return nil, program.Usagef("--hop is client or origin, not %q", c.String("hop"))
	}
	if len(args) == 0 {
		return nil, program.Usagef("name a recording or a URL")
	}
	if i := slices.Index(args, standardInput); i >= 0 && slices.Contains(args[i+1:], standardInput) {
		return nil, program.Usagef("%s is standard input, which can be read only once", standardInput)
	}
	var servers []netip.AddrPort
	for _, s := range list(c, "server") {
		server, err := parseServer(s)
		if err != nil {
			return nil, err
		}
		servers = append(servers, server)
	}
	ask, err := asked(c, args)
	if err != nil {
		return nil, err
	}
	var plans []*plan.Plan
	for _, arg := range args {
		p, err := load(c, reading, arg, ask, hop, servers)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plan.Join(plans...), nil
}

// list is the value of a flag that may be given several times, or have commas.
func list(c *cli.Context, name string) (all []string) {
	for _, s := range c.StringSlice(name) {
		all = append(all, strings.Split(s, ",")...)
	}
	return all
}

// parseServer reads the address of a server in a recording. Without a host it is any
// server at that port.
func parseServer(s string) (netip.AddrPort, error) {
	var address netip.Addr
	host, port, err := net.SplitHostPort(s)
	if err == nil && host != "" {
		address, err = netip.ParseAddr(host)
	}
	n, notPort := strconv.ParseUint(port, 10, 16)
	if err != nil || notPort != nil {
		return netip.AddrPort{}, program.Usagef("--server %q: write the IP address and port of a recorded server, such as 10.0.0.2:80, or :80", s)
	}
	return netip.AddrPortFrom(address, uint16(n)), nil
}

// standardInput is the argument that stands for it.
const standardInput = "-"

// nameOf is what the recording of an argument is called.
func nameOf(arg string) string {
	if arg == standardInput {
		return "standard input"
	}
	return arg
}

// read reads the recording that an argument names.
func read(c *cli.Context, reading *reading, arg string) (*capture.Recording, error) {
	if arg != standardInput {
		if rec, err := readArchive(reading, arg); rec != nil || err != nil {
			return rec, err
		}
		return reading.ReadFile(arg)
	}
	rec, err := reading.Read(c.App.Reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", nameOf(arg), err)
	}
	return rec, nil
}

// load makes a plan of one argument.
func load(c *cli.Context, reading *reading, arg string, ask plan.Ask, hop events.Hop, servers []netip.AddrPort) (*plan.Plan, error) {
	if plan.IsURL(arg) {
		p, err := ask.FromURL(arg)
		if err != nil {
			return nil, program.Usagef("%w", err)
		}
		return p, nil
	}
	rec, err := read(c, reading, arg)
	if errors.Is(err, os.ErrNotExist) && strings.ContainsAny(arg, ":/") {
		return nil, fmt.Errorf("%w; a URL begins with http:// or https://", err)
	}
	if err != nil {
		return nil, err
	}
	p, err := plan.FromRecording(rec, hop, servers...)
	if errors.Is(err, plan.ErrSeveralServers) {
		return nil, program.Usagef("%s cannot be replayed: %w", nameOf(arg), err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be replayed: %w", nameOf(arg), err)
	}
	p.Source = nameOf(arg)
	return p, nil
}

// configOf checks the flags against each other and the plan.
func configOf(c *cli.Context, p *plan.Plan) (replay.Config, error) {
	config := replay.Config{
		Connections: c.Int("connections"),
		Loops:       min(c.Int("loops"), c.Int("connections")),
		Requests:    c.Int64("requests"),
		Duration:    c.Duration("duration"),
		Timeout:     c.Duration("timeout"),
		Grace:       c.Duration("grace"),
		NoRetry:     c.String("retry") == "none",
		NoBackoff:   c.Bool("no-backoff"),
		Hurry:       program.Hurry(c.Context),
	}
	if err := cmp.Or(verify(c, &config), checkFlags(c, p, &config)); err != nil {
		return config, err
	}
	if err := cmp.Or(setPace(c, p, &config), setKeepAlive(c, p, &config)); err != nil {
		return config, err
	}
	if p.Joined && config.Duration == 0 && config.Requests == 0 {
		config.Duration = defaultDuration
	}
	target, err := targetOf(c, p)
	if err != nil {
		return config, err
	}
	to, err := destinationOf(target, p)
	if err != nil {
		return config, err
	}
	if config.TLS, err = tlsConfigOf(c, to); err != nil {
		return config, err
	}
	config.ResumeTLS = c.Bool("tls-resume")
	if config.Target, err = loop.ParsePeer(to.address); err != nil {
		return config, program.Usagef("--target: %v", err)
	}
	if config.Sources, err = sourcesOf(c.String("source")); err != nil {
		return config, err
	}
	return config, checkSources(&config)
}

func checkFlags(c *cli.Context, p *plan.Plan, config *replay.Config) error {
	if err := checkOutput(c); err != nil {
		return err
	}
	switch {
	case config.Connections < 1:
		return program.Usagef("--connections is at least 1, not %d", config.Connections)
	case config.Requests < 0 || c.IsSet("requests") && config.Requests == 0:
		return program.Usagef("--requests is at least 1, not %d", config.Requests)
	case config.Duration < 0 || c.IsSet("duration") && config.Duration == 0:
		return program.Usagef("--duration is longer than 0, not %s", config.Duration)
	case config.Verify && !p.Verifiable():
		flag := "--verify"
		if config.VerifyHead {
			flag = "--verify-head"
		}
		return program.Usagef("%s has nothing to compare with: there is no whole, valid recorded response", flag)
	}
	return checkPatience(c, config)
}

// targetOf is --target, or else the only server that the URLs name.
func targetOf(c *cli.Context, p *plan.Plan) (string, error) {
	switch {
	case c.String("target") != "":
		return c.String("target"), nil
	case len(p.Targets) == 1:
		return p.Targets[0], nil
	case len(p.Targets) > 1:
		return "", program.Usagef("the URLs name several servers (%s): say with --target which one to send to", strings.Join(p.Targets, ", "))
	}
	return "", program.Usagef("a recording does not say where to send it: add --target host:port")
}
