package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

const (
	// download is what the downloads ask for.
	download = "/200m"
	// downloadSize is so large that most of them are not over when the next
	// measurement begins.
	downloadSize = 200_000_000
)

// besideDownloads compares how long a small request waits for its answer while
// large ones keep the gateway busy.
func besideDownloads(n int) comparison {
	return comparison{
		name:  fmt.Sprintf("beside-%d", n),
		title: fmt.Sprintf("gateways, a GET of 1 KiB at a time beside %d downloads of 200 MB, one core", n),
		unit:  "ms, median",
		also:  "ms, p99",
		setup: func(s *stage) ([]contestant, error) {
			// A file of zeros that takes up no disk.
			file := filepath.Join(s.dir, download)
			if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Truncate(file, downloadSize)); err != nil {
				return nil, err
			}
			upstream, err := s.startUpstream()
			if err != nil {
				return nil, err
			}
			var contestants []contestant
			for _, g := range s.gateways(upstream) {
				server, err := s.start(g.start, measured)
				if err != nil {
					return nil, err
				}
				contestants = append(contestants, contestant{g.name, func(d time.Duration) (reading, error) {
					return s.besideDownloads(server, n, d)
				}})
			}
			return contestants, nil
		},
	}
}

// besideDownloads has wrk download for longer than the small requests take.
func (s *stage) besideDownloads(server *servers.Server, n int, d time.Duration) (reading, error) {
	downloads := make(chan error, 1)
	go func() {
		_, _, err := runOn(rest, "wrk", "-t1", fmt.Sprint("-c", n), fmt.Sprintf("-d%.0fs", (warmUp+d+warmUp).Seconds()), "http://"+server.Addr+download)
		downloads <- err
	}()
	time.Sleep(warmUp)
	out, _, err := s.replay(rest, 1, d, urlOf(server))
	var report struct {
		Errors  int64
		Latency struct{ P50, P99 float64 } `json:"latency_us"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &report)
	}
	if err == nil && report.Errors > 0 {
		err = fmt.Errorf("%d small requests failed", report.Errors)
	}
	return reading{cost: report.Latency.P50 / 1000, also: report.Latency.P99 / 1000}, errors.Join(err, <-downloads)
}
