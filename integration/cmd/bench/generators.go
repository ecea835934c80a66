package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// generators compares what loadgen and wrk themselves cost, asking the same nginx.
func generators(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("loadgen-%d", connections),
		title: fmt.Sprintf("load generators, %d connections, 1 KiB responses, one core", connections),
		unit:  perRequest,
		also:  rate,
		setup: func(s *stage) ([]contestant, error) {
			target, err := s.start(s.nginxFiles, rest)
			if err != nil {
				return nil, err
			}
			return costs(target, connections, generatorNamed{"loadgen", s.loadgen}, generatorNamed{"wrk", wrk}), nil
		},
	}
}

// verifying compares loadgen that compares each response with the recorded one with
// wrk, which does not.
func verifying(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("verify-%d", connections),
		title: fmt.Sprintf("load generators, loadgen with --verify, %d connections, 1 KiB responses, one core", connections),
		unit:  perRequest,
		also:  rate,
		setup: func(s *stage) ([]contestant, error) {
			target, err := s.start(s.nginxFiles, rest)
			if err != nil {
				return nil, err
			}
			recording, err := s.recorded(target)
			if err != nil {
				return nil, err
			}
			verify := func(processor int, _ string, connections int, d time.Duration) (load, error) {
				return s.answered(s.replay(processor, connections, d, "--target", target.Addr, "--verify",
					"--requests-per-connection", "1000000000", recording))
			}
			return costs(target, connections, generatorNamed{"loadgen", verify}, generatorNamed{"wrk", wrk}), nil
		},
	}
}

// recorded has the edge record one request for the document.
func (s *stage) recorded(target *servers.Server) (file string, err error) {
	file = filepath.Join(s.dir, "recording.pcapng")
	edge, err := s.ours(measured, "edge", "--origin", target.Addr, "--record", file)
	if err != nil {
		return "", err
	}
	response, err := http.Get(urlOf(edge))
	if err == nil {
		response.Body.Close()
	}
	return file, errors.Join(err, edge.Stop(startTimeout))
}

// startTimeout bounds what takes milliseconds.
const startTimeout = 10 * time.Second

// A generatorNamed is a contestant that asks a server.
type generatorNamed struct {
	name     string
	generate generator
}

// costs makes contestants of generators, of which is measured what a request costs.
func costs(target *servers.Server, connections int, list ...generatorNamed) (contestants []contestant) {
	for _, g := range list {
		contestants = append(contestants, contestant{g.name, func(d time.Duration) (reading, error) {
			if _, err := g.generate(measured, urlOf(target), connections, warmUp); err != nil {
				return reading{}, err
			}
			l, err := g.generate(measured, urlOf(target), connections, d)
			return l.reading(l.cpu, d), err
		}})
	}
	return contestants
}

// generatorMemory compares how much memory generators take that have many
// connections.
func generatorMemory() comparison {
	return comparison{
		name:  "loadgen-memory",
		title: "load generators, the most memory that a run takes with many connections",
		unit:  "MiB",
		also:  "connections",
		setup: func(s *stage) ([]contestant, error) {
			n := min(s.idle, servers.MaxFiles())
			target, err := s.start(s.nginxFiles, rest)
			if err != nil {
				return nil, err
			}
			var contestants []contestant
			for _, g := range []generatorNamed{{"loadgen", s.loadgen}, {"wrk", wrk}} {
				contestants = append(contestants, contestant{g.name, func(d time.Duration) (reading, error) {
					l, err := g.generate(measured, urlOf(target), n, d)
					return reading{cost: float64(l.memory) / (1 << 20), also: float64(n)}, err
				}})
			}
			return contestants, nil
		},
	}
}

// lateness measures how late loadgen sends what is due at some instant.
func lateness(perSecond int) comparison {
	return comparison{
		name:  fmt.Sprintf("late-%d", perSecond),
		title: fmt.Sprintf("open loop, %d requests a second, 32 connections, how late loadgen sends", perSecond),
		unit:  "us at p99",
		also:  "us at p50",
		setup: func(s *stage) ([]contestant, error) {
			target, err := s.start(s.nginxFiles, rest)
			if err != nil {
				return nil, err
			}
			var contestants []contestant
			for _, arrivals := range []string{"constant", "poisson"} {
				contestants = append(contestants, contestant{arrivals, func(d time.Duration) (reading, error) {
					out, _, err := s.replay(measured, 32, d, "--rate", fmt.Sprint(perSecond), "--arrivals", arrivals, urlOf(target))
					var report struct {
						LatenessUS struct{ P50, P99 float64 } `json:"lateness_us"`
					}
					if err == nil {
						err = json.Unmarshal([]byte(out), &report)
					}
					return reading{cost: report.LatenessUS.P99, also: report.LatenessUS.P50}, err
				}})
			}
			return contestants, nil
		},
	}
}

// agreement compares what generators say of a server that answers each request after
// 10 ms, so that it and not they sets the pace. Those that are not installed are left
// out.
func agreement(connections int) comparison {
	return comparison{
		name:  fmt.Sprintf("agree-%d", connections),
		title: fmt.Sprintf("load generators, %d connections to a server that takes 10 ms for each response", connections),
		unit:  rate,
		setup: func(s *stage) ([]contestant, error) {
			target, err := s.ours(rest, "origin", "--study")
			if err != nil {
				return nil, err
			}
			s.running = append(s.running, target)
			var contestants []contestant
			for _, g := range []generatorNamed{{"loadgen", s.loadgen}, {"wrk", wrk}, {"h2load", h2load}, {"ab", ab}} {
				if _, err := exec.LookPath(g.name); err != nil && g.name != "loadgen" {
					fmt.Printf("\n%s is not installed, and left out\n", g.name)
					continue
				}
				contestants = append(contestants, contestant{g.name, func(d time.Duration) (reading, error) {
					l, err := g.generate(measured, "http://"+target.Addr+"/_/delay/10ms", connections, d)
					return reading{cost: float64(l.requests) / d.Seconds()}, err
				}})
			}
			return contestants, nil
		},
	}
}
