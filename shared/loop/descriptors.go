package loop

import (
	"fmt"
	"math"
	"syscall"
)

// Descriptors are shared out before the first connection comes. A program that
// accepted until it had none left could serve nobody: for each client it would have
// no connection to an origin, or no file.
//
//	┌─ own ─┬──── connections ────┬──── what serving them needs ────┐
//	0                                                             Limit
type Descriptors struct {
	Limit   int // how many the program may have; see DescriptorLimit
	Loops   int
	PerConn int // what each connection needs: its own, and those by which it is served
}

const (
	// ownDescriptors are those that a program needs by itself: standard streams,
	// listeners, logs, recordings, what the runtime has, and for a moment those of
	// lookups and checks.
	ownDescriptors = 32
	// perLoop are those of each loop: for its events, for being woken, and for what
	// is opened for a moment, or by a loop that has one connection more than others.
	perLoop = 8
)

func (d Descriptors) own() int { return ownDescriptors + perLoop*d.Loops }

// Need is how many are needed for so many connections.
func (d Descriptors) Need(conns int) int { return d.own() + conns*d.PerConn }

// Conns is for how many connections there are enough.
func (d Descriptors) Conns() int { return max(d.Limit-d.own(), 0) / d.PerConn }

// MaxConns is the bound for a program that is asked to have so many connections, or
// with 0 as many as there can be. The error says what to do if that is too many.
func (d Descriptors) MaxConns(asked int) (int, error) {
	most := d.Conns()
	need := d.Need(max(asked, 1))
	switch {
	case most == 0:
		return 0, fmt.Errorf("the system allows %d open files, which is too few for any connection; allow %d, by 'ulimit -Hn' as root or LimitNOFILE", d.Limit, need)
	case asked > most:
		return 0, fmt.Errorf("%d connections need %d open files, and the system allows %d; allow %d, by 'ulimit -Hn' as root or LimitNOFILE, or ask for %d at most", asked, need, d.Limit, need, most)
	case asked == 0:
		return most, nil
	}
	return asked, nil
}

// DescriptorLimit is how many descriptors the program may have at a time.
func DescriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32 // what the system does not tell it does not bound
	}
	return int(min(limit.Cur, math.MaxInt32))
}
