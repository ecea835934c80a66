package names

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
)

// service are the members of a name with SRV records. Those of the lowest priority
// of which a target has an address come first, and the others are in reserve (RFC
// 2782). Their numbers are counted from 0, as there may be origins without any.
func (r *round) service(name string) (all []origins.Member) {
	services, failure := r.services(name)
	for rank := 0; len(services) > 0 && len(all) < maxMembers; {
		n := 1
		for n < len(services) && services[n].Priority == services[0].Priority {
			n++
		}
		members, f := r.ofServices(services[:n])
		failure = prefer(failure, f)
		if len(members) == 0 && f != nil && !f.Kind.final() {
			break // whether these have addresses is not known
		}
		for i := range members {
			members[i].Priority = rank
		}
		if len(members) > 0 {
			all = append(all, members...)
			rank++
		}
		services = services[n:]
	}
	r.fail(failure)
	return all
}

// services are the SRV records of a name, sorted by priority. There may be some
// although the failure says that they are no longer certain.
func (r *round) services(name string) (all []*dns.SRV, failure *Failure) {
	for _, candidate := range r.system.Candidates(name) {
		o := r.ask([]question{{candidate, dns.TypeSRV}})[0]
		if all = offered(o.records); len(all) > 0 {
			return all, o.failure
		}
		if o.failure == nil {
			o.failure = &Failure{NoAddress, fmt.Sprintf("the SRV records of %s say that nobody offers the service", candidate)}
		}
		if failure = prefer(failure, o.failure); !o.failure.Kind.final() {
			break
		}
	}
	return nil, failure
}

// offered are the records that name a target, by priority; a target "." is none.
// Each of them leads to two more questions, so their number is bounded.
func offered(records []dns.RR) (all []*dns.SRV) {
	for _, record := range records {
		if s, ok := record.(*dns.SRV); ok && s.Target != "." && s.Port != 0 {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *dns.SRV) int { return cmp.Compare(a.Priority, b.Priority) })
	return all[:min(len(all), maxMembers)]
}

// ofServices are the members that SRV records of one priority stand for.
func (r *round) ofServices(services []*dns.SRV) (members []origins.Member, failure *Failure) {
	hosts := make([]string, len(services))
	for i, s := range services {
		hosts[i] = s.Target
	}
	addresses, failures := r.ofHosts(hosts)
	for _, f := range failures {
		failure = prefer(failure, f)
	}
	weights := shareOut(services, addresses)
	for i, s := range services {
		for _, a := range addresses[i] {
			m := member(a, s.Port)
			m.Weight = weights[i]
			members = append(members, m)
		}
	}
	return members, failure
}

// shares is what a weight is multiplied by before it is divided by the number of
// addresses, so that the division loses little.
const shares = 60

// shareOut gives the weight of each member that the SRV records lead to. A
// record's weight is for its target, so a target with several addresses does not
// get more requests than one with a single address. A weight of zero means
// "hardly ever" beside greater ones, and nothing when all are zero (RFC 2782).
func shareOut(services []*dns.SRV, addresses [][]netip.Addr) []int {
	weights := make([]int, len(services))
	divisor := 0
	for i, s := range services {
		if n := len(addresses[i]); n > 0 {
			weights[i] = max(int(s.Weight)*shares/n, 1)
			divisor = gcd(divisor, weights[i])
		}
	}
	for i := range weights {
		weights[i] /= max(divisor, 1)
	}
	return weights
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
