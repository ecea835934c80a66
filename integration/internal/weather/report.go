package weather

// A Report is what an origin has seen.
type Report struct {
	Connections int64          // accepted
	Ends        [Endings]int64 // of connections
	Garbled     int64          // requests that were not as they had been sent
	Executed    int64          // requests that were executed
	Duplicates  int64          // executions beyond the first of a request
}

// Struck is how many requests on reused connections the origin ended by closing:
// the connection was stale, as far as the gateway can know.
func (r *Report) Struck() int64 { return r.Ends[Unread] + r.Ends[Unanswered] }

// Idled is how many connections ended because no request came in time.
func (r *Report) Idled() int64 { return r.Ends[IdleFIN] + r.Ends[IdleRST] + r.Ends[Idle408] }

// Report is what the origin has seen so far.
func (o *Origin) Report() Report {
	r := Report{Connections: o.connections.Load(), Garbled: o.garbled.Load()}
	for i := range r.Ends {
		r.Ends[i] = o.ends[i].Load()
	}
	for i := range o.executed {
		if n := int64(o.executed[i].Load()); n > 0 {
			r.Executed++
			r.Duplicates += n - 1
		}
	}
	return r
}

// Add adds what another origin has seen.
func (r *Report) Add(s Report) {
	r.Connections += s.Connections
	for i, n := range s.Ends {
		r.Ends[i] += n
	}
	r.Garbled += s.Garbled
	r.Executed += s.Executed
	r.Duplicates += s.Duplicates
}
