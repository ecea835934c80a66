package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/events/redact"
	"github.com/hopwire/hopwire/shared/events/view"
)

// A trace shows exchanges on standard output when they end: the sink of its observer.
type trace struct {
	observer
	out      io.Writer
	style    view.Style
	pictures bool // and not lines
	exchange view.Collector
	text     []byte // what has not been written yet
	held     events.Dropped
	gone     bool // nobody reads it any more
	lost     events.Losses
}

// openTrace begins one of what a stream tells, with values blanked as in a recording.
func openTrace(out io.Writer, style view.Style, pictures bool, names *redact.Names, stream *events.Stream, say func(string)) *trace {
	t := &trace{out: out, style: style, pictures: pictures}
	if !pictures {
		t.text = append(t.text, style.LineHead()...)
	}
	t.observer = observer{stream.Read(redact.Sink(t, names)), "trace", say}
	return t
}

// Ready reports whether there is room for another event.
func (t *trace) Ready() bool { return len(t.text) < 64<<10 || t.Flush() == nil || t.gone }

// Take shows the exchange that ends with an event.
func (t *trace) Take(e *events.Event) {
	if t.gone {
		t.Lose(e)
		return
	}
	t.held.Add(e)
	for x := t.exchange.Add(e); x != nil; x = t.exchange.Next() {
		if t.pictures {
			t.text = append(t.style.AppendPicture(t.text, x), '\n')
		} else {
			t.text = t.style.AppendLine(t.text, x)
		}
	}
}

// Flush writes what there is to show.
func (t *trace) Flush() error {
	if len(t.text) == 0 || t.gone {
		return nil
	}
	n, err := t.out.Write(t.text)
	t.text = t.text[n:]
	if len(t.text) == 0 {
		t.text, t.held = nil, events.Dropped{}
	}
	if t.gone = errors.Is(err, syscall.EPIPE); t.gone {
		t.lost.Add(t.held)
		t.text, t.held = nil, events.Dropped{}
	}
	return err
}

// Close shows the rest.
func (t *trace) Close() error { return t.Flush() }

// Lose counts an event that is not shown.
func (t *trace) Lose(e *events.Event) {
	var d events.Dropped
	d.Add(e)
	t.lost.Add(d)
}

// Lost is what was not shown.
func (t *trace) Lost() events.Dropped { return t.lost.Sum() }

// close ends the trace.
func (t *trace) close() error {
	if t == nil {
		return nil
	}
	return t.observer.close(func() error {
		if err := t.Reader.Close(); err != nil {
			return fmt.Errorf("the trace is not complete: %w", err)
		}
		return nil
	})
}
