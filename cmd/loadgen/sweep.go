package main

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func sweepCommand() *cli.Command {
	return &cli.Command{
		Name:        "sweep",
		Usage:       "find from how many requests per connection on keep-alive gains nothing more",
		ArgsUsage:   "URL|HOST:PORT|RECORDING...",
		Description: sweepDescription,
		Flags:       sweepFlags(),
		Action:      sweepAction,
	}
}

const sweepDescription = `
What is sent is what "loadgen replay" sends: a GET of a URL, of HOST:PORT that of /, or
what the flags make of it, or recordings, whose sessions follow each other without end.

It is sent with each number of requests per connection, from each number of
connections, with each idle time before a request, and over each delay: a grid. Each of
its cells is a run of --duration, with new connections. They are opened and come
to all ages in a warm-up of a tenth of that and some round trips, which does not
count. In a round each cell has its turn; the order is shuffled by --seed and reversed in every other
round, so that what else the machine does meets all cells. Without flags, that takes
about a minute.

Of each cell the grid has the medians of all rounds: requests per second, latency
with connecting counted in, processor time per request, and how many sockets came into
TIME_WAIT in a run, on this machine. Beside each stands the interval that holds the
true one in 95 cases of 100; with less than 6 rounds there is none. A cell that is suspect or invalid, by the rules of replay, is marked,
and the reason given; one that is invalid takes no part in what follows. One is suspect
as well if requests failed, or if responses were errors (4xx and 5xx) that no recording
has, or only those of one server: what fails at once looks fast.

THE BREAK-EVEN is from how many requests per connection on keeping it alive longer
gains less than 5 % of throughput, for the same connections, idle time, delay and
server: what connections that are kept for ever (∞) give is compared with each other
number. It lies above the greatest number with which more is gained for certain,
and not above that from which on less is, for certain; of what is in between,
nothing is known. Certain is what holds in the whole interval of 95 %; with less
than 4 rounds, the medians have to do.

With --against, the same is asked of a second server, in turns with the first, and
the ratios say what the first has more: of an edge against its origin, what the edge
adds.

--delay adds a round-trip time to all connections, since on loopback connecting
costs nothing but processor time. It is made by a hop inside loadgen, a relay on
127.0.0.1 that holds each direction back by half of it, and the first bytes of a
connection by a round trip more, as long as a handshake takes. It cannot delay the
handshake itself, so that the time for it is in the first latency; it knows
no loss, no bottleneck and no slow start. The kernel's own delays (netem) are not
used, even where there are any. Its processor time is not counted
as loadgen's, but it is taken from the same machine; where it comes late, the
cell is suspect. Its sockets are among those in TIME_WAIT.

Nobody else may use machine and servers meanwhile. A signal ends the sweep, as does a
server that no connection can be opened to or a process that is gone, and what was
measured by then is reported.

The exit status is 3 if a cell is invalid; otherwise it is 0, or 1 if requests failed
or the sweep ended early, or 2 if the command line is wrong.

EXAMPLES
  loadgen sweep http://127.0.0.1:8080/
  loadgen sweep 127.0.0.1:8080 --against 127.0.0.1:8081 --html sweep.html
  loadgen sweep 127.0.0.1:8080 --delay 0,1ms,20ms --duration 2s
  loadgen sweep 127.0.0.1:8080 --requests-per-connection 1,4,16,0 \
    --connections 4,64 --idle 0,10ms --format json
  loadgen sweep 127.0.0.1:8080 --pid edge=$(pidof edge)`

func sweepFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "requests-per-connection", EnvVars: sweepEnv("requests-per-connection"), Value: "1,2,4,8,16,32,64,0", Usage: "close connections after so many requests, each number of `N,...` in turns; 0, in the report ∞: never"},
		&cli.StringFlag{Name: "connections", EnvVars: sweepEnv("connections"), Aliases: []string{"c"}, Value: strconv.Itoa(defaultConnections), Usage: "have so many connections in use at once, each number of `N,...`"},
		&cli.StringFlag{Name: "idle", EnvVars: sweepEnv("idle"), Value: "0", Usage: "let each user pause so long before each request, the first on a connection included: each of `DURATION,...`"},
		&cli.StringFlag{Name: "delay", EnvVars: sweepEnv("delay"), Value: "0", Usage: "add such a round-trip time, by a hop inside loadgen: each of `DURATION,...`"},
		&cli.StringFlag{Name: "against", EnvVars: sweepEnv("against"), Usage: "measure the server at `ADDRESS`, too, and compare the first one with it"},
		&cli.DurationFlag{Name: "duration", EnvVars: sweepEnv("duration"), Aliases: []string{"d"}, Value: time.Second, Usage: "measure a cell for `DURATION` in each round"},
		&cli.IntFlag{Name: "repeat", Aliases: []string{"rounds"}, EnvVars: sweepEnv("repeat"), Value: 6, Usage: "measure each cell `N` times"},
		&cli.Uint64Flag{Name: "seed", EnvVars: sweepEnv("seed"), Usage: "shuffle the order of the runs by `N`", DefaultText: "another each time, which is told"},
		&cli.StringSliceFlag{Name: "pid", EnvVars: sweepEnv("pid"), Usage: "tell the processor time of process `NAME=PID`, too; may be given several times, and of one name the sum is told"},
		&cli.StringFlag{Name: "html", EnvVars: sweepEnv("html"), Usage: "write the report to `FILE` as well, a page with charts that needs nothing else"},
		&cli.StringFlag{Name: "format", EnvVars: sweepEnv("format"), Value: "text", Usage: "report as `FORMAT` text or json"},
	}, requestFlags(), []cli.Flag{targetFlag()}, recordingFlags(), patienceFlags(), []cli.Flag{program.LoopsFlag()}, tlsFlags())
}

// sweepEnv is the variable of a flag that has other values than that of replay.
func sweepEnv(flag string) []string {
	return []string{"LOADGEN_SWEEP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func sweepAction(c *cli.Context) error {
	s, err := sweepOf(c)
	if err != nil {
		return err
	}
	page, err := pageFile(c)
	if err != nil {
		return err
	}
	cells, early := watched(c, s)
	if len(cells) == 0 {
		return early
	}
	r := sweep.New(sweepSettings(c, s), notesOf(c, s, cells, early), cells)
	if page != "" {
		err = writePage(page, r)
	}
	if err == nil {
		err = writeSweep(c, r)
	}
	if err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return ending(r.Verdict, cmp.Or(early, r.Err()))
}

// sweepOf reads what is to be sent, and checks the flags.
func sweepOf(c *cli.Context) (*sweep.Sweep, error) {
	if format := c.String("format"); format != "text" && format != "json" {
		return nil, program.Usagef("--format is text or json, not %q", format)
	}
	s := &sweep.Sweep{Rounds: c.Int("repeat"), Seed: c.Uint64("seed")}
	if !c.IsSet("seed") {
		s.Seed = rand.Uint64N(1_000_000)
	}
	if err := cmp.Or(checkRepeat(c), setAxes(c, &s.Axes), setProcesses(c, s)); err != nil {
		return nil, err
	}
	most := slices.Max(s.Connections)
	if err := replay.SystemLimits().Check(most, min(c.Int("loops"), most), true); err != nil {
		return nil, program.Usagef("--connections: %w", err)
	}
	reading, err := readingOf(c)
	if err != nil {
		return nil, err
	}
	defer reading.end()
	return orSignal(c.Context, func() (*sweep.Sweep, error) { return s, aim(c, s, reading) })
}

// aim reads what is sent and finds the servers.
func aim(c *cli.Context, s *sweep.Sweep, reading *reading) error {
	args, err := asURLs(c.Args().Slice())
	if err != nil {
		return err
	}
	if s.Plan, err = planOf(c, args, reading); err != nil {
		return err
	}
	s.Plan.Joined = true // the grid says where connections end
	target, err := targetOf(c, s.Plan)
	if err != nil {
		return err
	}
	for _, at := range []string{target, c.String("against")} {
		if at == "" {
			continue
		}
		config, err := serverOf(c, s.Plan, at)
		if err != nil {
			return err
		}
		s.Servers = append(s.Servers, config)
	}
	return nil
}

// asURLs makes a URL of HOST:PORT, unless there is such a file.
func asURLs(args []string) ([]string, error) {
	all := slices.Clone(args)
	for i, arg := range all {
		if strings.HasPrefix(arg, "unix:") {
			return nil, program.Usagef("%s does not say what to ask for: write http://HOST/PATH --target %s", arg, arg)
		}
		if _, _, err := net.SplitHostPort(arg); err == nil && !plan.IsURL(arg) {
			if _, err := os.Stat(arg); err != nil {
				all[i] = "http://" + arg + "/"
			}
		}
	}
	return all, nil
}

// serverOf is how a server is asked.
func serverOf(c *cli.Context, p *plan.Plan, at string) (replay.Config, error) {
	config := replay.Config{
		Loops:     c.Int("loops"),
		Duration:  c.Duration("duration"),
		Timeout:   c.Duration("timeout"),
		Grace:     c.Duration("grace"),
		NoRetry:   c.String("retry") == "none",
		NoBackoff: c.Bool("no-backoff"),
		ResumeTLS: c.Bool("tls-resume"),
		Hurry:     program.Hurry(c.Context),
	}
	if config.Duration <= 0 {
		return config, program.Usagef("--duration is longer than 0, not %s", config.Duration)
	}
	if err := checkPatience(c, &config); err != nil {
		return config, err
	}
	to, err := destinationOf(at, p)
	if err == nil {
		config.TLS, err = tlsConfigOf(c, to)
	}
	if err != nil {
		return config, err
	}
	if config.Target, err = loop.ParsePeer(to.address); err != nil {
		return config, program.Usagef("%v", err)
	}
	return config, nil
}

// setAxes reads the lists.
func setAxes(c *cli.Context, a *sweep.Axes) error {
	var err error
	span := func(s string) (sweep.Seconds, error) {
		d, err := time.ParseDuration(s)
		return sweep.Seconds(d), err
	}
	if a.RequestsPerConnection, err = axis(c, "requests-per-connection", strconv.Atoi, 0, "numbers such as 1,4,16,0"); err != nil {
		return err
	}
	if a.Connections, err = axis(c, "connections", strconv.Atoi, 1, "numbers from 1 up, such as 4,64"); err != nil {
		return err
	}
	if a.Idle, err = axis(c, "idle", span, 0, "times such as 0,10ms"); err != nil {
		return err
	}
	if a.Delay, err = axis(c, "delay", span, 0, "times such as 0,1ms,20ms"); err != nil {
		return err
	}
	if a.RequestsPerConnection[0] == 0 { // which is the most
		a.RequestsPerConnection = append(a.RequestsPerConnection[1:], 0)
	}
	return nil
}

// axis reads a list of values, each once, and puts them in order.
func axis[T int | sweep.Seconds](c *cli.Context, name string, parse func(string) (T, error), least T, such string) (all []T, err error) {
	for _, s := range strings.Split(c.String(name), ",") {
		value, err := parse(strings.TrimSpace(s))
		if err != nil || value < least || slices.Contains(all, value) {
			return nil, program.Usagef("--%s is %s, each once, not %q", name, such, c.String(name))
		}
		all = append(all, value)
	}
	slices.Sort(all)
	return all, nil
}

// setProcesses reads --pid.
func setProcesses(c *cli.Context, s *sweep.Sweep) error {
	for _, arg := range list(c, "pid") {
		name, number, _ := strings.Cut(arg, "=")
		pid, err := strconv.Atoi(number)
		if err != nil || name == "" || pid < 1 {
			return program.Usagef("--pid is NAME=PID, such as edge=4711, not %q", arg)
		}
		p := sweep.Process{Name: name, PIDs: []int{pid}}
		if _, err := p.CPU(); err != nil {
			return program.Usagef("--pid: %w", err)
		}
		if i := slices.IndexFunc(s.Processes, func(p sweep.Process) bool { return p.Name == name }); i >= 0 {
			s.Processes[i].PIDs = append(s.Processes[i].PIDs, pid)
		} else {
			s.Processes = append(s.Processes, p)
		}
	}
	return nil
}

// watched runs the sweep. Where somebody watches, it tells before how long that takes,
// and then how far it has come.
func watched(c *cli.Context, s *sweep.Sweep) ([]sweep.Cell, error) {
	if terminal := program.Terminal(c.App.ErrWriter); terminal != nil {
		fmt.Fprintf(terminal, "loadgen: %d runs, which take about %s\n", s.Runs(), s.Takes().Round(time.Second))
		s.Progress = func(run, of int, left time.Duration) {
			io.WriteString(terminal, report.SweepLine(run, of, left, terminal.Columns()))
		}
		defer func() {
			io.WriteString(terminal, report.Cleared())
			terminal.Flush() // the report comes behind it, by another way
		}()
	}
	return s.Run(c.Context)
}

func sweepSettings(c *cli.Context, s *sweep.Sweep) sweep.Settings {
	settings := sweep.Settings{
		Source: c.Args().Slice(),
		Target: s.Servers[0].Target.String(),
		TLS:    s.Servers[0].TLS != nil,

		RecordedStatuses: s.Plan.Statuses(),

		Axes:      s.Axes,
		DurationS: c.Duration("duration").Seconds(),
		Rounds:    s.Rounds,
		Runs:      s.Runs(),
		Seed:      s.Seed,
		Loops:     c.Int("loops"),
	}
	if len(s.Servers) > 1 {
		settings.Against = s.Servers[1].Target.String()
	}
	if slices.Max(s.Delay) > 0 {
		settings.DelayedBy = "hop"
	}
	return settings
}

// notesOf are what is to be said beside the figures. Early is why there are not all.
func notesOf(c *cli.Context, s *sweep.Sweep, cells []sweep.Cell, early error) []string {
	notes := slices.Clone(s.Plan.Notes)
	done := 0
	for _, cell := range cells {
		done += len(cell.RequestsPerS.Rounds)
	}
	switch {
	case early == nil:
	case c.Context.Err() != nil:
		notes = append(notes, fmt.Sprintf("interrupted after %d of %d runs", done, s.Runs()))
	default:
		notes = append(notes, fmt.Sprintf("ended after %d of %d runs: %v", done, s.Runs(), early))
	}
	if slices.Max(s.Delay) > 0 {
		notes = append(notes, "the delay was made by a hop inside loadgen, not by the network: connecting is answered at once, "+
			"and the time for it is part of the first request's; the hop's sockets are among those in TIME_WAIT")
	}
	return notes
}

// pageFile is the file of --html, which can be written to; empty if there is to be none.
// It stays as it is until there is a page.
func pageFile(c *cli.Context) (string, error) {
	path, err := output(c, "html")
	if path == "" {
		return "", err
	}
	_, absent := os.Lstat(path)
	file, err := openAlone(path, 0)
	if err != nil {
		return "", fmt.Errorf("--html: %w", err)
	}
	if absent != nil {
		err = os.Remove(path)
	}
	return path, cmp.Or(err, file.Close())
}

func writePage(path string, r *sweep.Report) error {
	f, err := create(path)
	if err != nil {
		return err
	}
	return cmp.Or(report.WriteSweepPage(f, r), f.Close())
}

func writeSweep(c *cli.Context, r *sweep.Report) error {
	if c.String("format") == "json" {
		return report.WriteSweepJSON(c.App.Writer, r)
	}
	return report.WriteSweepText(c.App.Writer, r)
}
