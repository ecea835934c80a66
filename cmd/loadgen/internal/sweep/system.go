package sweep

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/ledger"
	"golang.org/x/sys/unix"
)

// A Process is a program whose processor time is told: what it takes itself, all its
// threads, but no processes that it has started. Those of one name are added up.
type Process struct {
	Name string
	PIDs []int
}

// CPU is the processor time that the processes have taken so far, user and system.
func (p *Process) CPU() (sum time.Duration, err error) {
	for _, pid := range p.PIDs {
		var t unix.Timespec
		const processClock = 2 // CPUCLOCK_SCHED, as in clock_getcpuclockid(3)
		if err := unix.ClockGettime(int32(^pid<<3|processClock), &t); err != nil {
			return 0, fmt.Errorf("there is no process %d, %s", pid, p.Name)
		}
		sum += time.Duration(t.Nano())
	}
	return sum, nil
}

// timeWaits is how many sockets of this network namespace have come into TIME_WAIT: those
// that are in it, and those that have left it. It means something only as a difference.
// Where the kernel does not tell, it is 0.
func timeWaits() int64 {
	sockets, _ := os.ReadFile("/proc/net/sockstat")
	netstat, _ := os.ReadFile("/proc/net/netstat")
	return timeWaitsOf(string(sockets), string(netstat))
}

func timeWaitsOf(sockets, netstat string) (n int64) {
	for line := range strings.Lines(sockets) {
		var inUse, orphans int64
		if c, _ := fmt.Sscanf(line, "TCP: inuse %d orphan %d tw %d", &inUse, &orphans, &n); c == 3 {
			break
		}
	}
	left := ledger.ParseKernel(netstat)
	return n + left["TW"] + left["TWRecycled"] + left["TWKilled"]
}
