package simulation

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A story tells a world's history to people: what happened in the network with
// its octets, what the scripts were up to, and the lines of the access log, each
// in its place.
type story struct {
	out   io.Writer
	world *world
}

func newStory(out io.Writer) *story { return &story{out: out} }

func (s *story) begin(w *world) {
	s.world = w
	fmt.Fprintf(s.out, "seed %d: %v\n\n", w.seed, w)
	fmt.Fprintln(s.out, "    seconds  who does what;  C -> G: client to gateway, G -> O: gateway to origin")
}

func (s *story) clock() string {
	return fmt.Sprintf("%11.6f", time.Duration(s.world.net.Now()-loop.Time(time.Second)).Seconds())
}

func (s *story) intent(who, what string) { fmt.Fprintf(s.out, "%s  %s, %s\n", s.clock(), who, what) }

func (s *story) line(octets []byte) {
	text := string(octets)
	if i := strings.Index(text, `] "`); i > 0 {
		text = text[i+2:]
	}
	fmt.Fprintf(s.out, "%s  LOG %s", s.clock(), text)
}

func (s *story) failed(f *failure) {
	fmt.Fprintf(s.out, "%s  FAILS %s\n%s\n", s.clock(), f.what, f.detail)
}

// step leaves out what no octet and no end is moved by.
func (s *story) step(step simnet.Step) {
	if step.What == simnet.Reported || step.What == simnet.Read || step.Conn == 0 || int(step.Conn) > len(s.world.lines) {
		return
	}
	l := s.world.lines[step.Conn-1]
	here, there := "C", "G"
	if l.call == nil {
		here, there = "G", "O"
	}
	arrow := "->"
	if step.Side == simnet.Acceptor {
		here, there = there, here
	}
	if step.What >= simnet.Connected && step.What <= simnet.Bounced && step.What != simnet.WasCut {
		here, there, arrow = there, here, "=>"
	}
	fmt.Fprintf(s.out, "%s  #%-3d %s %s %s  %v%s\n", s.clock(), step.Conn, here, arrow, there, step.What, octets(step.Data))
}

// octets are shown as far as a line has room.
func octets(p []byte) string {
	const room = 56
	if len(p) == 0 {
		return ""
	}
	if len(p) <= room {
		return fmt.Sprintf(" %d: %q", len(p), p)
	}
	return fmt.Sprintf(" %d: %q...%q", len(p), p[:room-16], p[len(p)-16:])
}
