package gateway

import (
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/edge/internal/accesslog"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

var (
	morePlays = flag.Uint64("plays", 1, "how many times as many plays to try")
	oneSeed   = flag.Uint64("seed", 0, "the seed of TestOnePlay")
	oneWorld  = flag.String("world", "", "the world of TestOnePlay: rough, closing (rough, with origins that close) or hostile")
)

// A roughened network loses nothing, so with origins that do not close either,
// every request is answered.
func TestPlaysInRoughWorlds(t *testing.T) {
	for seed := range seeds(100) {
		p, err := stage(seed, simnet.Rough(seed), false, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if p.tally.broken > 0 || p.tally.refused > 0 {
			t.Fatalf("seed %d: %+v", seed, p.tally)
		}
	}
}

// Origins that close when they like make pooled connections stale. Only requests
// that are not safe may come to nothing.
func TestPlaysWithClosingOrigins(t *testing.T) {
	for seed := range seeds(100) {
		if _, err := stage(seed, simnet.Rough(seed), true, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestPlaysInHostileWorlds(t *testing.T) {
	var all tally
	for seed := range seeds(300) {
		p, err := stage(seed, simnet.Hostile(seed), seed%2 == 0, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		all.answered += p.tally.answered
		all.refused += p.tally.refused
		all.broken += p.tally.broken
	}
	if all.answered == 0 || all.refused == 0 || all.broken == 0 {
		t.Errorf("the worlds were not hostile, or nothing but: %+v", all)
	}
}

func TestOneSeedIsOnePlay(t *testing.T) {
	for seed := range seeds(20) {
		a, _ := stage(seed, simnet.Hostile(seed), true, nil)
		b, _ := stage(seed, simnet.Hostile(seed), true, nil)
		if a.world.Digest() != b.world.Digest() || a.world.Steps() != b.world.Steps() {
			t.Fatalf("seed %d: %d steps and %d steps", seed, a.world.Steps(), b.world.Steps())
		}
	}
}

// seeds is how many plays to try.
func seeds(n uint64) uint64 {
	if testing.Short() || raceDetector {
		return n / 10
	}
	return n * *morePlays
}

// TestOnePlay shows what happens in a play, step by step, with the access log at
// the end:
//
//	go test -run OnePlay -v -world hostile -seed 48
func TestOnePlay(t *testing.T) {
	worlds := map[string]func(uint64) simnet.Options{
		"rough": simnet.Rough, "closing": simnet.Rough, "hostile": simnet.Hostile,
	}
	options, ok := worlds[*oneWorld]
	if !ok {
		t.Skip("no -world to look at")
	}
	var lines strings.Builder
	log := accesslog.New(struct {
		io.Writer
		io.Closer
	}{&lines, io.NopCloser(nil)})
	o := options(*oneSeed)
	o.History = func(s simnet.Step) { t.Log(s) }
	closes := *oneWorld == "closing" || *oneWorld == "hostile" && *oneSeed%2 == 0
	p, err := stage(*oneSeed, o, closes, log)
	p.server.Flush()
	log.Close()
	t.Logf("%s%+v", lines.String(), p.tally)
	if err != nil {
		t.Error(err)
	}
}
