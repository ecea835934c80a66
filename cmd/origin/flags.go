package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/cmd/origin/internal/server"
	"github.com/hopwire/hopwire/shared/admin"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/size"
)

// settings are what the flags say.
type settings struct {
	listen         string
	root           string // empty: the example site
	loops          int
	maxConnections int
	accessLog      string        // empty: none; "-": standard output
	logJSON        bool          // its lines are objects
	admin          *loop.Address // nil: none is wanted
	uploadDir      string        // empty: nothing is stored
	server         server.Config
}

const description = `Origin is an HTTP/1.1 server for the files of a folder. Without --root it serves
an example site: a page with a style sheet, two images and a form.

It answers GET, HEAD and OPTIONS for files, with conditional requests and single
byte ranges, and POST below --post-path with the very content that was posted,
while it arrives. Nothing outside of the folder is served; a symbolic link is
followed if it is relative and stays inside. A change of a file is noticed a
second later at most.

With --post store, POST /post/a.txt keeps the content as a.txt in --upload-dir,
POST /post under a name of its own, and a multipart form keeps each of its files
under its filename. The answer is 201 with the Location at which GET gives it
back. A file gets its name when it is whole and safe on the disk: nothing else is
ever seen, whatever happens. An existing one is not replaced, and a folder not
made (409); hidden names are not taken (403).

With --study there are endpoints below /_/ to study a proxy or a client by:
statuses, delays, streams, trailers, interim and early responses, uploads measured,
a WebSocket. /_/ lists them, each with a curl line.

The first SIGTERM or SIGINT lets requests under way come to their end; the second
one stops at once. SIGHUP has the access log opened anew, so that it can be moved
away; if standard error is a terminal that has been closed, it ends the program as
SIGTERM does.

With --fault it does what real servers do wrong: it is late, breaks off, lies about
lengths, closes connections just as requests come in. A script says what happens to
which responses and connections. With --study a request below /_/ asks for what goes
wrong with its response, as in ?fault=delay:1s;fin:behind+head. A script looks so:

  faults:
    - path: /images/*
      share: 10%
      fin: at byte 100 of body
  connections:
    - stale: 5% by reset

A line of the access log is in Common Log Format; behind that stand fault= and the
name of the fault that struck, and ! with the rule by which a request was refused
that does not follow HTTP, such as tls-hello. With --log-format json each line is an
object, also each message on standard error, with the time in UTC; README lists the
names.

With --admin, /metrics has what it has counted for Prometheus, and /counters as JSON, in which
the sums come out at any moment: connections accepted are those that are open and
those that have ended, and requests received are those that are under way, and those
that were answered, refused or broken off. /healthz says
that the program lives, and /readyz that it accepts clients, until the first signal.

EXAMPLES
  origin
      the example site on 127.0.0.1:8081
  origin --listen :8000 --root ./public --access-log -
      the files of ./public, with a log on standard output
  origin --study
      the same, and http://127.0.0.1:8081/_/ lists the endpoints for study
  origin --fault stale
      one request in ten on a kept connection meets the end of that
  curl --data-binary @a.png http://127.0.0.1:8081/post | cmp - a.png
      what is posted comes back
  origin --post store --upload-dir ./uploads
  curl -F file=@a.png http://127.0.0.1:8081/post
      what is posted is kept, and GET /post/a.png gives it back`

func app() *cli.App {
	return &cli.App{
		Name:        "origin",
		Usage:       "serve files, and echo or store what is posted",
		Description: description,
		Flags:       flags(),
		Action: func(c *cli.Context) error {
			if c.String("fault") == "list" {
				return listFaults(c.App.Writer)
			}
			s, err := readSettings(c)
			if err != nil {
				return err
			}
			return run(c.Context, s, c.App.ErrWriter)
		},
	}
}

func flags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8081", Usage: "accept connections at `ADDRESS`: host:port, :port or unix:/path"},
		&cli.StringFlag{Name: "root", Usage: "serve the files of `FOLDER`", DefaultText: "the example site"},
		&cli.StringFlag{Name: "post-path", Value: "/post", Usage: "take what is posted to `PATH` or below it; empty: nowhere"},
		&cli.StringFlag{Name: "post", Value: "echo", Usage: "what becomes of that: `MODE` echo sends it back while it comes, sink answers with its length, its SHA-256 and what a form has, store keeps it below --upload-dir"},
		&cli.StringFlag{Name: "upload-dir", Usage: "store what is posted in `FOLDER`, under the name that the path has below --post-path"},
		&cli.StringFlag{Name: "max-body", Usage: "refuse a request with more content than `SIZE`, such as 100MB or 1GiB; 0: no bound", DefaultText: "1GiB for --post store, no bound else"},
		&cli.BoolFlag{Name: "study", Usage: "answer below /_/ as real servers do when they are slow, stream, refuse or are odd; /_/ lists how"},
		&cli.StringFlag{Name: "fault", Usage: "do what servers do wrong, as `SCRIPT` says: a YAML file, whose name has a slash or ends in .yaml, or a ready one; list: print these, and end", DefaultText: "nothing"},
		program.LoopsFlag(),
		&cli.IntFlag{Name: "max-connections", Usage: "accept at most `N` connections at a time; those that come beyond wait, and idle ones give way to them; 0: about half as many as the system allows open files (ulimit -n)"},
		&cli.StringFlag{Name: "access-log", Usage: "append a line in Common Log Format for each response to `FILE`, within a tenth of a second of its end; - is standard output", DefaultText: "none"},
		program.LogFormatFlag(""),
		duration("head-timeout", server.Defaults.HeadTimeout, "wait at most `DURATION` for a whole request head, or for the first on a connection"),
		duration("idle-timeout", server.Defaults.IdleTimeout, "close a connection that sends no request for `DURATION`, and say so in Keep-Alive, in seconds"),
		duration("body-timeout", server.Defaults.BodyTimeout, "wait at most `DURATION` for each kilobyte of content"),
		duration("write-timeout", server.Defaults.WriteTimeout, "wait at most `DURATION` for a client to accept 256 kilobytes"),
		duration("drain-idle", server.Defaults.DrainIdle, "after the first signal, let an idle client send one last request within `DURATION`"),
		duration("drain-timeout", server.Defaults.DrainTimeout, "let requests go on for `DURATION` after the first signal"),
	}, admin.Flags("")...)
}

func duration(name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, Usage: usage}
}

// readSettings reads the flags, and reports the first that is wrong.
func readSettings(c *cli.Context) (*settings, error) {
	s := &settings{
		listen:         c.String("listen"),
		root:           c.String("root"),
		loops:          c.Int("loops"),
		maxConnections: c.Int("max-connections"),
		accessLog:      c.String("access-log"),
		logJSON:        program.LogsJSON(c),
		uploadDir:      c.String("upload-dir"),
		server: server.Config{
			PostPath:     c.String("post-path"),
			Study:        c.Bool("study"),
			Sink:         c.String("post") == "sink",
			HeadTimeout:  c.Duration("head-timeout"),
			IdleTimeout:  c.Duration("idle-timeout"),
			BodyTimeout:  c.Duration("body-timeout"),
			WriteTimeout: c.Duration("write-timeout"),
			DrainIdle:    c.Duration("drain-idle"),
			DrainTimeout: c.Duration("drain-timeout"),
		},
	}
	for _, f := range c.App.Flags {
		name := f.Names()[0]
		if _, ok := f.(*cli.DurationFlag); ok && c.Duration(name) <= 0 {
			return nil, program.Usagef("--%s is a time above 0, such as 10s, not %v", name, c.Duration(name))
		}
	}
	if c.IsSet("drain-idle") && s.server.DrainIdle > s.server.DrainTimeout {
		return nil, program.Usagef("--drain-idle is no longer than --drain-timeout, which is %v", s.server.DrainTimeout)
	}
	if _, err := loop.ParseAddress(s.listen); err != nil {
		return nil, program.Usagef("--listen: %v", err)
	}
	if s.maxConnections < 0 {
		return nil, program.Usagef("--max-connections is a number from 0 up, not %d", s.maxConnections)
	}
	if err := s.readPosting(c); err != nil {
		return nil, err
	}
	var err error
	if s.admin, err = admin.Address(c); err != nil {
		return nil, err
	}
	if name := c.String("fault"); name != "" {
		if s.server.Faults, err = openFaults(name); err != nil {
			return nil, err
		}
	}
	return s, s.shareDescriptors()
}

// readPosting reads what becomes of what is posted.
func (s *settings) readPosting(c *cli.Context) (err error) {
	switch mode := c.String("post"); {
	case mode != "echo" && mode != "sink" && mode != "store":
		return program.Usagef("--post is echo, sink or store, not %q", mode)
	case !server.IsPostPath(s.server.PostPath):
		return program.Usagef("--post-path is a path such as /post, without a slash at its end, not %q", s.server.PostPath)
	case c.IsSet("post") && s.server.PostPath == "":
		return program.Usagef("--post %s needs a --post-path", mode)
	case mode == "store" && s.uploadDir == "":
		return program.Usagef("--post store needs --upload-dir, a folder to store in")
	case mode != "store" && s.uploadDir != "":
		return program.Usagef("--upload-dir is for --post store, not for --post %s", mode)
	case mode == "store":
		s.server.MaxBody = 1 << 30
	}
	if c.IsSet("max-body") {
		if s.server.MaxBody, err = size.Parse(c.String("max-body")); err != nil {
			return program.Usagef("--max-body: %v", err)
		}
	}
	return nil
}

// shareDescriptors gives each connection two: its own, and that of a file which is
// sent or stored on it.
func (s *settings) shareDescriptors() (err error) {
	all := loop.Descriptors{Limit: loop.DescriptorLimit(), Loops: s.loops, PerConn: 2}
	s.server.OpenFiles = all.Conns()
	if s.maxConnections, err = all.MaxConns(s.maxConnections); err != nil {
		return program.Usagef("--max-connections: %v", err)
	}
	return nil
}
