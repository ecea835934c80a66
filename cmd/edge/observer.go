package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/events"
)

// An observer reads the events of all loops: the recording, or the trace.
type observer struct {
	*events.Reader
	what string // it is called
	say  func(string)
}

// watch says what is lost, until ended is closed.
func (o *observer) watch(ended <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var told losses
	for {
		select {
		case now := <-tick.C:
			if line := told.since(o.what, o.Dropped(), o.Failing(), now); line != "" {
				o.say(line)
			}
		case <-ended:
			return
		}
	}
}

// losses are what has been said of them.
type losses struct {
	events.Dropped
	at time.Time
}

// since says what was lost since the last time, but not more than once a minute.
func (l *losses) since(what string, all events.Dropped, why error, now time.Time) string {
	if all == l.Dropped || now.Sub(l.at) < time.Minute {
		return ""
	}
	fresh := events.Dropped{Events: all.Events - l.Events, Bytes: all.Bytes - l.Bytes}
	l.Dropped, l.at = all, now
	if why == nil {
		why = errSlow
	}
	return fmt.Sprintf("the %s has lost %s: %v", what, amount(fresh), why)
}

var errSlow = errors.New("it is not written fast enough")

func amount(d events.Dropped) string {
	return fmt.Sprintf("%s with %s", english.Plural(int64(d.Events), "event"), english.Plural(int64(d.Bytes), "byte"))
}

// close ends it by end. It gives up when that is not taken: what it writes to may be a
// pipe whose reader has stopped without closing it.
func (o *observer) close(end func() error) error {
	const patience = 2 * time.Second
	done := make(chan error, 1)
	go func() { done <- end() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(patience):
		err = fmt.Errorf("the %s is not complete: its end was not taken within %v", o.what, patience)
	}
	if lost := o.Dropped(); lost != (events.Dropped{}) {
		o.say(fmt.Sprintf("the %s lacks %s", o.what, amount(lost)))
	}
	return err
}
