package replay

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// Served replays to a simulated server, over a network without delay. Before it answers a
// request of a connection, it calls a function.
func Served(t *testing.T, config Config, p *plan.Plan, before func(l *loop.Loop, connection int, target string)) *Result {
	t.Helper()
	return served(t, simnet.Options{}, config, p, before)
}
