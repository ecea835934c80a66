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
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "accept clients at `ADDRESS`: host:port, or unix:/path"},
		&cli.StringSliceFlag{Name: "origin", Usage: "send requests on to `ADDRESS`: host:port, unix:/path, dns://name:port or srv://name, the last two of which are looked up again and again; give it once for each origin, or several with commas between; required"},
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
	}, observingFlags(), admin.Flags(observing), []cli.Flag{
		duration(ending, "drain-grace", 0, "after the first signal, go on accepting for `DURATION`, which is part of --drain-timeout"),
		duration(ending, "drain-idle", time.Second, "then let an idle client send one last request within `DURATION`"),
		duration(ending, "drain-timeout", 30*time.Second, "stop `DURATION` after the first signal, whatever is under way"),
	})
}

// readSettings reads the flags, and reports everything that is wrong with them
// at once.
func readSettings(c *cli.Context) (*settings, error) {
	check := checker{Context: c}
	show := check.trace("trace")
	if check.problems == nil && !c.IsSet("origin") { // in "edge help" another word is wrong
		check.problem("--origin is required")
	}
	s := &settings{
		listen:       check.listen("listen"),
		loops:        c.Int("loops"),
		reusePort:    c.Bool("reuse-port"),
		accessLog:    c.String("access-log"),
		logJSON:      program.LogsJSON(c),
		admin:        check.admin(),
		record:       c.String("record"),
		recordMax:    check.recordMax("record-max"),
		trace:        show,
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
	check.ending(s)
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

// count is 0 for what is wrong, so that nothing more is said of it.
func (c *checker) count(name string) int {
	n := c.Int(name)
	switch {
	case n < 0:
		c.problem("--%s is a number from 0 up, not %d", name, n)
	case int64(n) > math.MaxUint32:
		c.problem("--%s is a number from 0 to %d, not %d", name, uint32(math.MaxUint32), n)
	default:
		return n
	}
	return 0
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
	if c.Int("pool-uses") == 1 {
		c.useless("only with --pool-uses above 1, or 0; leave one of them out", "pool-max", "pool-idle", "pool-age")
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

// ending finds times that would run on when --drain-timeout is over, at which everybody
// is cut off. The default of --drain-idle makes room for a shorter one.
func (c *checker) ending(s *settings) {
	left := s.drainTimeout - s.drainGrace
	switch {
	case s.drainGrace > 0 && left <= 0:
		c.problem("--drain-grace is shorter than --drain-timeout, which is %v", s.drainTimeout)
	case c.IsSet("drain-idle") && s.gateway.DrainIdle > left:
		c.problem("--drain-idle is no longer than what --drain-grace leaves of --drain-timeout, which is %v", left)
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
	if 0 < e.Max && e.Max < e.For {
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
	if g.Verbatim && g.NoVia {
		c.problem("--via - means something only without --verbatim, by which no Via is added anyway; leave one of them out")
	}
	for _, s := range c.StringSlice("trusted") {
		c.trust(g, s)
	}
	switch unix := strings.HasPrefix(c.String("listen"), "unix:"); {
	case g.TrustUnix && len(g.Trusted) == 0 && !unix:
		c.problem("--trusted unix means something only with --listen unix:/path; leave it out")
	case len(g.Trusted) > 0 && !g.TrustUnix && unix:
		c.problem("--trusted %v means something only for a host:port to --listen at; write unix, or leave it out", g.Trusted[0])
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
