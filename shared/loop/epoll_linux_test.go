package loop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newKernel(t *testing.T) *kernel {
	t.Helper()
	e, err := kernelEngine(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.(*kernel)
}

// waitFor has the engine wait, and fails the test if that takes for ever.
func (k *kernel) waitFor(t *testing.T, until Time) []Event {
	t.Helper()
	got := make(chan []Event, 1)
	go func() {
		var events [256]Event
		n, err := k.Wait(events[:], until)
		if err != nil {
			t.Error(err)
		}
		got <- events[:n]
	}()
	return wait(t, "the end of Wait", got)
}

// Wake ends the Wait under way, or the next one, exactly once.
func TestWake(t *testing.T) {
	k := newKernel(t)
	for range 3 {
		k.Wake()
		k.Wake()
		if got := k.waitFor(t, Never); len(got) != 0 {
			t.Errorf("Wait reported %v", got)
		}
	}
	soon := k.Now().Add(5 * time.Millisecond)
	k.waitFor(t, soon)
	if k.Now() < soon {
		t.Error("Wait returned early although nobody woke it")
	}
	for range 200 {
		go func() {
			for !k.blocked.Load() {
				time.Sleep(time.Microsecond)
			}
			k.Wake()
		}()
		k.waitFor(t, Never)
	}
}

func TestWaitDoesNotWait(t *testing.T) {
	k := newKernel(t)
	for name, until := range map[string]Time{"not at all": 0, "until now": k.Now(), "until before": 1} {
		began := time.Now()
		k.waitFor(t, until)
		if waited := time.Since(began); waited > patience/2 {
			t.Errorf("%s: waited %v", name, waited)
		}
	}
}

func TestReadyOf(t *testing.T) {
	for events, want := range map[uint32]Ready{
		unix.EPOLLIN:                                    ReadyRead,
		unix.EPOLLOUT:                                   ReadyWrite,
		unix.EPOLLIN | unix.EPOLLRDHUP:                  ReadyRead | ReadyEnd,
		unix.EPOLLIN | unix.EPOLLOUT:                    ReadyRead | ReadyWrite,
		unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLHUP:  ReadyRead | ReadyEnd | ReadyWrite,
		unix.EPOLLERR | unix.EPOLLHUP | unix.EPOLLRDHUP: ReadyReset | ReadyEnd | ReadyWrite,
		unix.EPOLLOUT | unix.EPOLLHUP:                   ReadyWrite | ReadyEnd,
		unix.EPOLLPRI:                                   0,
	} {
		if got := readyOf(events); got != want {
			t.Errorf("epoll's %#x is %04b, want %04b", events, got, want)
		}
	}
}
