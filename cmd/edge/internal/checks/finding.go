package checks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

// A Verdict is how a check ended.
type Verdict uint8

const (
	Passed      Verdict = iota // a whole response with a status of 2xx or 3xx
	Unreachable                // no connection could be made
	TimedOut                   // the time was over before the response was there
	Malformed                  // what came is no response, or not all of one
	Unwell                     // another status
	// Verdicts is how many there are.
	Verdicts
)

func (v Verdict) String() string {
	return [...]string{"passed", "unreachable", "timed-out", "malformed", "unwell"}[v]
}

// A Finding is a verdict with what led to it.
type Finding struct {
	Verdict Verdict
	Status  int           // of an Unwell response
	Timeout time.Duration // that was over
	Err     error         // of an Unreachable or Malformed one
}

// String says what the check found, in words that go behind the origin's name.
func (f Finding) String() string {
	switch f.Verdict {
	case Unreachable:
		return fmt.Sprintf("the check could not connect: %v", f.Err)
	case TimedOut:
		return fmt.Sprintf("the check got no whole response within %v", f.Timeout)
	case Malformed:
		return fmt.Sprintf("the check got no valid response: %v", f.Err)
	case Unwell:
		return fmt.Sprintf("the check was answered %d %s", f.Status, wire.StatusText(f.Status))
	}
	return "the check passed"
}

// judge is the finding about a whole head. Redirections count as well: an origin
// that sends its visitors to a login page does what it should.
func judge(h *wire.ResponseHead) Finding {
	if h.Status >= 200 && h.Status < 400 {
		return Finding{Verdict: Passed}
	}
	return Finding{Verdict: Unwell, Status: h.Status}
}

// failed is the finding when there was no connection, or it or what came on it was
// no good, unless that was a matter of time.
func failed(verdict Verdict, err error, timeout time.Duration) Finding {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Finding{Verdict: TimedOut, Timeout: timeout}
	case errors.Is(err, io.EOF):
		err = errEnded
	}
	return Finding{Verdict: verdict, Err: cause(err)}
}

// cause is the kernel's error without the addresses, which the reader of a
// finding knows.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

var (
	errEnded    = errors.New("the stream ended before the response did")
	errTooLarge = errors.New("the response's head is too large")
)
