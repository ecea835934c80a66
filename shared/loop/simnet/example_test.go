package simnet_test

import (
	"fmt"
	"time"

	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/loop/simnet"
)

// One exchange in a world with slow links, told step by step.
func Example() {
	w := simnet.New(1, simnet.Options{
		Delay:   simnet.Range{Min: 10 * time.Millisecond},
		History: func(s simnet.Step) { fmt.Println(s) },
	})
	err := w.Run(loop.Config{}, func(g *loop.Group) error {
		ln, err := g.Listen("127.0.0.1:80", simnet.Answer(5, []byte("hello, client")))
		client := &simnet.Client{Loop: g.Loop(0), To: ln.Address(), Sends: []byte("hello")}
		client.Done = func(*simnet.Client) { g.Stop() }
		g.Loop(0).Go(client)
		return err
	})
	fmt.Println(err)
	// Output:
	//             0s  #1 dialer      dials
	//           10ms  a listener     is reported read
	//           10ms  #1 acceptor    is accepted
	//           10ms  #1 acceptor    is reported write
	//           20ms  #1 dialer      is connected
	//           20ms  #1 dialer      is reported write
	//           20ms  #1 dialer      writes 5 bytes (crc 9a71bb4c)
	//           30ms  #1 acceptor    receives 5 bytes (crc 9a71bb4c)
	//           30ms  #1 acceptor    is reported read
	//           30ms  #1 acceptor    reads 5 bytes (crc 9a71bb4c)
	//           30ms  #1 acceptor    writes 13 bytes (crc cad2411e)
	//           30ms  #1 acceptor    closes
	//           40ms  #1 dialer      receives 13 bytes (crc cad2411e)
	//           40ms  #1 dialer      receives the end
	//           40ms  #1 dialer      is reported read end
	//           40ms  #1 dialer      reads 13 bytes (crc cad2411e)
	//           40ms  #1 dialer      reads the end
	//           40ms  #1 dialer      closes
	//           40ms  a listener     closes
	// <nil>
}
