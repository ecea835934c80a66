package program

import (
	"fmt"
	"io"
	"net"
)

// Listening writes the line by which whoever started the program learns where
// it can be reached: "listening on 127.0.0.1:41234", or "listening on
// unix:/path". It is written once connections are accepted.
func Listening(w io.Writer, addr net.Addr) {
	where := addr.String()
	if addr.Network() == "unix" {
		where = "unix:" + where
	}
	fmt.Fprintf(w, "listening on %s\n", where)
}
