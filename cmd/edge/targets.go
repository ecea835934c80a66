package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
	"github.com/hopwire/hopwire/cmd/edge/internal/names"
	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// targets reads the origins that are names.
func (c *checker) targets(name string) (all []names.Target) {
	for _, s := range c.StringSlice(name) {
		if !names.IsTarget(s) {
			continue
		}
		t, err := names.ParseTarget(s)
		if err != nil {
			c.problem("--%s: %v", name, err)
			continue
		}
		all = append(all, t)
	}
	return all
}

// addresses reads the origins that are addresses.
func (c *checker) addresses(name string) (all []*loop.Address) {
	for _, s := range c.StringSlice(name) {
		if names.IsTarget(s) {
			continue
		}
		if instead := withoutScheme(s); instead != "" {
			c.problem("--%s: %q is a URL; %s", name, s, instead)
			continue
		}
		a, err := loop.ParsePeer(s)
		if err != nil {
			c.problem("--%s: %v", name, err)
			continue
		}
		if a.Path == "" && a.TCP.Port() == 0 {
			c.problem("--%s: %q has port 0, on which nobody listens; write the port that the origin listens on", name, s)
			continue
		}
		all = append(all, a)
	}
	return all
}

// withoutScheme says what to write in place of a URL; empty: s is none.
func withoutScheme(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	host = cmp.Or(host[strings.LastIndexByte(host, '@')+1:], "127.0.0.1") // without user information
	tls := strings.EqualFold(scheme, "https")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += map[bool]string{false: ":80", true: ":443"}[tls]
	}
	switch {
	case !found || strings.Contains(scheme, ":"):
		return ""
	case strings.EqualFold(scheme, "http"):
		return "write host and port, " + host + ", for requests have paths of their own"
	case tls:
		return "TLS is not spoken here, so have a program such as stunnel or socat speak it to " + host + ", and write the host and port at which that listens"
	}
	return "write host:port, unix:/path, dns://name:port or srv://name"
}

// resolver reads the DNS server to ask in place of the system's. A name will not
// do for it: who should be asked for that?
func (c *checker) resolver(name string) *names.System {
	s := c.String(name)
	if s == "" {
		return nil
	}
	if _, err := netip.ParseAddr(s); err == nil {
		s = net.JoinHostPort(s, "53")
	}
	if at, err := netip.ParseAddrPort(s); err != nil || at.Port() == 0 {
		c.problem("--%s is the address of a DNS server, such as 10.0.0.2:53, not %q", name, c.String(name))
	}
	return names.OneServer(s)
}

// A registry says by which name origins were found.
type registry struct {
	targets []names.Target
	mu      sync.Mutex
	found   map[int][]origins.Member // by the index of the target
}

// set replaces what was found by a name.
func (r *registry) set(source int, members []origins.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found == nil {
		r.found = map[int][]origins.Member{}
	}
	r.found[source] = members
}

// host is what requests to an origin are for; empty if it has no name.
func (r *registry) host(at *loop.Address) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, t := range r.targets {
		if slices.ContainsFunc(r.found[i], func(m origins.Member) bool { return *m.Address == *at }) {
			return t.Authority()
		}
	}
	return ""
}

// startPatience is how long the start of the program waits for names to be
// looked up. Without an answer it goes on: an edge that comes up before DNS does
// is of more use than one that does not come up.
const startPatience = 5 * time.Second

// watchNames looks up the origins that are names, and goes on doing so until
// stop is called; nil: there are none. It returns when each has been looked up
// once.
func (e *edge) watchNames(ctx context.Context) (stop func()) {
	if len(e.settings.targets) == 0 {
		return nil
	}
	e.server.SetMissing(gateway.DNSTimeout)
	ctx, cancel := context.WithCancel(ctx)
	w := names.Watch(ctx, names.Config{
		Targets: e.settings.targets,
		Members: e.found,
		Missing: func(_ int, why names.Kind) { e.server.SetMissing(unresolved(why)) },
		Report:  e.say,
		System:  e.system(),
	})
	e.awaitNames(ctx, w.First(), startPatience)
	return func() {
		cancel()
		w.Wait()
	}
}

func (e *edge) awaitNames(ctx context.Context, first <-chan struct{}, patience time.Duration) {
	select {
	case <-first:
	case <-ctx.Done():
	case <-time.After(patience):
		e.say(fmt.Sprintf("not all origins were looked up within %v; those that are missing are used once they are found", patience))
	}
}

// found hands the origins of a target to the gateway, whose sources from 1 on are
// the targets.
func (e *edge) found(source int, members []origins.Member) {
	e.registry.set(source, members)
	e.server.SetOrigins(source+1, members)
}

// system is where names are looked up; nil: where the system says.
func (e *edge) system() func() (*names.System, error) {
	if e.settings.resolver == nil {
		return nil
	}
	return func() (*names.System, error) { return e.settings.resolver, nil }
}

func (e *edge) say(line string) { fmt.Fprintf(e.messages, "edge: %s\n", line) }

// unresolved is what clients are told while a lookup has come to nothing.
func unresolved(why names.Kind) gateway.ProxyError {
	switch why {
	case names.TimedOut:
		return gateway.DNSTimeout
	case names.NoAddress:
		return gateway.DestinationNotFound
	}
	return gateway.DNSError
}
