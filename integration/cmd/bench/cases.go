package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// warmUp is how long a contestant is under load before it is measured.
const warmUp = time.Second

const (
	// perRequest is the unit of processor time.
	perRequest = "us/request"
	// rate is the second figure beside it.
	rate = "requests/s"
)

// gateways compares edge with nginx and HAProxy in front of the same upstream.
func gateways(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("edge-%d", connections),
		title: fmt.Sprintf("gateways, %d connections, 1 KiB responses, one core", connections),
		unit:  perRequest,
		also:  rate,
		setup: func(s *stage) ([]contestant, error) {
			upstream, err := s.startUpstream()
			if err != nil {
				return nil, err
			}
			return s.underLoad(connections, s.gateways(upstream))
		},
	}
}

// fileServers compares origin with nginx.
func fileServers(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("origin-%d", connections),
		title: fmt.Sprintf("file servers, %d connections, a file of 1 KiB, one core", connections),
		unit:  perRequest,
		also:  rate,
		setup: func(s *stage) ([]contestant, error) {
			return s.underLoad(connections, []named{{"origin", s.origin}, {"nginx", s.nginxFiles}})
		},
	}
}

// observed compares edge that records with edge that nobody looks at. What is written
// to /dev/null shows which part of the cost is the file system's.
func observed(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("observed-%d", connections),
		title: fmt.Sprintf("edge that records, %d connections, 1 KiB responses, one core", connections),
		unit:  perRequest,
		also:  rate,
		setup: func(s *stage) ([]contestant, error) {
			upstream, err := s.startUpstream()
			if err != nil {
				return nil, err
			}
			recording := filepath.Join(s.dir, "recording.pcapng")
			return s.underLoad(connections, []named{
				{"recording", s.edge(upstream, "--record", recording, "--record-max", "200MB")},
				{"to /dev/null", s.edge(upstream, "--record", "/dev/null")},
				{"edge", s.edge(upstream)},
			})
		},
	}
}

// A named starter is a contestant that is not running yet.
type named struct {
	name  string
	start starter
}

// gateways are all that stand in front of an upstream, ours first.
func (s *stage) gateways(upstream string) []named {
	other := func(start func(dir, upstream string, options ...servers.Option) (*servers.Server, error)) starter {
		return func(dir string, processor int) (*servers.Server, error) {
			return start(dir, upstream, servers.On(processor))
		}
	}
	return []named{
		{"edge", s.edge(upstream)},
		{"nginx", other(servers.NginxProxy)},
		{"haproxy http", other(servers.HAProxyHTTP)},
		{"haproxy tcp", other(servers.HAProxyTCP)},
	}
}

// underLoad starts servers that are to be measured while wrk asks them.
func (s *stage) underLoad(connections int, list []named) (contestants []contestant, err error) {
	for _, n := range list {
		server, err := s.start(n.start, measured)
		if err != nil {
			return nil, err
		}
		contestants = append(contestants, contestant{n.name, func(d time.Duration) (reading, error) {
			return underLoad(server, connections, d)
		}})
	}
	return contestants, nil
}

func underLoad(server *servers.Server, connections int, d time.Duration) (reading, error) {
	if _, err := wrk(rest, urlOf(server), connections, warmUp); err != nil {
		return reading{}, err
	}
	before, err1 := server.CPUTime()
	l, err2 := wrk(rest, urlOf(server), connections, d)
	after, err3 := server.CPUTime()
	return l.reading(after-before, d), errors.Join(err1, err2, err3)
}

// reading relates a load to the processor time that it took.
func (l load) reading(cpu, d time.Duration) reading {
	if l.requests == 0 {
		return reading{}
	}
	return reading{
		cost: float64(cpu.Microseconds()) / float64(l.requests),
		also: float64(l.requests) / d.Seconds(),
	}
}
