package study

import (
	"fmt"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// Path is where all endpoints are: there and below it.
const Path = "/_"

// An endpoint is one line of the list at /_/.
type endpoint struct {
	name    string // what follows /_/
	example string // argument and parameters, to try
	curl    string // options to try it with
	says    string
	methods string // as Allow has them
	answer  func(r *request) Answer
}

// What endpoints can be asked by. Those that tell how a request came, or how it is
// answered, are so for any; what is sent with it is thrown away.
const (
	reading   = "GET, HEAD, OPTIONS"
	anyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
	sending   = "POST, PUT, OPTIONS"
)

// endpoints is filled by init, since the list is one of them.
var endpoints []endpoint

func init() {
	endpoints = []endpoint{
		{"", "", "", "this list", reading, answerList},
		{"status", "/418", "-i", "answers with that status, 200 to 599, and the fields that it requires", anyMethod, answerStatus},
		{"delay", "/500ms", "-i", "answers after that time", anyMethod, answerDelay},
		{"bytes", "/1MiB?seed=7", "-o bytes", "gives as many bytes, the same for a seed, also in ranges", reading, answerBytes},
		{"stream", "/64KiB?chunk=4KiB&every=50ms", "-N -o bytes", "gives the same bytes, here with seed=0, in chunks, with a pause between them", reading, answerStream},
		{"drip", "?bytes=10&duration=2s&delay=0s&status=200", "-N", "gives bytes evenly spread over a duration, after a delay", reading, answerDrip},
		{"sse", "?count=5&every=500ms", "-N", "gives an event stream", reading, answerEvents},
		{"trailers", "", "-v --raw", "answers in chunks with a digest in the trailer section behind them", reading, answerTrailers},
		{"headers", "", "", "gives the request's fields as JSON", anyMethod, answerHeaders},
		{"echo/head", "", "", "gives the request's head exactly as it was received", anyMethod, answerHead},
		{"interim", "?100&103x3", "-i", "gives interim responses before the final one", anyMethod, answerInterim},
		{"close", "", "-v", "answers and closes the connection", anyMethod, answerClose},
		{"early", "/413?after=10", "-i -d 'more than ten bytes'", "answers when as many bytes of content have come; with &then=read it reads the rest, too", sending, answerEarly},
		{"upload", "", "-d 'a few bytes'", "gives length and SHA-256 of what is sent", sending, answerUpload},
		{"websocket", "", "-i -N -m 1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='", "is a WebSocket that sends every message back", reading, answerWebSocket},
	}
}

// For decides the answer to a request. path is the target's, decoded, and is or
// begins with [Path] and a slash; query is without its question mark. The address is
// the one that the client reached the server by, for curl lines.
func For(head *wire.RequestHead, path, query, address string) Answer {
	if path == Path {
		return Answer{Status: 301, Fields: []Field{{"Location", Path + "/"}}}
	}
	e, argument := find(strings.TrimPrefix(path, Path+"/"))
	switch {
	case e == nil:
		return plain(404, fmt.Sprintf("there is no endpoint %q; /_/ lists those that there are\n", path))
	case head.Is("OPTIONS"):
		return Answer{Status: 204, Fields: []Field{{"Allow", e.methods}}}
	case !wire.List(e.methods).Contains(string(head.Method)):
		a := plain(405, fmt.Sprintf("%s is for %s\n", path, e.methods))
		a.Fields = []Field{{"Allow", e.methods}}
		return a
	}
	r := &request{head: head, argument: argument, address: address}
	r.readQuery(query)
	a := e.answer(r)
	r.left(fmt.Sprintf("try %s", e.path()))
	if r.problem != "" {
		return plain(400, r.problem+"\n")
	}
	return a
}

// find finds the endpoint that a path below /_/ names, and its argument: those that
// have one in their example need one.
func find(path string) (_ *endpoint, argument string) {
	for i := range endpoints {
		e := &endpoints[i]
		if !strings.HasPrefix(e.example, "/") {
			if path == e.name {
				return e, ""
			}
		} else if argument, ok := strings.CutPrefix(path, e.name+"/"); ok && argument != "" {
			return e, argument
		}
	}
	return nil, ""
}

// path is the path and query to try the endpoint with.
func (e *endpoint) path() string { return Path + "/" + e.name + e.example }
