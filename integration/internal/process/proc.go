package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is USER_HZ, the unit in which /proc counts processor time: 100
// on every architecture that Go runs on.
const ticksPerSecond = 100

// CPUTime is the processor time, of user and kernel, that the process and its
// descendants have used. It advances in steps of 10 ms.
func (p *Process) CPUTime() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.tree() {
		stat, err := readStat(pid)
		if err != nil {
			return 0, err
		}
		sum += stat.cpu
	}
	return sum, nil
}

// Resident is the memory, in bytes, that the process and its descendants keep
// for themselves: pages shared between them count once.
func (p *Process) Resident() (int64, error) {
	var sum int64
	for _, pid := range p.tree() {
		n, err := proportionalSet(pid)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// Descriptors is the number of file descriptors that the process has open.
func (p *Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	return len(entries), err
}

// tree is the process and all its living descendants.
func (p *Process) tree() []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		// One that ended since the listing is nobody's child any more.
		if stat, err := readStat(pid); err == nil {
			children[stat.parent] = append(children[stat.parent], pid)
		}
	}
	tree := []int{p.PID()}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree
}

// stat is what is wanted of /proc/PID/stat, see proc(5).
type stat struct {
	parent int
	cpu    time.Duration
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is the program's name in parentheses, which may hold
	// anything. Behind it, state is the third field.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const third, parent, user, system = 3, 4, 14, 15
	if len(f) <= system-third {
		return stat{}, fmt.Errorf("/proc/%d/stat is too short: %q", pid, b)
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(f[i-third], 10, 64); return n }
	ticks := number(user) + number(system)
	return stat{parent: int(number(parent)), cpu: time.Duration(ticks) * time.Second / ticksPerSecond}, nil
}

// proportionalSet is Pss of /proc/PID/smaps_rollup, in bytes.
func proportionalSet(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/smaps_rollup has no line Pss", pid)
}
