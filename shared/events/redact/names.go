package redact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// Names are those of the fields whose values are blanked.
type Names struct {
	keys    []string
	longest int
	further bool // and not only the standard ones
}

// Standard is what stands for the standard fields alone.
const Standard = "standard"

var standardFields = []string{"Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization"}

// framing are the fields without whose values no message of a recording has an end.
var framing = []string{"Content-Length", "Transfer-Encoding"}

// Parse reads names of fields. The standard ones are always among them, so that
// "standard" adds nothing. An error is a sentence.
func Parse(names []string) (*Names, error) {
	all := &Names{}
	for _, name := range standardFields {
		all.add(name)
	}
	for _, name := range names {
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, Standard):
			continue
		case !wire.IsToken(name) || keyOf(name) == "":
			return nil, fmt.Errorf("%q is not the name of a field; write names such as X-Api-Key, with commas between them, or %s", name, Standard)
		case slices.ContainsFunc(framing, func(f string) bool { return keyOf(f) == keyOf(name) }):
			return nil, fmt.Errorf("%s tells where a message ends, and without it nobody can read a recording; leave it out", name)
		}
		if !slices.Contains(all.keys, keyOf(name)) {
			all.add(name)
			all.further = true
		}
	}
	return all, nil
}

func (n *Names) add(name string) {
	key := keyOf(name)
	n.keys, n.longest = append(n.keys, key), max(n.longest, len(key))
}

// keyOf is what counts of a name.
func keyOf(name string) string {
	var key []byte
	for i := range len(name) {
		if c, ok := keyByte(name[i]); ok {
			key = append(key, c)
		}
	}
	return string(key)
}

func keyByte(c byte) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c | 0x20, true
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c, true
	}
	return 0, false
}

func (n *Names) has(key []byte) bool {
	for _, k := range n.keys {
		if string(key) == k {
			return true
		}
	}
	return false
}
