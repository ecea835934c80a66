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
	GaveWay          // it was idle, all places were taken, and another client waited for one
	OriginAsked      // the origin's own Connection field says so, and was sent on as it was, or came before the end of the request
	ResponseUnframed // only the end of the connection ends the response (RFC 9112 section 6.3)
	Drained          // the program is about to end

	// The client's failures.

	ClientReset      // the client reset the connection
	ClientStalled    // the client took none of the response within the idle timeout
	ClientTooSlow    // the client took the response more slowly than the minimum rate
	RequestTruncated // the stream ended within a request
	RequestStalled   // the rest of a request did not come in time
	RequestTooSlow   // the body of a request came more slowly than the minimum rate
	RequestUnread    // nobody took the rest of the request
	Refused          // the request was refused, and where the next one begins is in doubt

	// The origin's failures.

	OriginStale       // it closed a reused connection, and only the client may send again
	ResponseTruncated // it broke off the response
	ResponseStalled   // the rest of the response did not come in time
	ResponseMalformed // the response's body broke a rule of the grammar

	// The ends of a tunnel, beside ClientReset.

	TunnelEnded // both sides ended their streams
	TunnelIdle  // no byte went by within the tunnel timeout
	TunnelReset // the origin reset it, or did not take all that the client sent

	// The gateway's own.

	Broken // it failed
	CutOff // it was stopped before the exchange had come to its end

	// Causes is how many there are.
	Causes
)

// A closeMode is how a connection is closed.
type closeMode uint8

const (
	// closeQuietly closes after what was written.
	closeQuietly closeMode = iota
	// closeLingering closes so that a response arrives although the client is still
	// sending (RFC 9112 section 9.6).
	closeLingering
	// closeByReset resets, so that nobody takes what was sent for a whole message.
	closeByReset
)

var causes = [Causes]struct {
	name string
	mode closeMode
}{
	Persists:          {"kept", closeQuietly},
	ClientClosed:      {"client-closed", closeQuietly},
	ClientAsked:       {"client-asked", closeLingering},
	ClientIdle:        {"idle-timeout", closeQuietly},
	GaveWay:           {"gave-way", closeQuietly},
	OriginAsked:       {"origin-asked", closeLingering},
	ResponseUnframed:  {"response-until-close", closeLingering},
	Drained:           {"draining", closeLingering},
	ClientReset:       {"client-reset", closeByReset},
	ClientStalled:     {"client-stalled", closeByReset},
	ClientTooSlow:     {"client-too-slow", closeByReset},
	RequestTruncated:  {"request-truncated", closeLingering},
	RequestStalled:    {"request-timeout", closeLingering},
	RequestTooSlow:    {"request-too-slow", closeLingering},
	RequestUnread:     {"request-unread", closeLingering},
	Refused:           {"refused", closeLingering},
	OriginStale:       {"origin-stale", closeLingering},
	ResponseTruncated: {"response-truncated", closeLingering},
	ResponseStalled:   {"response-timeout", closeLingering},
	ResponseMalformed: {"response-malformed", closeLingering},
	TunnelEnded:       {"tunnel-ended", closeQuietly},
	TunnelIdle:        {"tunnel-timeout", closeByReset},
	TunnelReset:       {"tunnel-reset", closeByReset},
	Broken:            {"broken", closeByReset},
	CutOff:            {"cut-off", closeQuietly},
}

func (c Cause) String() string {
	if c < Causes {
		return causes[c].name
	}
	return "unknown"
}
