package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
)

func TestSchedule(t *testing.T) {
	fresh := func(ttl time.Duration) Result {
		return Result{Members: make([]origins.Member, 1), TTL: ttl, Fresh: true}
	}
	failed, stale := Result{}, Result{Members: make([]origins.Member, 1), TTL: 1<<63 - 1}
	var s schedule
	for i, step := range []struct {
		result Result
		want   time.Duration
	}{
		{fresh(0), time.Second},
		{fresh(time.Millisecond), time.Second},
		{fresh(7 * time.Second), 7 * time.Second},
		{fresh(time.Minute), time.Minute},
		{fresh(24 * time.Hour), time.Minute},
		{failed, time.Second},
		{stale, 2 * time.Second},
		{Result{Fresh: true, TTL: time.Hour}, 4 * time.Second}, // an answer without addresses
		{failed, 8 * time.Second},
		{failed, 16 * time.Second},
		{failed, 30 * time.Second},
		{failed, 30 * time.Second},
		{fresh(5 * time.Second), 5 * time.Second},
		{failed, time.Second},
	} {
		if got := s.next(step.result); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

func TestKnowledge(t *testing.T) {
	members := func(s string) (all []origins.Member) {
		for word := range strings.FieldsSeq(s) {
			address, weight, _ := strings.Cut(word, "*")
			a, err := net.ResolveTCPAddr("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			m := member(a.AddrPort().Addr().Unmap(), uint16(a.Port))
			fmt.Sscan(weight, &m.Weight)
			all = append(all, m)
		}
		return all
	}
	timedOut, noName := &Failure{TimedOut, "s1 does not answer"}, &Failure{NoName, "x does not exist"}
	var k knowledge
	for i, step := range []struct {
		members string
		failure *Failure
		text    string
		changed bool
		missing Kind
	}{
		{"", timedOut, "has no address yet: s1 does not answer", false, TimedOut},
		{"", noName, "", false, NoName},
		{"10.0.0.1:80 10.0.0.2:80 10.0.0.3:80", nil, "is now 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80", true, 0},
		{"10.0.0.1:80 10.0.0.2:80 10.0.0.3:80", nil, "", false, 0},
		{"10.0.0.1:80 10.0.0.2:80", nil, "is now 10.0.0.1:80, 10.0.0.2:80 (10.0.0.3:80 is drained)", true, 0},
		{"10.0.0.1:80*2 10.0.0.2:80", nil, "is now 10.0.0.1:80, 10.0.0.2:80", true, 0},
		{"10.0.0.1:80*2 10.0.0.2:80", timedOut, "stays 10.0.0.1:80, 10.0.0.2:80: s1 does not answer", false, 0},
		{"", noName, "", false, 0},
		{"10.0.0.1:80*2 10.0.0.2:80", nil, "can be looked up again, and is still 10.0.0.1:80, 10.0.0.2:80", false, 0},
		{"", noName, "stays 10.0.0.1:80, 10.0.0.2:80: x does not exist", false, 0},
		{"10.0.0.4:80", nil, "is now 10.0.0.4:80 (10.0.0.1:80, 10.0.0.2:80 are drained)", true, 0},
		{"10.0.0.4:81", timedOut, "is now 10.0.0.4:81 (10.0.0.4:80 is drained); not all could be looked up: s1 does not answer", true, 0},
	} {
		n := k.learn(Result{Members: members(step.members), Failure: step.failure})
		if got := n.text(k.members); got != step.text || n.changed != step.changed || n.missing != step.missing {
			t.Errorf("step %d: %q, changed %v, missing %v\nwant %q", i, got, n.changed, n.missing, step.text)
		}
	}
	if got := list(make([]origins.Member, 0)); got != "" {
		t.Errorf("nothing is listed as %q", got)
	}
	if got := list(slices.Repeat(members("10.0.0.1:80"), 10)); !strings.HasSuffix(got, ", 2 more") || strings.Count(got, ",") != 8 {
		t.Errorf("ten are listed as %q", got)
	}
}

// A diary has what a watcher reports, with the time since the beginning.
type diary struct {
	mu    sync.Mutex
	begin time.Time
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.begin))+fmt.Sprintf(format, args...))
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("happened:\n%s\nwant:\n%s", strings.Join(d.lines, "\n"), strings.Join(want, "\n"))
	}
	d.lines = nil
}

// watching runs a watcher in simulated time.
func watching(t *testing.T, z *zone, target Target, during func(w *Watcher, d *diary)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &diary{begin: time.Now()}
		w := Watch(ctx, Config{
			Targets:  []Target{target},
			Members:  func(source int, members []origins.Member) { d.add("%d: %s", source, describe(members)) },
			Missing:  func(source int, why Kind) { d.add("%d: %v", source, why) },
			Report:   func(line string) { d.add("%s", line) },
			System:   func() (*System, error) { return system(""), nil },
			exchange: z.exchange,
			hasRoute: func(netip.Addr) bool { return true },
		})
		<-w.First()
		during(w, d)
		cancel()
		w.Wait()
	})
}

func TestWatch(t *testing.T) {
	z := newZone(t, "a. 10 IN A 10.0.0.1", "a. 10 IN A 10.0.0.2")
	watching(t, z, Target{"a.", 80}, func(_ *Watcher, d *diary) {
		d.expect(t, "0s 0: 10.0.0.1:80 10.0.0.2:80", "0s origin dns://a.:80 is now 10.0.0.1:80, 10.0.0.2:80")
		z.set(nil, "a. 10 IN A 10.0.0.2", "a. 20 IN A 10.0.0.1") // another order
		time.Sleep(15 * time.Second)
		d.expect(t)
		z.set(nil, "a. 30 IN A 10.0.0.2")
		time.Sleep(15 * time.Second)
		d.expect(t, "20s 0: 10.0.0.2:80", "20s origin dns://a.:80 is now 10.0.0.2:80 (10.0.0.1:80 is drained)")
		z.set(always("timeout"))
		time.Sleep(time.Minute)
		d.expect(t, "50s origin dns://a.:80 stays 10.0.0.2:80: the DNS server s2 does not answer")
		if n := strings.Count(z.questions()+",", "udp s1 a. A,"); n != 3+2*6 { // after 0, 10, 20; 50, 51, 53, 57, 65, 81
			t.Errorf("asked %d times", n)
		}
		z.set(nil, "a. 30 IN A 10.0.0.2")
		time.Sleep(time.Minute)
		d.expect(t, "1m51s origin dns://a.:80 can be looked up again, and is still 10.0.0.2:80")
	})
}

func TestWatchOfWhatIsNotThereYet(t *testing.T) {
	z := newZone(t)
	watching(t, z, Target{"_http._tcp.a.", 0}, func(_ *Watcher, d *diary) {
		d.expect(t, "0s 0: no such name", "0s origin srv://_http._tcp.a. has no address yet: the DNS server s1 says that _http._tcp.a. does not exist (NXDOMAIN)")
		z.set(always("SERVFAIL"))
		time.Sleep(2 * time.Second)
		d.expect(t, "1s 0: failed")
		z.set(nil, "_http._tcp.a. 5 IN SRV 1 1 8080 b.", "b. 5 IN A 10.0.0.1")
		time.Sleep(2 * time.Second)
		d.expect(t, "3s 0: 10.0.0.1:8080", "3s origin srv://_http._tcp.a. is now 10.0.0.1:8080")
	})
}

// A program that ends does not wait for a server that is silent.
func TestWatchEndsAtOnce(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	w := Watch(ctx, Config{
		Targets: []Target{{"a.", 80}},
		Members: func(int, []origins.Member) { t.Error("it has members") },
		Report:  func(line string) { t.Error(line) },
		System: func() (*System, error) {
			s := OneServer(silent.LocalAddr().String())
			s.Timeout = time.Hour
			return s, nil
		},
	})
	p := make([]byte, 512)
	n, _, err := silent.ReadFrom(p)
	if m := new(dns.Msg); err != nil || m.Unpack(p[:n]) != nil || m.Question[0].Name != "a." || !m.RecursionDesired {
		t.Errorf("asked %v, %v", m, err)
	}
	cancel()
	w.Wait()
}
