package pool

import "time"

// Limits bound what a pool keeps. Zero in any field means no bound.
type Limits struct {
	// Idle is how long a connection waits for its next request, unless the origin
	// has announced that it keeps it for less.
	Idle time.Duration
	// Max is how many connections wait at once; negative keeps none.
	Max int
	// Age is how old a connection grows before it is used no more.
	Age time.Duration
	// Uses is how many requests one connection serves.
	Uses uint32
}

// patience is how long a connection may wait for its next request, and the cause by
// which that ends; 0 is without bound. An origin that announced how long it keeps the
// connection may close it at that instant, while a request is on its way there (RFC
// 9112 section 9.5), so it is closed here a little earlier.
func patience(limit, announced time.Duration) (time.Duration, Cause) {
	safe := announced - min(announced/10, time.Second)
	if safe > 0 && (limit <= 0 || safe < limit) {
		return safe, Announced
	}
	return limit, Expired
}

// An Outcome is how an exchange ended, as far as its origin connection is
// concerned.
type Outcome struct {
	Failed           bool // the connection broke, or timed out
	Aborted          bool // the exchange was given up
	RequestWritten   bool // the whole request
	ResponseEnded    bool // exactly at its frame's end
	ResponseEarly    bool // before the request was written
	Excess           bool // octets came behind the response
	RequestPersists  bool // the request as it was sent
	ResponsePersists bool
	Tunneled         bool // the exchange left HTTP
	Draining         bool

	// The pool knows these itself.
	age     time.Duration
	uses    uint32 // this exchange included
	removed bool   // the origin has been
}

// decide says whether a connection may serve another request after o (RFC 9112
// section 9.3). Only a connection on which the next octet to come can be nothing
// but the first of the next response is kept: anything else hands one client the
// response that was meant for another.
func decide(o Outcome, l Limits) Cause {
	switch {
	case o.Aborted:
		return Aborted
	case o.Failed:
		return Failed
	case o.Tunneled:
		return Tunneled
	case !o.RequestWritten:
		return RequestUnfinished
	case !o.ResponseEnded:
		return ResponseUnfinished
	case o.ResponseEarly:
		return ResponseEarly
	case o.Excess:
		return Excess
	case !o.RequestPersists:
		return RequestCloses
	case !o.ResponsePersists:
		return ResponseCloses
	case o.Draining:
		return Draining
	case o.removed:
		return Removed
	case l.Max < 0:
		return Displaced
	case l.Uses > 0 && o.uses >= l.Uses:
		return Used
	case l.Age > 0 && o.age >= l.Age:
		return Aged
	}
	return Kept
}
