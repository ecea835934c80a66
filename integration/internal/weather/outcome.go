package weather

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// An Outcome is what a client saw of one request.
type Outcome uint8

const (
	// Answered: the response that belongs to the request, whole.
	Answered Outcome = iota
	// Closed: an end of stream, before any octet of a response.
	Closed
	// Reset: a reset, before any octet of a response.
	Reset
	// Failed: a response whose status is 500 or above.
	Failed
	// Wrong: any other response, or what is none.
	Wrong
	// Cut: a response that ended within.
	Cut
	// Silent: no octet, or no more of them, in 10 seconds.
	Silent
	// Unconnected: there was no connection to send it on.
	Unconnected
	// Outcomes is how many there are.
	Outcomes
)

var outcomeNames = [Outcomes]string{"answered", "closed", "reset", "5xx", "wrong", "cut", "silent", "unconnected"}

func (o Outcome) String() string { return outcomeNames[o] }

// A Tally counts outcomes.
type Tally [Outcomes]int64

// Add adds another tally.
func (t *Tally) Add(u Tally) {
	for i, n := range u {
		t[i] += n
	}
}

// Sum is the number of requests.
func (t Tally) Sum() (n int64) {
	for _, m := range t {
		n += m
	}
	return n
}

// WithoutOctet is the number of requests whose connection ended before any octet
// of a response, so that the client may decide by its own rules whether to send
// again (RFC 9110 section 9.2.2).
func (t Tally) WithoutOctet() int64 { return t[Closed] + t[Reset] }

// Errors is the number of requests that were not answered.
func (t Tally) Errors() int64 { return t.Sum() - t[Answered] }

// String lists what is not zero.
func (t Tally) String() string {
	var parts []string
	for o, n := range t {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, Outcome(o)))
		}
	}
	return strings.Join(parts, ", ")
}

// withoutOctet is the outcome of a request after which nothing could be read.
func withoutOctet(err error) Outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Silent
	case errors.Is(err, io.EOF):
		return Closed
	}
	return Reset
}

// within is the outcome of a response that could not be read to its end.
func within(err error) Outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Silent
	case errors.Is(err, errSyntax):
		return Wrong
	}
	return Cut
}
