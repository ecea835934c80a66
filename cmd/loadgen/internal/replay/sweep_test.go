package replay_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/sweep"
	"github.com/hopwire/hopwire/shared/loop"
)

// TestBreakEvenOfACostlyServer: if each connection costs 5 ms and each request s, a request
// takes s + 5 ms/N, and connections that are kept for ever gain 5 ms/(N s), which is 5 %
// where N s is 100 ms. A user who is idle meanwhile makes s longer.
func TestBreakEvenOfACostlyServer(t *testing.T) {
	t.Parallel()
	const connection = 5 * time.Millisecond
	for _, test := range []struct {
		request, idle  time.Duration
		moreThan, upTo int // that were measured: 0 stands for none
	}{
		{time.Millisecond, 0, 64, 128},    // 100
		{4 * time.Millisecond, 0, 16, 32}, // 25
		{10 * time.Millisecond, 0, 8, 16}, // 10
		{30 * time.Millisecond, 0, 2, 4},  // 3.3
		{time.Millisecond, 29 * time.Millisecond, 2, 4},
		{200 * time.Millisecond, 0, 0, 1}, // 0.5
	} {
		s := &sweep.Sweep{
			Axes: sweep.Axes{
				RequestsPerConnection: []int{1, 2, 4, 8, 16, 32, 64, 128, 0}, Connections: []int{16},
				Idle: []sweep.Seconds{sweep.Seconds(test.idle)}, Delay: []sweep.Seconds{0},
			},
			Servers: []replay.Config{{Duration: 300 * (test.request + test.idle), Grace: time.Second}}, Rounds: 1,
			Replay: func(_ context.Context, p *plan.Plan, config replay.Config) (*replay.Result, error) {
				known := map[int]bool{}
				return replay.Served(t, config, p, func(l *loop.Loop, number int, _ string) {
					if !known[number] {
						known[number] = true
						l.Sleep(connection)
					}
					l.Sleep(test.request)
				}), nil
			},
		}
		var err error
		if s.Plan, err = plan.FromURL("http://h/"); err != nil {
			t.Fatal(err)
		}
		cells, err := s.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := sweep.New(sweep.Settings{}, nil, cells).BreakEven[0]
		if got := [2]int{number(b.MoreThan), number(b.AtMost)}; got != [2]int{test.moreThan, test.upTo} {
			t.Errorf("requests of %s, idle for %s: between %v, %+v", test.request, test.idle, got, b.Gains)
		}
		for _, g := range b.Gains {
			want := connection.Seconds() / (test.request + test.idle).Seconds() / float64(g.RequestsPerConnection)
			if math.Abs(g.Gain-want) > 0.01+0.05*want {
				t.Errorf("requests of %s, idle for %s: %.4f is gained over %d, and not %.4f", test.request, test.idle, g.Gain, g.RequestsPerConnection, want)
			}
		}
	}
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
