package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/ledger"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/wire"
)

func ledgerFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "ledger", Usage: "hold loadgen's counts against those of the `PROGRAM=ADDRESS`, edge or origin, that has " +
		"--admin ADDRESS; several stand behind commas"}
}

// A books is what --ledger has opened: the programs, as they were before the run.
type books struct {
	programs []ledger.Program
	kernel   ledger.Counters
}

// How long one program may take to answer and how much; how long is waited until what
// is under way has come to rest, and how often that is looked for.
const (
	askWithin   = 6 * time.Second // admin answers within 5
	counterSize = 1 << 20
	restWithin  = 2 * time.Second
	restEvery   = 20 * time.Millisecond
)

// openBooks reads the counters before the run, once they stand still; nil: there is to
// be no ledger.
func openBooks(c *cli.Context) (*books, error) {
	args := list(c, "ledger")
	if len(args) == 0 {
		return nil, nil
	}
	b := &books{}
	for _, arg := range args {
		kind, address, _ := strings.Cut(strings.TrimSpace(arg), "=")
		if kind != "edge" && kind != "origin" {
			return nil, program.Usagef("--ledger %q: write edge=ADDRESS or origin=ADDRESS, the address that --admin has there", arg)
		}
		if _, path := dialled(address); path == "" {
			return nil, program.Usagef("--ledger %s: address %q: write host:port, such as 127.0.0.1:9090, or unix:/path", kind, address)
		}
		b.programs = append(b.programs, ledger.Program{Kind: kind, Address: address})
	}
	if err := b.read(c.Context); err != nil {
		return nil, err
	}
	for i := range b.programs {
		p := &b.programs[i]
		if j := slices.IndexFunc(b.programs[:i], func(q ledger.Program) bool { return p.Same(&q) }); j >= 0 {
			return nil, program.Usagef("--ledger: the %s at %s and that at %s are the same, which would count twice", p.Kind, b.programs[j].Address, p.Address)
		}
	}
	for give := time.Now().Add(restWithin); time.Now().Before(give); {
		b.keep()
		if err := wait(c.Context, restEvery); err != nil {
			return nil, err
		}
		if err := b.read(c.Context); err != nil {
			return nil, err
		}
		if b.still() {
			break
		}
	}
	b.keep()
	b.kernel = kernelCounters()
	return b, nil
}

// read asks every program.
func (b *books) read(ctx context.Context) error {
	for i := range b.programs {
		p := &b.programs[i]
		counters, err := ask(ctx, p.Address)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && counters.Kind() != p.Kind {
			err = fmt.Errorf("%s answers there, not %s", counters.Kind(), p.Kind)
		}
		if err != nil {
			return fmt.Errorf("--ledger %s=%s: %w", p.Kind, p.Address, err)
		}
		p.After = counters
	}
	return nil
}

// keep makes what was read that of before the run.
func (b *books) keep() {
	for i := range b.programs {
		b.programs[i].Before = b.programs[i].After
	}
}

// still says that nothing has changed.
func (b *books) still() bool {
	for _, p := range b.programs {
		if !maps.Equal(p.Before, p.After) {
			return false
		}
	}
	return true
}

// close reads the counters after the run until they balance and nothing is under way,
// since what loadgen has done last, the others have yet to see. After restWithin they
// are what they are.
// Without --ledger there is none.
func (b *books) close(ctx context.Context, r *replay.Result) *ledger.Ledger {
	if b == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // a signal ends the run, not the report
	for give := time.Now().Add(restWithin); ; {
		if err := b.read(ctx); err != nil {
			return &ledger.Ledger{Problem: err.Error(), Equations: []ledger.Equation{}, Kernel: []ledger.Term{}, Programs: b.programs}
		}
		l := ledger.Balance(r, b.programs, b.kernel, kernelCounters())
		if l.Balances && l.Rests() || l.Problem != "" || time.Now().After(give) {
			return l
		}
		wait(ctx, restEvery)
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// dialled is what an address is for Dial; "" if it is none. Names are looked up there,
// which a signal ends.
func dialled(at string) (network, address string) {
	if path, ok := strings.CutPrefix(at, "unix:"); ok {
		return "unix", path
	}
	if _, port, err := net.SplitHostPort(at); err != nil || port == "" {
		return "tcp", ""
	}
	return "tcp", at
}

// ask is a GET for /counters.
func ask(ctx context.Context, at string) (ledger.Counters, error) {
	dialer := net.Dialer{Timeout: askWithin}
	network, address := dialled(at)
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	c.SetDeadline(time.Now().Add(askWithin))
	if _, err := io.WriteString(c, "GET /counters HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"); err != nil {
		return nil, err
	}
	all, err := io.ReadAll(io.LimitReader(c, counterSize))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("no whole answer within %v", askWithin)
	}
	if err != nil {
		return nil, err
	}
	return answerOf(all)
}

// answerOf takes the counters out of a response.
func answerOf(response []byte) (ledger.Counters, error) {
	var head wire.ResponseHead
	n, err := wire.ParseResponseHead(response, 0, &head)
	if err != nil {
		return nil, errors.New("what answers is no HTTP server")
	}
	if head.Status != 200 {
		return nil, fmt.Errorf("/counters is answered with %d; is this the address of --admin?", head.Status)
	}
	framing, err := wire.ResponseFraming(&head, []byte("GET"))
	if err != nil {
		return nil, err
	}
	var body wire.BodyScanner
	body.Reset(framing)
	var content bytes.Buffer
	for rest := response[n:]; len(rest) > 0; {
		part, n, done, err := body.Content(rest)
		if err != nil {
			return nil, err
		}
		content.Write(part)
		if rest = rest[n:]; done {
			break
		}
	}
	return ledger.Parse(content.Bytes())
}

// kernelCounters are this machine's; where it has none, there are none to show.
func kernelCounters() ledger.Counters {
	snmp, _ := os.ReadFile("/proc/net/snmp")
	netstat, _ := os.ReadFile("/proc/net/netstat")
	return ledger.ParseKernel(string(snmp), string(netstat))
}
