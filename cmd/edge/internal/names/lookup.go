package names

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/hopwire/hopwire/cmd/edge/internal/origins"
	"github.com/hopwire/hopwire/shared/loop"
)

// A Result is what one lookup of a target came to. There may be members and a
// failure: what is known, and what could not be asked.
type Result struct {
	Members []origins.Member // sorted by address
	TTL     time.Duration    // of the shortest-lived record; what failed has none
	Fresh   bool             // at least one member is in an answer of this lookup
	Failure *Failure         // nil: every question was answered
}

// localTTL is how long an answer holds that came from a file.
const localTTL = 5 * time.Second

// A round is one lookup of one target.
type round struct {
	ctx      context.Context
	system   *System
	exchange exchange
	hasRoute func(netip.Addr) bool
	last     map[question]answer // the last good answers of earlier rounds
	seen     map[question]answer // those of this round
	result   Result
}

// lookup does the whole round.
func (r *round) lookup(t Target) Result {
	r.seen = map[question]answer{}
	r.result.TTL = 1<<63 - 1
	if t.Port != 0 {
		r.result.Members = atPort(r.addresses(t.Name), t.Port)
	} else {
		r.result.Members = r.service(t.Name)
	}
	r.result.Members = merge(r.result.Members)
	if n := len(r.result.Members); n > maxMembers {
		r.result.Members = r.result.Members[:maxMembers]
		r.fail(&Failure{Failed, fmt.Sprintf("of its %d addresses the first %d are used", n, maxMembers)})
	}
	return r.result
}

// merge sorts members, and makes one of those with the same address, as several
// SRV records may lead to it. It has the lowest of their priorities.
func merge(members []origins.Member) (all []origins.Member) {
	slices.SortFunc(members, compareMembers)
	for _, m := range members {
		n := len(all)
		switch {
		case n == 0 || compareMembers(all[n-1], m) != 0:
			all = append(all, m)
		case all[n-1].Priority == m.Priority:
			all[n-1].Weight += m.Weight
		case all[n-1].Priority > m.Priority:
			all[n-1] = m
		}
	}
	return all
}

// maxMembers bounds what one answer can make every loop keep: 64 KiB of DNS hold
// 4,000 addresses.
const maxMembers = 256

// addresses are those of the first of a name's candidates that exists. A
// candidate of which nobody knows whether it exists ends the search: the next
// one may be a stranger's.
func (r *round) addresses(name string) []netip.Addr {
	if local := r.system.local(name); len(local) > 0 {
		r.holds(localTTL)
		return local
	}
	var failure *Failure
	for _, candidate := range r.system.Candidates(name) {
		all, failures := r.ofHosts([]string{candidate})
		if len(all[0]) > 0 {
			r.fail(failures[0])
			return all[0]
		}
		if failure = prefer(failure, failures[0]); !failures[0].Kind.final() {
			break
		}
	}
	r.fail(failure)
	return nil
}

// ofHosts are the addresses of each of the absolute names, of both families, and
// why there are none or may be more.
func (r *round) ofHosts(names []string) (addresses [][]netip.Addr, failures []*Failure) {
	questions := make([]question, 0, 2*len(names))
	for _, name := range names {
		questions = append(questions, question{name, dns.TypeA}, question{name, dns.TypeAAAA})
	}
	outcomes := r.ask(questions)
	addresses, failures = make([][]netip.Addr, len(names)), make([]*Failure, len(names))
	for i, name := range names {
		a, aaaa := outcomes[2*i], outcomes[2*i+1]
		addresses[i] = withRoute(addressesOf(a.records, aaaa.records), r.hasRoute)
		failures[i] = ofBoth(name, a.failure, aaaa.failure, len(addresses[i]) > 0)
	}
	return addresses, failures
}

// ofBoth is what the questions for both families of a name came to. That it has
// addresses of one family only is no failure.
func ofBoth(name string, a, aaaa *Failure, some bool) *Failure {
	f := prefer(a, aaaa)
	switch {
	case !some && f == nil:
		return &Failure{NoAddress, fmt.Sprintf("%s has no address that can be connected to", name)}
	case some && f != nil && f.Kind.final():
		return nil
	}
	return f
}

// prefer chooses which of two failures is told: that somebody did not answer,
// since then the rest is uncertain; else the first one.
func prefer(a, b *Failure) *Failure {
	if a == nil || b != nil && a.Kind.final() && !b.Kind.final() {
		return b
	}
	return a
}

// atOnce bounds how many questions are under way together.
const atOnce = 16

// ask asks several questions at once.
func (r *round) ask(questions []question) []outcome {
	outcomes := make([]outcome, len(questions))
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, q := range questions {
		room <- struct{}{}
		all.Go(func() {
			outcomes[i] = r.askInTurn(q)
			<-room
		})
	}
	all.Wait()
	for i, q := range questions {
		r.remember(q, &outcomes[i])
	}
	return outcomes
}

// remember keeps a good answer for the time when there is none, or puts the one
// that was kept into the place of none.
func (r *round) remember(q question, o *outcome) {
	switch {
	case o.failure == nil:
		r.seen[q] = o.answer
		r.holds(o.ttl)
	case !o.failure.Kind.final():
		if old, ok := r.last[q]; ok {
			o.answer, r.seen[q] = old, old
		}
	}
}

// holds says that a part of the result is known for a time.
func (r *round) holds(d time.Duration) {
	r.result.TTL = min(r.result.TTL, d)
	r.result.Fresh = true
}

func (r *round) fail(f *Failure) {
	if f != nil {
		r.result.Failure = f
	}
}

// addressesOf are the addresses in A and AAAA records, each once. Filters answer
// 0.0.0.0 for what they block, and connecting to that reaches the machine itself.
func addressesOf(a, aaaa []dns.RR) (all []netip.Addr) {
	for _, record := range slices.Concat(a, aaaa) {
		var a netip.Addr
		switch record := record.(type) {
		case *dns.A:
			a, _ = netip.AddrFromSlice(record.A)
		case *dns.AAAA:
			a, _ = netip.AddrFromSlice(record.AAAA)
		}
		if a = a.Unmap(); a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

func member(a netip.Addr, port uint16) origins.Member {
	return origins.Member{Address: &loop.Address{TCP: netip.AddrPortFrom(a, port)}, Weight: 1}
}

func atPort(addresses []netip.Addr, port uint16) (members []origins.Member) {
	for _, a := range addresses {
		members = append(members, member(a, port))
	}
	return members
}

func compareMembers(a, b origins.Member) int {
	return a.Address.TCP.Compare(b.Address.TCP)
}
