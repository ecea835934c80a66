package gateway

// A Cause says what became of a client connection after an exchange, or why it
// was closed.
type Cause uint8

const (
	// Persists: the connection waits for its next request.
	Persists Cause = iota

	// The ordinary ends.

	ClientClosed     // the client closed it between two requests
	ClientAsked      // the client does not want it to persist (RFC 9112 section 9.3)
	ClientIdle       // no request came within the idle timeout
	OriginAsked      // the origin's own Connection field, sent on as it was, says so
	ResponseUnframed // only the end of the connection ends the response (RFC 9112 section 6.3)
	Drained          // the program is about to end

	// The client's failures.

	ClientReset      // the client reset the connection
	ClientStalled    // the client took none of the response within the idle timeout
	ClientTooSlow    // the client took the response more slowly than the minimum rate
	RequestTruncated // the stream ended within a request
	RequestStalled   // the rest of a request did not come in time
	RequestTooSlow   // the body of a request came more slowly than the minimum rate
	RequestUnread    // more of the request was left than is worth reading
	Refused          // the request was refused, and where the next one begins is in doubt

	// The origin's failures.

	OriginStale       // it closed a reused connection, and only the client may send again
	ResponseTruncated // it broke off the response
	ResponseStalled   // the rest of the response did not come in time
	ResponseMalformed // the response's body broke a rule of the grammar

	// The ends of a tunnel, beside ClientReset.

	TunnelEnded // both sides ended their streams
	TunnelIdle  // no octet went by within the tunnel timeout
	TunnelReset // the origin reset it, or did not take all that the client sent

	// The gateway's own.

	Broken // it failed
	CutOff // it was stopped before the exchange had come to its end

	// Causes is how many there are.
	Causes
)

// An ending is how a connection is closed.
type ending uint8

const (
	// quietly closes after what was written.
	quietly ending = iota
	// lingering closes so that a response arrives although the client is still
	// sending (RFC 9112 section 9.6).
	lingering
	// abruptly resets, so that nobody takes what was sent for a whole message.
	abruptly
)

var causes = [Causes]struct {
	name   string
	ending ending
}{
	Persists:          {"kept", quietly},
	ClientClosed:      {"client-closed", quietly},
	ClientAsked:       {"client-asked", lingering},
	ClientIdle:        {"idle-timeout", quietly},
	OriginAsked:       {"origin-asked", lingering},
	ResponseUnframed:  {"response-until-close", lingering},
	Drained:           {"draining", lingering},
	ClientReset:       {"client-reset", abruptly},
	ClientStalled:     {"client-stalled", abruptly},
	ClientTooSlow:     {"client-too-slow", abruptly},
	RequestTruncated:  {"request-truncated", lingering},
	RequestStalled:    {"request-timeout", lingering},
	RequestTooSlow:    {"request-too-slow", lingering},
	RequestUnread:     {"request-unread", lingering},
	Refused:           {"refused", lingering},
	OriginStale:       {"origin-stale", quietly},
	ResponseTruncated: {"response-truncated", abruptly},
	ResponseStalled:   {"response-timeout", abruptly},
	ResponseMalformed: {"response-malformed", abruptly},
	TunnelEnded:       {"tunnel-ended", quietly},
	TunnelIdle:        {"tunnel-timeout", abruptly},
	TunnelReset:       {"tunnel-reset", abruptly},
	Broken:            {"broken", abruptly},
	CutOff:            {"cut-off", abruptly},
}

func (c Cause) String() string {
	if c < Causes {
		return causes[c].name
	}
	return "unknown"
}
