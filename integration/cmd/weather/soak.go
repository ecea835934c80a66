package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/integration/internal/weather"
)

const (
	soakClients = 8 // of each kind
	// An interval ends with a rest, in which no client is there, so that what is
	// counted then belongs to no request.
	soakInterval = 10 * time.Second
	// soakBegin is how long the programs have to become as large as they get.
	soakBegin = time.Minute
	// After that they may come to have so many descriptors more, since files that
	// were served and origin connections are kept for a while,
	moreDescriptors = 8
	// and so much more memory: a fourth of it and 8 MiB, since the collector of
	// garbage comes when it likes.
	moreMemory = 8 << 20
	// recordMax is the size of the files of a recording.
	recordMax = "16MB"
)

// soak uses edge and origin in every way for a long time.
func soak(ctx context.Context, o *options) (zero bool, err error) {
	dir, err := os.MkdirTemp("", "hopwire-weather-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	s := &soaking{options: o, recording: filepath.Join(dir, "recording.pcapng")}
	if err := s.start(dir); err != nil {
		return false, err
	}
	err = s.run(ctx)
	for _, p := range s.running {
		err = errors.Join(err, p.Stop(15*time.Second))
	}
	return true, err
}

// A soaking is the two programs, and how large they were.
type soaking struct {
	*options
	recording string            // where edge records to, if it does
	running   []*servers.Server // edge, and the origin behind it
	begin     []size            // of each, when it had become as large as it gets
}

// A size is what a program has when nothing is under way.
type size struct {
	memory      int64
	descriptors int
}

// start starts the origin and edge, which records both hops.
func (s *soaking) start(dir string) error {
	site := filepath.Join(dir, "site")
	if err := errors.Join(os.Mkdir(site, 0o755), weather.WriteSoakSite(site)); err != nil {
		return err
	}
	origin, err := servers.Ours("origin", exec.Command(filepath.Join(s.bin, "origin"), "--listen", "127.0.0.1:0", "--root", site))
	if err != nil {
		return err
	}
	edge, err := s.startEdge("127.0.0.1:0", &weather.Log{}, "--origin", origin.Addr, "--pool-idle", "1s", "--access-log", "-",
		"--record", s.recording, "--record-max", recordMax)
	if err != nil {
		origin.Kill()
		return err
	}
	s.running = []*servers.Server{edge, origin}
	fmt.Printf(`
soak: for %v, %d clients of each kind, who keep a connection, make one for each
request, download, upload, break off in the middle, or are idle. After every %v
all leave, and what the programs have at rest is counted. They may not have more
than after the first %v: %d descriptors more, and memory by a fourth and %d MiB.
edge records both hops to files of %s.
`, s.soakFor, soakClients, s.interval(), s.beginning(), moreDescriptors, moreMemory>>20, recordMax)
	return nil
}

func (s *soaking) interval() time.Duration  { return min(soakInterval, s.soakFor/8) }
func (s *soaking) beginning() time.Duration { return min(soakBegin, s.soakFor/4) }

// run lets one interval follow the other, and returns what there is to complain of.
func (s *soaking) run(ctx context.Context) error {
	fmt.Printf("\n%6s %9s %8s %7s  %8s %4s  %10s %4s\n", "time", "requests", "aborted", "errors", "edge MiB", "fds", "origin MiB", "fds")
	var sum weather.Soaked
	var last []size
	started := time.Now()
	for n := uint64(0); time.Since(started) < s.soakFor; n++ {
		interval, cancel := context.WithTimeout(ctx, s.interval())
		crowd := weather.Soak{Gateway: s.running[0].Addr, Clients: soakClients, Seed: s.seed + n<<32}
		seen := crowd.Run(interval)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		if last, err = s.rest(ctx); err != nil {
			return err
		}
		sum.Add(seen.Tally)
		sum.Aborted += seen.Aborted
		s.print(time.Since(started), seen, last)
		if s.begin == nil && time.Since(started) >= s.beginning() {
			s.begin = last
		}
	}
	return s.judge(sum, last)
}

func (s *soaking) print(at time.Duration, seen weather.Soaked, now []size) {
	fmt.Printf("%6v %9d %8d %7d  %8.1f %4d  %10.1f %4d\n", at.Round(time.Second), seen.Sum(), seen.Aborted, seen.Errors(),
		mebi(now[0].memory), now[0].descriptors, mebi(now[1].memory), now[1].descriptors)
	if seen.Errors() > 0 {
		fmt.Printf("%15s %v\n", "", seen.Tally)
	}
}

func mebi(octets int64) float64 { return float64(octets) / (1 << 20) }

// rest waits until the programs give back no more descriptors, and counts.
func (s *soaking) rest(ctx context.Context) (now []size, err error) {
	for begun, quiet := time.Now(), 0; quiet < 3 && time.Since(begun) < 10*time.Second && err == nil; quiet++ {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		before := now
		now, err = s.sizes()
		for i := range before {
			if now[i].descriptors != before[i].descriptors {
				quiet = 0
			}
		}
	}
	return now, errors.Join(err, s.dropRecorded())
}

func (s *soaking) sizes() (now []size, err error) {
	for _, p := range s.running {
		memory, err1 := p.Resident()
		descriptors, err2 := p.Descriptors()
		now = append(now, size{memory, descriptors})
		err = errors.Join(err, err1, err2)
	}
	return now, err
}

// dropRecorded removes the files of a recording that edge has done with: all but
// the one with the highest number.
func (s *soaking) dropRecorded() error {
	files, err := filepath.Glob(s.recording + "*")
	number := func(file string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(file, s.recording+"."))
		return n // 0: the first one
	}
	highest := 0
	for _, file := range files {
		highest = max(highest, number(file))
	}
	for _, file := range files {
		if number(file) < highest {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}

// judge prints the verdict.
func (s *soaking) judge(sum weather.Soaked, last []size) (err error) {
	if n := sum.Errors(); n > 0 {
		err = fmt.Errorf("of %d requests %d were not answered well: %v", sum.Sum(), n, sum.Tally)
	}
	for i, p := range s.running {
		was, is := s.begin[i], last[i]
		if is.descriptors > was.descriptors+moreDescriptors {
			err = errors.Join(err, fmt.Errorf("%s had %d descriptors, and has %d", p.Name, was.descriptors, is.descriptors))
		}
		if is.memory > was.memory+was.memory/4+moreMemory {
			err = errors.Join(err, fmt.Errorf("%s had %.1f MiB of memory, and has %.1f", p.Name, mebi(was.memory), mebi(is.memory)))
		}
	}
	verdict := "as they were"
	if err != nil {
		verdict = "not as they have to be"
	}
	fmt.Printf("soak: errors=%d requests=%d aborted=%d; the programs are %s\n", sum.Errors(), sum.Sum(), sum.Aborted, verdict)
	return err
}
