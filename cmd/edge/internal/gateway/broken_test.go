package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// A task that panics costs its own exchange, which is logged and counted, and
// nobody else notices.
func TestPanics(t *testing.T) {
	for _, test := range []struct {
		name, request string
		breaks        []move
		log           string
	}{
		{"between request and response", get("/"), []move{breaksHeads, says(hello)}, `"GET / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
		{"while the rest of the request is waited for", post("Content-Length: 4", ""), []move{breaksHeads, says(hello)}, `"POST / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
		{"in the task that reads the rest of the request", post("Content-Length: 4", ""), []move{breaksUpload}, `"POST / HTTP/1.1" - - c1#1 -> o1#1 broken/aborted`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rule{
				client:  []move{says(test.request), waits(time.Second), shouts("x"), isReset},
				origins: [][]move{slices.Concat([]move{hears(toOrigin(test.request))}, test.breaks, []move{isReset})},
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

// breaksHeads has the gateway panic when it reads the next head.
func breaksHeads(s *side) error {
	s.showing.server.gateways[0].pads = []*pad{nil}
	return nil
}

// breaksUpload has it panic when it reads more of the request.
func breaksUpload(s *side) error {
	s.showing.server.gateways[0].clients.First().exchange.clientHop.buffer = nil
	return nil
}
