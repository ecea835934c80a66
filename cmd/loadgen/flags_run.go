package main

import (
	"context"
	"slices"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
	"github.com/hopwire/hopwire/shared/program"
	"github.com/urfave/cli/v2"
)

func targetFlag() cli.Flag {
	return &cli.StringFlag{Name: "target", Usage: "send to `ADDRESS`, host:port, https://host:port or unix:/path", DefaultText: "the URL's host and port"}
}

// recordingFlags say what is read of recordings.
func recordingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "hop", Value: "client", Usage: "of a recording with both, take the requests of the `HOP` client or origin"},
		&cli.StringSliceFlag{Name: "server", Usage: "of a capture with several servers, take the requests to `HOST:PORT`, the recorded " +
			"address, or :PORT; may be given several times", DefaultText: "the only one"},
		&cli.StringFlag{Name: "memory", Value: "3GiB", Usage: "read recordings within `SIZE` of memory, at least 64MiB"},
	}
}

// patienceFlags say how long is waited, and what is tried again.
func patienceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "a response that is not whole after `DURATION` has failed"},
		&cli.DurationFlag{Name: "grace", Value: time.Second, Usage: "when the run is over, wait `DURATION` for the responses to what was sent"},
		&cli.StringFlag{Name: "retry", Value: "stale", Usage: "what to send again, `WHAT` is none or stale: what met a connection that the server had closed"},
		&cli.BoolFlag{Name: "no-backoff", Usage: "do not pause after failures, as long as 5 ms to 500 ms"},
	}
}

// checkPatience checks what patienceFlags have said.
func checkPatience(c *cli.Context, config *replay.Config) error {
	switch {
	case config.Timeout <= 0:
		return program.Usagef("--timeout is longer than 0, not %s", config.Timeout)
	case config.Grace < 0:
		return program.Usagef("--grace is 0 or longer, not %s", config.Grace)
	case !slices.Contains([]string{"none", "stale"}, c.String("retry")):
		return program.Usagef("--retry is none or stale, not %q", c.String("retry"))
	}
	return nil
}

// orSignal does what a signal is to end, although it may wait for others.
func orSignal[T any](ctx context.Context, do func() (T, error)) (value T, err error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.value, o.err = do()
		done <- o
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return value, ctx.Err()
	}
}
