package simulation

import (
	"math/rand/v2"
	"strconv"
)

// A twin is one message on both hops: as it is sent to the gateway, and as the
// gateway has to send it on. Whoever makes the message says of each part where
// it is to be seen, so the edits are known without being computed.
//
// A gateway that is to send heads verbatim edits nothing, but what it never sends
// on it does not send on then either.
type twin struct {
	sent, want []byte
	verbatim   bool
	named      bool   // Connection names X-Named
	trailer    [2]int // where the trailer section begins, in sent and in want; 0: there is none
}

// both is what goes on as it came.
func (t *twin) both(s string) {
	t.sent = append(t.sent, s...)
	t.want = append(t.want, s...)
}

// skipped is what is never sent on.
func (t *twin) skipped(s string) { t.sent = append(t.sent, s...) }

// dropped is what an edit leaves out.
func (t *twin) dropped(s string) {
	t.skipped(s)
	if t.verbatim {
		t.want = append(t.want, s...)
	}
}

// added is what an edit puts in.
func (t *twin) added(s string) {
	if !t.verbatim {
		t.want = append(t.want, s...)
	}
}

// changed is what an edit replaces.
func (t *twin) changed(sent, want string) {
	t.dropped(sent)
	t.added(want)
}

func (t *twin) content(p []byte) {
	t.sent = append(t.sent, p...)
	t.want = append(t.want, p...)
}

// noise is where content comes from: no two messages have the same.
var noise = func() []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}()

// content is n octets that belong to the message with that number.
func content(number, n int) []byte {
	at := int(uint32(number)*2654435761) % (len(noise) - n)
	return noise[at : at+n]
}

// chunked appends content in chunks as the chunked coding allows them to be,
// plain to the decoded form of the message if that is wanted. Behind them are
// fields, and claims, which are made so.
func (w *world) chunked(t *twin, p []byte, decoded bool, claim func(string)) {
	add := t.both
	if decoded {
		add = t.skipped
	}
	for len(p) > 0 {
		n := min(len(p), 1+w.rng.IntN(1<<w.rng.IntN(17)))
		add(w.chunkLine(n))
		t.content(p[:n])
		add("\r\n")
		p = p[n:]
	}
	add("0" + w.extension() + "\r\n")
	at := [2]int{len(t.sent), len(t.want)}
	w.trailer(t, claim)
	if decoded {
		t.want = t.want[:at[1]]
	} else {
		t.trailer = at
	}
}

// trailer makes fields that go on and fields that do not.
func (w *world) trailer(t *twin, claim func(string)) {
	for w.one(3) {
		switch w.rng.IntN(5) {
		case 0:
			t.dropped(pick(w.rng, "Connection: X-Trailer\r\n", pick(w.rng, ofThisHop...)))
		case 1:
			w.perhapsNamed(t)
		case 2:
			claim(w.claim())
		default:
			t.both("X-Trailer: " + strconv.Itoa(w.rng.IntN(1000)) + "\r\n")
		}
	}
	t.both("\r\n")
}

func (w *world) chunkLine(n int) string {
	size := strconv.FormatInt(int64(n), 16)
	if w.one(8) {
		size = "00" + size
	}
	return size + w.extension() + "\r\n"
}

func (w *world) extension() string {
	if !w.one(10) {
		return ""
	}
	return pick(w.rng, `;a`, `;a=b`, `;a="q;\""`, `; a ;b = c`)
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// one is true once in n times.
func (w *world) one(n int) bool { return w.rng.IntN(n) == 0 }

// magnitude is a number from 0 to most, small ones being as likely as large ones.
func (w *world) magnitude(most int) int {
	bound := most
	for range w.rng.IntN(8) {
		bound /= 3
	}
	return w.rng.IntN(bound + 1)
}
