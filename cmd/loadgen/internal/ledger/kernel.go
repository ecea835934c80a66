package ledger

import (
	"strconv"
	"strings"
)

// kernelNames are what the kernel may say about lost packets and connections, in the
// order of a connection's life.
var kernelNames = []string{
	"AttemptFails", "TCPSynRetrans", "ListenOverflows", "ListenDrops", "TCPReqQFullDrop",
	"RetransSegs", "TCPTimeouts", "TCPAbortOnData", "TCPAbortOnTimeout", "EstabResets", "OutRsts", "TW",
}

// ParseKernel reads the counters of TCP from the texts of /proc/net/snmp and
// /proc/net/netstat, which have a line of names and then one of numbers.
func ParseKernel(texts ...string) Counters {
	all := Counters{}
	for _, text := range texts {
		var names []string
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)
			switch {
			case len(fields) == 0 || fields[0] != "Tcp:" && fields[0] != "TcpExt:":
			case names == nil:
				names = fields
			default:
				for i := 1; i < min(len(fields), len(names)); i++ {
					if n, err := strconv.ParseInt(fields[i], 10, 64); err == nil {
						all[names[i]] = n
					}
				}
				names = nil
			}
		}
	}
	return all
}

// kernelMore is by how much the kernel's counters have grown that are shown.
func kernelMore(before, after Counters) []Term {
	all := []Term{}
	for _, name := range kernelNames {
		if _, known := after[name]; known {
			all = append(all, exactly(after[name]-before[name], name))
		}
	}
	return all
}
