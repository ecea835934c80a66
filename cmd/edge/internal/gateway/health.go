package gateway

import (
	"errors"
	"strings"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// A hearing is what is known of an exchange when it is decided what that says
// about its origin.
type hearing struct {
	stopped   bool // the gateway stopped it
	tunneled  bool // it became a tunnel
	aborted   bool // the client did, or what it sent
	stale     bool // the connection had ended between two requests
	failed    bool // it broke, or was silent for too long
	malformed bool // what came is no valid response
	ended     bool // the response, at its frame's end
}

// decideHealth lets an origin answer for what it does, and for nothing else. A
// 5xx is an answer: it tells of a request, not of whether the next one should go
// elsewhere. With a 101 all is said, too: how tunnels end is not HTTP's.
func decideHealth(h hearing) origins.Verdict {
	switch {
	case h.tunneled:
		return origins.Success
	case h.stopped, h.aborted, h.stale:
		return origins.Unknown
	case h.failed, h.malformed:
		return origins.Failure
	case h.ended:
		return origins.Success
	}
	return origins.Unknown
}

// hearing is what x knows at its end.
func (x *exchange) hearing() hearing {
	return hearing{
		stopped:   x.loop.Stopping(),
		tunneled:  x.tunnel != nil,
		aborted:   x.clientEnded(),
		stale:     x.end == OriginStale,
		failed:    x.originErr != nil,
		malformed: proxyErrors[x.refusal.Error].status >= 502,
		ended:     x.ended,
	}
}

// complaint names what an origin did wrong: before the response's head went on to
// the client, or after.
func (x *exchange) complaint() string {
	if x.refusal.refuses() {
		return words(x.refusal)
	}
	return x.end.String()
}

// words are those of Proxy-Status, to be read in a sentence.
func words(r Refusal) string {
	s := strings.ReplaceAll(r.Error.String(), "_", " ")
	if r.Rule != "" {
		s += " (" + r.Rule + ")"
	}
	return s
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
