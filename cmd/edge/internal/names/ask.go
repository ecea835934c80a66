package names

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A question is what is asked for at once: the records of one type of one
// absolute name.
type question struct {
	name string
	kind uint16
}

// An answer is the records that were asked for, and how long they hold.
type answer struct {
	records []dns.RR
	ttl     time.Duration
}

// An Exchange sends a message to a server, over network "udp" or "tcp", and
// returns what it answers.
type Exchange func(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error)

// ask asks the servers in turn until one knows. The error is a *Failure.
func ask(ctx context.Context, s *System, exchange Exchange, q question) (answer, error) {
	var last error = &Failure{TimedOut, "there is no DNS server to ask"}
	for range s.Attempts {
		for _, server := range s.Servers {
			a, err := askServer(ctx, s, exchange, server, q)
			var f *Failure
			if err == nil || errors.As(err, &f) && f.Kind.final() {
				return a, err
			}
			if last = err; ctx.Err() != nil {
				return answer{}, last
			}
		}
	}
	return answer{}, last
}

// askServer asks one server, once more over TCP if the answer was too long.
func askServer(ctx context.Context, s *System, exchange Exchange, server string, q question) (answer, error) {
	m, err := exchangeWithin(ctx, s.Timeout, exchange, "udp", server, q)
	if err == nil && m.Truncated {
		m, err = exchangeWithin(ctx, s.Timeout, exchange, "tcp", server, q)
	}
	if err != nil {
		return answer{}, noAnswer(server, err)
	}
	return judge(server, q, m)
}

func exchangeWithin(ctx context.Context, bound time.Duration, exchange Exchange, network, server string, q question) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	m := new(dns.Msg).SetQuestion(q.name, q.kind)
	return exchange(ctx, network, server, m)
}

// noAnswer is the failure of an exchange. A server that cannot be reached is
// silent in another way.
func noAnswer(server string, err error) *Failure {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &Failure{TimedOut, fmt.Sprintf("the DNS server %s does not answer", server)}
	}
	return &Failure{Failed, fmt.Sprintf("asking the DNS server %s failed: %v", server, err)}
}

// judge reads a message as the answer to q. The error is a *Failure.
func judge(server string, q question, m *dns.Msg) (answer, error) {
	switch {
	case !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != q.kind || !sameName(m.Question[0].Name, q.name):
		// An answer to something else is an old one, or a forged one.
		return answer{}, &Failure{Failed, fmt.Sprintf("the DNS server %s answers another question", server)}
	case m.Rcode == dns.RcodeNameError:
		return answer{}, &Failure{NoName, fmt.Sprintf("the DNS server %s says that %s does not exist (NXDOMAIN)", server, q.name)}
	case m.Rcode != dns.RcodeSuccess:
		return answer{}, &Failure{Failed, fmt.Sprintf("the DNS server %s answers %s", server, rcode(m.Rcode))}
	}
	a := follow(q, m.Answer)
	if len(a.records) == 0 {
		return a, &Failure{NoAddress, fmt.Sprintf("%s has no %s record", q.name, dns.TypeToString[q.kind])}
	}
	return a, nil
}

func rcode(code int) string {
	if text, ok := dns.RcodeToString[code]; ok {
		return text
	}
	return fmt.Sprintf("RCODE %d", code)
}

// maxAliases is how long a chain of aliases may be; names that are aliases of
// each other have one without end.
const maxAliases = 16

// follow goes along the aliases of q's name to its records. They hold as long as
// each link of the chain does. Records of other names are none of our business:
// a server that was made to add them must not direct requests there.
func follow(q question, records []dns.RR) (a answer) {
	name, least := q.name, uint32(1<<31-1)
	for range maxAliases {
		alias := ""
		for _, r := range records {
			h := r.Header()
			if !sameName(h.Name, name) || h.Class != dns.ClassINET {
				continue
			}
			if h.Rrtype == q.kind {
				a.records = append(a.records, r)
				least = min(least, ttlOf(h))
			} else if c, ok := r.(*dns.CNAME); ok && alias == "" {
				alias = c.Target
				least = min(least, ttlOf(h))
			}
		}
		if alias == "" || len(a.records) > 0 {
			break
		}
		name = alias
	}
	a.ttl = time.Duration(least) * time.Second
	return a
}

// ttlOf reads a TTL with the highest bit set as zero (RFC 2181 section 8).
func ttlOf(h *dns.RR_Header) uint32 {
	if h.Ttl > 1<<31-1 {
		return 0
	}
	return h.Ttl
}

func sameName(a, b string) bool { return strings.EqualFold(dns.Fqdn(a), dns.Fqdn(b)) }
