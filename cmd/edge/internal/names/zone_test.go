package names

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A zone is DNS servers in memory. Its records may change between questions.
type zone struct {
	t  *testing.T
	mu sync.Mutex
	// records are lines of a zone file.
	records []string
	// spoil says what goes wrong with a question, such as "timeout", "SERVFAIL"
	// or "long"; empty: nothing.
	spoil func(network, server string, q dns.Question) string
	asked []string
}

func newZone(t *testing.T, records ...string) *zone { return &zone{t: t, records: records} }

func (z *zone) set(spoil func(network, server string, q dns.Question) string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records, z.spoil = records, spoil
}

// questions are those that were asked since the last call.
func (z *zone) questions() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	asked := strings.Join(z.asked, ", ")
	z.asked = nil
	return asked
}

// exchange answers from the zone, aliases followed.
func (z *zone) exchange(_ context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Question[0]
	z.asked = append(z.asked, fmt.Sprintf("%s %s %s %s", network, server, q.Name, dns.TypeToString[q.Qtype]))
	r := new(dns.Msg).SetReply(m)
	if z.spoil != nil {
		switch wrong := z.spoil(network, server, q); wrong {
		case "":
		case "timeout":
			return nil, os.ErrDeadlineExceeded
		case "unreachable":
			return nil, errors.New("connection refused")
		case "long":
			r.Truncated = true
			return r, nil
		case "other":
			r.Question[0].Name = "other."
			return r, nil
		default:
			r.Rcode = dns.StringToRcode[wrong]
			return r, nil
		}
	}
	z.answer(r, q.Name, q.Qtype)
	return r, nil
}

func (z *zone) answer(r *dns.Msg, name string, kind uint16) {
	exists := false
	for _, line := range z.records {
		record, err := dns.NewRR(line)
		if err != nil {
			z.t.Error(err)
			continue
		}
		h := record.Header()
		if h.Name != name {
			continue
		}
		exists = true
		if h.Rrtype == kind {
			r.Answer = append(r.Answer, record)
		} else if c, ok := record.(*dns.CNAME); ok {
			r.Answer = append(r.Answer, record)
			z.answer(r, c.Target, kind)
		}
	}
	if !exists && len(r.Answer) == 0 {
		r.Rcode = dns.RcodeNameError
	}
}

// system asks two servers, twice, with a search domain.
func system(hosts string) *System {
	c := dns.ClientConfig{Search: []string{"sub.example"}, Ndots: 1}
	return &System{
		Servers: []string{"s1", "s2"}, Attempts: 2, Timeout: time.Second,
		Candidates: c.NameList, Hosts: parseHosts(hosts),
	}
}

func always(what string) func(string, string, dns.Question) string {
	return func(string, string, dns.Question) string { return what }
}

// only spoils questions of one type.
func only(kind uint16, what string) func(string, string, dns.Question) string {
	return func(_, _ string, q dns.Question) string {
		if q.Qtype == kind {
			return what
		}
		return ""
	}
}

func (k Kind) String() string {
	return [...]string{"answered", "timed out", "failed", "no such name", "no address"}[k]
}

// kind is that of a failure, or of none.
func (f *Failure) kind() Kind {
	if f == nil {
		return Answered
	}
	return f.Kind
}
