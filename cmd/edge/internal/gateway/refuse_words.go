package gateway

import (
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// The content of an answer of the gateway's own is one line:
//
//	502: no connection to the origin: connection refused
//
// Nothing of it comes from the network, so that it is safe wherever it is shown.

// errorWords say what happened.
var errorWords = [ProxyErrors]string{
	DNSTimeout:               "no connection to the origin: its name was not looked up in time",
	DNSError:                 "no connection to the origin: looking up its name failed",
	DestinationNotFound:      "no connection to the origin: its name has no address",
	DestinationUnavailable:   "no connection to an origin",
	DestinationUnroutable:    "no connection to the origin: no route leads there",
	ConnectionRefused:        "no connection to the origin: connection refused",
	ConnectionTerminated:     "the origin closed the connection without a response",
	ConnectionTimeout:        "no connection to the origin: it did not answer in time",
	ConnectionLimitReached:   "no connection to the origin: there are as many as there may be",
	HTTPRequestError:         "the request does not follow HTTP", // if no rule says more
	HTTPResponseIncomplete:   "the origin broke its response off",
	HTTPResponseTimeout:      "the origin did not respond in time",
	HTTPResponseHeadTooLarge: "the head of the origin's response is too large",
	HTTPProtocolError:        "the origin's response does not follow HTTP",
	HTTPUpgradeFailed:        "the origin did not switch protocols as it should",
	ProxyLoopDetected:        "the request goes round in circles; look at what the gateways in Via send to each other",
}

// ruleWords are those of the gateway's own rules; wire has the others.
var ruleWords = map[string]string{
	"head-timeout":                          "the head of the request did not come in time; send it at once",
	"body-timeout":                          "the body of the request did not come in time; send it at once",
	"body-rate":                             "the body of the request came too slowly; send it faster",
	"connect":                               "CONNECT is not spoken here; send the request itself",
	"target-scheme":                         "the target is no http URL; send it to where its scheme is served",
	"connection-options-too-many":           "Connection has more options than anybody needs; send fewer",
	"framing-field-misspelled":              "a field looks like Content-Length or Transfer-Encoding to some origins; spell it with hyphens, or leave it out",
	"max-forwards":                          "Max-Forwards is 0, so the request goes no further than here",
	"via":                                   "", // the error says it
	"interim-responses-too-large":           "its interim responses are too large",
	"transfer-encoding-without-content":     "it has Transfer-Encoding, but no content",
	"switching-protocols-unasked":           "it switches protocols, which nobody asked for",
	"switching-protocols-http-1.0":          "it switches protocols by HTTP/1.0, which cannot",
	"switching-protocols-not-in-connection": "it switches protocols, but its Connection does not name upgrade",
	"switching-protocols-not-offered":       "it switches to a protocol that was not offered",
	"switching-protocols-before-continue":   "it answered 101 before 100 to a client that waits for that",
	"request-unfinished":                    "it did not take the whole request first",
	"no-origin":                             "none is known, or none is well",
	"queue-full":                            "too many requests wait for one already; try again later",
	"queue-timeout":                         "none became free in time; try again later",
}

// words are what happened, and by which rule if there is more to say of it; either
// may be empty.
func (r Refusal) words() (what, rule string) {
	rule, own := ruleWords[r.Rule]
	if !own {
		rule = wire.Rule(r.Rule).Sentence()
		if r.blamesOrigin() {
			rule, _, _ = strings.Cut(rule, ";") // the client cannot mend it
		}
	}
	if r.Error == HTTPRequestError && rule != "" {
		return "", rule
	}
	return errorWords[r.Error], rule
}

// contentLength is that of appendContent.
func (r Refusal) contentLength() int {
	what, rule := r.words()
	n := len("502: \n") + len(what) + len(rule)
	if what != "" && rule != "" {
		n += len(": ")
	}
	return n
}

func (r Refusal) appendContent(b []byte) []byte {
	what, rule := r.words()
	b = strconv.AppendUint(b, uint64(r.Status), 10)
	b = append(append(b, ": "...), what...)
	if what != "" && rule != "" {
		b = append(b, ": "...)
	}
	return append(append(b, rule...), '\n')
}
