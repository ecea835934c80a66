package simulation

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hopwire/hopwire/shared/capture"
	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/program"
)

// In some worlds nobody takes what the gateway says and records: its outputs are
// full before the world begins. Nothing may come of that but that things are left
// out.

// outputs are a gateway's whose readers have stopped.
type outputs struct {
	messages *program.Messages
	stream   *events.Stream
	recorder *events.Reader
	stopped  atomic.Bool // the readers take nothing
	waits    chan struct{}
	goOn     chan struct{}
	once     sync.Once
	rescue   *time.Timer
	rescued  atomic.Bool
}

// heldUp is after how long a world is taken for one that stands still, and its
// readers go on, so that it comes to its end. It is no measure of anything: a world
// takes some milliseconds, or for ever.
const heldUp = 20 * time.Second

func newOutputs() (o *outputs, err error) {
	o = &outputs{waits: make(chan struct{}, 1), goOn: make(chan struct{})}
	o.messages = program.NewMessages("edge", o)
	recorder, err := capture.NewRecorder(o, capture.Options{})
	if err != nil {
		return nil, err
	}
	o.stream = events.NewStream(1, events.Options{Memory: 1}) // the least there is
	o.recorder = o.stream.Read(recorder)
	o.stopped.Store(true)
	o.messages.Write([]byte("the reader stops here\n"))
	<-o.waits
	o.messages.Write(make([]byte, 64<<10)) // all that the memory has room for
	o.rescue = time.AfterFunc(heldUp, func() {
		o.rescued.Store(true)
		o.release()
	})
	return o, nil
}

// Write is the reader's side.
func (o *outputs) Write(p []byte) (int, error) {
	if o.stopped.Load() {
		select {
		case o.waits <- struct{}{}:
		default:
		}
		<-o.goOn
	}
	return len(p), nil
}

func (o *outputs) release() { o.once.Do(func() { close(o.goOn) }) }

// close lets the readers go on after the world's end, and reports whether they had
// to before it.
func (o *outputs) close() (heldUp bool) {
	o.rescue.Stop()
	o.release()
	o.messages.Flush()
	o.recorder.Close()
	return o.rescued.Load()
}
