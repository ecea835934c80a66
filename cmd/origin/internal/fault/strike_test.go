package fault

import (
	"fmt"
	"iter"
	"strings"
	"testing"
)

const (
	file   = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n\r\n0123456789ab"
	echo   = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nSum: 1\r\n\r\n"
	none   = "HTTP/1.1 204 No Content\r\n\r\n"
	broken = "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789"
)

// struck is what becomes of a response that comes in the given parts: what is
// written, and in brackets what else is done.
func struck(f *Fault, method string, minor uint8, parts ...string) (told string, s *Strike) {
	var b strings.Builder
	s = f.Strike([]byte(method), minor)
	over := false
	take := func(steps iter.Seq[Step]) {
		for step := range steps {
			if over {
				b.WriteString("[goes on]")
			}
			switch step.Kind {
			case Write:
				b.Write(step.Bytes)
			case Wait:
				fmt.Fprintf(&b, "[%v]", step.Time)
			default:
				b.WriteString(map[StepKind]string{FIN: "[fin]", Reset: "[reset]", Stop: "[stop]"}[step.Kind])
				over = true
			}
		}
	}
	for _, part := range parts {
		take(s.Pass([]byte(part)))
	}
	take(s.End())
	return b.String(), s
}

func query(t *testing.T, text string) *Fault {
	t.Helper()
	f, err := None().Query(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Each fault does the same to a response in whatever pieces that comes: whole, byte
// for byte, and cut in two anywhere.
func TestStrike(t *testing.T) {
	const kept = "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n"
	head, body, _ := strings.Cut(file, "0123")
	body = "0123" + body
	coded := strings.Replace(strings.Replace(head, "Content-Length: 12\r\n", "", 1), "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1)
	for _, c := range []struct {
		fault, response, want string
	}{
		{"delay: 1s", file, "[1s]" + file},
		{"delay: 1s in head", file, file[:len(head)/2] + "[1s]" + file[len(head)/2:]},
		{"delay: 1s behind head", file, head + "[1s]" + body},
		{"delay: 1s at byte 3 of body", file, head + "012[1s]3456789ab"},
		{"delay: 1s in body", file, head + "012345[1s]6789ab"},
		{"fin: in body; chunks: 100 bytes", file, coded + "c\r\n012345[fin]"},
		{"fin: in body; chunks: 4 bytes", file, coded + "4\r\n0123\r\n4\r\n45[fin]"},
		{"fin: in body; chunks: 6 bytes", file, coded + "6\r\n012345\r\n[fin]"},
		{"delay: 1s in body", echo, strings.Replace(echo, "0\r\nSum", "[1s]0\r\nSum", 1)},
		{"delay: 1s behind body", file, file + "[1s]"},
		{"delay: 1s behind head", none, none + "[1s]"},
		{"delay: 1s at byte 0 of body", none, none + "[1s]"},
		{"delay: 1s at byte 1 of body", none, none},
		{"delay: 1s between chunks", echo, strings.Replace(echo, "A\r\n", "[1s]A\r\n", 1)},
		{"delay: 1s between chunks; chunks: 5 bytes", file, coded + "5\r\n01234\r\n[1s]5\r\n56789\r\n[1s]2\r\nab\r\n0\r\n\r\n"},
		{"delay: 1s before last chunk", file, coded + "c\r\n0123456789ab\r\n[1s]0\r\n\r\n"},
		{"delay: 1s; delay: 2s behind head", file, "[1s]" + head + "[2s]" + body},

		{"fin: before head", file, "[fin]"},
		{"reset: in head", file, file[:len(head)/2] + "[reset]"},
		{"stop: behind head", file, head + "[stop]"},
		{"fin: at byte 9 of head", file, file[:9] + "[fin]"},
		{"fin: at byte 12 of body", file, file + "[fin]"},
		{"fin: at byte 13 of body", file, file},
		{"fin: behind body", file, file + "[fin]"},
		{"reset: before last chunk", echo, echo[:len(echo)-len("0\r\nSum: 1\r\n\r\n")] + "[reset]"},
		{"fin: before last chunk", none, none},
		{"fin: behind head; delay: 1s behind head", file, head + "[1s][fin]"},

		{"dribble: 5 bytes every 1s from behind head", file, head + "01234[1s]56789[1s]ab"},
		{"dribble: 20 bytes every 1s", none, none[:20] + "[1s]" + none[20:]},

		{"content-length: 10 more", file, strings.Replace(file, "12", "22", 1)},
		{"content-length: 10 less", file, strings.Replace(file, "12", "2", 1)},
		{"content-length: 100 less", file, strings.Replace(file, "12", "0", 1)},
		{"content-length: 10 more", echo, echo},
		{"both-lengths: true", file, strings.Replace(head, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1) + body},
		{"both-lengths: true", echo, strings.Replace(echo, "chunked\r\n", "chunked\r\nContent-Length: 10\r\n", 1)},
		{"both-lengths: true; chunks: 100 bytes", file, strings.Replace(head, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1) + "c\r\n" + body + "\r\n0\r\n\r\n"},
		{"connection-close: said", file, strings.Replace(file, kept, "Connection: close\r\n", 1)},
		{"connection-close: said", strings.Replace(file, kept, "Connection: close\r\n", 1), strings.Replace(file, kept, "Connection: close\r\n", 1)},
		{"keep-alive: unsaid", file, strings.Replace(file, kept, "", 1)},
		{"keep-alive: unsaid", strings.Replace(file, kept, "Connection: close\r\n", 1), strings.Replace(file, kept, "Connection: close\r\n", 1)},
		{"connection-close: unsaid", file, strings.Replace(file, kept, "", 1) + "[fin]"},

		{"chunks: 10 bytes", file, coded + "a\r\n0123456789\r\n2\r\nab\r\n0\r\n\r\n"},
		{"chunks: 10 bytes", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"bad-chunk: 2", echo, strings.Replace(echo, "A\r\n", "no size\r\n", 1)},
		{"bad-chunk: 1", file, coded + "no size\r\n0123456789ab\r\n0\r\n\r\n"},
		{"bad-chunk: 3", echo, echo},
		{"missing-last-chunk: true", echo, echo[:len(echo)-len("0\r\nSum: 1\r\n\r\n")]},
		{"missing-last-chunk: true; fin: behind body", file, coded + "c\r\n0123456789ab\r\n[fin]"},

		{"extra-bytes: 3", file, file + "xxx"},
		{"extra-bytes: 3; delay: 1s behind body; fin: behind body", file, file + "[1s]xxx[fin]"},
		{"interim: 2 times 103", file, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 2) + file},
		{"interim: 2 times 102 every 1s", file, "HTTP/1.1 102 Processing\r\n\r\n[1s]HTTP/1.1 102 Processing\r\n\r\n" + file},
		{"interim: 1 times 103", "HTTP/1.1 100 Continue\r\n\r\n" + file, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + file},
		{"unasked-101: websocket", file, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + file},

		{"fin: behind head", broken, broken}, // nobody can tell where its head ends
	} {
		f := query(t, c.fault)
		check := func(parts ...string) {
			t.Helper()
			got, s := struck(f, "GET", 1, parts...)
			if got != c.want {
				t.Errorf("%s, in %d parts, %d bytes first:\n%q; want\n%q", c.fault, len(parts), len(parts[0]), got, c.want)
			}
			if sent := got != "" && got[0] != '['; s.Begun() != (sent || strings.HasPrefix(got, "[1s]")) {
				t.Errorf("%s: begun is %t", c.fault, s.Begun())
			}
			if s.Struck() != (c.want != c.response) {
				t.Errorf("%s: struck is %t", c.fault, s.Struck())
			}
		}
		check(c.response)
		check(strings.Split(c.response, "")...)
		for cut := range len(c.response) {
			check(c.response[:cut], c.response[cut:])
		}
	}
}

// An end at a byte lets as many go out before.
func TestEndAtEveryByte(t *testing.T) {
	for _, response := range []string{file, echo} {
		head := strings.Index(response, "\r\n\r\n") + 4
		for n := range len(response) {
			place := fmt.Sprintf("at byte %d of head", n)
			if n > head {
				place = fmt.Sprintf("at byte %d of body", n-head)
			}
			for end, told := range map[string]string{"fin: ": "[fin]", "reset: ": "[reset]", "stop: ": "[stop]"} {
				got, s := struck(query(t, end+place), "GET", 1, response)
				if got != response[:n]+told || s.Sent() != int64(max(n-head, 0)) {
					t.Errorf("%s%s: %q, of them %d of the body", end, place, got, s.Sent())
				}
			}
		}
	}
}

// What has no body, or must not have chunks, is not given any.
func TestResponsesWithoutChunks(t *testing.T) {
	head, _, _ := strings.Cut(file, "0123")
	for _, c := range []struct {
		method   string
		minor    uint8
		response string
	}{
		{"HEAD", 1, head},
		{"GET", 0, file},
		{"GET", 1, none},
		{"GET", 1, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"},
	} {
		if got, s := struck(query(t, "missing-last-chunk:true"), c.method, c.minor, c.response); got != c.response || s.Struck() {
			t.Errorf("%s in HTTP/1.%d: %q", c.method, c.minor, got)
		}
	}
}

// Whoever takes no more steps is given none.
func TestStepsThatNobodyTakes(t *testing.T) {
	s := query(t, "delay: 1s in head; interim: 3 times 103 every 1s").Strike([]byte("GET"), 1)
	for range s.Pass([]byte(file)) {
		break
	}
	for range s.End() {
		t.Error("it goes on")
	}
}

// Wherever a response is cut, the same becomes of it.
func FuzzStrike(f *testing.F) {
	for _, k := range responseKeys {
		f.Add(k.name+":"+k.example+";fin:in body", echo, uint16(20))
		f.Add(k.name+":"+k.example, file, uint16(99))
	}
	f.Fuzz(func(t *testing.T, text, response string, cut uint16) {
		fault, err := None().Query(text)
		if err != nil || fault.interims > 100 || fault.extra > 1000 {
			return
		}
		at := int(cut) % (len(response) + 1)
		whole, _ := struck(fault, "GET", 1, response)
		if cut, _ := struck(fault, "GET", 1, response[:at], response[at:]); cut != whole {
			t.Errorf("%q, cut at %d: %q; want %q", text, at, cut, whole)
		}
	})
}
