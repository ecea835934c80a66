package replay

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan/plantest"
)

// books are what a server, or who listens to the line, has counted of connections.
type books struct {
	sync.Mutex
	opened, first, reused, byClient, byServer int64
}

// TestConnectionCountersAgree compares our counters with the server's, and both with
// what tcpdump saw, if that is there.
func TestConnectionCountersAgree(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		leaves func(p *peer, n int) bool // the server does, instead of answering for the nth time
	}{
		{"the client leaves", Config{Requests: 60}, func(*peer, int) bool { return false }},
		{"not kept alive", Config{Requests: 60, RequestsPerConnection: 1}, func(*peer, int) bool { return false }},
		{"the client resets", Config{Requests: 60, Close: CloseRST, RequestsPerConnection: 2, MostPerConnection: 5}, func(*peer, int) bool { return false }},
		{"the client asks the server to leave", Config{Requests: 60, Close: CloseHeader}, func(*peer, int) bool { return false }},
		{"the server leaves", Config{Requests: 60}, func(p *peer, n int) bool { return n == 2+p.number%4 }},
		{"the server leaves newcomers", Config{Requests: 20, NoBackoff: true}, func(p *peer, n int) bool { return n == 1 }},
		{"the server resets", Config{Requests: 60}, func(p *peer, n int) bool {
			if n == 3 {
				p.reset()
			}
			return n == 3
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var server books
			s := serve(t, func(p *peer) {
				for n := 0; ; n++ {
					r := p.next()
					switch {
					case r == nil:
						server.count(&server.byClient, n)
						return
					case test.leaves(p, n+1):
						server.count(&server.byServer, n)
						return
					}
					p.say(plantest.OK)
					if r.Close {
						server.count(&server.byServer, n+1)
						return
					}
				}
			})
			listening := listenIn(t, s.address)
			test.config.Connections, test.config.Loops = 4, 2
			r := replayed(t, planned(t, plantest.Gets("/1", "/2", "/3"), plantest.Gets("/4", "/5", "/6", "/7")), s.address, test.config)
			ours := fmt.Sprint(r.Opened, r.First, r.Reused, r.ClosedByUs, r.ClosedByPeer)
			if !eventually(func() bool { return server.all() == ours }) {
				t.Errorf("opened, first, reused, closed by client and server are\n%s by us,\n%s by the server", ours, server.all())
			}
			if listening == nil {
				return
			}
			ends := fmt.Sprint(r.Opened, r.ClosedByUs, r.ClosedByPeer)
			if !eventually(func() bool { return listening() == ends }) {
				t.Errorf("opened, closed by client and server are\n%s by us,\n%s by tcpdump", ends, listening())
			}
		})
	}
}

func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

// count is for a connection that has ended, with so many answers.
func (b *books) count(ended *int64, answers int) {
	b.Lock()
	defer b.Unlock()
	b.opened++
	*ended++
	if answers > 0 {
		b.first++
		b.reused += int64(answers - 1)
	}
}

func (b *books) all() string {
	b.Lock()
	defer b.Unlock()
	return fmt.Sprint(b.opened, b.first, b.reused, b.byClient, b.byServer)
}

// listenIn has tcpdump record what goes to and from address, until the test ends. It
// returns a function that tells how many connections were opened, and how many ended
// by the client's first FIN or RST and by the server's; or nil without tcpdump.
func listenIn(t *testing.T, address string) func() string {
	_, port, _ := net.SplitHostPort(address)
	file := filepath.Join(t.TempDir(), "line.pcap")
	cmd := exec.Command("tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "100", "-w", file, "tcp port "+port)
	said, err := cmd.StderrPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, _ := bufio.NewReader(said).ReadString('\n'); !strings.Contains(line, "listening on") {
		t.Logf("tcpdump: %s", line)
		return nil
	}
	return func() string { return ends(t, file, port) }
}

// ends reads a recording as far as it goes.
func ends(t *testing.T, file, port string) string {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		return err.Error()
	}
	ended := map[layers.TCPPort]bool{}
	var byClient, byServer int
	for {
		octets, _, err := r.ReadPacketData()
		if err != nil {
			return fmt.Sprint(len(ended), byClient, byServer)
		}
		tcp, _ := gopacket.NewPacket(octets, r.LinkType(), gopacket.NoCopy).Layer(layers.LayerTypeTCP).(*layers.TCP)
		switch {
		case tcp == nil || !tcp.FIN && !tcp.RST:
		case fmt.Sprint(int(tcp.DstPort)) == port && !ended[tcp.SrcPort]:
			ended[tcp.SrcPort] = true
			byClient++
		case fmt.Sprint(int(tcp.SrcPort)) == port && !ended[tcp.DstPort]:
			ended[tcp.DstPort] = true
			byServer++
		}
	}
}
