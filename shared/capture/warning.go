package capture

import (
	"errors"
	"fmt"
	"io"

	"github.com/hopwire/hopwire/shared/english"
	"github.com/hopwire/hopwire/shared/wire"
)

// A warning is a sentence about one connection, or about the file.
type warning struct {
	kind warningKind
	text string
}

// A warningKind is one of the things that may be wrong with a capture. First are
// those by which something is lost, the worst of them first.
type warningKind uint8

const (
	fileDamaged warningKind = iota
	readingEnded
	connectionsUnread
	messagesUnread
	packetsCut
	packetsForeign
	packetsBroken
	packetsFragmented
	requestsMissing
	requestUnreadable
	requestPartial
	responsesMissing

	encrypted
	speaksHTTP2
	oneSided
	foreign
	noRequest
	noBytes
	noPackets
	responsesUncertain
	responsesFaulty
	responsesExcess
	joined
	numWarningKinds
)

// loses reports whether something that a server was asked may be lost by this.
func (k warningKind) loses() bool { return k <= responsesMissing }

// explains reports whether this may be why there is no request in a capture, and
// not what follows from that.
func (k warningKind) explains() bool {
	switch k {
	case requestUnreadable, encrypted, speaksHTTP2, oneSided, noPackets:
		return true
	}
	return k < requestsMissing
}

// String completes "20 more connections ...", for those kinds that are about single
// connections.
func (k warningKind) String() string {
	return [numWarningKinds]string{
		messagesUnread:     "for which memory did not suffice",
		requestsMissing:    "of which requests are missing",
		requestUnreadable:  "with a request that cannot be read",
		requestPartial:     "of which the last request is not whole",
		responsesMissing:   "of which responses are missing",
		responsesUncertain: "of which it is not certain which response is whose",
		responsesFaulty:    "with responses that are not by the book",
		responsesExcess:    "with responses to no request",
		joined:             "of which the beginning was not captured",
	}[k]
}

// maxWarnings bounds how many connections are warned about for the same thing.
const maxWarnings = 20

// warnings are all of a recording, by their kinds: how many there are, and the
// texts of the first.
type warnings [numWarningKinds]struct {
	count int
	texts []string
}

func (all *warnings) add(w warning) {
	of := &all[w.kind]
	if of.count++; of.count <= maxWarnings {
		of.texts = append(of.texts, w.text)
	}
}

// sentences returns what there is to say, and how many of the sentences are about
// losses, which are first.
func (all *warnings) sentences() (sentences []string, losses int) {
	for k := range numWarningKinds {
		of := &all[k]
		sentences = append(sentences, of.texts...)
		if more := of.count - len(of.texts); more > 0 {
			sentences = append(sentences, fmt.Sprintf("%s %v", english.Plural(more, "more connection"), k))
		}
		if k.loses() {
			losses = len(sentences)
		}
	}
	return sentences, losses
}

// reasons returns a sentence for each kind: first those that explain the others.
func (all *warnings) reasons() (reasons []string) {
	for _, explaining := range []bool{true, false} {
		for k := range numWarningKinds {
			switch of := &all[k]; {
			case k.explains() != explaining:
			case of.count == 1:
				reasons = append(reasons, of.texts[0])
			case of.count > 1:
				reasons = append(reasons, fmt.Sprintf("%s %v, such as %s", english.Plural(of.count, "connection"), k, of.texts[0]))
			}
		}
	}
	return reasons
}

// inWords says what is wrong with a message or a file, as somebody would who knows
// none of our names for it.
func inWords(err error) string {
	refused := (*wire.Error)(nil)
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("%s (%s)", refused.Fault(), refused.Section)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return err.Error()
}
