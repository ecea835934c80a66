package program

import (
	"fmt"
	"io"
	"net"
	"os/signal"
	"syscall"
)

// Listening writes the line by which whoever started the program learns where
// it can be reached: "listening on 127.0.0.1:41234", or "listening on
// unix:/path". It is written once connections are accepted.
//
// From here on clients count on the program, so it does not end because whoever
// read its standard output or standard error has ended: such a write fails like
// any other, where the system's default is a signal that kills.
func Listening(w io.Writer, addr net.Addr) {
	signal.Ignore(syscall.SIGPIPE)
	where := addr.String()
	if addr.Network() == "unix" {
		where = "unix:" + where
	}
	fmt.Fprintf(w, "listening on %s\n", where)
}
