package names

import "time"

const (
	// A record that holds for no time at all is asked for once a second: asking
	// for every request would make each of them wait for DNS.
	minTTL = time.Second
	// Asking sooner than a record demands costs next to nothing, and a mistake
	// that was given a day to live is gone within a minute of its correction.
	maxTTL = time.Minute
	// What failed is asked again after 1 s, 2 s, 4 s, ... (RFC 9520 section 3.2),
	// and then every 30 s (RFC 8767 section 5).
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// A schedule says when a target is looked up next.
type schedule struct {
	retry time.Duration // the last one; zero when the last lookup succeeded
}

// next is how long to wait after a lookup with the result.
func (s *schedule) next(r Result) time.Duration {
	if r.Fresh && len(r.Members) > 0 {
		s.retry = 0
		return min(max(r.TTL, minTTL), maxTTL)
	}
	s.retry = min(max(2*s.retry, firstRetry), lastRetry)
	return s.retry
}
