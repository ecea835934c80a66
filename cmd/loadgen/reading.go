package main

import (
	"io"
	"runtime/debug"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

// leastMemory is what any packet finds room in.
const leastMemory = 64 << 20

// A reading of recordings keeps the whole process within --memory, and shows on a
// terminal how far it has come.
type reading struct {
	capture.Reading
	end func()
}

func readingOf(c *cli.Context) (*reading, error) {
	memory, err := program.ParseSize(c.String("memory"))
	switch {
	case err != nil:
		return nil, program.Usagef("--memory: %w", err)
	case memory < leastMemory:
		return nil, program.Usagef("--memory is at least 64MiB, not %s", c.String("memory"))
	}
	r := &reading{Reading: capture.Reading{Memory: memory, MoreMemory: "raise --memory"}}
	// Most of what is held has no pointers, so that collecting garbage often costs
	// little, and nothing else runs yet.
	percent, limit := debug.SetGCPercent(25), debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(min(limit, memory))
	terminal := program.Terminal(c.App.ErrWriter)
	if terminal != nil {
		r.Progress = func(read, size int64) { io.WriteString(terminal, report.ReadingLine(read, size, terminal.Columns())) }
	}
	r.end = func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		if terminal != nil {
			io.WriteString(terminal, report.Cleared())
			terminal.Flush()
		}
	}
	return r, nil
}
