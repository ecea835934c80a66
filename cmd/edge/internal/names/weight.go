package names

import (
	"net/netip"

	"github.com/miekg/dns"
)

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
