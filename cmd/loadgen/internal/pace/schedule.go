// Package pace says what is sent when. It is arithmetic: no clock, no socket.
package pace

import "slices"

// A Schedule says which session is sent at which turn. It is arithmetic alone:
// turn t means the same to whichever worker takes it, so that one counter is
// all that workers on different loops have to share.
//
//	sessions       A A A | B | C C
//	turn           0     | 1 | 2   | 3     | 4 | 5 …
//	request no.    0 1 2 | 3 | 4 5 | 6 7 8 | 9 | …
//	                           ▲ limit 5: turn 2 is one request long, turn 3 none
type Schedule struct {
	before []int64 // requests in the sessions before session i
	total  int64   // requests in all sessions
	limit  int64   // requests to send; 0: no limit
}

// NewSchedule makes the one for sessions of so many requests each, which ends after
// limit requests, or never if that is 0.
func NewSchedule(lengths []int, limit int64) Schedule {
	s := Schedule{before: make([]int64, len(lengths)), limit: limit}
	for i, n := range lengths {
		s.before[i] = s.total
		s.total += int64(n)
	}
	return s
}

// Unsent is how many requests are left of those that were to be sent, when so many
// were; 0 where no number was given.
func (s *Schedule) Unsent(sent int64) int64 { return max(s.limit-sent, 0) }

// Turn gives the session to be sent at turn t, and how many of its requests.
// None means that the count was reached before.
func (s *Schedule) Turn(t int64) (session int, requests int64) {
	n := int64(len(s.before))
	session = int(t % n)
	first := t/n*s.total + s.before[session]
	requests = s.total - s.before[session]
	if session+1 < len(s.before) {
		requests = s.before[session+1] - s.before[session]
	}
	if s.limit > 0 {
		requests = max(0, min(requests, s.limit-first))
	}
	return session, requests
}

// Locate gives the session that the n-th request is of, and its place there, where
// requests are sent one by one.
func (s *Schedule) Locate(n int64) (session int, request int) {
	n %= s.total
	session, exact := slices.BinarySearch(s.before, n)
	if !exact {
		session--
	}
	return session, int(n - s.before[session])
}
