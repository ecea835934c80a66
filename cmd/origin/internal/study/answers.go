package study

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

func answerStatus(r *request) Answer { return withStatus(r.status("the status", r.argument)) }

// withStatus answers with a code, its reason phrase as text, and the fields without
// which such a response would be wrong (RFC 9110 section 15).
func withStatus(code int) Answer {
	text := strings.TrimSpace(fmt.Sprint(code, " ", wire.StatusText(code))) + "\n"
	a := plain(code, text)
	a.Fields = map[int][]Field{
		206: {{"Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(text)-1, len(text))}},
		301: {{"Location", Path + "/"}},
		302: {{"Location", Path + "/"}},
		303: {{"Location", Path + "/"}},
		307: {{"Location", Path + "/"}},
		308: {{"Location", Path + "/"}},
		401: {{"WWW-Authenticate", `Basic realm="study"`}},
		405: {{"Allow", anyMethod}},
		407: {{"Proxy-Authenticate", `Basic realm="study"`}},
		416: {{"Content-Range", "bytes */0"}},
		426: {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}},
	}[code]
	return a
}

func answerDelay(r *request) Answer {
	a := plain(200, "this took "+r.argument+"\n")
	a.Delay = r.duration("the delay", r.argument)
	return a
}

// Bounds of contents. The largest takes hours.
const (
	mostBytes = 1 << 40
	mostDrip  = 10 << 20
	mostChunk = 64 << 10
)

func (r *request) seed() uint64 {
	text := r.value("0", "seed")
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		r.fail("seed is a number from 0 up, of 64 bits, not %q", text)
	}
	return seed
}

func answerBytes(r *request) Answer {
	n := r.size("the argument", r.argument, 0, mostBytes, "up to 1TiB")
	return Answer{Status: 200, Content: random(r.seed(), 0, n, pieceSize)}
}

func answerStream(r *request) Answer {
	n := r.size("the argument", r.argument, 0, mostBytes, "up to 1TiB")
	each := r.size("chunk", r.value("1KiB", "chunk"), 1, mostChunk, "from 1 to 64KiB")
	every := r.duration("every", r.value("0s", "every"))
	c := random(r.seed(), 0, n, each)
	c.Every, c.Unsized, c.ETag = every, true, ""
	return Answer{Status: 200, Content: c}
}

// answerDrip has httpbin's parameters, by its names for them, too.
func answerDrip(r *request) Answer {
	n := r.size("bytes", r.value("10", "bytes", "numbytes"), 0, mostDrip, "up to 10MiB")
	over := r.duration("duration", r.value("2s", "duration"))
	a := Answer{Delay: r.duration("delay", r.value("0s", "delay"))}
	a.Status = r.status("status", r.value("200", "status", "code"))
	a.Content = drip(n, over)
	return a
}

func answerEvents(r *request) Answer {
	n := r.number("count", r.value("10", "count"), 1, 1_000_000)
	return Answer{
		Status:  200,
		Fields:  []Field{{"Cache-Control", "no-store"}},
		Content: events(n, r.duration("every", r.value("1s", "every"))),
	}
}

// answerTrailers has what a sender can only know at the end (RFC 9530 section 3 and
// RFC 9110 section 6.5).
func answerTrailers(*request) Answer {
	const text = "The digest of this line stands behind it.\n"
	sum := sha256.Sum256([]byte(text))
	a := plain(200, text)
	a.Unsized = true
	a.Trailer = []Field{{"Repr-Digest", "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"}}
	return a
}

// answerHeaders gives an object as httpbin does, in the order in which the fields
// came. Lines of one name are one list (RFC 9110 section 5.3).
func answerHeaders(r *request) Answer {
	fields := orderedObject{}
	for _, line := range r.head.Fields {
		fields.add(string(line.Name), string(line.Value))
	}
	return Answer{Status: 200, Content: asJSON(map[string]any{"headers": &fields})}
}

// An orderedObject is a JSON object of strings that keeps its order.
type orderedObject []Field

func (o *orderedObject) add(name, value string) {
	for i := range *o {
		if strings.EqualFold((*o)[i].Name, name) {
			(*o)[i].Value += ", " + value
			return
		}
	}
	*o = append(*o, Field{name, value})
}

func (o *orderedObject) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for _, f := range *o {
		name, err := json.Marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.Value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%s:%s", name, value)
	}
	return fmt.Appendf(nil, "{%s}", strings.TrimPrefix(b.String(), ",")), nil
}

func answerHead(r *request) Answer {
	return Answer{Status: 200, Content: whole("text/plain", string(r.head.Raw))}
}

// answerInterim reads parameters such as 103 and 103x3.
func answerInterim(r *request) Answer {
	const most = 100
	a := plain(200, "")
	all := r.parameters
	r.parameters = nil
	for _, p := range all {
		code, times, repeated := strings.Cut(p.name, "x")
		if !repeated {
			times = "1"
		}
		n := r.number("how often an interim response comes", times, 1, most)
		switch status := r.number("the status of an interim response", code, 100, 199); {
		case status == 101:
			r.fail("a 101 is no interim response; /_/websocket gives one")
		case int64(len(a.Interim))+n > most:
			r.fail("there are at most %d interim responses", most)
		default:
			for range n {
				a.Interim = append(a.Interim, int(status))
			}
		}
	}
	if len(all) == 0 {
		a.Interim = []int{103}
	}
	a.Content = whole(a.Type, fmt.Sprintf("before this one came %d interim responses, unless it is HTTP/1.0\n", len(a.Interim)))
	return a
}

func answerClose(*request) Answer {
	a := plain(200, "this was the last response on its connection\n")
	a.Close = true
	return a
}

func answerEarly(r *request) Answer {
	a := withStatus(r.status("the status", r.argument))
	a.Reads = Beginning
	a.After = r.size("after", r.value("0", "after"), 0, mostBytes, "up to 1TiB")
	switch then := r.value("close", "then"); then {
	case "close", "read":
		a.ReadOn = then == "read"
	default:
		r.fail("then is close or read, not %q", then)
	}
	return a
}

func answerUpload(*request) Answer { return Answer{Status: 200, Reads: Whole} }
