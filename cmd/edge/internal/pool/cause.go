package pool

// A Cause says why an origin connection is no longer in use: it was kept for
// the next request, or it was closed, and by which rule.
type Cause uint8

const (
	// Kept: the connection waits in the pool.
	Kept Cause = iota

	// At the end of an exchange.

	RequestUnfinished  // the request was not written whole
	ResponseUnfinished // the response did not come to its frame's end
	ResponseEarly      // the response came to its end before the request was written
	Excess             // the origin sent octets behind the response
	RequestCloses      // the request as sent ends the connection
	ResponseCloses     // the response ends the connection
	Aged               // older than Limits.Age
	Used               // has served Limits.Uses requests
	Draining           // the program is about to end
	Aborted            // given up together with the exchange
	Failed             // the origin reset it or let it time out, or it broke
	Removed            // the origin is no longer one of those that requests go to; while idle too
	Tunneled           // it became a tunnel, which came to its end

	// While idle.

	Ended     // the origin closed it
	Dirty     // the origin sent octets that answer nothing
	Reset     // the origin reset it
	Expired   // unused for longer than Limits.Idle
	Announced // unused for nearly as long as the origin said that it keeps it (Keep-Alive)
	Displaced // the oldest, when one more came than Limits.Max
	MadeRoom  // a request needed a new connection, and there was to be none beside it

	// Causes is how many there are.
	Causes
)

var causeNames = [Causes]string{
	Kept:               "kept",
	RequestUnfinished:  "request-unfinished",
	ResponseUnfinished: "response-unfinished",
	ResponseEarly:      "response-early",
	Excess:             "bytes-behind-response",
	RequestCloses:      "request-closes",
	ResponseCloses:     "response-closes",
	Aged:               "max-age",
	Used:               "max-uses",
	Draining:           "draining",
	Aborted:            "aborted",
	Failed:             "failed",
	Removed:            "origin-removed",
	Tunneled:           "tunnel-ended",
	Ended:              "ended-while-idle",
	Dirty:              "bytes-while-idle",
	Reset:              "reset-while-idle",
	Expired:            "idle-timeout",
	Announced:          "keep-alive-timeout",
	Displaced:          "pool-full",
	MadeRoom:           "made-room",
}

func (c Cause) String() string {
	if c < Causes {
		return causeNames[c]
	}
	return "unknown"
}

// Resets reports whether a connection with this end is reset, so that an origin
// which still sends what nobody will read, or works on what nobody waits for, is
// told to stop.
func (c Cause) Resets() bool {
	switch c {
	case RequestUnfinished, ResponseUnfinished, Aborted, Failed:
		return true
	}
	return false
}
