package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// A follower reads a file that is still being written, until its context ends: where
// the file does, it waits for more. When a further file of the recording is there,
// NAME.1 and so on, it goes on in that; the recorder begins one when the file before
// it is complete.
type follower struct {
	ctx  context.Context
	name string
	n    int // of the file that is read
	file *os.File
}

func follow(ctx context.Context, name string) (*follower, error) {
	f, err := os.Open(name)
	return &follower{ctx: ctx, name: name, file: f}, err
}

// lookAgain is how long a follower waits before it looks for more.
const lookAgain = 100 * time.Millisecond

func (f *follower) Read(p []byte) (int, error) {
	for {
		next, missing := os.Open(fmt.Sprintf("%s.%d", f.name, f.n+1)) // before the end of this one is looked for
		n, err := f.file.Read(p)
		if n > 0 || err != io.EOF {
			if missing == nil {
				next.Close()
			}
			return n, err
		}
		if missing == nil {
			f.file.Close()
			f.file, f.n = next, f.n+1
			continue
		}
		select {
		case <-f.ctx.Done():
			return 0, io.EOF
		case <-time.After(lookAgain):
		}
	}
}

func (f *follower) Close() error { return f.file.Close() }
