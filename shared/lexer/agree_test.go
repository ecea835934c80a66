package lexer

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hopwire/hopwire/shared/wire"
)

// A message is the parts of one, by wire or by its spans.
type message struct {
	Method, Target, Version, Status, Reason string
	Interim                                 bool
	Fields, Trailers                        [][2]string
	Content                                 string
}

// A reading is all that goes one way on a connection.
type reading struct {
	messages []message
	unframed string
	refused  *wire.Error
	at       int // where the error begins
	open     bool
}

// readByWire reads the bytes with wire alone. An unfinished message is left out.
func readByWire(w *oneWay) (r reading) {
	methods := w.methods
	r.messages = []message{}
	for at := 0; at < len(w.bytes); {
		if !w.ofRequest && w.methods != nil && len(methods) == 0 {
			r.unframed = string(w.bytes[at:])
			return r
		}
		m, framing, n, last, err := readHead(w, w.bytes[at:], methods)
		if err != nil {
			return r.ends(err, at)
		}
		if at += n; !w.ofRequest && !m.Interim && len(methods) > 0 {
			methods = methods[1:]
		}
		n, err = m.readBody(w.limits, framing, w.bytes[at:])
		if err != nil {
			return r.ends(err, at)
		}
		r.messages = append(r.messages, m)
		if at += n; last {
			r.unframed = string(w.bytes[at:])
			return r
		}
	}
	return r
}

func (r reading) ends(err error, at int) reading {
	var refused *wire.Error
	if r.open = !errors.As(err, &refused); !r.open {
		r.refused, r.at = refused, at+refused.Offset
	}
	return r
}

func readHead(w *oneWay, b []byte, methods []string) (m message, f wire.Framing, n int, last bool, err error) {
	var raw []byte
	var lines []wire.FieldLine
	if w.ofRequest {
		h := wire.RequestHead{Limits: w.limits}
		if n, err = wire.ParseRequestHead(b, 0, &h); err != nil {
			return m, f, n, false, err
		}
		raw, lines, last = h.Raw, h.Fields, !wire.RequestPersists(&h)
		m.Method, m.Target = string(h.Method), string(h.Target)
		m.Version = "HTTP/1." + string('0'+rune(h.Minor))
		f, err = wire.RequestFraming(&h)
	} else {
		h := wire.ResponseHead{Limits: w.limits}
		if n, err = wire.ParseResponseHead(b, 0, &h); err != nil {
			return m, f, n, false, err
		}
		method := "GET"
		if len(methods) > 0 {
			method = methods[0]
		}
		raw, lines = h.Raw, h.Fields
		m.Version, m.Status, m.Reason = "HTTP/1."+string('0'+rune(h.Minor)), string(h.Raw[9:12]), string(h.Reason)
		m.Interim = h.Interim()
		f, err = wire.ResponseFraming(&h, []byte(method))
		last = !m.Interim && !wire.ResponsePersists(&h, f) || h.Status == 101 || method == "CONNECT" && h.Status/100 == 2
	}
	if err != nil {
		err.(*wire.Error).Offset += n - len(raw)
	}
	m.Fields = fields(lines)
	return m, f, n, last, err
}

func fields(lines []wire.FieldLine) (all [][2]string) {
	for _, l := range lines {
		all = append(all, [2]string{string(l.Name), string(l.Value)})
	}
	return all
}

// readBody holds a trailer section, to read its fields by wire too.
func (m *message) readBody(limits wire.Limits, f wire.Framing, b []byte) (n int, err error) {
	s := wire.BodyScanner{Limits: limits}
	s.Reset(f)
	s.HoldTrailer(true)
	trailer := 0
	for !s.Done() && n < len(b) {
		content, taken, _, err := s.Content(b[n:])
		m.Content += string(content)
		if n += taken; err != nil {
			return n, err
		}
		if taken == 0 {
			trailer = n
			s.HoldTrailer(false)
		}
	}
	if trailer > 0 && s.Done() {
		var lines []wire.FieldLine
		for line := range wire.TrailerFields(b[trailer:n]) {
			lines = append(lines, line)
		}
		m.Trailers = fields(lines)
	}
	return n, s.End()
}

// readBySpans puts the messages together again from the spans of their bytes.
func readBySpans(b []byte, spans []Span) (r reading) {
	var m message
	begun := false
	r.messages = []message{}
	for _, s := range spans {
		text := string(b[s.From:s.To])
		fields := &m.Fields
		if s.Trailer {
			fields = &m.Trailers
		}
		isBehind := s.Role == Unframed || s.Role == Error
		if begun && (isBehind || s.Role == Method || s.Role == Version && m.Method == "") {
			r.messages = append(r.messages, m)
			m, begun = message{}, false
		}
		switch s.Role {
		case Method:
			m.Method, begun = text, true
		case Target:
			m.Target = text
		case Version:
			m.Version, m.Interim, begun = text, s.Interim, true
		case StatusCode:
			m.Status = text
		case Reason:
			m.Reason = text
		case FieldName:
			*fields = append(*fields, [2]string{text})
		case FieldValue:
			(*fields)[len(*fields)-1][1] = text
		case Content, ChunkData:
			m.Content += text
		case Unframed:
			r.unframed = text
		case Error:
			r.refused, r.at = s.Err, int(s.From)
		}
	}
	if begun {
		r.messages = append(r.messages, m)
	}
	return r
}

// checkAgreement wants the spans to say the same of the bytes as wire does.
func checkAgreement(t *testing.T, w *oneWay) reading {
	t.Helper()
	l := w.lexer()
	spans := l.AppendOpen(l.Append(nil, w.bytes))
	got, want := readBySpans(w.bytes, spans), readByWire(w)
	if want.at == len(w.bytes) {
		want.refused, want.at, want.open = nil, 0, true // a limit is reached, and no byte beyond it has come
	}
	if n := len(want.messages); len(got.messages) == n+1 && (want.open || want.refused != nil) {
		got.messages = got.messages[:n:n]
	}
	if got.open = want.open; !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got\n%+v\nwant\n%+v\nfrom\n%s", w.bytes, got, want, described(w.bytes, spans))
	}
	return got
}
