package lexer

// parts is where among the parts of lines the bytes have come to. It is given only
// bytes that wire has let through, so that a delimiter is enough to tell what follows.
type parts struct {
	begins  Role  // what the next line begins with, if it is not empty
	role    Role  // of the part that the last byte belongs to; 0 at the start of a line
	before  Role  // of the part before that one
	value   int64 // where a field value ends, if nothing but whitespace follows
	trailer bool  // the line is in the trailer section
}

// next returns the role of the byte that follows.
func (p *parts) next(c byte) Role {
	switch {
	case p.role == 0:
		return p.first(c)
	case c == '\r':
		return CRLF
	case c == '\n': // behind a CR
		return p.role
	}
	switch p.role {
	case Method, Target, Version, StatusCode:
		if c == ' ' {
			return SP
		}
	case SP:
		return afterSP[p.before]
	case FieldName:
		if c == ':' {
			return Colon
		}
	case Colon, OWS:
		if isOWS(c) {
			return OWS
		}
		return FieldValue
	case ChunkSize, LastChunk:
		switch c {
		case ';':
			return ChunkExtension
		case '0':
			return p.role
		}
		return ChunkSize
	}
	return p.role
}

// first returns the role of the byte that begins a line.
func (p *parts) first(c byte) Role {
	switch {
	case c == '\r':
		return EmptyLine
	case c == '0' && p.begins == ChunkSize:
		return LastChunk
	}
	return p.begins
}

// afterSP is what the space in a start-line stands before, by what it stands behind.
var afterSP = [numRoles]Role{Method: Target, Target: Version, Version: StatusCode, StatusCode: Reason}

func isOWS(c byte) bool { return c == ' ' || c == '\t' }
