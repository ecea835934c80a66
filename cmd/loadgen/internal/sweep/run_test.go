package sweep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
	"github.com/hopwire/hopwire/shared/loop"
)

// serve starts the server, and returns how to ask it.
func (s costly) serve(t *testing.T) replay.Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.answer(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	target, err := loop.ParseAddress(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return replay.Config{Target: target, Loops: 1, Grace: time.Second}
}

func (s costly) answer(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		time.Sleep(s.request)
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

func get(t *testing.T) *plan.Plan {
	t.Helper()
	p, err := plan.FromURL("http://h/")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRun measures each cell as often as it was asked to, over the distance that it was
// asked to. What takes too long may be the machine's fault, if it does not always.
func TestRun(t *testing.T) {
	slow, fast := costly{request: 5 * time.Millisecond}.serve(t), costly{}.serve(t)
	slow.Duration, fast.Duration = 60*time.Millisecond, 60*time.Millisecond
	late := []string{"not measured"}
	for give := time.Now().Add(time.Minute); len(late) > 0 && !t.Failed() && time.Now().Before(give); {
		late = sweepBoth(t, slow, fast)
	}
	for _, what := range late {
		t.Error(what)
	}
}

// sweepBoth measures, and returns what seems to be slower than it should be.
func sweepBoth(t *testing.T, slow, fast replay.Config) (late []string) {
	s := &Sweep{
		Axes: Axes{RequestsPerConnection: []int{1, 0}, Connections: []int{4}, Idle: []Seconds{0, 10 * ms}, Delay: []Seconds{0, 10 * ms}},
		Plan: get(t), Servers: []replay.Config{slow, fast}, Rounds: 1,
		Processes: []Process{{"test", []int{os.Getpid()}}},
	}
	var told int
	s.Progress = func(run, of int, left time.Duration) {
		if told++; run != told || of != 16 || left <= 0 || left > s.Takes() {
			t.Errorf("run %d of %d, %s left", run, of, left)
		}
	}
	cells, err := s.Run(t.Context())
	if err != nil || told != 16 || s.Runs() != 16 || len(cells) != 16 {
		t.Fatalf("%v, %d runs, %d cells", err, told, len(cells))
	}
	for _, c := range cells {
		if len(c.RequestsPerS.Rounds) != 1 || c.Errors != 0 {
			t.Fatalf("%s: %+v", c.Place.Words(), c)
		}
		if c.Verdict.State == verdict.Invalid { // nothing was answered in time
			return append(late, fmt.Sprintf("%s: %+v", c.Place.Words(), c))
		}
		atLeast := time.Duration(c.Delay)
		if c.To == Target {
			atLeast += slow5
		}
		if c.RequestsPerConnection == 1 {
			atLeast += time.Duration(c.Delay) // connecting
		}
		between := atLeast + time.Duration(c.Idle)
		if c.LatencyP50US.Median < microseconds(atLeast) {
			t.Errorf("%s: p50 %g", c.Place.Words(), c.LatencyP50US.Median)
		}
		if c.LatencyP50US.Median > microseconds(atLeast+40*time.Millisecond) {
			late = append(late, fmt.Sprintf("%s: p50 %g", c.Place.Words(), c.LatencyP50US.Median))
		}
		if most := 4 / between.Seconds(); between > 0 && c.RequestsPerS.Median > most*1.3 { // of few, the last ones count whole
			t.Errorf("%s: %g a second, and at most %g could be", c.Place.Words(), c.RequestsPerS.Median, most)
		}
		if c.CPUPerRequestUS.Median == 0 && c.Delay > 0 { // the hop's part is an estimate
			late = append(late, c.Place.Words()+": it took no processor time")
		} else if c.CPUPerRequestUS.Median <= 0 || c.Processes[0].CPUPerRequestUS.Median <= 0 || c.Processes[0].Name != "test" {
			t.Errorf("%s: CPU %+v, %+v", c.Place.Words(), c.CPUPerRequestUS, c.Processes)
		}
		if c.RequestsPerConnection == 1 && c.Delay == 0 && c.TimeWait.Median == 0 {
			late = append(late, c.Place.Words()+": no connection was closed")
		}
	}
	r := New(Settings{}, nil, cells)
	if len(r.BreakEven) != 8 || len(r.Ratios) != 8 || r.Err() != nil {
		t.Errorf("%d break-evens, %d ratios, %v", len(r.BreakEven), len(r.Ratios), r.Err())
	}
	for _, q := range r.Ratios {
		if q.Delay == 0 && q.Idle == 0 && (q.RequestsPerS.Ratio > 0.8 || q.LatencyP50US.Ratio < 1.2) {
			late = append(late, fmt.Sprintf("%+v: the slow one is as fast", q))
		}
	}
	return late
}

const slow5 = 5 * time.Millisecond

// TestEndsEarly: what was measured by then is told, and why there is no more.
func TestEndsEarly(t *testing.T) {
	config := costly{}.serve(t)
	config.Duration = 30 * time.Millisecond
	s := &Sweep{
		Axes: Axes{RequestsPerConnection: []int{1, 0}, Connections: []int{1}, Idle: []Seconds{0}, Delay: []Seconds{0}},
		Plan: get(t), Servers: []replay.Config{config}, Rounds: 2,
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.Progress = func(run, _ int, _ time.Duration) {
		if run == 4 {
			cancel()
		}
	}
	cells, err := s.Run(ctx)
	if !errors.Is(err, context.Canceled) || len(cells) != 2 || len(cells[0].RequestsPerS.Rounds)+len(cells[1].RequestsPerS.Rounds) != 3 {
		t.Errorf("%v, %+v", err, cells)
	}
	nobody, err := loop.ParseAddress("unix:" + t.TempDir() + "/nobody")
	if err != nil {
		t.Fatal(err)
	}
	s.Progress = func(run, _ int, _ time.Duration) {
		if run == 2 {
			s.Servers[0].Target = nobody
		}
	}
	if cells, err := s.Run(t.Context()); err == nil || len(cells) != 1 {
		t.Errorf("nobody answers any more, %v, %+v", err, cells)
	}
}
