package fault

import "strings"

// A place is where in a response something happens.
type place struct {
	mark mark
	at   int64 // of byteOfHead and byteOfBody: so many bytes of it go out before
}

// A mark is what a response passes on its way, in this order.
type mark uint8

const (
	beforeHead mark = iota
	inHead          // half of it has gone out
	byteOfHead
	behindHead
	byteOfBody
	inBody        // half of the content has gone out; if its length is not known, all of it
	betweenChunks // behind each but the last
	beforeLastChunk
	behindBody
)

var places = map[string]mark{
	"before head":       beforeHead,
	"in head":           inHead,
	"behind head":       behindHead,
	"in body":           inBody,
	"between chunks":    betweenChunks,
	"before last chunk": beforeLastChunk,
	"behind body":       behindBody,
}

// parsePlace reads a place such as "behind head" or "at byte 10 of body".
func parsePlace(words []string) (p place, ok bool) {
	if m, known := places[strings.Join(words, " ")]; known {
		return place{mark: m}, true
	}
	if len(words) != 5 || words[0] != "at" || words[1] != "byte" || words[3] != "of" {
		return p, false
	}
	switch words[4] {
	case "head":
		p.mark = byteOfHead
	case "body":
		p.mark = byteOfBody
	default:
		return p, false
	}
	p.at, ok = parseCount(words[2], 0)
	return p, ok
}
