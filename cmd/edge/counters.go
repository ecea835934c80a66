package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/gateway"
)

// An inquiry is how somebody asks the program what it has counted: SIGUSR1. The
// signal would end a program that does not listen to it, so it is opened before
// anybody is told that the program runs.
type inquiry chan os.Signal

func openInquiry() inquiry {
	asked := make(inquiry, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	return asked
}

// answer writes the counters to w each time, until ended is closed.
func (asked inquiry) answer(w io.Writer, server *gateway.Server, ended <-chan struct{}) {
	for {
		select {
		case <-asked:
			if census, err := server.Ask(context.Background()); err == nil {
				writeCounters(w, &census)
			}
		case <-ended:
			return
		}
	}
}

// writeCounters writes a name and a value on each line: the totals, and of the
// many that count one cause each, those that are not zero.
func writeCounters(w io.Writer, c *gateway.Census) {
	var lines []byte
	for name, value := range c.All {
		if value > 0 || !strings.Contains(name, ".") {
			lines = fmt.Appendf(lines, "%s %d\n", name, value)
		}
	}
	w.Write(lines)
}
