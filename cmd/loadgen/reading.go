package main

import (
	"io"
	"runtime/debug"
	"sync"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/hopwire/hopwire/shared/size"
	"github.com/urfave/cli/v2"
)

// leastMemory is what any packet finds room in.
const leastMemory = 64 << 20

// A reading of recordings keeps the whole process within --memory, and shows on a
// terminal how far it has come.
type reading struct {
	capture.Reading
	percent  int // of garbage, and the limit of memory, before
	limit    int64
	terminal *program.Messages // nil if nobody watches

	mu    sync.Mutex
	ended bool
}

func readingOf(c *cli.Context) (*reading, error) {
	memory, err := size.Parse(c.String("memory"))
	switch {
	case err != nil:
		return nil, program.Usagef("--memory: %w", err)
	case memory < leastMemory:
		return nil, program.Usagef("--memory is at least 64MiB, not %s", c.String("memory"))
	}
	r := &reading{Reading: capture.Reading{Memory: memory, MoreMemory: "raise --memory"}, terminal: program.Terminal(c.App.ErrWriter)}
	// Most of what is held has no pointers, so that collecting garbage often costs
	// little, and nothing else runs yet.
	r.percent, r.limit = debug.SetGCPercent(25), debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(r.limit, memory))
	if r.terminal != nil {
		r.Progress = r.show
	}
	return r, nil
}

func (r *reading) show(read, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		io.WriteString(r.terminal, report.ReadingLine(read, size, r.terminal.Columns()))
	}
}

// end takes the line away, although something may be read still.
func (r *reading) end() {
	debug.SetGCPercent(r.percent)
	debug.SetMemoryLimit(r.limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended = true; r.terminal != nil {
		io.WriteString(r.terminal, report.Cleared())
		r.terminal.Flush()
	}
}
