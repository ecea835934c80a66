package gateway

import (
	"errors"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// A conduct is how an origin behaved in an exchange, as far as that is known when
// it is decided what it says about the origin.
type conduct struct {
	stopped   bool // the gateway stopped the exchange
	tunneled  bool // it became a tunnel
	givenUp   bool // by no doing of the origin's
	stale     bool // the connection had ended between two requests
	failed    bool // it broke, or was silent for too long
	malformed bool // what came is no valid response
	complete  bool // the response came to its frame's end
}

// decideHealth lets an origin answer for what it does, and for nothing else. A
// 5xx is an answer: it tells of a request, not of whether the next one should go
// elsewhere. With a 101 all is said, too: how tunnels end is not HTTP's.
func decideHealth(c conduct) origins.Verdict {
	switch {
	case c.tunneled:
		return origins.Success
	case c.stopped, c.givenUp, c.stale:
		return origins.Unknown
	case c.failed, c.malformed:
		return origins.Failure
	case c.complete:
		return origins.Success
	}
	return origins.Unknown
}

// connectVerdict is that on a connection which was not made. Want of descriptors
// or ports is the gateway's own.
func connectVerdict(err error) origins.Verdict {
	for _, own := range [...]error{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, loop.ErrStopped} {
		if errors.Is(err, own) {
			return origins.Unknown
		}
	}
	return origins.Failure
}
