package origins

import "github.com/hopwire/hopwire/shared/wire"

// Key is what requests like h have in common, if the balance is a hash. A
// request without the field, or with an empty one, has no key: all of these at
// one origin would be too much for it.
//
// The target is that which the origin is sent, with its query: the authority of
// a target in absolute-form is not part of it, but it is the value of Host.
func (b Balance) Key(h *wire.RequestHead) (key uint64, ok bool) {
	if b.method < hashTarget {
		return 0, false
	}
	octets := b.octets(h)
	return digest(octets), len(octets) > 0
}

func (b Balance) octets(h *wire.RequestHead) []byte {
	_, authority, path := h.Absolute()
	switch {
	case b.method == hashTarget && h.Form == wire.AbsoluteForm:
		return path
	case b.method == hashTarget:
		return h.Target
	case authority != nil && b.field == "host":
		return authority
	}
	value, _ := h.Lookup(b.field)
	return value
}

// digest hashes octets (FNV-1a), the same in every process, so that several
// gateways send like requests to one origin.
func digest[T string | []byte](octets T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(octets) {
		h = (h ^ uint64(octets[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads what differs in few bits over all of them (the finalizer of
// SplitMix64): scores have to be independent of each other.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
