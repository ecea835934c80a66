package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/names"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/cmd/edge/internal/pool"
	"github.com/hopwire/hopwire/shared/admin"
	"github.com/hopwire/hopwire/shared/events/redact"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wire"
)

// settings are what the flags say.
type settings struct {
	listen         string
	loops          int
	reusePort      bool
	maxConnections int
	maxPipes       int
	gateway        gateway.Config
	targets        []names.Target
	resolver       *names.System // nil: the machine's own
	accessLog      string
	logJSON        bool          // its lines are objects
	admin          *loop.Address // nil: none is wanted
	record         string
	recordMax      int64
	trace          string // empty: none; lines; tracePictures
	tapMemory      int
	redact         *redact.Names // nil: nothing is blanked
	drainGrace     time.Duration
	drainTimeout   time.Duration
}

const description = `Edge is an HTTP/1.1 gateway. It sends each request on to one of the origins
over a connection that is kept for further requests. An origin that fails is left
out for a while; a request for which it cannot be connected to goes to another one.
Of SRV records, those of the lowest priority that are well get the requests.
What edge forwards are the bytes it received, apart from the fields, in heads and in
trailer sections, that are meant for one hop only (RFC 9110 section 7.6.1), its name
in Via, and Date where a response has none. What two recipients could read
differently it refuses, and a request that has been here more than eight times, as
Via tells. An answer of its own has a Proxy-Status field (RFC 9209) that says why,
and a line of text that says it in words.
With --via - requests have no Via: origins that do not compress for gateways, as
nginx by default, do so then.

With --forwarded or --x-forwarded, what a client says by itself in Forwarded, in
fields whose names begin with X-Forwarded, in X-Real-IP or X-Client-IP is dropped,
also where a name has underscores or the like, and in trailer sections: an origin
would take it for what the gateway says. What a client says that is --trusted, as
another gateway in front is, goes on. Its lists get one more element, and a host or
protocol that it names is left alone. Without either flag such fields are passed on
like any other.

With --verbatim heads and trailer sections are sent on as they came, in both
directions. Connection: close, from either side, then ends the connections on both,
HTTP/1.0 goes as HTTP/1.0, and so do absolute targets, Max-Forwards and Upgrade as
they are. What is refused stays the same, but for names in trailer sections that only
look like those of framing fields. A chunked response is not decoded for an HTTP/1.0
client, and where the edge closes for its own reasons, it cannot announce that.

A request to upgrade is sent on, and after a 101 that accepts what it offers the
two connections are a tunnel; but no offer of h2c, HTTP or TLS, in which further
requests would be hidden. A tunnel is closed when both sides have ended it, or
after --tunnel-timeout.

The first SIGTERM or SIGINT lets requests and tunnels under way come to their
end, for --drain-timeout at most; the second one stops at once. SIGUSR1 has the
counters written to standard error, a name and a value on each line: what requests
came to, how client and origin connections ended, by the words that the access log
has for it, and by whom they were closed, which requests were refused, and what became
of those that met a stale connection.
Causes that did not occur are left out. SIGHUP has the access log opened anew, so
that it can be moved away; if standard error is a terminal that has been closed,
it ends the program as SIGTERM does.

A line of the access log begins in Common Log Format. Behind that stand the times,
in microseconds, that follow one another: read, to the end of the request's head;
queue, if it waited for an origin connection; connect, until there was one; send,
until what was there of the request was written; wait, to the first byte of the
response; relay, to its last; and total. c3#2 -> o1#7 is the second request of client
connection 3, sent as the seventh of origin connection 1. The two words behind it
say what became of these: kept, or why it was closed. Then replayed, if the request
was sent again; stale=o1#6, if a kept connection ended without a response, with
idle, the time that it had waited for the request, and sign, ended or reset; and !
with the error and the rule by which the edge answered by itself, or broke a response
off. With --log-connections a line that has "-" for the request tells of the end of a
connection, c3 or o1: why, the requests it had, its age, and to an origin its local
address. With --log-format json each line is an object, also each message on standard
error, with the time in UTC; README lists the names.

The words for what became of a client connection, beside kept, are
  client-closed             the client closed it between two requests
  client-reset              the client reset it, at whatever time
  client-asked              the client said that it was its last request
  idle-timeout, gave-way    no request came within --idle-timeout, or before
                            another client needed the place
  origin-asked              the origin closes, and said so with --verbatim, or
                            before it had the whole request
  response-until-close      only the end of the connection ends the response
  draining, cut-off         the edge ends; or was stopped before
  request-truncated, request-timeout, request-too-slow
                            the rest of a request did not come
  request-unread            nobody took the rest of the request
  refused                   where the next request begins is in doubt
  client-stalled, client-too-slow
                            the client took nothing of the response, or less
                            than --min-rate
  origin-stale              a kept origin connection ended, and only the
                            client may send the request again
  response-truncated, response-timeout, response-malformed
                            the rest of a response did not come
  tunnel-ended, tunnel-timeout, tunnel-reset
                            by both sides, by --tunnel-timeout, by the origin
  broken                    the edge failed
and of an origin connection
  ended-while-idle, reset-while-idle, bytes-while-idle
                            by the origin, while it waited for a request
  idle-timeout, keep-alive-timeout
                            of --pool-idle, or as its Keep-Alive says
  pool-full, made-room      beyond --pool-max; or a new one was needed
  max-age, max-uses         of --pool-age, --pool-uses
  request-closes, response-closes
                            the message said so
  request-unfinished, response-unfinished, response-early, bytes-behind-response
                            message or exchange did not end as it should
  failed, aborted           it broke, or was too late; the client went away
  tunnel-ended              it was a tunnel
  origin-removed, draining  its origin is none any more; the edge ends

With --admin, /metrics has the same counters for Prometheus, and /counters as JSON, in which
the sums come out at any moment: connections accepted are those that are open and
those that have ended, and requests received are those that are under way, and those
that were answered, refused, tunneled or broken off. /healthz says
that the program lives, and /readyz that it accepts clients, until the first signal.

EXAMPLES
  edge --origin 127.0.0.1:9000
      a gateway on 127.0.0.1:8080
  edge --listen :80 --origin 10.0.0.1:80 --origin 10.0.0.2:80 --access-log -
      two origins in turn, with a log on standard output
  edge --origin dns://app.internal:80 --check /healthz
      all addresses of a name, as it changes, as long as they are healthy
  edge --origin 10.0.0.1:80,10.0.0.2:80 --balance hash:target \
       --origin-max-connections 64 --queue-max 1000
      each target at one origin, and requests that wait for their turn
  edge --origin unix:/run/app.sock --record session.pcapng
      record both hops, for Wireshark, tshark or loadgen
  edge --origin 127.0.0.1:9000 --record - | tshark -r - -Y "http || syslog"
      look on while they go by
  edge --origin 127.0.0.1:9000 --trace pictures
      see both hops side by side, and why each change was made`

func app() *cli.App {
	return &cli.App{
		Name:        "edge",
		Usage:       "a gateway that shows what it does",
		Description: description,
		ArgsUsage:   " ", // --trace may be followed by a word
		Flags:       flags(),
		Action: func(c *cli.Context) error {
			s, err := readSettings(c)
			if err != nil {
				return err
			}
			return run(c.Context, s, c.App.ErrWriter)
		},
	}
}

const (
	choosing    = "choosing an origin"
	heads       = "heads"
	timeouts    = "timeouts"
	connections = "connections"
	observing   = "observing"
	ending      = "ending"
)

func flags() []cli.Flag {
	duration := func(category, name string, value time.Duration, usage string) cli.Flag {
		return &cli.DurationFlag{Name: name, Value: value, Usage: usage, Category: category}
	}
	number := func(name string, value int, usage string) cli.Flag {
		return &cli.IntFlag{Name: name, Value: value, Usage: usage, Category: connections}
	}
	path := func(name, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Usage: usage, Category: observing}
	}
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "accept clients at `ADDRESS`: host:port, or unix:/path"},
		&cli.StringSliceFlag{Name: "origin", Required: true, Usage: "send requests on to `ADDRESS`: host:port, unix:/path, dns://name:port or srv://name, the last two of which are looked up again and again; give it once for each origin, or several with commas between"},
		&cli.StringFlag{Name: "resolver", Usage: "look dns:// and srv:// names up at the DNS server `ADDRESS`, as they are written, and not as /etc/resolv.conf and /etc/hosts say"},
		&cli.BoolFlag{Name: "reuse-port", Usage: "let another edge listen at the same host:port, for a restart: begin the new one, then end the old one"},
		&cli.StringFlag{Name: "via", Value: "hopwire", Usage: "the gateway's `NAME` in Via and Proxy-Status; -: hopwire, and no Via, to study what origins do because of it"},
		program.LoopsFlag(),

		&cli.BoolFlag{Name: "forwarded", Category: heads, Usage: "tell origins the client's address and what it asked for, in Forwarded (RFC 7239)"},
		&cli.BoolFlag{Name: "x-forwarded", Category: heads, Usage: "tell them in X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host"},
		&cli.StringSliceFlag{Name: "trusted", Category: heads,
			Usage: "believe what clients in `CIDR` say in such fields, and add to it; unix: those that come by a Unix socket"},
		&cli.BoolFlag{Name: "verbatim", Category: heads, Usage: "send heads and trailer sections on untouched, in both directions, for study"},

		&cli.StringFlag{Name: "balance", Value: "round-robin", Category: choosing,
			Usage: "choose the origin by `METHOD`: round-robin, least-connections, two-choices, hash:target or hash:FIELD-NAME"},
		&cli.IntFlag{Name: "eject-after", Value: 3, Category: choosing,
			Usage: "leave an origin out after `N` failures in a row, unless it is the only one; 0: never"},
		duration(choosing, "eject-for", time.Second, "leave it out for `DURATION`, and twice as long each time that it fails again"),
		duration(choosing, "eject-max", time.Minute, "but for no more than `DURATION`; no shorter than --eject-for, which is the default if it is longer than 1m"),

		&cli.StringFlag{Name: "check", Category: choosing,
			Usage: "ask each origin for `PATH` now and then, and send requests only to those that answer with 2xx or 3xx; when none does, to all"},
		duration(choosing, "check-interval", 2*time.Second, "let `DURATION` pass between two such checks of an origin"),
		duration(choosing, "check-timeout", time.Second, "allow a check `DURATION`"),
		&cli.IntFlag{Name: "check-rise", Value: 2, Category: choosing, Usage: "take an origin back after `N` checks in a row that passed"},
		&cli.IntFlag{Name: "check-fall", Value: 3, Category: choosing, Usage: "leave it out after `N` in a row that failed; the first check of all decides at once"},

		duration(timeouts, "head-timeout", 10*time.Second, "allow `DURATION` from the first byte of a request to the end of its head"),
		duration(timeouts, "idle-timeout", 75*time.Second, "allow a client `DURATION` without a request, or without a byte of one or of a response going by"),
		duration(timeouts, "body-timeout", 30*time.Second, "allow a client `DURATION` to begin the body of a request"),
		&cli.IntFlag{Name: "min-rate", Value: 240, Usage: "expect a client to send a body, and to take a response, at `N` bytes a second while it is waited for; 0: at any rate", Category: timeouts},
		duration(timeouts, "min-rate-grace", 5*time.Second, "let a client fall behind the minimum rate by `DURATION`"),
		duration(timeouts, "connect-timeout", 5*time.Second, "allow `DURATION` for connecting to an origin"),
		duration(timeouts, "response-timeout", 60*time.Second, "allow an origin `DURATION` from the end of a request to the whole head of a response, or without a byte of a request going by"),
		duration(timeouts, "stream-timeout", 5*time.Minute, "allow an origin `DURATION` without a byte of a response that is under way"),
		duration(timeouts, "linger", 30*time.Second, "listen for at most `DURATION`, or until 5s pass without a byte, to a client that still sends when its connection is to be closed, so that it can read its last response"),
		duration(timeouts, "tunnel-timeout", time.Hour, "allow a tunnel, such as a WebSocket, `DURATION` without a byte in either direction"),

		number("max-connections", 0, "accept `N` clients at once; those that come beyond wait, and idle ones give way to them; 0: about a third as many as the system allows open files (ulimit -n)"),
		number("origin-max-connections", 0, "have `N` connections to each origin, shared out among the loops, of which each has at least one; 0: no bound"),
		number("queue-max", 0, "let `N` requests wait when all origins are at that bound, shared out likewise; 0: none"),
		duration(connections, "queue-timeout", 5*time.Second, "let a request wait for `DURATION`"),
		number("pool-max", 1024, "keep `N` idle connections to each origin, on each loop; 0: none"),
		duration(connections, "pool-idle", 50*time.Second, "keep an idle origin connection for `DURATION`, or until just before the origin closes it, if Keep-Alive says when that is; 0: no bound"),
		duration(connections, "pool-age", 0, "use an origin connection for `DURATION` after it was made; 0: no bound"),
		number("pool-uses", 0, "send `N` requests on an origin connection; 0: no bound"),

		path("access-log", "write a line for each exchange to `FILE`; -: standard output"),
		&cli.BoolFlag{Name: "log-connections", Category: observing, Usage: "add a line for each connection when it ends, of clients and to origins, idle ones too"},
		program.LogFormatFlag(observing),
		path("record", "record both hops to `FILE` as pcapng, with all that is in them, also passwords unless --redact is given; -: standard output"),
		&cli.BoolFlag{Name: "trace", Category: observing, Usage: "print a line for each exchange when it ends, on standard output; --trace pictures: both hops side by side"},
		&cli.StringSliceFlag{Name: "redact", Category: observing, Usage: "blank the values of Authorization, Cookie, Set-Cookie and Proxy-Authorization, and of the fields `NAME`,..., in the recording and the trace; standard: of those four alone. Targets and content stay as they are"},
		&cli.StringFlag{Name: "tap-memory", Value: "64MiB", Category: observing, Usage: "let the recording and the trace take `SIZE` each for what they have not written yet; what finds no room is left out, and said"},
		&cli.StringFlag{Name: "record-max", Category: observing, Usage: "when the recording has reached `SIZE`, such as 100MB or 1GiB, go on in FILE.1, FILE.2 and so on", DefaultText: "no bound"},
	}, admin.Flags(observing), []cli.Flag{
		duration(ending, "drain-grace", 0, "after the first signal, go on accepting for `DURATION`"),
		duration(ending, "drain-idle", time.Second, "then let an idle client send one last request within `DURATION`"),
		duration(ending, "drain-timeout", 30*time.Second, "stop `DURATION` after the first signal, whatever is under way"),
	})
}

// readSettings reads the flags, and reports everything that is wrong with them
// at once.
func readSettings(c *cli.Context) (*settings, error) {
	check := checker{Context: c}
	s := &settings{
		listen:       check.listen("listen"),
		loops:        c.Int("loops"),
		reusePort:    c.Bool("reuse-port"),
		accessLog:    c.String("access-log"),
		logJSON:      program.LogsJSON(c),
		admin:        check.admin(),
		record:       c.String("record"),
		recordMax:    check.recordMax("record-max"),
		trace:        check.trace("trace"),
		tapMemory:    check.tapMemory("tap-memory"),
		redact:       check.redact("redact"),
		drainGrace:   check.duration("drain-grace", mayBeZero),
		drainTimeout: check.duration("drain-timeout", mayBeZero),
		targets:      check.targets("origin"),
		resolver:     check.resolver("resolver"),
		gateway: gateway.Config{
			Name:                 check.gatewayName("via"),
			NoVia:                c.String("via") == noName,
			HeadTimeout:          check.duration("head-timeout", positive),
			IdleTimeout:          check.duration("idle-timeout", positive),
			BodyTimeout:          check.duration("body-timeout", positive),
			MinRate:              check.count("min-rate"),
			MinRateGrace:         check.duration("min-rate-grace", positive),
			ConnectTimeout:       check.duration("connect-timeout", positive),
			ResponseTimeout:      check.duration("response-timeout", positive),
			StreamTimeout:        check.duration("stream-timeout", positive),
			Linger:               check.duration("linger", positive),
			TunnelTimeout:        check.duration("tunnel-timeout", positive),
			DrainIdle:            check.duration("drain-idle", positive),
			OriginMaxConnections: check.count("origin-max-connections"),
			QueueMax:             check.count("queue-max"),
			QueueTimeout:         check.duration("queue-timeout", positive),
			Origins:              check.addresses("origin"),
			Forwarded:            c.Bool("forwarded"),
			XForwarded:           c.Bool("x-forwarded"),
			Verbatim:             c.Bool("verbatim"),
			LogConnections:       c.Bool("log-connections"),
			Balance:              check.balance("balance"),
			Eject:                check.ejection("eject-after", "eject-for", "eject-max"),
			Check:                check.checks(),
			Seed:                 rand.Uint64(),
			Pool: pool.Limits{
				Idle: check.duration("pool-idle", mayBeZero),
				Max:  check.poolMax("pool-max"),
				Age:  check.duration("pool-age", mayBeZero),
				Uses: uint32(check.count("pool-uses")),
			},
		},
	}
	check.heads(&s.gateway)
	check.differ("access-log", "record")
	check.idle()
	check.descriptors(s)
	s.gateway.LogOrigins = len(s.gateway.Origins) > 1 || len(s.targets) > 0
	if len(s.gateway.Origins) == 0 && len(s.targets) > 0 {
		s.gateway.Authority = s.targets[0].Authority()
	}
	return s, check.problems.ErrorOrNil()
}

// A checker reads flags and gathers what is wrong with their values.
type checker struct {
	*cli.Context
	problems *multierror.Error
}

func (c *checker) problem(format string, args ...any) {
	c.problems = multierror.Append(c.problems, program.Usagef(format, args...))
}

// sign says whether a duration may be zero.
type sign bool

const (
	positive  sign = false
	mayBeZero sign = true
)

func (c *checker) duration(name string, zero sign) time.Duration {
	d := c.Duration(name)
	switch {
	case d < 0:
		c.problem("--%s is a time such as 5s, not %v", name, d)
	case d == 0 && zero == positive:
		c.problem("--%s is longer than 0; for what comes close to no limit, write 24h", name)
	}
	return d
}

func (c *checker) count(name string) int {
	n := c.Int(name)
	switch {
	case n < 0:
		c.problem("--%s is a number from 0 up, not %d", name, n)
	case int64(n) > math.MaxUint32:
		c.problem("--%s is a number from 0 to %d, not %d", name, uint32(math.MaxUint32), n)
	}
	return n
}

// descriptors shares them out. A client needs its own, that of a connection to an
// origin, and half of a pipe, which is two: when half of the clients have one, the
// bytes of the others are copied.
func (c *checker) descriptors(s *settings) {
	const perClient = 3
	all := loop.Descriptors{Limit: loop.DescriptorLimit(), Loops: s.loops, PerConn: perClient}
	var err error
	if s.maxConnections, err = all.MaxConns(c.count("max-connections")); err != nil {
		c.problem("--max-connections: %v", err)
	}
	s.gateway.OriginDescriptors = all.Conns()
	s.maxPipes = max(all.Conns()/2, 1)
}

func (c *checker) admin() *loop.Address {
	at, err := admin.Address(c.Context)
	if err != nil {
		c.problems = multierror.Append(c.problems, err)
	}
	return at
}

func (c *checker) listen(name string) string {
	s := c.String(name)
	if _, err := loop.ParseAddress(s); err != nil {
		c.problem("--%s: %v", name, err)
	}
	return s
}

// idle finds flags that would do nothing without another one, so that nobody
// takes an origin for protected that is not.
func (c *checker) idle() {
	if c.Int("queue-max") > 0 && c.Int("origin-max-connections") == 0 {
		c.problem("--queue-max means something only with --origin-max-connections, at which requests begin to wait; add that, or leave it out")
	}
	if c.IsSet("queue-timeout") && c.Int("queue-max") == 0 {
		c.problem("--queue-timeout means something only with --queue-max, without which no request waits; add that, or leave it out")
	}
	if c.Bool("reuse-port") && strings.HasPrefix(c.String("listen"), "unix:") {
		c.problem("--reuse-port means something only for a host:port to --listen at, not for %s; leave it out", c.String("listen"))
	}
	if c.String("check") == "" {
		c.useless("only with --check; add that, or leave it out", "check-interval", "check-timeout", "check-rise", "check-fall")
	}
	const unlessZero = "only with --%s above 0; leave one of them out"
	if c.Int("eject-after") == 0 {
		c.useless(fmt.Sprintf(unlessZero, "eject-after"), "eject-for", "eject-max")
	}
	if c.Int("min-rate") == 0 {
		c.useless(fmt.Sprintf(unlessZero, "min-rate"), "min-rate-grace")
	}
	if c.Int("pool-max") == 0 {
		c.useless(fmt.Sprintf(unlessZero, "pool-max"), "pool-idle", "pool-age", "pool-uses")
	}
	if c.Bool("log-connections") && c.String("access-log") == "" {
		c.problem("--log-connections means something only with --access-log; add that, or leave it out")
	}
	if record := c.String("record"); c.String("record-max") != "" && (record == "" || record == "-") {
		c.problem("--record-max means something only with --record FILE, since standard output has no second file; add that, or leave it out")
	}
	if c.String("resolver") != "" && !slices.ContainsFunc(c.StringSlice("origin"), names.IsTarget) {
		c.problem("--resolver means something only with a dns:// or srv:// --origin; add one, or leave it out")
	}
}

// useless refuses flags that mean something only with another one.
func (c *checker) useless(with string, names ...string) {
	for _, name := range names {
		if c.IsSet(name) {
			c.problem("--%s means something %s", name, with)
		}
	}
}

func (c *checker) balance(name string) origins.Balance {
	b, err := origins.ParseBalance(c.String(name))
	if err != nil {
		c.problem("--%s: %v", name, err)
	}
	return b
}

func (c *checker) ejection(after, first, longest string) origins.Ejection {
	e := origins.Ejection{
		After: c.count(after),
		For:   c.duration(first, positive),
		Max:   c.duration(longest, positive),
	}
	if !c.IsSet(longest) {
		e.Max = max(e.Max, e.For)
	}
	if e.Max < e.For {
		c.problem("--%s is no shorter than --%s, which is %v", longest, first, e.For)
	}
	return e
}

// poolMax reads 0 as none, where a pool's own limits have 0 as no bound.
func (c *checker) poolMax(name string) int {
	if n := c.count(name); n > 0 {
		return n
	}
	return -1
}

// noName is what --via says in place of a name.
const noName = "-"

func (c *checker) gatewayName(name string) string {
	s := c.String(name)
	if s == noName {
		return "" // the gateway's own
	}
	if !wire.IsToken(s) || !isLetter(s[0]) {
		c.problem("--%s is a token that begins with a letter, such as hopwire or edge-1, or - for no Via, not %q", name, s)
	}
	return s
}

// isLetter is what a token of a structured field begins with, as the name does
// in Proxy-Status (RFC 9651 section 3.3.4).
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// heads reads whose claims are believed, and sees to it that the flags for heads
// go together.
func (c *checker) heads(g *gateway.Config) {
	tells := g.Forwarded || g.XForwarded
	if g.Verbatim && tells {
		c.problem("--verbatim changes nothing in a head, so it goes with neither --forwarded nor --x-forwarded; leave one of them out")
	}
	for _, s := range c.StringSlice("trusted") {
		c.trust(g, s)
	}
	if c.IsSet("trusted") && !tells {
		c.problem("--trusted means something only with --forwarded or --x-forwarded; add one of them, or leave it out")
	}
}

func (c *checker) trust(g *gateway.Config, s string) {
	if s == "unix" {
		g.TrustUnix = true
		return
	}
	p, err := netip.ParsePrefix(s)
	if a, errAddr := netip.ParseAddr(s); err != nil && errAddr == nil && a.Zone() == "" {
		p, err = a.Prefix(a.BitLen())
	}
	switch {
	case err != nil || p.Addr().Is4In6():
		c.problem("--trusted: %q is none of 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 and unix", s)
	case p != p.Masked():
		c.problem("--trusted: %s has bits behind its prefix; write %s, or %s/%d", s, p.Masked(), p.Addr(), p.Addr().BitLen())
	default:
		g.Trusted = append(g.Trusted, p)
	}
}
