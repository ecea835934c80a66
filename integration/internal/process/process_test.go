package process

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

const patience = 10 * time.Second

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start("script", exec.Command("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestListening(t *testing.T) {
	for _, test := range []struct{ name, script, addr, err string }{
		{"running", "echo starting; echo 'listening on 127.0.0.1:4711' >&2; exec sleep 60", "127.0.0.1:4711", ""},
		{"last words", "echo listening on unix:/x", "unix:/x", ""},
		{"not a line of its own", "echo not listening on 1; exit 3", "", "script ended (exit status 3) without"},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr, err := start(t, test.script).Listening(patience)
			if addr != test.addr || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%q, %v; want %q, %q", addr, err, test.addr, test.err)
			}
		})
	}
}

func TestStop(t *testing.T) {
	for _, test := range []struct{ name, script, err string }{
		{"clean", "trap 'exit 0' TERM; echo ready; while :; do sleep .01; done", ""},
		{"status", "trap 'exit 4' TERM; echo ready; while :; do sleep .01; done", "exit status 4"},
		{"deaf", "trap '' TERM; echo ready; while :; do sleep .01; done", "had to be killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, test.script)
			if _, err := p.WaitLog(regexp.MustCompile("ready"), patience); err != nil {
				t.Fatal(err)
			}
			err := p.Stop(300 * time.Millisecond)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("Stop: %v, want %q", err, test.err)
			}
			if err := p.Stop(patience); err != nil {
				t.Errorf("Stop of what has ended: %v", err)
			}
		})
	}
}

func TestCountersIncludeChildren(t *testing.T) {
	p := start(t, "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo worked; sleep 60' & echo $!; wait")
	if _, err := p.WaitLog(regexp.MustCompile("worked"), patience); err != nil {
		t.Fatal(err)
	}
	if n := len(p.tree()); n < 2 {
		t.Errorf("a tree of %d processes, want the script and its child at least", n)
	}
	if cpu, err := p.CPUTime(); err != nil || cpu <= 0 {
		t.Errorf("CPUTime %v, %v", cpu, err)
	}
	if n, err := p.Resident(); err != nil || n < 1<<16 {
		t.Errorf("Resident %d, %v", n, err)
	}
	if n, err := p.Descriptors(); err != nil || n < 3 {
		t.Errorf("Descriptors %d, %v", n, err)
	}
}
