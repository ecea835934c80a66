package plan

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// An Ask is what is asked of URLs. Its zero value is a GET with a Host field and
// nothing else.
type Ask struct {
	// Method is empty for POST where there is Data, and GET where there is none.
	Method string
	// Fields are "Name: value"; "Name;" for one without a value; or "Name:" to leave
	// out one that would be sent otherwise.
	Fields []string
	// Data is the content; nil: there is none.
	Data []byte
}

// requests writes the request for u, and the same with "Connection: close": nil if
// Connection is left out, or is to keep the connection alive.
func (a Ask) requests(u *url.URL) (usual, final []byte, err error) {
	fields, err := a.fields(u)
	if err != nil {
		return nil, nil, err
	}
	method := a.method()
	switch {
	case !wire.IsToken(method):
		return nil, nil, fmt.Errorf("%q is no method: it is letters and digits, such as POST (RFC 9110 section 9.1)", method)
	case method == "CONNECT":
		return nil, nil, errors.New("CONNECT opens a tunnel, and what goes through it is not HTTP")
	case method == "TRACE" && len(a.Data) > 0:
		return nil, nil, errors.New("a TRACE has no content (RFC 9110 section 9.3.8)")
	}
	head := wire.AppendRequestLine(nil, method, u.RequestURI())
	for _, f := range fields {
		if !f.left {
			head = wire.AppendField(head, f.name, f.value)
		}
	}
	end := func(head []byte) []byte { return append(wire.AppendHeadEnd(head), a.Data...) }
	if !slices.ContainsFunc(fields, field.keeps) {
		final = end(wire.AppendField(slices.Clone(head), "Connection", "close"))
	}
	return end(head), final, nil
}

func (a Ask) method() string {
	switch {
	case a.Method != "":
		return a.Method
	case a.Data != nil:
		return "POST"
	}
	return "GET"
}

// A field is one to be sent, or with left one that is not.
type field struct {
	name, value string
	left        bool
}

// keeps says that the field is about the connection and leaves no place for close.
func (f field) keeps() bool {
	return strings.EqualFold(f.name, "Connection") && (f.left || wire.List(f.value).Contains("keep-alive"))
}

func find(fields []field, name string) int {
	return slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name) })
}

// fields are those of the request, in their order: Host, what is asked for, and what
// the content needs. A method that is made for content has a Content-Length also
// without any (RFC 9110 section 8.6).
func (a Ask) fields(u *url.URL) (fields []field, err error) {
	fields = []field{{name: "Host", value: u.Host}}
	hosts := 0
	for _, line := range a.Fields {
		f, err := parseField(line)
		switch {
		case err != nil:
			return nil, err
		case strings.EqualFold(f.name, "Host"):
			if hosts++; hosts > 1 {
				return nil, errors.New("a request has only one Host field (RFC 9112 section 3.2)")
			}
			fields[0] = f
		default:
			fields = append(fields, f)
		}
	}
	content := len(a.Data) > 0
	i := find(fields, "Content-Length")
	switch {
	case fields[0].left:
		return nil, errors.New("a request has a Host field (RFC 9112 section 3.2)")
	case find(fields, "Transfer-Encoding") >= 0:
		return nil, errors.New("the content has a Content-Length, and Transfer-Encoding is not sent (RFC 9112 section 6.2)")
	case i >= 0 && (content || !fields[i].left):
		return nil, errors.New("a Content-Length cannot be given or left out: it is what the content has")
	case !content && find(fields, "Expect") >= 0 && !fields[find(fields, "Expect")].left:
		return nil, errors.New("there is no content to send an Expect for (RFC 9110 section 10.1.1)")
	}
	if content && find(fields, "Content-Type") < 0 {
		fields = append(fields, field{name: "Content-Type", value: "application/x-www-form-urlencoded"})
	}
	if i < 0 && (a.Data != nil || slices.Contains([]string{"POST", "PUT", "PATCH"}, a.method())) {
		fields = append(fields, field{name: "Content-Length", value: fmt.Sprint(len(a.Data))})
	}
	return fields, nil
}

// parseField reads a field as curl takes it.
func parseField(line string) (field, error) {
	name, value, colon := strings.Cut(line, ":")
	if bare, semicolon := strings.CutSuffix(line, ";"); !colon && semicolon {
		name, colon = bare, true
	} else if value = strings.Trim(value, " \t"); colon && value == "" {
		return checkField(field{name: name, left: true})
	}
	if !colon {
		return field{}, fmt.Errorf("%q is no field: write 'Name: value'", line)
	}
	return checkField(field{name: name, value: value})
}

// checkField refuses what would end the line, or is no field (RFC 9110 section 5).
func checkField(f field) (field, error) {
	switch {
	case !wire.IsToken(f.name):
		return f, fmt.Errorf("%q is no field name: it has letters, digits and - (RFC 9110 section 5.1)", f.name)
	case strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return f, fmt.Errorf("the value of %s has a control character, such as the end of a line (RFC 9110 section 5.5)", f.name)
	}
	return f, nil
}
