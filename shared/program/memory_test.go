package program

import "testing"

// keep holds what a burst takes, until it is over.
var keep [][]byte

func TestMemoryOfABurstIsReturned(t *testing.T) {
	m := lookAtMemory()
	before := m.held
	for range 1000 {
		keep = append(keep, make([]byte, 100<<10))
	}
	m.step()
	if m.held != before {
		t.Error("memory is given back while the program takes more")
	}
	keep = nil
	m.step()
	if now := lookAtMemory(); now.held > before+memorySpare {
		t.Errorf("before the burst %d bytes were held, and after it %d", before, now.held)
	}
}

func TestWhenMemoryIsReturned(t *testing.T) {
	const mb = 1 << 20
	m := memory{allocated: 1000 * mb, held: 50 * mb}
	for _, test := range []struct {
		name string
		now  memory
		want bool
	}{
		{"nothing has changed", m, false},
		{"a little more", memory{1003 * mb, 60 * mb, 10 * mb}, false},
		{"grown", memory{1003 * mb, 100 * mb, 0}, true},
		{"growing", memory{1100 * mb, 100 * mb, 0}, false},
		{"collected", memory{1001 * mb, 50 * mb, 40 * mb}, true},
		{"collected under load", memory{1100 * mb, 50 * mb, 40 * mb}, false},
	} {
		if got := m.due(test.now); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
