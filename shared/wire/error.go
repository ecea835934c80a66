package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrIncomplete says that everything so far is valid and that more octets are
// needed. It is not a failure: read more, and call again.
var ErrIncomplete = errors.New("wire: the message goes on beyond these bytes; read more and parse again")

// ErrTruncated says that the stream ended within a message. It wraps
// [io.ErrUnexpectedEOF]. What came before must not be taken for the whole
// message (RFC 9112 section 8).
var ErrTruncated = fmt.Errorf("wire: the stream ended before the message did; discard the message: %w", io.ErrUnexpectedEOF)

// An Error is the refusal of a message: the rule that it broke, and where.
type Error struct {
	// Status is the status code to answer with: 400, 414, 431, 501 or 505 for a
	// request, 502 (what a gateway tells its client) for a response's head or
	// framing. A [BodyScanner] does not know whose body it reads and says 400
	// or 431; a gateway that reads a response answers 502, if it still can.
	Status int

	// Rule names the rule that was broken. It is stable, so that logs and
	// metrics can be grouped by it.
	Rule Rule

	// Section is where the rule stands, such as "RFC 9112 section 5.1".
	Section string

	// Offset is the index of the offending octet, or of the field line that
	// offends as a whole: in the octets given to the parser of a head, in Raw
	// for framing, in the whole body for a BodyScanner.
	Offset int
}

// Error returns a sentence such as
//
//	wire: whitespace stands between a field name and its colon; remove it (field-name-space, RFC 9112 section 5.1, byte 23)
func (e *Error) Error() string {
	return fmt.Sprintf("wire: %s (%s, %s, byte %d)", rules[e.Rule].sentence, e.Rule, e.Section, e.Offset)
}

// Fault returns what is wrong with the message, and nothing else:
//
//	whitespace stands between a field name and its colon
func (e *Error) Fault() string {
	fault, _, _ := strings.Cut(rules[e.Rule].sentence, ";")
	return fault
}

// A Rule names one rule of the grammar or of the framing of messages.
type Rule string

// Sentence says what is wrong with a message that broke the rule, and behind a
// semicolon what to send instead; empty: wire has no such rule.
func (r Rule) Sentence() string { return rules[r].sentence }

// The rules of the start-line.
const (
	RuleEmptyLine      Rule = "empty-line"
	RuleTLSHello       Rule = "tls-hello"
	RuleHTTP2Preface   Rule = "http2-preface"
	RuleMethod         Rule = "method"
	RuleMethodTooLong  Rule = "method-too-long"
	RuleTargetOctet    Rule = "target-byte"
	RuleTargetMissing  Rule = "target-missing"
	RuleTargetForm     Rule = "target-form"
	RuleTargetPercent  Rule = "target-percent"
	RuleTargetTooLong  Rule = "target-too-long"
	RuleAuthority      Rule = "target-authority"
	RuleVersion        Rule = "version"
	RuleMajorVersion   Rule = "version-major"
	RuleStatusCode     Rule = "status-code"
	RuleReason         Rule = "reason-phrase"
	RuleStartLineSpace Rule = "start-line-space"
)

// The rules of the field section.
const (
	RuleBareCR         Rule = "bare-cr"
	RuleBareLF         Rule = "bare-lf"
	RuleFold           Rule = "obs-fold"
	RuleFieldName      Rule = "field-name"
	RuleFieldNameSpace Rule = "field-name-space"
	RuleFieldNoColon   Rule = "field-no-colon"
	RuleFieldValue     Rule = "field-value"
	RuleTooManyFields  Rule = "fields-too-many"
	RuleHeadTooLarge   Rule = "head-too-large"
	RuleHostMissing    Rule = "host-missing"
	RuleHostRepeated   Rule = "host-repeated"
	RuleHost           Rule = "host"
)

// The rules of the framing of content.
const (
	RuleLength         Rule = "content-length"
	RuleLengthRepeated Rule = "content-length-repeated"
	RuleConflict       Rule = "content-length-and-transfer-encoding"
	RuleCoding         Rule = "transfer-encoding"
	RuleCodingUnknown  Rule = "transfer-encoding-unknown"
	RuleCodingNotLast  Rule = "transfer-encoding-chunked-not-last"
	RuleCodingVersion  Rule = "transfer-encoding-http-1.0"
	RuleConnection     Rule = "connection-option"
)

// The rules of the chunked coding.
const (
	RuleChunkSize        Rule = "chunk-size"
	RuleChunkSizeTooBig  Rule = "chunk-size-too-big"
	RuleChunkExtension   Rule = "chunk-extension"
	RuleChunkLineTooLong Rule = "chunk-line-too-long"
	RuleChunkOverhead    Rule = "chunk-overhead"
	RuleChunkEnd         Rule = "chunk-end"
	RuleTrailerTooLarge  Rule = "trailer-too-large"
	RuleTrailerField     Rule = "trailer-field"
)

// A ruling is what is to be said of a rule: it is looked up when a message is
// refused, and never on the way of a good one.
type ruling struct {
	status   int
	section  string
	sentence string
}

var rules = map[Rule]ruling{
	RuleEmptyLine:      {400, "RFC 9112 section 2.2", "more than one empty line stands before the request line; send none"},
	RuleTLSHello:       {400, "RFC 9112 section 9.7", "a TLS handshake begins where plain HTTP is spoken; send http, not https"},
	RuleHTTP2Preface:   {505, "RFC 9113 section 3.4", "HTTP/2 begins where HTTP/1.1 is spoken; send HTTP/1.1"},
	RuleMethod:         {400, "RFC 9110 section 9.1", "the method is not a token; send a token and one space"},
	RuleMethodTooLong:  {501, "RFC 9112 section 3", "the method is longer than any that is known; send a known one"},
	RuleTargetOctet:    {400, "RFC 9112 section 3.2", "the request target has a byte that no URI has; percent-encode it"},
	RuleTargetMissing:  {400, "RFC 9112 section 3", "the request line has no target where one is due; send method, target and version with one space between them"},
	RuleTargetForm:     {400, "RFC 9112 section 3.2", "the request target is in no form that this method may have; send an absolute path or URI, * with OPTIONS, or host and port with CONNECT"},
	RuleTargetPercent:  {400, "RFC 3986 section 2.1", "a percent sign in the target's path is not followed by two hexadecimal digits; write it as %25"},
	RuleTargetTooLong:  {414, "RFC 9112 section 3", "the request target is longer than the limit; send a shorter one"},
	RuleAuthority:      {400, "RFC 9112 section 3.2", "the target does not name its server by host and port; send host:port and nothing else with CONNECT, and no user information in a URI"},
	RuleVersion:        {400, "RFC 9112 section 2.3", "the version is not written as HTTP/1.1 is; send exactly that"},
	RuleMajorVersion:   {505, "RFC 9110 section 2.5", "the major version is not 1; send HTTP/1.1"},
	RuleStatusCode:     {502, "RFC 9112 section 4", "the status code is not three digits from 100 on; send those, a space and a reason phrase"},
	RuleReason:         {502, "RFC 9112 section 4", "the reason phrase has a control character; remove it"},
	RuleStartLineSpace: {400, "RFC 9112 section 2.2", "whitespace stands between the start-line and the first field line; remove the line"},

	RuleBareCR:         {400, "RFC 9112 section 2.2", "a CR is not followed by LF; end lines with CRLF"},
	RuleBareLF:         {400, "RFC 9112 section 2.2", "a line ends with a bare LF; end lines with CRLF"},
	RuleFold:           {400, "RFC 9112 section 5.2", "a field line is folded; write the value on one line"},
	RuleFieldName:      {400, "RFC 9110 section 5.1", "a field name is not a token; use letters, digits and hyphens"},
	RuleFieldNameSpace: {400, "RFC 9112 section 5.1", "whitespace stands between a field name and its colon; remove it"},
	RuleFieldNoColon:   {400, "RFC 9112 section 5", "a field line has no colon; write name, colon and value"},
	RuleFieldValue:     {400, "RFC 9110 section 5.5", "a field value has a control character; remove it"},
	RuleTooManyFields:  {431, "RFC 6585 section 5", "there are more field lines than the limit; send fewer"},
	RuleHeadTooLarge:   {431, "RFC 6585 section 5", "the head is larger than the limit; send less"},
	RuleHostMissing:    {400, "RFC 9112 section 3.2", "the request has no Host field; send one"},
	RuleHostRepeated:   {400, "RFC 9112 section 3.2", "the request has more than one Host field line; send one"},
	RuleHost:           {400, "RFC 9112 section 3.2", "the Host field is not a host with an optional port; send the target URI's"},

	RuleLength:         {400, "RFC 9110 section 8.6", "Content-Length is not a decimal number below 2 to the power of 63; send digits only"},
	RuleLengthRepeated: {400, "RFC 9112 section 6.3", "there is more than one Content-Length field line; send one"},
	RuleConflict:       {400, "RFC 9112 section 6.1", "both Content-Length and Transfer-Encoding frame the content; send one of them"},
	RuleCoding:         {400, "RFC 9112 section 6.1", "Transfer-Encoding is not a list of transfer codings; send chunked alone"},
	RuleCodingUnknown:  {501, "RFC 9112 section 6.1", "a transfer coding is not known here; send chunked alone"},
	RuleCodingNotLast:  {400, "RFC 9112 section 6.3", "the chunked coding is not applied once and last; send chunked alone"},
	RuleCodingVersion:  {400, "RFC 9112 section 6.1", "a message in HTTP/1.0 has Transfer-Encoding; send Content-Length, or HTTP/1.1"},
	RuleConnection:     {400, "RFC 9110 section 7.6.1", "Connection names a field that frames or routes the message; name only fields for the next recipient"},

	RuleChunkSize:        {400, "RFC 9112 section 7.1", "a chunk size is not hexadecimal digits followed by CRLF or an extension; send those only"},
	RuleChunkSizeTooBig:  {400, "RFC 9112 section 7.1", "a chunk size is not below 2 to the power of 63, or has more than 16 digits; send smaller chunks"},
	RuleChunkExtension:   {400, "RFC 9112 section 7.1.1", "a chunk extension is not a name with an optional value; send none"},
	RuleChunkLineTooLong: {400, "RFC 9112 section 7.1.1", "a chunk's size and extensions are longer than the limit; send no extensions"},
	RuleChunkOverhead:    {400, "RFC 9112 section 7.1.1", "the chunks carry far more extensions than content; send no extensions"},
	RuleChunkEnd:         {400, "RFC 9112 section 7.1", "a chunk's data is not followed by CRLF; make its size and its data agree"},
	RuleTrailerTooLarge:  {431, "RFC 6585 section 5", "the trailer section is larger than the limit; send less"},
	RuleTrailerField:     {400, "RFC 9110 section 6.5.1", "a trailer field frames or routes the message; send it in the head"},
}

// refuse makes the error of a broken rule at an octet.
func refuse(rule Rule, offset int) *Error {
	r := rules[rule]
	return &Error{Status: r.status, Rule: rule, Section: r.section, Offset: offset}
}

// refuseLine refuses an octet of a line by a rule, unless the octet ends the
// line as no line may end.
func refuseLine(rule Rule, c byte, i int) error {
	return refuse(orBareLF(rule, c), i)
}

// orBareLF returns the rule that the octet c breaks where another one was due:
// if it is LF, that is the fault, for a lenient recipient ends the line there.
func orBareLF(rule Rule, c byte) Rule {
	if c == '\n' {
		return RuleBareLF
	}
	return rule
}

// asResponse turns the refusal of a request into that of a response: whatever
// is wrong with it, the gateway that received it answers 502 (RFC 9110 section
// 15.6.3).
func asResponse(err error) error {
	if e, ok := err.(*Error); ok {
		e.Status = 502
	}
	return err
}
