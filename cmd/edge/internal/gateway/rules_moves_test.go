package gateway

import (
	"strings"
	"time"
)

// A move is one thing that a peer does or waits for, as a word of the rules.
type move = script

var (
	isEnded move = (*peer).expectEnd
	isReset move = (*peer).expectReset
	isLeft  move = (*peer).drain // by either end
)

// says sends octets.
func says(octets ...string) move {
	return func(p *peer) { p.send(strings.Join(octets, "")) }
}

// shouts sends octets to somebody who may have stopped listening.
func shouts(octets ...string) move {
	return func(p *peer) { p.offer(strings.Join(octets, "")) }
}

// pipelines sends octets without waiting until they are taken.
func pipelines(octets ...string) move {
	return func(p *peer) { p.start(func() { shouts(octets...)(p) }) }
}

// pipelinesLast does so and then ends the sending direction.
func pipelinesLast(octets ...string) move {
	return func(p *peer) {
		p.start(func() {
			shouts(octets...)(p)
			halfCloses(p)
		})
	}
}

// mumbles sends octets one by one, with a pause before each.
func mumbles(octets string, pause time.Duration) move {
	return func(p *peer) {
		for i := range octets {
			p.sendEvery(pause, 1, octets[i:i+1])
		}
	}
}

// hears waits for exactly these octets.
func hears(octets ...string) move {
	return func(p *peer) { p.expect(octets...) }
}

// isEndedWithin is isEnded within a time, and some for the network.
func isEndedWithin(d time.Duration) move {
	return func(p *peer) { p.expectWithin(0, d, p.expectEnd) }
}

// inTime makes moves that have to be over within a time.
func inTime(d time.Duration, moves ...move) move {
	return func(p *peer) { p.expectWithin(0, d, func() { p.perform(moves) }) }
}

func halfCloses(p *peer) {
	if err := p.CloseWrite(); err != nil {
		p.errorf("%v", err)
	}
}

func closes(p *peer) {
	p.over = true
	p.Close()
}

func resets(p *peer) {
	p.over = true
	p.Reset()
}

func waits(d time.Duration) move {
	return func(p *peer) { p.sleep(d) }
}

// drains is what a signal to the program does.
func drains(p *peer) { p.server.Drain() }

// perform makes the moves, up to one that fails.
func (p *peer) perform(moves []move) {
	for i, m := range moves {
		p.move = i + 1
		if m(p); p.failed {
			return
		}
	}
}
