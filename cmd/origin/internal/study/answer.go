package study

import (
	"encoding/hex"
	"encoding/json"
	"time"
)

// An Answer is what an endpoint answers to a request. It is decided before the
// first byte goes out.
type Answer struct {
	Interim []int         // status codes of the responses before it, not for HTTP/1.0
	Delay   time.Duration // from the end of the request's head to the beginning of this one
	Status  int
	Fields  []Field // of the head, beside those that every response has
	Close   bool    // the connection is closed behind it
	Content         // what follows the head
	Trailer []Field // behind the chunks, if it goes in chunks, and then announced by Trailer

	Reads  Reads // what happens to the request's content
	After  int64 // with Beginning: how many bytes of it have to come before the answer
	ReadOn bool  // with Beginning: all the rest is read, too, and the connection kept
}

// A Field is a field line.
type Field struct{ Name, Value string }

// Reads is what an endpoint does with what the client sends behind the head.
type Reads uint8

const (
	Nothing   Reads = iota // it is thrown away
	Whole                  // it is measured, and the Content is Measured
	Beginning              // After bytes are read before the answer
	Frames                 // after a 101, they are those of a WebSocket
)

// HasContent reports whether a response to GET has content: those with 1xx, 204 and
// 304 never do (RFC 9110 section 6.4.1), and one with 205 must not (section 15.3.6).
func (a *Answer) HasContent() bool {
	return a.Status >= 200 && a.Status != 204 && a.Status != 205 && a.Status != 304
}

// plain answers with text.
func plain(status int, text string) Answer {
	return Answer{Status: status, Content: whole("text/plain; charset=utf-8", text)}
}

// Measured is the content of the answer to an upload of that many bytes.
func Measured(bytes int64, sha256 []byte) Content {
	return asJSON(struct {
		Length int64  `json:"length"`
		SHA256 string `json:"sha256"`
	}{bytes, hex.EncodeToString(sha256)})
}

// asJSON is v, which has nothing that JSON has not.
func asJSON(v any) Content {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("study: " + err.Error())
	}
	return whole("application/json", string(text)+"\n")
}
