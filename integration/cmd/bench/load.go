package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// A load is what a load generator did.
type load struct {
	requests int64         // answered, all of them well
	cpu      time.Duration // of the generator itself
	memory   int64         // bytes, its most
}

// A generator asks for one document, over many connections.
type generator func(processor int, url string, connections int, d time.Duration) (load, error)

// urlOf names the document that most servers are asked for.
func urlOf(server *servers.Server) string { return "http://" + server.Addr + document }

// wrk runs wrk with one thread.
func wrk(processor int, url string, connections int, d time.Duration) (load, error) {
	out, used, err := runOn(processor, "wrk", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-d%.0fs", d.Seconds()), "--timeout", "10s", url)
	if err != nil {
		return load{}, err
	}
	if bad := wrkErrors.FindString(out); bad != "" {
		return load{}, fmt.Errorf("wrk reports %s", bad)
	}
	used.requests, err = countIn(out, wrkRequests)
	return used, err
}

// countIn finds the number of requests in what a generator has printed.
func countIn(out string, pattern *regexp.Regexp) (int64, error) {
	match := pattern.FindStringSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("it does not say how many requests it made:\n%s", out)
	}
	return strconv.ParseInt(match[1], 10, 64)
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkErrors   = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// h2load runs h2load with one thread, speaking HTTP/1.1.
func h2load(processor int, url string, connections int, d time.Duration) (load, error) {
	out, used, err := runOn(processor, "h2load", "--h1", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-D%.0f", d.Seconds()), url)
	if err == nil {
		used.requests, err = countIn(out, h2loadRequests)
	}
	return used, err
}

// ab runs ab, which keeps its connections only when told so.
func ab(processor int, url string, connections int, d time.Duration) (load, error) {
	out, used, err := runOn(processor, "ab", "-q", "-k", "-n", "100000000", "-c", fmt.Sprint(connections), "-t", fmt.Sprintf("%.0f", d.Seconds()), url)
	if err == nil {
		used.requests, err = countIn(out, abRequests)
	}
	return used, err
}

var (
	h2loadRequests = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx$`)
	abRequests     = regexp.MustCompile(`(?m)^Complete requests: +(\d+)\nFailed requests: +0$`)
)

// loadgen runs our own with one loop.
func (s *stage) loadgen(processor int, url string, connections int, d time.Duration) (load, error) {
	return s.answered(s.replay(processor, connections, d, url))
}

// answered reads loadgen's report.
func (s *stage) answered(out string, used load, err error) (load, error) {
	if err != nil {
		return load{}, err
	}
	var report struct{ Requests, Errors int64 }
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return load{}, fmt.Errorf("loadgen's report: %w", err)
	}
	if report.Errors > 0 {
		return load{}, fmt.Errorf("%d of loadgen's %d requests failed", report.Errors, report.Requests)
	}
	used.requests = report.Requests
	return used, nil
}

// replay runs loadgen, and returns its report.
func (s *stage) replay(processor, connections int, d time.Duration, args ...string) (report string, used load, err error) {
	return runOn(processor, append([]string{filepath.Join(s.bin, "loadgen"), "replay",
		"--connections", fmt.Sprint(connections), "--duration", d.String(), "--loops", "1", "--format", "json"}, args...)...)
}

// runOn runs a command line on a processor to its end.
func runOn(processor int, line ...string) (out string, used load, err error) {
	var stdout, stderr strings.Builder
	cmd := servers.Pinned(processor, line...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", load{}, fmt.Errorf("%s: %w\n%s", strings.Join(line, " "), err, &stderr)
	}
	ended := cmd.ProcessState
	most := ended.SysUsage().(*syscall.Rusage).Maxrss << 10
	return stdout.String(), load{cpu: ended.UserTime() + ended.SystemTime(), memory: most}, nil
}
