package replay

import (
	"bytes"
	"fmt"
	"math"
	"os"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/loop"
)

// Limits are what this machine allows to the program, as far as that can be known
// before connections are opened.
type Limits struct {
	Files  int   // that may be open at a time
	Most   int   // to which that can be raised
	Ports  int   // for connections to one address and port
	Memory int64 // bytes that are free
}

// connectionMemory is what a connection takes, the kernel's part included.
const connectionMemory = 4 << 10

// SystemLimits reads them. What the system does not tell it does not limit.
func SystemLimits() Limits {
	l := Limits{Files: loop.DescriptorLimit(), Most: math.MaxInt32, Ports: math.MaxInt32, Memory: math.MaxInt64}
	if text, err := os.ReadFile("/proc/sys/fs/nr_open"); err == nil {
		fmt.Sscan(string(text), &l.Most)
	}
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
	most := int(min(int64(files.Conns()), l.Memory/connectionMemory))
	const allPorts = 1<<16 - 1024 // from 1024 up
	need, reason, remedy := "need", "", ""
	if connections == 1 {
		need = "needs"
	}
	switch {
	case overTCP && connections > max(l.Ports, allPorts):
		reason = fmt.Sprintf("to one server %s as many ports, and there are no more than %d", need, max(l.Ports, allPorts))
	case overTCP && connections > l.Ports:
		reason = fmt.Sprintf("to one server %s as many ports, and the system allows %d", need, l.Ports)
		remedy = "type 'sysctl net.ipv4.ip_local_port_range=\"1024 65535\"' as root"
	case connections > max(files.Conns(), l.Most-files.Need(0)):
		reason = fmt.Sprintf("%s as many open files and some more, and the system allows %d, and %d at the very most", need, l.Files, max(l.Most, l.Files))
	case connections > files.Conns():
		reason = fmt.Sprintf("%s %d open files, and the system allows %d", need, files.Need(connections), l.Files)
		remedy = fmt.Sprintf("type 'ulimit -n %d' as root", files.Need(connections))
	case int64(connections) > l.Memory/connectionMemory:
		reason = fmt.Sprintf("%s about %d MiB of memory, and %d MiB are free", need, max(int64(connections)*connectionMemory>>20, 1), l.Memory>>20)
	default:
		return nil
	}
	if overTCP {
		most = min(most, l.Ports)
	}
	return fmt.Errorf("%s %s%s", english.Plural(connections, "connection"), reason, advice(remedy, most))
}

// advice joins what there is to be said.
func advice(remedy string, most int) string {
	switch {
	case most < 1 && remedy == "":
		return ""
	case most < 1:
		return "; " + remedy
	case remedy == "":
		return fmt.Sprintf("; ask for %d at most", most)
	}
	return fmt.Sprintf("; %s, or ask for %d at most", remedy, most)
}
