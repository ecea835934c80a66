package names

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// describe writes members as "10.0.0.1:80*2 ...", the weight where it is not 1.
func describe(members []origins.Member) string {
	var texts []string
	for _, m := range members {
		text := m.Address.String()
		if m.Weight != 1 {
			text += fmt.Sprintf("*%d", m.Weight)
		}
		if m.Priority != 0 {
			text += fmt.Sprintf("/%d", m.Priority)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func TestLookup(t *testing.T) {
	const example = "dns://app.example:80"
	records := func(lines ...string) []string { return lines }
	for _, test := range []struct {
		name, target string
		hosts        string
		records      []string
		spoil        func(string, string, dns.Question) string
		want         string
		kind         Kind
		ttl          time.Duration
	}{
		{"both families", example, "", records("app.example. 9 IN A 10.0.0.2", "app.example. 7 IN AAAA 2001:db8::1", "app.example. 8 IN A 10.0.0.1"), nil,
			"10.0.0.1:80 10.0.0.2:80 [2001:db8::1]:80", Answered, 7 * time.Second},
		{"one family", example, "", records("app.example. 9 IN A 10.0.0.2"), nil, "10.0.0.2:80", Answered, 9 * time.Second},
		{"the same one twice", example, "", records("app.example. 9 IN A 10.0.0.2", "app.example. 9 IN AAAA ::ffff:10.0.0.2"), nil, "10.0.0.2:80", Answered, 9 * time.Second},
		{"no way to find out about the other", example, "", records("app.example. 9 IN A 10.0.0.2"), only(dns.TypeAAAA, "SERVFAIL"), "10.0.0.2:80", Failed, 9 * time.Second},
		{"no such name", "dns://none.example:80", "", nil, nil, "", NoName, -1},
		{"no addresses", example, "", records("app.example. 9 IN TXT x"), nil, "", NoAddress, -1},
		{"an address that blocks", example, "", records("app.example. 9 IN A 0.0.0.0", "app.example. 9 IN AAAA ::"), nil, "", NoAddress, -1},
		{"silence", example, "", records("app.example. 9 IN A 10.0.0.2"), always("timeout"), "", TimedOut, -1},

		{"search domain", "dns://app:80", "", records("app. 9 IN A 10.0.0.1", "app.sub.example. 9 IN A 10.0.0.2"), nil, "10.0.0.2:80", Answered, 9 * time.Second},
		{"not in the search domain", "dns://app:80", "", records("app. 9 IN A 10.0.0.1"), nil, "10.0.0.1:80", Answered, 9 * time.Second},
		{"dots enough", "dns://app.example:80", "", records("app.example. 9 IN A 10.0.0.1", "app.example.sub.example. 9 IN A 10.0.0.2"), nil, "10.0.0.1:80", Answered, 9 * time.Second},
		{"search after all", "dns://app.x:80", "", records("app.x.sub.example. 9 IN A 10.0.0.2"), nil, "10.0.0.2:80", Answered, 9 * time.Second},
		{"absolute", "dns://app.:80", "", records("app.sub.example. 9 IN A 10.0.0.2"), nil, "", NoName, -1},
		{"not known whether it is in the search domain", "dns://app:80", "", records("app. 9 IN A 10.0.0.1"),
			func(_, _ string, q dns.Question) string {
				if q.Name == "app.sub.example." {
					return "SERVFAIL"
				}
				return ""
			}, "", Failed, -1},

		{"hosts", "dns://App:80", "# file\n0.0.0.0 app\n10.1.1.1 other app # mine\n2001:db8::2 app\nx app\n", records("app. 9 IN A 10.0.0.1"), nil, "10.1.1.1:80 [2001:db8::2]:80", Answered, localTTL},
		{"localhost", "dns://localhost:80", "", records("localhost. 9 IN A 10.0.0.1"), nil, "127.0.0.1:80", Answered, localTTL},
		{"under localhost", "dns://app.LOCALHOST.:80", "", nil, nil, "127.0.0.1:80", Answered, localTTL},

		{"service", "srv://_http._tcp.app.example", "", records(
			"_http._tcp.app.example. 30 IN SRV 1 1 8080 a.example.", "_http._tcp.app.example. 30 IN SRV 1 3 8081 b.example.",
			"_http._tcp.app.example. 30 IN SRV 2 1 8082 c.example.",
			"a.example. 9 IN A 10.0.0.1", "b.example. 8 IN A 10.0.0.2", "c.example. 7 IN A 10.0.0.3"), nil,
			"10.0.0.1:8080 10.0.0.2:8081*3 10.0.0.3:8082/1", Answered, 7 * time.Second},
		{"one origin of two priorities", "srv://s.example", "", records("s.example. 30 IN SRV 5 1 80 a.example.", "s.example. 30 IN SRV 5 1 80 b.example.",
			"s.example. 30 IN SRV 9 7 80 a.example.", "a.example. 9 IN A 10.0.0.1", "b.example. 9 IN A 10.0.0.2"), nil,
			"10.0.0.1:80 10.0.0.2:80", Answered, 9 * time.Second},
		{"service in the search domain", "srv://_http._tcp", "", records("_http._tcp.sub.example. 6 IN SRV 1 0 8080 a.example.", "a.example. 9 IN A 10.0.0.1"), nil,
			"10.0.0.1:8080", Answered, 6 * time.Second},
		{"the lowest priority has no address", "srv://s.example", "", records("s.example. 30 IN SRV 1 1 8080 a.example.",
			"s.example. 30 IN SRV 2 1 8081 b.example.", "s.example. 30 IN SRV 3 1 8082 b.example.", "b.example. 9 IN A 10.0.0.2"), nil,
			"10.0.0.2:8081 10.0.0.2:8082/1", NoName, 9 * time.Second},
		{"a target has no address", "srv://s.example", "", records("s.example. 30 IN SRV 1 1 8080 a.example.",
			"s.example. 30 IN SRV 1 1 8081 b.example.", "b.example. 9 IN A 10.0.0.2"), nil, "10.0.0.2:8081", NoName, 9 * time.Second},
		{"not known whether the lowest priority has one", "srv://s.example", "", records("s.example. 30 IN SRV 1 1 8080 a.example.",
			"s.example. 30 IN SRV 2 1 8081 b.example.", "b.example. 9 IN A 10.0.0.2"),
			func(_, _ string, q dns.Question) string {
				if q.Name == "a.example." {
					return "timeout"
				}
				return ""
			}, "", TimedOut, -1},
		{"not offered", "srv://s.example", "", records("s.example. 30 IN SRV 0 0 0 ."), nil, "", NoAddress, -1},
		{"no such service", "srv://none.example", "", nil, nil, "", NoName, -1},
		{"no service records", "srv://a.example", "", records("a.example. 9 IN A 10.0.0.1"), nil, "", NoAddress, -1},
	} {
		target, err := ParseTarget(test.target)
		if err != nil {
			t.Fatal(err)
		}
		z := newZone(t, test.records...)
		z.spoil = test.spoil
		r := round{ctx: t.Context(), system: system(test.hosts), exchange: z.exchange}
		result := r.lookup(target)
		kind := result.Failure.kind()
		if got := describe(result.Members); got != test.want || kind != test.kind {
			t.Errorf("%s: %q, %v (%v), want %q, %v", test.name, got, kind, result.Failure, test.want, test.kind)
		}
		if test.ttl >= 0 && (result.TTL != test.ttl || !result.Fresh) {
			t.Errorf("%s: holds for %v, want %v", test.name, result.TTL, test.ttl)
		}
	}
}

// What a question was answered last stands in for an answer that does not come.
func TestStaleAnswers(t *testing.T) {
	z := newZone(t)
	var last map[question]answer
	for _, step := range []struct {
		name    string
		records []string
		spoil   func(string, string, dns.Question) string
		want    string
		fresh   bool
	}{
		{"both", []string{"a. 9 IN A 10.0.0.1", "a. 9 IN AAAA 2001:db8::1"}, nil, "10.0.0.1:80 [2001:db8::1]:80", true},
		{"no answer for AAAA", []string{"a. 9 IN A 10.0.0.2"}, only(dns.TypeAAAA, "timeout"), "10.0.0.2:80 [2001:db8::1]:80", true},
		{"still none", []string{"a. 9 IN A 10.0.0.3"}, only(dns.TypeAAAA, "SERVFAIL"), "10.0.0.3:80 [2001:db8::1]:80", true},
		{"none at all", nil, always("timeout"), "10.0.0.3:80 [2001:db8::1]:80", false},
		{"AAAA has ended", []string{"a. 9 IN A 10.0.0.3"}, nil, "10.0.0.3:80", true},
		{"and is not remembered", []string{"a. 9 IN A 10.0.0.3"}, only(dns.TypeAAAA, "timeout"), "10.0.0.3:80", true},
		{"the name has ended", nil, nil, "", false},
	} {
		z.set(step.spoil, step.records...)
		r := round{ctx: t.Context(), system: system(""), exchange: z.exchange, last: last}
		result := r.lookup(Target{"a.", 80})
		last = r.seen
		if got := describe(result.Members); got != step.want || result.Fresh != step.fresh {
			t.Errorf("%s: %q, fresh %v (%v)", step.name, got, result.Fresh, result.Failure)
		}
	}
}

// An answer may be long, but not make the edge as large as it likes.
func TestManyAddresses(t *testing.T) {
	z := newZone(t)
	for i := range 300 {
		z.records = append(z.records,
			fmt.Sprintf("a. 9 IN A 10.0.%d.%d", i/256, i%256),
			fmt.Sprintf("s. 9 IN SRV %d 0 80 a.", i))
	}
	for _, target := range []Target{{"a.", 80}, {"s.", 0}} {
		r := round{ctx: t.Context(), system: system(""), exchange: z.exchange}
		result := r.lookup(target)
		if len(result.Members) != maxMembers || result.Failure == nil || result.Failure.Text != "of its 300 addresses the first 256 are used" {
			t.Errorf("%v: %d members, %v", target, len(result.Members), result.Failure)
		}
	}
}

func TestShareOut(t *testing.T) {
	for _, test := range []struct {
		weights   []uint16
		addresses []int
		want      []int
	}{
		{[]uint16{0}, []int{1}, []int{1}},
		{[]uint16{0, 0, 0}, []int{1, 1, 1}, []int{1, 1, 1}},
		{[]uint16{10, 20}, []int{1, 1}, []int{1, 2}},
		{[]uint16{1, 1}, []int{2, 1}, []int{1, 2}},
		{[]uint16{1, 1}, []int{3, 2}, []int{2, 3}},
		{[]uint16{0, 1}, []int{1, 1}, []int{1, 60}},
		{[]uint16{5, 7}, []int{0, 1}, []int{0, 1}},
		{[]uint16{65535, 1}, []int{1, 100}, []int{65535 * 60, 1}},
		{nil, nil, []int{}},
	} {
		var services []*dns.SRV
		var addresses [][]netip.Addr
		for i, w := range test.weights {
			services = append(services, &dns.SRV{Weight: w})
			addresses = append(addresses, make([]netip.Addr, test.addresses[i]))
		}
		if got := shareOut(services, addresses); !slices.Equal(got, test.want) {
			t.Errorf("%v with %v addresses: %v, want %v", test.weights, test.addresses, got, test.want)
		}
	}
}

func TestMerge(t *testing.T) {
	m := func(address string, weight int) origins.Member {
		return origins.Member{Address: &loop.Address{TCP: netip.MustParseAddrPort(address)}, Weight: weight}
	}
	for _, test := range []struct {
		in   []origins.Member
		want string
	}{
		{nil, ""},
		{[]origins.Member{m("10.0.0.2:80", 1), m("10.0.0.1:81", 2), m("10.0.0.1:80", 3)}, "10.0.0.1:80*3 10.0.0.1:81*2 10.0.0.2:80"},
		{[]origins.Member{m("10.0.0.2:80", 1), m("10.0.0.1:80", 2), m("10.0.0.2:80", 3)}, "10.0.0.1:80*2 10.0.0.2:80*4"},
	} {
		if got := describe(merge(test.in)); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestWithRoute(t *testing.T) {
	v4 := netip.Addr.Is4
	both := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}
	for _, test := range []struct {
		in   []netip.Addr
		has  func(netip.Addr) bool
		want []netip.Addr
	}{
		{both, v4, both[:1]},
		{both, nil, both},
		{both[1:], v4, both[1:]},
		{nil, v4, nil},
	} {
		if got := withRoute(test.in, test.has); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.in, got, test.want)
		}
	}
	if !hasRoute(netip.MustParseAddr("127.0.0.1")) {
		t.Error("no route to the machine itself")
	}
}

// What is left out for want of a route has no part of the weight.
func TestWeightOfHostsInPartReached(t *testing.T) {
	z := newZone(t, "s. 9 IN SRV 1 1 80 a.", "s. 9 IN SRV 1 1 80 b.", "a. 9 IN A 10.0.0.1", "a. 9 IN AAAA 2001:db8::1", "b. 9 IN A 10.0.0.2")
	r := round{ctx: t.Context(), system: system(""), exchange: z.exchange, hasRoute: netip.Addr.Is4}
	if got, want := describe(r.lookup(Target{"s.", 0}).Members), "10.0.0.1:80 10.0.0.2:80"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
