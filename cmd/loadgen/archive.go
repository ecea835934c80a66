package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/har"
	"github.com/hopwire/hopwire/shared/capture"
)

// readArchive reads a file that is an HTTP archive; nil: it is none. Only regular files
// are looked into, since what comes out of a pipe cannot be put back.
func readArchive(reading *reading, path string) (*capture.Recording, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(path) // which says what Stat did not like
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if beginning, _ := r.Peek(64); !har.Is(beginning) {
		return nil, nil
	}
	rec, err := har.Read(r, reading.Memory)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}
