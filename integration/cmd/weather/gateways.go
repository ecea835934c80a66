package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/integration/internal/weather"
)

// A gateway is one of those that are measured.
type gateway struct {
	name string
	ours bool
	// settings are those that the figures depend on.
	settings string
	program  string    // that has to be installed
	reload   os.Signal // at which it replaces its workers
	retries  bool      // a variant that differs by its rules of retry
	// start starts it in front of the origin. log counts its lines, if it is
	// ours.
	start func(dir, origin string, log *weather.Log) (*servers.Server, error)
}

// contestants are ours, and the others that are installed, as far as they are
// wanted.
func (o *options) contestants() (all []gateway) {
	for _, g := range []gateway{
		{name: "edge", ours: true, program: filepath.Join(o.bin, "edge"), start: o.edge,
			settings: "no flags but --origin, and a log to count by"},
		{name: "nginx", program: "nginx", start: peer(servers.NginxProxy), reload: syscall.SIGHUP,
			settings: "proxy_http_version 1.1, upstream keepalive, and its own rules of retry"},
		{name: "haproxy", program: "haproxy", start: peer(servers.HAProxyHTTP, servers.Reloading()), reload: syscall.SIGUSR2,
			settings: "http-reuse always"},
		{name: "haproxy-r", program: "haproxy", start: peer(servers.HAProxyRetrying), retries: true,
			settings: "that, and retry-on conn-failure empty-response, not for POST"},
	} {
		if _, err := exec.LookPath(g.program); err == nil && o.gatewaysWanted.MatchString(g.name) {
			all = append(all, g)
		}
	}
	return all
}

func (o *options) edge(_, origin string, log *weather.Log) (*servers.Server, error) {
	return o.startEdge("127.0.0.1:0", log, "--origin", origin, "--access-log", "-")
}

func (o *options) startEdge(listen string, stdout io.Writer, args ...string) (*servers.Server, error) {
	cmd := exec.Command(filepath.Join(o.bin, "edge"), append([]string{"--listen", listen}, args...)...)
	cmd.Stdout = stdout
	return servers.Ours("edge", cmd)
}

// peer starts one of the others.
func peer(start func(string, string, ...servers.Option) (*servers.Server, error), options ...servers.Option) func(string, string, *weather.Log) (*servers.Server, error) {
	return func(dir, origin string, _ *weather.Log) (*servers.Server, error) {
		return start(dir, origin, options...)
	}
}
