package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A task that panics costs its own exchange, which is logged and counted, and
// nobody else notices.
func TestPanics(t *testing.T) {
	for _, test := range []struct{ name, request, log string }{
		{"between request and response", get("/"), `"GET / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
		{"while the rest of the request is waited for", post("Content-Length: 4", ""), `"POST / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rule{
				client:  []move{says(test.request), isReset},
				origins: [][]move{{hears(toOrigin(test.request)), breaks, says(hello), isReset}},
				log:     []string{test.log},
			}
			s := showing{rule: &r}
			err := s.run(simnet.New(1, simnet.Options{}))
			if err == nil || !strings.Contains(fmt.Sprint(err), "nil pointer") {
				t.Errorf("the panic is reported as %v", err)
			}
			for _, err := range s.faults {
				t.Error(err)
			}
		})
	}
}

// breaks has the gateway panic when it reads the next head.
func breaks(s *side) error {
	s.showing.server.gateways[0].pads = []*pad{nil}
	return nil
}
