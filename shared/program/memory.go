package program

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// memoryLooked is how often the program looks at its memory.
	memoryLooked = 20 * time.Second
	// memorySpare is what is not worth giving back.
	memorySpare = 32 << 20
	// memoryQuiet is what a program may allocate between two looks that has little
	// to do.
	memoryQuiet = 4 << 20
)

// ReturnMemory has memory given back to the system after a burst, until ctx is
// cancelled. The runtime does that as it collects garbage, but it collects when a
// program has allocated as much again as it holds; one that serves the little that
// comes after a burst without allocating would keep what the burst took.
func ReturnMemory(ctx context.Context) {
	m := lookAtMemory()
	var look func()
	look = func() {
		if ctx.Err() == nil {
			m.step()
			time.AfterFunc(memoryLooked, look)
		}
	}
	time.AfterFunc(memoryLooked, look)
}

// A memory is how the heap was found.
type memory struct {
	allocated uint64 // since the program began
	held      uint64 // of the system's memory
	free      uint64 // of that, what no object lies in
}

func lookAtMemory() memory {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	free := s[3].Value.Uint64()
	return memory{
		allocated: s[0].Value.Uint64(),
		held:      s[1].Value.Uint64() + s[2].Value.Uint64() + free,
		free:      free,
	}
}

// step gives back what is not needed at a quiet moment. Held stays what was held
// then, and allocated is that of the last look.
func (m *memory) step() {
	now := lookAtMemory()
	due := m.due(now)
	m.allocated = now.allocated
	if due {
		debug.FreeOSMemory()
		*m = lookAtMemory()
	}
}

// due reports whether there may be something to give back: the heap has grown since
// the last time, be it by garbage or not, or a collection has left much of it free.
func (m *memory) due(now memory) bool {
	quiet := now.allocated-m.allocated < memoryQuiet
	return quiet && (now.held > m.held+memorySpare || now.free > memorySpare)
}
