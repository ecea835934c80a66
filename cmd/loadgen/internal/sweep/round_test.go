package sweep

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

func TestJudge(t *testing.T) {
	sound := Round{RequestsPerS: 500, Figures: verdict.Figures{Connections: 4, Reached: 4, Requests: 500, Answered: 500, Busy: 0.5}}
	for _, test := range []struct {
		name   string
		rounds int
		change func(*Round) // of the last one
		want   verdict.State
		reason string
	}{
		{"enough in all rounds together", 2, func(*Round) {}, verdict.Valid, ""},
		{"not enough in one", 1, func(*Round) {}, verdict.Suspect, "500 requests answered, and with fewer than 1,000 chance makes the p99; send more, by --repeat or"},
		{"busy once", 3, func(r *Round) { r.Figures.Busy = 0.95 }, verdict.Suspect, "a loop of loadgen was busy for 95 %"},
		{"the hop is a little late", 3, func(r *Round) { r.HopLate = measure.New(time.Millisecond) }, verdict.Valid, ""},
		{"the hop is late", 3, func(r *Round) { r.HopLate = measure.New(1100 * time.Microsecond) }, verdict.Suspect, "the hop held 1 in 100 packets for 1.1 ms longer than the 5 ms that it was to"},
		{"a connection is missing", 3, func(r *Round) { r.Figures.Reached = 3 }, verdict.Invalid, "only 11 of 12 connections"},
		{"requests failed", 3, func(r *Round) { r.Errors, r.Failed = 3, "3 of 9 requests failed, by timeout" }, verdict.Suspect, "in a run, 3 of 9 requests failed, by timeout, and the figures are without them"},
		{"a run was broken off", 3, func(r *Round) { r.Broken, r.Failed = true, "no ports" }, verdict.Invalid, "a run did not come to its end: no ports"},
		{"nothing answered in one", 3, func(r *Round) { r.RequestsPerS = 0 }, verdict.Invalid, "no request was answered before the end of a run"},
	} {
		rounds := make([]Round, test.rounds)
		for i := range rounds {
			rounds[i] = sound
		}
		test.change(&rounds[test.rounds-1])
		v := judge(rounds, 10*time.Millisecond)
		if v.State != test.want || test.reason != "" && !strings.HasPrefix(v.Reasons[0], test.reason) {
			t.Errorf("%s: %s, %q", test.name, v.State, v.Reasons)
		}
	}
}

func TestTimeWaits(t *testing.T) {
	const sockets = "sockets: used 175\nTCP: inuse 5 orphan 0 tw 30 alloc 7 mem 1\nUDP: inuse 1 mem 2\n"
	const netstat = "TcpExt: SyncookiesSent TW TWRecycled TWKilled Other\nTcpExt: 1 200 3000 40000 9\n"
	if n := timeWaitsOf(sockets, netstat); n != 43230 {
		t.Errorf("%d", n)
	}
	if n := timeWaitsOf("", ""); n != 0 {
		t.Errorf("%d without a kernel that tells", n)
	}
}

// The time of a process is that of all its threads, and a process that is not there is
// told.
func TestCPU(t *testing.T) {
	self := Process{"loadgen", []int{os.Getpid()}}
	before, err := self.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
	}
	after, err := self.CPU()
	if err != nil || after-before < time.Millisecond || after-before > time.Second {
		t.Errorf("%v, %s", err, after-before)
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	_, err = (&Process{"edge", []int{os.Getpid(), gone.Process.Pid}}).CPU()
	if err == nil || !strings.Contains(err.Error(), "edge") {
		t.Errorf("%v", err)
	}
}

func TestEstimate(t *testing.T) {
	rounds := []Round{{RequestsPerS: 3}, {RequestsPerS: 1}, {RequestsPerS: 2}, {RequestsPerS: 123456.7}, {RequestsPerS: 5}}
	of := func(r *Round) float64 { return r.RequestsPerS }
	if e := estimate(rounds, of); e.Median != 3 || e.Interval != nil || e.Rounds[3] != 123457 {
		t.Errorf("%+v", e)
	}
	if e := estimate(append(rounds, Round{RequestsPerS: 4}), of); e.Median != 3.5 || *e.Interval != [2]float64{1, 123457} {
		t.Errorf("%+v", e)
	}
}
