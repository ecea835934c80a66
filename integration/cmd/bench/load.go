package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
)

// A load is what a load generator did.
type load struct {
	requests int64         // answered, all of them well
	cpu      time.Duration // of the generator itself
}

// A generator asks one server for one document, over many connections.
type generator func(processor int, addr string, connections int, d time.Duration) (load, error)

// wrk runs wrk with one thread.
func wrk(processor int, addr string, connections int, d time.Duration) (load, error) {
	out, cpu, err := runOn(processor, "wrk", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-d%.0fs", d.Seconds()), "--timeout", "10s", "http://"+addr+document)
	if err != nil {
		return load{}, err
	}
	if bad := wrkErrors.FindString(out); bad != "" {
		return load{}, fmt.Errorf("wrk reports %s", bad)
	}
	match := wrkRequests.FindStringSubmatch(out)
	if match == nil {
		return load{}, fmt.Errorf("wrk does not say how many requests it made:\n%s", out)
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	return load{requests: n, cpu: cpu}, err
}

var (
	wrkRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkErrors   = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// loadgen runs our own with one loop.
func (s *stage) loadgen(processor int, addr string, connections int, d time.Duration) (load, error) {
	out, cpu, err := s.replay(processor, addr, connections, d)
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
	return load{requests: report.Requests, cpu: cpu}, nil
}

// replay runs loadgen, and returns its report.
func (s *stage) replay(processor int, addr string, connections int, d time.Duration) (report string, cpu time.Duration, err error) {
	return runOn(processor, filepath.Join(s.bin, "loadgen"), "replay", "http://"+addr+document,
		"--connections", fmt.Sprint(connections), "--duration", d.String(), "--loops", "1", "--format", "json")
}

// runOn runs a command line on a processor to its end.
func runOn(processor int, line ...string) (out string, cpu time.Duration, err error) {
	var stdout, stderr strings.Builder
	cmd := servers.Pinned(processor, line...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", 0, fmt.Errorf("%s: %w\n%s", strings.Join(line, " "), err, &stderr)
	}
	return stdout.String(), cpuOf(cmd), nil
}

func cpuOf(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
