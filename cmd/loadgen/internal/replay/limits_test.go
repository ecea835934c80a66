package replay

import (
	"math"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name        string
		limits      Limits
		connections int
		overTCP     bool
		want        string // part of the sentence; empty: there is none
	}{
		{"enough of all", Limits{10000, 1 << 20, 28232, 1 << 30}, 9000, true, ""},
		{"descriptors", Limits{1024, 1 << 20, 28232, 1 << 30}, 1000, true, "1000 connections need 1040 open files, and the system allows 1024; type 'ulimit -n 1040' as root, or ask for 984 at most"},
		{"the last descriptor", Limits{1024, 1 << 20, 28232, 1 << 30}, 984, true, ""},
		{"ports", Limits{100000, 1 << 20, 28232, 1 << 30}, 30000, true, `the system allows 28232; type 'sysctl net.ipv4.ip_local_port_range="1024 65535"' as root`},
		{"the last port", Limits{100000, 1 << 20, 28232, 1 << 30}, 28232, true, ""},
		{"more ports than there are", Limits{1 << 30, 1 << 30, 28232, 1 << 60}, 1000000, true, "there are no more than 64512; ask for 28232 at most"},
		{"Unix sockets have no ports", Limits{100000, 1 << 20, 28232, 1 << 30}, 30000, false, ""},
		{"memory", Limits{1 << 30, 1 << 30, 28232, 1 << 30}, 1000000, false, "1000000 connections need about 3906 MiB of memory, and 1024 MiB are free; ask for 262144 at most"},
		{"beyond all", Limits{1024, 1 << 20, 28232, 1 << 60}, math.MaxInt, false, "connections need as many open files and some more, and the system allows 1024, and 1048576 at the very most; ask for 984 at most"},
		{"as many files as can be allowed", Limits{1024, 1 << 20, 28232, 1 << 60}, 1<<20 - 40, false, "type 'ulimit -n 1048576' as root, or ask for 984 at most"},
		{"one more", Limits{1024, 1 << 20, 28232, 1 << 60}, 1<<20 - 39, false, "1048576 at the very most; ask"},
		{"few descriptors", Limits{20, 1 << 20, 28232, 1 << 60}, 1, false, "1 connection needs 41 open files, and the system allows 20; type 'ulimit -n 41' as root"},
		{"no memory", Limits{1024, 1 << 20, 28232, 3 << 10}, 1, false, "1 connection needs about 1 MiB of memory, and 0 MiB are free"},
	} {
		switch err := test.limits.Check(test.connections, 1, test.overTCP); {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestSystemLimits(t *testing.T) {
	l := SystemLimits()
	if l.Files < 100 || l.Ports < 1 || l.Ports > 1<<16 || l.Memory < 1<<20 || l.Memory > 1<<50 {
		t.Errorf("%+v", l)
	}
}
