package names

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func message(t *testing.T, q question, records ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion(q.name, q.kind))
	for _, line := range records {
		record, err := dns.NewRR(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, record)
	}
	return m
}

func TestJudge(t *testing.T) {
	q := question{"app.example.", dns.TypeA}
	for _, test := range []struct {
		name    string
		change  func(m *dns.Msg)
		records string // separated by semicolons
		kind    Kind
		found   int
		ttl     time.Duration
	}{
		{"one", nil, "app.example. 30 IN A 10.0.0.1", Answered, 1, 30 * time.Second},
		{"name in other letters", nil, "APP.example. 30 IN A 10.0.0.1", Answered, 1, 30 * time.Second},
		{"smallest TTL", nil, "app.example. 30 IN A 10.0.0.1; app.example. 20 IN A 10.0.0.2", Answered, 2, 20 * time.Second},
		{"TTL with the highest bit", func(m *dns.Msg) { m.Answer[0].Header().Ttl = 1 << 31 }, "app.example. 30 IN A 10.0.0.1", Answered, 1, 0},
		{"alias holds shorter", nil, "app.example. 5 IN CNAME b.; b. 30 IN A 10.0.0.1", Answered, 1, 5 * time.Second},
		{"alias holds longer", nil, "app.example. 60 IN CNAME b.; b. 30 IN A 10.0.0.1", Answered, 1, 30 * time.Second},
		{"chain in any order", nil, "c. 9 IN A 10.0.0.1; b. 30 IN CNAME c.; app.example. 60 IN CNAME b.", Answered, 1, 9 * time.Second},
		{"alias of nothing", nil, "app.example. 5 IN CNAME b.", NoAddress, 0, 5 * time.Second},
		{"aliases in a circle", nil, "app.example. 5 IN CNAME b.; b. 5 IN CNAME app.example.", NoAddress, 0, 5 * time.Second},
		{"records of a stranger", nil, "app.example. 30 IN A 10.0.0.1; evil. 1 IN A 10.6.6.6", Answered, 1, 30 * time.Second},
		{"a stranger's records only", nil, "evil. 1 IN A 10.6.6.6", NoAddress, 0, -1},
		{"another type", nil, "app.example. 30 IN AAAA ::1", NoAddress, 0, -1},
		{"another class", nil, "app.example. 30 CH A 10.0.0.1", NoAddress, 0, -1},
		{"nothing", nil, "", NoAddress, 0, -1},
		{"no such name", func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }, "", NoName, 0, -1},
		{"server failure", func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, "", Failed, 0, -1},
		{"refused", func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }, "", Failed, 0, -1},
		{"a code of the future", func(m *dns.Msg) { m.Rcode = 4000 }, "", Failed, 0, -1},
		{"another question's name", func(m *dns.Msg) { m.Question[0].Name = "b." }, "app.example. 30 IN A 10.0.0.1", Failed, 0, -1},
		{"another question's type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, "app.example. 30 IN A 10.0.0.1", Failed, 0, -1},
		{"no question", func(m *dns.Msg) { m.Question = nil }, "app.example. 30 IN A 10.0.0.1", Failed, 0, -1},
		{"a question", func(m *dns.Msg) { m.Response = false }, "app.example. 30 IN A 10.0.0.1", Failed, 0, -1},
	} {
		var records []string
		if test.records != "" {
			records = strings.Split(test.records, ";")
		}
		m := message(t, q, records...)
		if test.change != nil {
			test.change(m)
		}
		o := judge("s", q, m)
		if kind := o.failure.kind(); kind != test.kind || len(o.records) != test.found {
			t.Errorf("%s: %v with %d records (%v)", test.name, kind, len(o.records), o.failure)
		}
		if test.ttl >= 0 && o.ttl != test.ttl {
			t.Errorf("%s: holds for %v, want %v", test.name, o.ttl, test.ttl)
		}
	}
}

// Servers are asked in turn, until one knows.
func TestAsk(t *testing.T) {
	on := func(server, what string) func(string, string, dns.Question) string {
		return func(_, s string, _ dns.Question) string {
			if s == server {
				return what
			}
			return ""
		}
	}
	longOnUDP := func(network, _ string, _ dns.Question) string {
		if network == "udp" {
			return "long"
		}
		return ""
	}
	const u1, u2 = "udp s1 app.example. A", "udp s2 app.example. A"
	for _, test := range []struct {
		name  string
		spoil func(string, string, dns.Question) string
		asked string
		kind  Kind
	}{
		{"the first knows", nil, u1, Answered},
		{"the first is silent", on("s1", "timeout"), u1 + ", " + u2, Answered},
		{"the first fails", on("s1", "SERVFAIL"), u1 + ", " + u2, Answered},
		{"the first refuses", on("s1", "REFUSED"), u1 + ", " + u2, Answered},
		{"the first cannot be reached", on("s1", "unreachable"), u1 + ", " + u2, Answered},
		{"the first answers something else", on("s1", "other"), u1 + ", " + u2, Answered},
		{"the first knows that there is none", on("s1", "NXDOMAIN"), u1, NoName},
		{"nobody answers", always("timeout"), u1 + ", " + u2 + ", " + u1 + ", " + u2, TimedOut},
		{"the last one fails", on("s2", "SERVFAIL"), u1, Answered},
		{"all fail", always("SERVFAIL"), u1 + ", " + u2 + ", " + u1 + ", " + u2, Failed},
		{"too long", longOnUDP, u1 + ", tcp s1 app.example. A", Answered},
		{"too long everywhere", always("long"), u1 + ", tcp s1 app.example. A", NoAddress},
	} {
		z := newZone(t, "app.example. 30 IN A 10.0.0.1")
		z.spoil = test.spoil
		r := round{ctx: t.Context(), system: system(""), exchange: z.exchange}
		o := r.askInTurn(question{"app.example.", dns.TypeA})
		kind := o.failure.kind()
		if asked := z.questions(); asked != test.asked || kind != test.kind {
			t.Errorf("%s: asked %s\nwant %s\n%v (%v), want %v", test.name, asked, test.asked, kind, o.failure, test.kind)
		}
	}
}

// Whatever a server sends, it leads to addresses that can be connected to, for a
// time that is one, or to a failure.
func FuzzAnswer(f *testing.F) {
	for _, records := range [][]string{
		{"a. 5 IN A 10.0.0.1", "a. 7 IN A 0.0.0.0"},
		{"a. 5 IN CNAME b.", "b. 2147483648 IN A 10.0.0.1"},
		{"a. 5 IN CNAME b.", "b. 5 IN CNAME a."},
		nil,
	} {
		m := new(dns.Msg).SetReply(new(dns.Msg).SetQuestion("a.", dns.TypeA))
		for _, line := range records {
			record, err := dns.NewRR(line)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, record)
		}
		octets, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		m := new(dns.Msg)
		if m.Unpack(octets) != nil {
			return
		}
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
			o := judge("s", question{"a.", kind}, m)
			if (o.failure == nil) != (len(o.records) > 0) || o.failure == nil && (o.ttl < 0 || o.ttl > 1<<31*time.Second) {
				t.Errorf("%d records for %v, %v", len(o.records), o.ttl, o.failure)
			}
			for _, at := range addressesOf(o.records, nil) {
				if !at.IsValid() || at.IsUnspecified() || at.IsMulticast() || at.Is4In6() {
					t.Errorf("%v", at)
				}
			}
			shareOut(offered(o.records), make([][]netip.Addr, len(o.records)))
		}
	})
}
