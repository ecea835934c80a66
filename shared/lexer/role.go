package lexer

// A Role is what a byte is in the grammar of messages.
type Role uint8

// The roles.
const (
	Method Role = iota + 1
	Target
	Version
	StatusCode
	Reason
	SP
	CRLF

	FieldName // of the header section or, where the span says so, of the trailer section
	Colon
	OWS // optional whitespace around a field value
	FieldValue
	EmptyLine // at the end of a head or a chunked body, or before a request line

	Content // of a body without the chunked coding
	ChunkSize
	ChunkExtension
	ChunkData
	LastChunk // its size; its extensions and CRLF have the roles of any chunk's

	Unframed // in no message
	Error    // not by the grammar, or behind what is not

	numRoles
)

var roles = [numRoles]struct{ term, section string }{
	Method:     {"method", "RFC 9112 section 3.1"},
	Target:     {"request-target", "RFC 9112 section 3.2"},
	Version:    {"HTTP-version", "RFC 9112 section 2.3"},
	StatusCode: {"status-code", "RFC 9112 section 4"},
	Reason:     {"reason-phrase", "RFC 9112 section 4"},
	SP:         {"SP", "RFC 9110 section 2.1"},
	CRLF:       {"CRLF", "RFC 9112 section 2.2"},

	FieldName:  {"field-name", "RFC 9110 section 5.1"},
	Colon:      {"colon", "RFC 9112 section 5"},
	OWS:        {"OWS", "RFC 9110 section 5.6.3"},
	FieldValue: {"field-value", "RFC 9110 section 5.5"},
	EmptyLine:  {"empty line", "RFC 9112 section 2.1"},

	Content:        {"content", "RFC 9110 section 6.4"},
	ChunkSize:      {"chunk-size", "RFC 9112 section 7.1"},
	ChunkExtension: {"chunk-ext", "RFC 9112 section 7.1.1"},
	ChunkData:      {"chunk-data", "RFC 9112 section 7.1"},
	LastChunk:      {"last-chunk", "RFC 9112 section 7.1"},

	Unframed: {"bytes without frame", "RFC 9112 section 6.3"},
	Error:    {"error", ""},
}

// String returns the RFC's term, such as "field-name".
func (r Role) String() string { return roles[r].term }

// Section returns where the term is defined, such as "RFC 9110 section 5.1". It is
// empty for Error: there [Span] has the section of the rule that is broken.
func (r Role) Section() string { return roles[r].section }
