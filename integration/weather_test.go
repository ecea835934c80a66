package integration

import (
	"context"
	"testing"
	"time"

	"github.com/hopwire/hopwire/integration/internal/servers"
	"github.com/hopwire/hopwire/integration/internal/weather"
	"github.com/hopwire/hopwire/shared/wiretest"
)

// fewer scales a number of requests down when the race detector makes each of
// them some ten times as dear.
func fewer(n int) int {
	if wiretest.RaceDetector {
		return n / 5
	}
	return n
}

// weathered sends requests through an edge to an origin whose climate is that. It
// returns what clients and origin saw, and how many requests edge sent twice.
func weathered(t *testing.T, climate weather.Climate, load weather.Load) (weather.Tally, weather.Report, int64) {
	t.Helper()
	const seed = 1
	load.Clients, load.Octets, load.Seed = 64, 64, seed
	origin, err := weather.NewOrigin(climate, load.Requests, load.Octets, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(origin.Close)
	var log weather.Log
	cmd := command("edge", "--listen", "127.0.0.1:0", "--origin", origin.Addr(), "--access-log", "-")
	cmd.Stdout = &log
	edge := startListening(t, cmd)
	load.Gateway = edge.Addr
	tally := load.Run(t.Context())
	if err := edge.Stop(patience); err != nil {
		t.Error(err)
	}
	if log.Lines() != int64(load.Requests) {
		t.Errorf("%d lines in the log of %d requests", log.Lines(), load.Requests)
	}
	return tally, origin.Report(), log.Replayed()
}

// sweep calls test with an origin's idle times from far below the gap between
// requests to far above.
func sweep(t *testing.T, test func(t *testing.T, climate weather.Climate, gap time.Duration)) {
	const gap = 10 * time.Millisecond
	for _, idle := range []time.Duration{gap / 2, gap * 9 / 10, gap * 11 / 10, gap * 4} {
		t.Run(idle.String(), func(t *testing.T) {
			test(t, weather.Climate{Idle: idle, Strikes: 0.1}, gap)
		})
	}
}

// No client notices that a connection to the origin was stale when its GET was
// sent there.
func TestStaleConnectionsGoUnnoticed(t *testing.T) {
	var met int64
	sweep(t, func(t *testing.T, climate weather.Climate, gap time.Duration) {
		tally, report, replayed := weathered(t, climate, weather.Load{Requests: fewer(5000), Gap: gap})
		if tally.Errors() > 0 {
			t.Errorf("clients saw %v", tally)
		}
		if replayed < report.Struck() {
			t.Errorf("the origin closed at %d requests, of which edge sent %d again", report.Struck(), replayed)
		}
		met += replayed
	})
	if want := int64(fewer(500)); met < want {
		t.Errorf("%d requests met a stale connection: with fewer than %d nothing is shown", met, want)
	}
}

// A POST is executed once, or the client is left to its own rules, which it is by
// the end of its connection without an octet.
func TestNoPostIsExecutedTwice(t *testing.T) {
	var met int64
	sweep(t, func(t *testing.T, climate weather.Climate, gap time.Duration) {
		tally, report, _ := weathered(t, climate, weather.Load{Requests: fewer(2000), Gap: gap, Posts: true})
		if n := tally.Errors() - tally.WithoutOctet(); n > 0 {
			t.Errorf("clients saw %v", tally)
		}
		if report.Duplicates > 0 || report.Garbled > 0 {
			t.Errorf("of %d posts %d were executed again, and %d were not as they had been sent", tally.Sum(), report.Duplicates, report.Garbled)
		}
		if report.Executed < tally[weather.Answered] {
			t.Errorf("%d posts were answered, and %d executed", tally[weather.Answered], report.Executed)
		}
		if tally.WithoutOctet() < report.Struck() {
			t.Errorf("the origin closed at %d posts, and clients saw %v", report.Struck(), tally)
		}
		met += tally.WithoutOctet()
	})
	if want := int64(fewer(200)); met < want {
		t.Errorf("%d posts met a stale connection: with fewer than %d nothing is shown", met, want)
	}
}

// No answer is lost to a client that is still uploading: not the origin's, however
// early it comes, nor edge's own. An origin that reads on gets all of the upload.
func TestEarlyAnswersArrive(t *testing.T) {
	const uploads = 4
	for i := range weather.EarlyAnswers {
		e := &weather.EarlyAnswers[i]
		t.Run(e.Name, func(t *testing.T) {
			origin, err := e.Start(uploads)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(origin.Close)
			edge := startListening(t, command("edge", "--listen", "127.0.0.1:0", "--origin", origin.Addr()))
			load := weather.Uploads{Gateway: edge.Addr, Early: e, Clients: 2, Uploads: uploads}
			seen := load.Run(t.Context())
			if err := edge.Stop(patience); err != nil {
				t.Error(err)
			}
			if seen.Tally[weather.Answered] < uploads || seen.Unusable > 0 {
				t.Errorf("of %d clients who upload all before they read: %v", uploads, &seen)
			}
			origin.Close() // which waits for the last upload to be counted
			if n := origin.Report().Garbled; n > 0 {
				t.Errorf("the origin got %d of %d uploads not to the end", n, uploads)
			}
		})
	}
}

// A gateway that is replaced under load loses no request.
func TestReplacingLosesNothing(t *testing.T) {
	const idle = time.Second
	replaced(t, 3, idle, idle, func(r weather.Round) {
		if r.Lost() > 0 {
			t.Errorf("of %d requests %d were lost: %q", r.Answered+r.Lost(), r.Lost(), r.Losses)
		}
		if r.Answered == 0 || r.Told == 0 {
			t.Errorf("%d requests were answered, %d as the last of their connection: nothing is shown", r.Answered, r.Told)
		}
	})
}

// What is shown depends on clients that are idle for a while: they notice one that
// has no patience with them.
func TestHastyReplacingIsNoticed(t *testing.T) {
	replaced(t, 1, time.Second, 10*time.Millisecond, func(r weather.Round) {
		if r.Gone == 0 {
			t.Errorf("no client was idle for long enough: %+v", r)
		}
	})
}

// replaced replaces an edge under load, whose clients are idle for up to 7 tenths
// of idle.
func replaced(t *testing.T, rounds int, idle, drainIdle time.Duration, each func(weather.Round)) {
	t.Helper()
	origin, err := weather.NewOrigin(weather.Climate{}, weather.DrainIDs, weather.DrainOctets, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(origin.Close)
	d := weather.Drains{Rounds: rounds, Idle: idle, Clients: 8, Seed: 1,
		Start: func(listen string) (*servers.Server, error) {
			p := start(t, "edge", command("edge", "--listen", listen, "--origin", origin.Addr(), "--drain-idle", drainIdle.String()))
			addr, err := p.Listening(patience)
			return &servers.Server{Process: p, Addr: addr}, err
		}}
	if err := d.Run(t.Context(), each); err != nil {
		t.Error(err)
	}
}

// Clients that break off in the middle harm no others.
func TestSoakedServersAnswer(t *testing.T) {
	root := t.TempDir()
	if err := weather.WriteSoakSite(root); err != nil {
		t.Fatal(err)
	}
	origin := startOrigin(t, root)
	edge := startEdge(t, origin.Addr)
	for name, s := range map[string]*server{"origin": origin, "edge": edge} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			crowd := weather.Soak{Gateway: s.Addr, Clients: 4, Seed: 1}
			seen := crowd.Run(ctx)
			if seen.Errors() > 0 {
				t.Errorf("clients saw %v", seen.Tally)
			}
			if seen.Tally[weather.Answered] == 0 || seen.Aborted == 0 {
				t.Errorf("of %d requests %d were left in the middle: nothing is shown", seen.Sum(), seen.Aborted)
			}
		})
	}
}
