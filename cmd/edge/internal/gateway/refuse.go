package gateway

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/hopwire/hopwire/cmd/edge/internal/heads"
	"github.com/hopwire/hopwire/shared/wire"
)

// A ProxyError is an error type of the Proxy-Status field (RFC 9209 section
// 2.3), by which a client tells the gateway's answers from the origin's.
type ProxyError uint8

const (
	NoError ProxyError = iota // the answer is the gateway's, and no error
	DNSTimeout
	DNSError
	DestinationNotFound
	DestinationUnavailable
	DestinationUnroutable
	ConnectionRefused
	ConnectionTerminated
	ConnectionTimeout
	ConnectionLimitReached
	HTTPRequestError
	HTTPResponseIncomplete
	HTTPResponseTimeout
	HTTPResponseHeadTooLarge
	HTTPProtocolError
	HTTPUpgradeFailed
	ProxyLoopDetected
	// ProxyErrors is how many there are.
	ProxyErrors
)

var proxyErrors = [ProxyErrors]struct {
	token  string
	status uint16 // recommended; 0: that of the request's error
}{
	NoError:                  {"none", 0},
	DNSTimeout:               {"dns_timeout", 504},
	DNSError:                 {"dns_error", 502},
	DestinationNotFound:      {"destination_not_found", 500},
	DestinationUnavailable:   {"destination_unavailable", 503},
	DestinationUnroutable:    {"destination_ip_unroutable", 502},
	ConnectionRefused:        {"connection_refused", 502},
	ConnectionTerminated:     {"connection_terminated", 502},
	ConnectionTimeout:        {"connection_timeout", 504},
	ConnectionLimitReached:   {"connection_limit_reached", 503},
	HTTPRequestError:         {"http_request_error", 0},
	HTTPResponseIncomplete:   {"http_response_incomplete", 502},
	HTTPResponseTimeout:      {"http_response_timeout", 504},
	HTTPResponseHeadTooLarge: {"http_response_header_section_size", 502},
	HTTPProtocolError:        {"http_protocol_error", 502},
	HTTPUpgradeFailed:        {"http_upgrade_failed", 502},
	ProxyLoopDetected:        {"proxy_loop_detected", 502},
}

// String is the token that stands in the field.
func (e ProxyError) String() string { return proxyErrors[e].token }

// A Refusal is an answer of the gateway's own, or why it breaks off a response that
// has begun. The zero value refuses nothing.
type Refusal struct {
	Status uint16
	Error  ProxyError
	Rule   string // which rule was broken, for the details; may be empty
}

// refuses reports whether r is an answer at all.
func (r Refusal) refuses() bool { return r.Status != 0 }

// String is such as "502 connection_refused", or empty when r refuses nothing.
func (r Refusal) String() string {
	if !r.refuses() {
		return ""
	}
	s := strconv.Itoa(int(r.Status)) + " " + r.Error.String()
	if r.Rule != "" {
		s += " " + r.Rule
	}
	return s
}

// blamesOrigin reports whether the origin failed, and not what the client sent, nor
// how gateways are set up.
func (r Refusal) blamesOrigin() bool {
	return r.Error != NoError && r.Error != HTTPRequestError && r.Error != ProxyLoopDetected
}

// sentence has the words of Proxy-Status, to be read in a sentence.
func (r Refusal) sentence() string {
	s := strings.ReplaceAll(r.Error.String(), "_", " ")
	if r.Rule != "" {
		s += " (" + r.Rule + ")"
	}
	return s
}

// originError is the refusal for a failure on the origin side, or on the way there,
// with the status that RFC 9209 recommends.
func originError(e ProxyError, rule string) Refusal {
	return Refusal{Status: proxyErrors[e].status, Error: e, Rule: rule}
}

// badRequest is the refusal of a request that the client should not have sent.
func badRequest(status uint16, rule string) Refusal {
	return Refusal{Status: status, Error: HTTPRequestError, Rule: rule}
}

// malformedRequest is the refusal of a request that does not follow the grammar.
func malformedRequest(err error) Refusal {
	var e *wire.Error
	if errors.As(err, &e) {
		return badRequest(uint16(e.Status), string(e.Rule))
	}
	return badRequest(400, "")
}

// malformedResponse is the refusal for a response that does not follow it.
func malformedResponse(err error) Refusal {
	var e *wire.Error
	switch {
	case !errors.As(err, &e):
		return originError(HTTPProtocolError, "")
	case e.Rule == wire.RuleHeadTooLarge || e.Rule == wire.RuleTooManyFields:
		return originError(HTTPResponseHeadTooLarge, string(e.Rule))
	}
	return originError(HTTPProtocolError, string(e.Rule))
}

// connectFailure is the refusal for an origin that no connection could be made
// to.
func connectFailure(err error) Refusal {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return originError(ConnectionTimeout, "")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return originError(ConnectionRefused, "")
	case errors.Is(err, syscall.ECONNRESET):
		return originError(ConnectionTerminated, "")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return originError(DestinationUnroutable, "")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return originError(ConnectionLimitReached, "")
	}
	return originError(DestinationUnavailable, "")
}

// responseFailure is the refusal for an origin that took the request and gave no
// whole head of a response.
func responseFailure(err error) Refusal {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return originError(HTTPResponseTimeout, "")
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return originError(ConnectionTerminated, "")
	}
	return originError(HTTPResponseIncomplete, "")
}

// sendRefusal answers in the origin's place.
func (x *exchange) sendRefusal() {
	x.response.status = x.end.refusal.Status
	switch {
	case !x.upload.whole:
		x.planClose(RequestUnread)
	case x.gateway.draining:
		x.planClose(Drained)
	}
	p := x.takePad()
	p.sent = x.end.refusal.appendTo(p.sent[:0], x.gateway.config.Name, x.clientSide(), x.loop.Wall().Unix())
	head := int64(len(p.sent))
	if !x.request.isHead {
		p.sent = x.end.refusal.appendContent(p.sent)
	}
	sent, err := x.clientHop.send(p.sent)
	x.response.sent = max(sent-head, 0)
	if err != nil {
		x.notTaken(err)
	}
}

// appendTo appends the head of the response by which name, the gateway, refuses.
func (r Refusal) appendTo(b []byte, name string, to heads.ClientSide, unixSeconds int64) []byte {
	b = wire.AppendStatusLine(b, int(r.Status), wire.StatusText(int(r.Status)))
	b = append(b, "Date: "...)
	b = wire.AppendDate(b, unixSeconds)
	b = append(b, "\r\nProxy-Status: "...)
	b = r.appendProxyStatus(b, name)
	b = append(b, "\r\nContent-Type: text/plain\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(r.contentLength()), 10)
	b = append(b, "\r\n"...)
	line, _ := to.ConnectionLine()
	return append(append(b, line...), "\r\n"...)
}

// appendProxyStatus appends the value of Proxy-Status (RFC 9209 section 2).
func (r Refusal) appendProxyStatus(b []byte, name string) []byte {
	b = append(b, name...)
	if r.Error != NoError {
		b = append(b, "; error="...)
		b = append(b, r.Error.String()...)
	}
	if r.Rule != "" {
		b = append(b, `; details="`...)
		b = append(b, r.Rule...)
		b = append(b, '"')
	}
	return b
}
