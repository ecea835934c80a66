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

// An exchange sends a message to a server, over network "udp" or "tcp", and
// returns what it answers.
type exchange func(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error)

// An outcome is what one question came to.
type outcome struct {
	answer
	failure *Failure // there was no answer; then it may be an earlier one
}

func failed(kind Kind, format string, args ...any) outcome {
	return outcome{failure: &Failure{kind, fmt.Sprintf(format, args...)}}
}

// askInTurn asks the servers in turn until one knows.
func (r *round) askInTurn(q question) outcome {
	o := failed(TimedOut, "there is no DNS server to ask")
	for range r.system.Attempts {
		for _, server := range r.system.Servers {
			o = r.askServer(server, q)
			if o.failure == nil || o.failure.Kind.final() || r.ctx.Err() != nil {
				return o
			}
		}
	}
	return o
}

// askServer asks one server, once more over TCP if the answer was too long.
func (r *round) askServer(server string, q question) (o outcome) {
	for _, network := range []string{"udp", "tcp"} {
		ctx, cancel := context.WithTimeout(r.ctx, r.system.Timeout)
		m, err := r.exchange(ctx, network, server, new(dns.Msg).SetQuestion(q.name, q.kind))
		cancel()
		if err != nil {
			return noAnswer(server, err)
		}
		if o = judge(server, q, m); !m.Truncated {
			break
		}
	}
	return o
}

// noAnswer is the outcome of an exchange that failed. A server that cannot be
// reached is silent in another way.
func noAnswer(server string, err error) outcome {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return failed(TimedOut, "the DNS server %s does not answer", server)
	}
	return failed(Failed, "asking the DNS server %s failed: %v", server, err)
}

// judge reads a message as the answer to q.
func judge(server string, q question, m *dns.Msg) outcome {
	switch {
	case !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != q.kind || !sameName(m.Question[0].Name, q.name):
		// An answer to something else is an old one, or a forged one.
		return failed(Failed, "the DNS server %s answers another question", server)
	case m.Rcode == dns.RcodeNameError:
		return failed(NoName, "the DNS server %s says that %s does not exist (NXDOMAIN)", server, q.name)
	case m.Rcode != dns.RcodeSuccess:
		return failed(Failed, "the DNS server %s answers %s", server, rcode(m.Rcode))
	}
	o := outcome{answer: follow(q, m.Answer)}
	if len(o.records) == 0 {
		o.failure = &Failure{NoAddress, fmt.Sprintf("%s has no %s record", q.name, dns.TypeToString[q.kind])}
	}
	return o
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
