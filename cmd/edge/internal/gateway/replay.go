package gateway

import "github.com/hopwire/hopwire/shared/wire"

// An attempt is what is known of a request to an origin that ended without a
// response.
type attempt struct {
	reused   bool // the connection had served another request before
	begun    bool // a byte of a response arrived
	safe     bool // the method is GET, HEAD, OPTIONS or TRACE
	taken    bool // the kernel accepted a byte of the request
	held     bool // the bytes of the request are all still here
	timedOut bool // the origin was silent; a stale connection is not, it ends
}

// A Replay says what is done about an attempt.
type Replay uint8

const (
	// Reported: the client is told of the failure.
	Reported Replay = iota
	// Replayed: the request is sent once more, on a new connection.
	Replayed
	// Abandoned: the client connection is closed without a byte, so that the
	// client may decide by its own rules whether to send again.
	Abandoned
	// Replays is how many there are.
	Replays
)

func (r Replay) String() string { return [...]string{"reported", "replayed", "abandoned"}[r] }

// decideReplay applies RFC 9110 section 9.2.2 and RFC 9112 section 9.3.1 to an
// attempt. An origin may close an idle connection at the very moment at which a
// request is sent on it. That is no failure of the origin, and the client can
// know nothing of it: it never saw that connection. But a request that may have
// had an effect must not have it twice, and a connection that was new cannot
// have been stale.
func decideReplay(a attempt) Replay {
	switch {
	case !a.reused, a.begun, a.timedOut:
		return Reported
	case a.taken && !a.safe:
		return Abandoned
	case !a.held:
		return Abandoned
	}
	return Replayed
}

// isSafe reports whether the method asks for no change, so that sending it twice
// has the effect of sending it once (RFC 9110 section 9.2.1).
func isSafe(h *wire.RequestHead) bool {
	return h.Is("GET") || h.Is("HEAD") || h.Is("OPTIONS") || h.Is("TRACE")
}
