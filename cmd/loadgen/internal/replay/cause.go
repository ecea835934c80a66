package replay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/hopwire/hopwire/shared/loop"
)

// A Cause says why a request failed. Its String is a stable name, for reports.
type Cause uint8

// The causes. Answered is none: the response arrived and is what it should be.
const (
	Answered Cause = iota
	// ConnectRefused, ConnectTimeout, ConnectFailed: no connection could be
	// opened to send the request on.
	ConnectRefused
	ConnectTimeout
	ConnectFailed
	// TLSHandshake: what was opened came to no TLS. Certificate: nor was the server
	// trusted to be the one that was meant.
	TLSHandshake
	Certificate
	// OutOfPorts, OutOfFiles, OutOfMemory: nor was one asked for, since this
	// machine or what it allows to this program did not suffice.
	OutOfPorts
	OutOfFiles
	OutOfMemory
	// Timeout: the response was not whole in time.
	Timeout
	// ClosedBeforeResponse: the connection ended before a byte of a response.
	ClosedBeforeResponse
	// ClosedInResponse: the connection ended within a response.
	ClosedInResponse
	// BadResponse: the response breaks the grammar or framing of HTTP/1.1.
	BadResponse
	// ExcessOctets: more bytes arrived than the response has.
	ExcessOctets
	// StatusMismatch, HeadMismatch, ContentMismatch: not what was recorded.
	StatusMismatch
	HeadMismatch
	ContentMismatch
	// Abandoned: the run ended while the request was under way. It counts
	// neither as a request nor as an error.
	Abandoned
	// Unsent: the run ended before anything was done about the request.
	Unsent

	causes // how many there are
)

var causeNames = [causes]string{
	Answered:             "answered",
	ConnectRefused:       "connect-refused",
	ConnectTimeout:       "connect-timeout",
	ConnectFailed:        "connect-failed",
	TLSHandshake:         "tls-handshake",
	Certificate:          "certificate",
	OutOfPorts:           "out-of-ports",
	OutOfFiles:           "out-of-files",
	OutOfMemory:          "out-of-memory",
	Timeout:              "timeout",
	ClosedBeforeResponse: "closed-before-response",
	ClosedInResponse:     "closed-in-response",
	BadResponse:          "bad-response",
	ExcessOctets:         "excess-bytes",
	StatusMismatch:       "status-mismatch",
	HeadMismatch:         "head-mismatch",
	ContentMismatch:      "content-mismatch",
	Abandoned:            "abandoned",
	Unsent:               "unsent",
}

// String is the cause's name, such as "connect-refused".
func (c Cause) String() string { return causeNames[c] }

var causeMeanings = [causes]string{
	Answered:             "the response is as it should be",
	ConnectRefused:       "the server refuses connections",
	ConnectTimeout:       "no connection in time",
	ConnectFailed:        "no connection could be opened",
	TLSHandshake:         "no TLS with the server",
	Certificate:          "the server's is not accepted",
	OutOfPorts:           "no port of ours is free",
	OutOfFiles:           "we may open no more files",
	OutOfMemory:          "our kernel has no memory left",
	Timeout:              "no whole response in time",
	ClosedBeforeResponse: "the end instead of a response",
	ClosedInResponse:     "the end within a response",
	BadResponse:          "not valid HTTP/1.1",
	ExcessOctets:         "bytes behind the response",
	StatusMismatch:       "not the recorded status",
	HeadMismatch:         "not the recorded head",
	ContentMismatch:      "not the recorded content",
	Abandoned:            "the run was over",
	Unsent:               "the run was over before",
}

// Meaning says in a few words what the cause is.
func (c Cause) Meaning() string { return causeMeanings[c] }

// Causes lists every cause of a failed request, in the order of an exchange.
func Causes() []Cause {
	var all []Cause
	for c := ConnectRefused; c < Abandoned; c++ {
		all = append(all, c)
	}
	return all
}

// A failure is why an exchange did not succeed; its zero value says that it
// did. It is a value, not an error, so that success costs nothing.
type failure struct {
	cause Cause
	err   error // what was seen, for the explanation
}

// connectFailure judges what Dial returned.
func connectFailure(err error) failure {
	switch {
	case ended(err):
		return failure{Abandoned, err}
	case errors.Is(err, syscall.ECONNREFUSED):
		return failure{ConnectRefused, err}
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return failure{ConnectTimeout, err}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return failure{OutOfPorts, err}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return failure{OutOfFiles, err}
	case errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
		return failure{OutOfMemory, err}
	}
	return failure{ConnectFailed, err}
}

// remedies say what to do about what is ours.
var remedies = [causes]string{
	OutOfPorts:  "this machine has no address or port left to connect from: keep connections alive, have fewer, or widen net.ipv4.ip_local_port_range",
	OutOfFiles:  "this program may open no more files: raise 'ulimit -n', or use fewer connections",
	OutOfMemory: "this machine's kernel has no memory for more connections: use fewer",
}

// Ours says that the cause lies on this side of the connection, so that nothing is
// said about the server.
func (c Cause) Ours() bool { return remedies[c] != "" }

// ioFailure judges what a read or write returned after received bytes of the
// response had arrived. A reset, a broken pipe and an end of stream tell the
// same story; which one it was is a matter of timing.
func ioFailure(err error, received int64) failure {
	var op *net.OpError
	if err == io.EOF {
		err = errors.New("the server closed the connection")
	} else if errors.As(err, &op) {
		err = op.Err // without the addresses, which tell connections with one fault apart
	}
	switch {
	case ended(err):
		return failure{Abandoned, err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failure{Timeout, fmt.Errorf("%d bytes of the response arrived", received)}
	case received == 0:
		return failure{ClosedBeforeResponse, err}
	}
	return failure{ClosedInResponse, fmt.Errorf("%w after %d bytes", err, received)}
}

// ended says that a wait returned because the run is over.
func ended(err error) bool {
	return errors.Is(err, loop.ErrStopped) || errors.Is(err, net.ErrClosed)
}
