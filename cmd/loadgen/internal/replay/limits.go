package replay

import (
	"bytes"
	"fmt"
	"math"
	"os"

	"github.com/hopwire/hopwire/shared/loop"
)

// Limits are what this machine allows to the program, as far as that can be known
// before connections are opened.
type Limits struct {
	Files  int   // that may be open at a time
	Ports  int   // for connections to one address and port
	Memory int64 // bytes that are free
}

// connectionMemory is what a connection takes, the kernel's part included.
const connectionMemory = 10 << 10

// SystemLimits reads them. What the system does not tell it does not limit.
func SystemLimits() Limits {
	l := Limits{Files: loop.DescriptorLimit(), Ports: math.MaxInt32, Memory: math.MaxInt64}
	var first, last int
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if n, _ := fmt.Sscan(string(text), &first, &last); n == 2 {
			l.Ports = last - first + 1
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, text, ok := bytes.Cut(text, []byte("MemAvailable:")); ok {
			if n, _ := fmt.Sscan(string(text), &l.Memory); n == 1 {
				l.Memory <<= 10
			}
		}
	}
	return l
}

// Check says what to do if the limits do not suffice for so many connections to one
// server, over TCP or to a Unix socket.
func (l Limits) Check(connections, loops int, overTCP bool) error {
	files := loop.Descriptors{Limit: l.Files, Loops: loops, PerConn: 1}
	const most = 1<<16 - 1024 // ports from 1024 up
	switch {
	case overTCP && connections > l.Ports && connections <= most:
		return fmt.Errorf("%d connections to one server need as many ports, and the system allows %d; type 'sysctl net.ipv4.ip_local_port_range=\"1024 65535\"' as root, or ask for %d at most", connections, l.Ports, min(l.Ports, files.Conns()))
	case overTCP && connections > max(l.Ports, most):
		return fmt.Errorf("%d connections to one server need as many ports, and there are no more than %d; ask for %d at most", connections, max(l.Ports, most), min(l.Ports, files.Conns()))
	case connections > files.Conns():
		need := l.Files + connections - files.Conns()
		return fmt.Errorf("%d connections need %d open files, and the system allows %d; type 'ulimit -n %d' as root, or ask for %d at most", connections, need, l.Files, need, files.Conns())
	case int64(connections) > l.Memory/connectionMemory:
		return fmt.Errorf("%d connections need about %d MiB of memory, and %d MiB are free; ask for %d at most", connections, int64(connections)*connectionMemory>>20, l.Memory>>20, l.Memory/connectionMemory)
	}
	return nil
}
