package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/urfave/cli/v2"
)

// edge is a program of one command; action gets to see its flags.
func edge(action cli.ActionFunc) *cli.App {
	return &cli.App{
		Name:  "edge",
		Usage: "a gateway",
		Description: "It stands in front of an origin and passes on what it is asked, " +
			"which takes more words than fit a line of eighty columns.\n\nEXAMPLES\n  edge --listen :8080",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "accept connections on `ADDRESS`", Value: "127.0.0.1:0"},
			&cli.DurationFlag{Name: "idle-timeout", Aliases: []string{"i"}, Usage: "close after `DURATION`", Value: time.Minute, Category: "limits"},
			&cli.BoolFlag{Name: "verbatim", Usage: "send heads untouched", EnvVars: []string{"OWN_NAME"}},
			LoopsFlag(),
		},
		Action: action,
	}
}

// loadgen is a program of several commands.
func loadgen() *cli.App {
	return &cli.App{
		Name: "loadgen",
		Commands: []*cli.Command{{
			Name: "replay", Usage: "send what was recorded", ArgsUsage: "FILE",
			Flags:  []cli.Flag{&cli.IntFlag{Name: "repeat"}, &cli.Float64Flag{Name: "share"}, &cli.StringFlag{Name: "to", Usage: "send to `HOST`"}},
			Action: func(c *cli.Context) error { return nil },
		}},
	}
}

func TestExitStatusAndSentence(t *testing.T) {
	fails := func(err error) *cli.App { return edge(func(*cli.Context) error { return err }) }
	multi := multierror.Append(errors.New("first"), errors.New("second"))
	for _, test := range []struct {
		name   string
		app    *cli.App
		args   string
		env    [2]string
		status int
		stderr string
	}{
		{"success", fails(nil), "", [2]string{}, 0, ""},
		{"error", fails(errors.New("no origin")), "", [2]string{}, 1, "edge: no origin\n"},
		{"several errors", fails(multi), "", [2]string{}, 1, "edge: first\nedge: second\n"},
		{"several errors, joined", fails(errors.Join(errors.New("a"), errors.New("b"))), "", [2]string{}, 1, "edge: a\nedge: b\n"},
		{"wrapped errors stay whole", fails(fmt.Errorf("all: %w", errors.New("a"))), "", [2]string{}, 1, "edge: all: a\n"},
		{"chosen status", fails(cli.Exit("no match", 3)), "", [2]string{}, 3, "edge: no match\n"},
		{"bad value found late", fails(Usagef("--x and --y exclude each other")), "", [2]string{}, 2,
			"edge: --x and --y exclude each other; see 'edge --help'\n"},
		{"bad values found late", fails(multierror.Append(Usagef("a"), Usagef("b"))), "", [2]string{}, 2,
			"edge: a\nedge: b\nedge: see 'edge --help'\n"},
		{"unknown flag", fails(nil), "--nonsense", [2]string{}, 2, "edge: unknown flag --nonsense; see 'edge --help'\n"},
		{"flag without value", fails(nil), "--listen", [2]string{}, 2, "edge: --listen needs a value; see 'edge --help'\n"},
		{"bad duration", fails(nil), "--idle-timeout soon", [2]string{}, 2,
			"edge: --idle-timeout is a time such as 5s, not \"soon\"; see 'edge --help'\n"},
		{"unknown short flag", fails(nil), "-n", [2]string{}, 2, "edge: unknown flag -n; see 'edge --help'\n"},
		{"short flag without value", fails(nil), "-i", [2]string{}, 2, "edge: -i needs a value; see 'edge --help'\n"},
		{"bad value of a short flag", fails(nil), "-i soon", [2]string{}, 2, "edge: -i is a time such as 5s, not \"soon\"; see 'edge --help'\n"},
		{"the same with a sign", fails(nil), "-i=soon", [2]string{}, 2, "edge: -i is a time such as 5s, not \"soon\"; see 'edge --help'\n"},
		{"bad value of a short flag found late", fails(Usagef("--idle-timeout is short")), "-i 1s", [2]string{}, 2,
			"edge: -i is short; see 'edge --help'\n"},
		{"the long flag, though it has a short name", fails(Usagef("--idle-timeout is short")), "--idle-timeout 1s", [2]string{}, 2,
			"edge: --idle-timeout is short; see 'edge --help'\n"},
		{"bad flag", fails(nil), "---x", [2]string{}, 2, "edge: ---x is not a flag; see 'edge --help'\n"},
		{"bad boolean", fails(nil), "--verbatim=maybe", [2]string{}, 2,
			"edge: --verbatim is true or false, not \"maybe\"; see 'edge --help'\n"},
		{"bad environment", fails(nil), "", [2]string{"EDGE_IDLE_TIMEOUT", "soon"}, 2,
			"edge: EDGE_IDLE_TIMEOUT is a time such as 5s, not \"soon\"; see 'edge --help'\n"},
		{"bad number", fails(nil), "--loops few", [2]string{}, 2, "edge: --loops is a whole number, not \"few\"; see 'edge --help'\n"},
		{"number too large", fails(nil), "--loops 99999999999999999999", [2]string{}, 2,
			"edge: --loops is a whole number of at most 18 digits, not \"99999999999999999999\"; see 'edge --help'\n"},
		{"bad value found late, of the environment", fails(multierror.Append(Usagef("--idle-timeout is short"), Usagef("--verbatim is bad"))), "",
			[2]string{"EDGE_IDLE_TIMEOUT", "1s"}, 2, "edge: EDGE_IDLE_TIMEOUT is short\nedge: --verbatim is bad\nedge: see 'edge --help'\n"},
		{"bad value found late, of the line in spite of the environment", fails(Usagef("--idle-timeout is short")), "--idle-timeout=2s",
			[2]string{"EDGE_IDLE_TIMEOUT", "1s"}, 2, "edge: --idle-timeout is short; see 'edge --help'\n"},
		{"no loops by the environment", fails(nil), "", [2]string{"EDGE_LOOPS", "0"}, 2,
			"edge: EDGE_LOOPS is a number from 1 to 1024, not 0; see 'edge --help'\n"},
		{"no loops", fails(nil), "--loops 0", [2]string{}, 2, "edge: --loops is a number from 1 to 1024, not 0; see 'edge --help'\n"},
		{"argument", fails(nil), "now", [2]string{}, 2, "edge: unexpected argument \"now\"; see 'edge --help'\n"},
		{"help is an argument too", fails(nil), "help", [2]string{}, 2, "edge: unexpected argument \"help\"; see 'edge --help'\n"},
		{"no command", loadgen(), "", [2]string{}, 2, "loadgen: name a command; see 'loadgen --help'\n"},
		{"unknown command", loadgen(), "play", [2]string{}, 2, "loadgen: there is no command \"play\"; see 'loadgen --help'\n"},
		{"help of an unknown command", loadgen(), "help play", [2]string{}, 2, "loadgen: there is no command \"play\"; see 'loadgen --help'\n"},
		{"an unknown command beside --help", loadgen(), "--help play", [2]string{}, 2, "loadgen: there is no command \"play\"; see 'loadgen --help'\n"},
		{"unknown flag of a command", loadgen(), "replay --x", [2]string{}, 2, "loadgen: unknown flag --x; see 'loadgen replay --help'\n"},
		{"flag of a command before it", loadgen(), "--repeat 5 replay r", [2]string{}, 2,
			"loadgen: --repeat stands behind a command: write 'loadgen replay --repeat'; see 'loadgen --help'\n"},
		{"flag of a command without one", loadgen(), "-share=1 r", [2]string{}, 2,
			"loadgen: -share stands behind a command: write 'loadgen replay -share'; see 'loadgen --help'\n"},
		{"unknown flag before a command", loadgen(), "-n 5 r", [2]string{}, 2, "loadgen: unknown flag -n; see 'loadgen --help'\n"},
		{"bad share", loadgen(), "replay --share some", [2]string{}, 2,
			"loadgen: --share is a number, not \"some\"; see 'loadgen replay --help'\n"},
		{"several mistakes", fails(nil), "a --loops 0", [2]string{}, 2,
			"edge: unexpected argument \"a\"\nedge: --loops is a number from 1 to 1024, not 0\nedge: see 'edge --help'\n"},
		{"argument and standard input", loadgen(), "replay --to x -", [2]string{}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			var stdout, stderr bytes.Buffer
			test.app.Writer, test.app.ErrWriter = &stdout, &stderr
			status := run(t.Context(), test.app, append([]string{test.app.Name}, strings.Fields(test.args)...))
			if status != test.status || stderr.String() != test.stderr {
				t.Errorf("exit status %d, standard error %q; want %d, %q", status, &stderr, test.status, test.stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output: %q, want nothing", &stdout)
			}
		})
	}
}

func TestFlagsComeFromTheEnvironment(t *testing.T) {
	t.Setenv("EDGE_LISTEN", ":1")
	t.Setenv("OWN_NAME", "true")
	t.Setenv("EDGE_LOOPS", "7")
	var got string
	app := edge(func(c *cli.Context) error {
		got = fmt.Sprintln(c.String("listen"), c.Bool("verbatim"), c.Int("loops"))
		return nil
	})
	if status := run(t.Context(), app, []string{"edge"}); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	if want := ":1 true 7\n"; got != want {
		t.Errorf("flags %s, want %s", got, want)
	}
	if n := runtime.GOMAXPROCS(0); n < 8 {
		t.Errorf("GOMAXPROCS %d with 7 loops, want one more at least", n)
	}
}

func TestFlagsMayStandBehindArguments(t *testing.T) {
	for _, test := range []struct{ line, flags, arguments string }{
		{"replay --to a FILE", "a 0 false", "FILE"},
		{"replay FILE --to a", "a 0 false", "FILE"},
		{"replay FILE --to=a OTHER --check --repeat 3 -", "a 3 true", "FILE OTHER -"},
		{"replay --check FILE --to a -- --repeat 3", "a 0 true", "FILE --repeat 3"},
	} {
		app := loadgen()
		var flags, arguments string
		replay := app.Commands[0]
		replay.Flags = append(replay.Flags, &cli.BoolFlag{Name: "check"})
		replay.Action = func(c *cli.Context) error {
			flags = fmt.Sprintf("%s %d %t", c.String("to"), c.Int("repeat"), c.Bool("check"))
			arguments = strings.Join(c.Args().Slice(), " ")
			return nil
		}
		var stderr bytes.Buffer
		app.ErrWriter = &stderr
		status := run(t.Context(), app, append([]string{"loadgen"}, strings.Fields(test.line)...))
		if status != 0 || flags != test.flags || arguments != test.arguments {
			t.Errorf("%s: flags %q, arguments %q, exit status %d, %s", test.line, flags, arguments, status, &stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	app := edge(nil)
	app.Writer = &out
	if status := run(t.Context(), app, []string{"edge", "--help"}); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	want := `edge - a gateway

USAGE
  edge [flags]

It stands in front of an origin and passes on what it is asked, which takes more
words than fit a line of eighty columns.

FLAGS
  --listen ADDRESS
      accept connections on ADDRESS
      (default 127.0.0.1:0; EDGE_LISTEN)
  --verbatim
      send heads untouched
      (OWN_NAME)
  --loops N
      run N event loops, each on a thread of its own
      (default the number of processors; EDGE_LOOPS)
  --help, -h
      show help
  --version, -v
      print the version

LIMITS
  --idle-timeout, -i DURATION
      close after DURATION
      (default 1m0s; EDGE_IDLE_TIMEOUT)

EXAMPLES
  edge --listen :8080
`
	if out.String() != want {
		t.Errorf("help:\n%s\nwant:\n%s", &out, want)
	}
}

func TestHelpOfCommands(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"loadgen --help", "COMMANDS\n  replay  send what was recorded\n  help    show the help of a command, or this\n"},
		{"loadgen replay FILE --help", "USAGE\n  loadgen replay [flags] FILE\n"},
		{"loadgen help replay", "USAGE\n  loadgen replay [flags] FILE\n"},
		{"loadgen replay --help", "  --to HOST\n      send to HOST\n      (LOADGEN_TO)\n"},
		{"loadgen replay --help", "USAGE\n  loadgen replay [flags] FILE\n"},
	} {
		var out bytes.Buffer
		app := loadgen()
		app.Writer = &out
		if status := run(t.Context(), app, strings.Fields(test.args)); status != 0 {
			t.Errorf("%s: exit status %d", test.args, status)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s printed\n%s\nwithout %q", test.args, &out, test.want)
		}
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	app := edge(nil)
	app.Writer = &out
	if status := run(t.Context(), app, []string{"edge", "--version"}); status != 0 || !strings.HasPrefix(out.String(), "edge version ") {
		t.Errorf("exit status %d, %q", status, &out)
	}
}

// A version is never that of a revision which was changed before it was built.
func TestVersionOf(t *testing.T) {
	settings := func(revision, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	for _, test := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, "devel"},
		{&debug.BuildInfo{}, "devel"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}, "v0.1.0"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings("0123456789abcdef", "false")}, "devel-0123456789ab"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings("0123456789abcdef", "true")}, "devel-0123456789ab+dirty"},
		{&debug.BuildInfo{Settings: settings("", "true")}, "devel"},
	} {
		if got := versionOf(test.info); got != test.want {
			t.Errorf("%+v: %s; want %s", test.info, got, test.want)
		}
	}
}

func TestStoppedBySignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	app := edge(func(c *cli.Context) error {
		cancel()
		return fmt.Errorf("replay: %w", c.Context.Err())
	})
	var stderr bytes.Buffer
	app.ErrWriter = &stderr
	if status := run(ctx, app, []string{"edge"}); status != 1 || stderr.String() != "edge: stopped by a signal before it was done\n" {
		t.Errorf("exit status %d, %q", status, &stderr)
	}
}

func TestListening(t *testing.T) {
	for _, test := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 41234}, "listening on 127.0.0.1:41234\n"},
		{&net.UnixAddr{Name: "/tmp/edge.sock", Net: "unix"}, "listening on unix:/tmp/edge.sock\n"},
	} {
		var out bytes.Buffer
		if Listening(&out, test.addr); out.String() != test.want {
			t.Errorf("%v: %q, want %q", test.addr, &out, test.want)
		}
	}
}

func TestEnvName(t *testing.T) {
	if got := envName("loadgen", "requests-per-connection"); got != "LOADGEN_REQUESTS_PER_CONNECTION" {
		t.Error(got)
	}
}
