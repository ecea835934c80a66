package sweep

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"
)

// Seconds is a duration, which JSON has in seconds.
type Seconds time.Duration

// MarshalJSON writes a number.
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// A Side is one of two servers that are asked for the same.
type Side string

// The sides: what is measured, and what it is held against.
const (
	Target  Side = "target"
	Against Side = "against"
)

// Axes are what a grid is made of.
type Axes struct {
	// RequestsPerConnection close a connection after so many; 0, which is the last:
	// never.
	RequestsPerConnection []int `json:"requests_per_connection"`
	Connections           []int `json:"connections"`
	// Idle is how long each connection's user waits before a request.
	Idle []Seconds `json:"idle_s"`
	// Delay is the round-trip time that is added between loadgen and the servers.
	Delay []Seconds `json:"delay_s"`
}

// A Load is what is asked of a server, but for how long connections live.
type Load struct {
	Connections int     `json:"connections"`
	Idle        Seconds `json:"idle_s"`
	Delay       Seconds `json:"delay_s"`
}

// A Place is where a cell stands in the grid.
type Place struct {
	To Side `json:"to"`
	Load
	RequestsPerConnection int `json:"requests_per_connection"`
}

// Places are those of all cells. What is close in the grid stands close together, the
// two sides of a load beside each other.
func (a *Axes) Places(sides ...Side) (all []Place) {
	for _, delay := range a.Delay {
		for _, idle := range a.Idle {
			for _, connections := range a.Connections {
				for _, n := range a.RequestsPerConnection {
					for _, to := range sides {
						all = append(all, Place{to, Load{connections, idle, delay}, n})
					}
				}
			}
		}
	}
	return all
}

// Order is in which order the cells of a round have their turns, of so many sides: the
// sides of a load follow each other, and the loads are shuffled. Every other round goes
// through the one before backwards, so that what becomes slower or faster meanwhile does
// so for all alike.
func Order(cells, sides, round int, seed uint64) (order []int) {
	random := rand.New(rand.NewPCG(seed, uint64(round/2)))
	for _, load := range random.Perm(cells / sides) {
		for side := range sides {
			order = append(order, load*sides+side)
		}
	}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}
