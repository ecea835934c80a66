package wiretest

import "io"

// Chop returns a reader of p that gives it in pieces of the sizes given, the
// last of which repeats; without sizes, octet by octet. It never gives an error
// together with octets.
func Chop(p []byte, sizes ...int) io.Reader {
	return &chopped{rest: p, sizes: sizes}
}

type chopped struct {
	rest  []byte
	sizes []int
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size())], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// size returns the size of the next piece, at least 1.
func (c *chopped) size() int {
	if len(c.sizes) == 0 {
		return 1
	}
	size := c.sizes[0]
	if len(c.sizes) > 1 {
		c.sizes = c.sizes[1:]
	}
	return max(size, 1)
}

// Cuts calls f for each way to cut p into two pieces, either of which may be
// empty.
func Cuts(p []byte, f func(head, tail []byte)) {
	for i := range len(p) + 1 {
		f(p[:i:i], p[i:])
	}
}
