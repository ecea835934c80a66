package upload

import (
	"encoding/hex"
	"encoding/json"
	"hash"
)

// A Report is what a client is told of the content that it has posted.
type Report struct {
	Digest
	Location string              `json:"location,omitempty"` // of what was stored
	Form     map[string][]string `json:"form,omitempty"`
	Files    []Part              `json:"files,omitempty"`

	parts, fieldBytes int
}

// A Digest tells content from other content.
type Digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// A Part is a file in a form.
type Part struct {
	Field    string `json:"field"`
	Filename string `json:"filename"`
	Type     string `json:"type,omitempty"`
	Digest
	Location string `json:"location,omitempty"` // if it was stored
}

// DigestOf is the digest of so many bytes, which h has the sum of.
func DigestOf(bytes int64, h hash.Hash) Digest {
	return Digest{bytes, hex.EncodeToString(h.Sum(nil))}
}

// AddField adds a field. The error is an *Error with 413.
func (r *Report) AddField(name, value string) error {
	if r.Form == nil {
		r.Form = make(map[string][]string)
	}
	r.Form[name] = append(r.Form[name], value)
	r.fieldBytes += len(name) + len(value)
	return r.addPart()
}

// AddFile adds a file of a form. The error is an *Error with 413.
func (r *Report) AddFile(p Part) error {
	r.Files = append(r.Files, p)
	r.fieldBytes += len(p.Field) + len(p.Filename) + len(p.Type)
	return r.addPart()
}

func (r *Report) addPart() error {
	if r.parts++; r.parts > MaxFields || r.fieldBytes > MaxForm {
		return ErrMany
	}
	return nil
}

// Append appends the report as JSON, with a line end.
func (r *Report) Append(b []byte) []byte {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic("upload: a report is no JSON: " + err.Error()) // It has strings and numbers only.
	}
	return append(append(b, text...), '\n')
}
