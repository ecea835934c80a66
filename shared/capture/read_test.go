package capture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gopacket/gopacket/layers"

	"github.com/hopwire/hopwire/shared/events"
)

func TestReadRefuses(t *testing.T) {
	cases := []struct{ name, file, want string }{
		{"nothing", "", "the recording is empty"},
		{"text", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", `this is neither a pcapng nor a pcap file (it begins with "GET / HTTP/1.1\r\nHost: a\r")`},
		{"a few bytes", "hi", `this is neither a pcapng nor a pcap file (it begins with "hi")`},
		{"binary", "\x00\xff\xfe\xfd", "this is neither a pcapng nor a pcap file (it begins with 00 ff fe fd)"},
		{"half a magic number", "\x0a\x0d", `this is neither`},
		{"a pcapng head that is cut", "\n\r\r\n\x1c\x00\x00\x00\x4d\x3c\x2b\x1a", "the head of the capture file is damaged"},
		{"a pcapng head that is wrong", "\n\r\r\n\x1c\x00\x00\x00abcdefghijklmnop", "the head of the capture file is damaged"},
		{"a pcap head that is cut", "\xd4\xc3\xb2\xa1\x02\x00\x04", "the head of the capture file is damaged"},
		{"a pcap version of the future", "\xd4\xc3\xb2\xa1\x09\x00\x04\x00" + strings.Repeat("\x00", 16), "the head of the capture file is damaged"},
		{"zstd", "\x28\xb5\x2f\xfd\x04", "this file is compressed by zstd: unpack it with 'zstd -d'"},
		{"xz", "\xfd7zXZ\x00\x00", "this file is compressed by xz: unpack it with 'xz -d'"},
		{"gzip that is none", "\x1f\x8bnot at all", "the head of the capture file is damaged"},
	}
	for _, c := range cases {
		rec, err := Read(strings.NewReader(c.file))
		if rec != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, %v; want one line with %q", c.name, rec, err, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.pcapng")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), path+": the recording is empty") {
		t.Errorf("an empty file gives %v", err)
	}
	if _, err := ReadFile(path + "x"); !os.IsNotExist(err) {
		t.Errorf("no file gives %v", err)
	}
	tp := newTape(t)
	tp.in(tp.open(events.ClientHop), askA)
	if err := os.WriteFile(path, tp.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if rec, err := ReadFile(path); err != nil || len(rec.Connections) != 1 {
		t.Errorf("a recording gives %v, %v", rec, err)
	}
}

// someTape holds a bit of everything.
func someTape(t testing.TB) *tape {
	tp := newTape(t)
	c, o := tp.open(events.ClientHop), tp.open(events.OriginHop)
	for range 3 {
		tp.in(c, askA)
		tp.track.Note(o, tp.tick(), &events.Note{Text: "a note"})
		tp.track.Bytes(o, events.Inbound, tp.tick(), []byte(askA), false, strings.Repeat("a comment ", 10))
		tp.out(o, answer)
		tp.out(c, answer)
	}
	tp.finish(c)
	tp.end(o, events.Outbound, events.RST)
	return tp
}

// A file cut anywhere gives what stands before the cut, and says that it is cut.
func TestReadCutFile(t *testing.T) {
	ours := someTape(t).bytes()
	tap := newWiretap(t, layers.LinkTypeEthernet)
	tap.connect()
	tap.send(events.Inbound, 0, 0, askA)
	tap.send(events.Outbound, 0, 0, answer)
	for name, file := range map[string][]byte{"pcapng": ours, "pcap": tap.file.Bytes()} {
		before, clean := 0, 0
		for n := range file {
			rec, err := Read(bytes.NewReader(file[:n]))
			if err != nil {
				if before > 0 || strings.Contains(err.Error(), "EOF") {
					t.Fatalf("%s cut at %d: %v", name, n, err)
				}
				continue
			}
			exchanges := 0
			for _, c := range rec.Connections {
				exchanges += len(c.Exchanges)
			}
			if exchanges < before {
				t.Fatalf("%s cut at %d: %d exchanges, %d with less of the file", name, n, exchanges, before)
			}
			before = exchanges
			if w := strings.Join(rec.Warnings, "\n"); strings.Contains(w, "EOF") {
				t.Fatalf("%s cut at %d: warnings %q", name, n, w)
			}
			if !slices.ContainsFunc(rec.Warnings, func(s string) bool { return strings.HasPrefix(s, "the file is cut or damaged after packet") }) {
				clean++ // between two blocks nobody can tell
			}
		}
		if blocks := bytes.Count(file, nil); before == 0 || clean > 50 || clean == blocks {
			t.Errorf("%s: %d exchanges at last; %d cuts without a warning", name, before, clean)
		}
	}
}

func TestReadEmptyCapture(t *testing.T) {
	tp := newTape(t)
	equalLines(t, "warnings", tp.read().Warnings, []string{"the file holds no packets; if it is being recorded, they are written a moment later"})
}

func TestReadGzip(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(someTape(t).bytes())
	z.Close()
	rec := readBytes(t, packed.Bytes())
	if len(rec.Connections) != 2 || len(rec.Warnings) > 0 {
		t.Errorf("%d connections, warnings %q", len(rec.Connections), rec.Warnings)
	}
	cut := readBytes(t, packed.Bytes()[:packed.Len()-9])
	if len(cut.Connections) != 2 || len(cut.Warnings) != 1 {
		t.Errorf("cut: %d connections, warnings %q", len(cut.Connections), cut.Warnings)
	}
}

func TestReadBrokenReader(t *testing.T) {
	if _, err := Read(iotest.ErrReader(io.ErrClosedPipe)); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("got %v", err)
	}
	file := someTape(t).bytes()
	rec, err := Read(io.MultiReader(bytes.NewReader(file[:len(file)/2]), iotest.ErrReader(io.ErrClosedPipe)))
	if err != nil || len(rec.Connections) == 0 || !strings.Contains(rec.Warnings[0], io.ErrClosedPipe.Error()) {
		t.Errorf("got %v, %v", rec, err)
	}
}

func TestReadWarnsInBounds(t *testing.T) {
	tp := newTape(t)
	for range 100 {
		f := tp.open(events.ClientHop)
		tp.in(f, askA)
		f.Skip(events.Inbound, 10)
		tp.in(f, askA)
	}
	rec := tp.read()
	if n := len(rec.Warnings); n != maxWarnings+1 || rec.Warnings[n-1] != "80 more connections of which requests are missing" {
		t.Errorf("%d warnings: %q", n, rec.Warnings)
	}
	if len(rec.Connections) != 100 || len(rec.Notes) != 100 {
		t.Errorf("%d connections, %d notes, want 100 of each", len(rec.Connections), len(rec.Notes))
	}
}

// Any exchanges, written in any pieces, interleaved with those of others, come
// back equal.
func TestReadGivesBackWhatWasWritten(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		tp := newTape(t)
		scripts := make([]*script, 1+random.IntN(4))
		for i := range scripts {
			scripts[i] = newScript(random, tp.open(events.Hop(1+random.IntN(2))))
		}
		for _, s := range shuffledTurns(random, scripts) {
			s.step(tp, random)
		}
		rec := tp.read()
		if len(rec.Connections) != len(scripts) || len(rec.Warnings) > 0 {
			t.Fatalf("seed %d: %d connections, want %d; warnings %q", seed, len(rec.Connections), len(scripts), rec.Warnings)
		}
		for i, s := range scripts {
			if err := s.compare(rec.Connections[i]); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
}

// A script is what one connection will carry, and what was recorded of it.
type script struct {
	flow      *events.Flow
	exchanges []Exchange // Raw only
	left      [2][]byte
	begins    [][2]int // where in left they began, by Direction
	said      [2]int
}

func newScript(random *rand.Rand, flow *events.Flow) *script {
	s := &script{flow: flow}
	for range 1 + random.IntN(6) {
		x := randomExchange(random)
		s.exchanges = append(s.exchanges, x)
		s.begins = append(s.begins, [2]int{len(s.left[events.Inbound]), len(s.left[events.Outbound])})
		s.left[events.Inbound] = append(s.left[events.Inbound], x.Request.Raw...)
		for _, m := range x.Interim {
			s.left[events.Outbound] = append(s.left[events.Outbound], m.Raw...)
		}
		s.left[events.Outbound] = append(s.left[events.Outbound], x.Response.Raw...)
	}
	return s
}

func randomExchange(random *rand.Rand) (x Exchange) {
	methods := []string{"GET", "HEAD", "POST", "OPTIONS"}
	method := methods[random.IntN(len(methods))]
	x.Request.Raw = []byte(fmt.Sprintf("%s /%d HTTP/1.1\r\nHost: a\r\n", method, random.IntN(1000)))
	x.Request.Raw = append(x.Request.Raw, randomBody(random, method == "POST")...)
	for range random.IntN(2) {
		x.Interim = append(x.Interim, Message{Raw: []byte("HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")})
	}
	x.Response.Raw = []byte("HTTP/1.1 200 OK\r\n")
	if method == "HEAD" {
		x.Response.Raw = append(x.Response.Raw, "Content-Length: 1000\r\n\r\n"...)
	} else {
		x.Response.Raw = append(x.Response.Raw, randomBody(random, true)...)
	}
	return x
}

// randomBody returns a framing field, the end of the head and a body.
func randomBody(random *rand.Rand, some bool) []byte {
	content := make([]byte, random.IntN(3000)*random.IntN(2))
	for i := range content {
		content[i] = "HTTP/1.1 200\r\n\x00\xff"[random.IntN(16)]
	}
	switch {
	case !some:
		return []byte("\r\n")
	case random.IntN(2) == 0:
		return append([]byte(fmt.Sprintf("Content-Length: %d\r\n\r\n", len(content))), content...)
	}
	b := []byte("Transfer-Encoding: chunked\r\n\r\n")
	for len(content) > 0 {
		n := 1 + random.IntN(len(content))
		b = append(fmt.Appendf(b, "%x\r\n%s", n, content[:n]), "\r\n"...)
		content = content[n:]
	}
	return append(b, "0\r\nTrailer: x\r\n\r\n"...)
}

// shuffledTurns gives every script turns enough to say all it has.
func shuffledTurns(random *rand.Rand, scripts []*script) (turns []*script) {
	for _, s := range scripts {
		for range len(s.left[events.Inbound]) + len(s.left[events.Outbound]) {
			turns = append(turns, s)
		}
	}
	random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	return turns
}

func (s *script) step(tp *tape, random *rand.Rand) {
	d := events.Direction(random.IntN(2))
	if s.may(d) == 0 {
		d = d.Reverse()
	}
	if s.may(d) == 0 {
		return
	}
	n := 1 + random.IntN(min(s.may(d), 2000))
	tp.data(s.flow, d, []string{string(s.left[d][:n])})
	s.left[d] = s.left[d][n:]
	s.said[d] += n
}

// may returns how much can be said in a direction: no response comes before its
// request has begun.
func (s *script) may(d events.Direction) int {
	if d == events.Outbound {
		for _, begin := range s.begins {
			if s.said[events.Inbound] <= begin[events.Inbound] {
				return begin[events.Outbound] - s.said[events.Outbound]
			}
		}
	}
	return len(s.left[d])
}

func (s *script) compare(c *Connection) error {
	if c.ID != s.flow.String() || len(c.Exchanges) != len(s.exchanges) {
		return fmt.Errorf("%s with %d exchanges came as %s with %d", s.flow, len(s.exchanges), c.ID, len(c.Exchanges))
	}
	for i, want := range s.exchanges {
		got := c.Exchanges[i]
		same := bytes.Equal(got.Request.Raw, want.Request.Raw) && bytes.Equal(got.Response.Raw, want.Response.Raw) &&
			slices.EqualFunc(got.Interim, want.Interim, func(a, b Message) bool { return bytes.Equal(a.Raw, b.Raw) })
		if !same {
			return fmt.Errorf("%s: exchange %d (or its responses):\n got %q\nwant %q", c.ID, i, got.Request.Raw, want.Request.Raw)
		}
	}
	return nil
}

func BenchmarkRead(b *testing.B) {
	tp := newTape(b)
	for range 50 {
		f := tp.open(events.ClientHop)
		for range 50 {
			tp.in(f, askA)
			tp.out(f, answer)
		}
	}
	file := tp.bytes()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzRead: no file makes Read panic, or hold more than a few times its size.
func FuzzRead(f *testing.F) {
	f.Add(someTape(f).bytes())
	tap := newWiretap(f, layers.LinkTypeLinuxSLL)
	tap.send(events.Outbound, 0, 1000, "joined HTTP/1.1 200 OK\r\n\r\n")
	tap.send(events.Inbound, 0, 30, askA[30-len(askA)%30:])
	tap.send(events.Inbound, flagFIN, 0, askA)
	tap.send(events.Outbound, flagRST, 1027, answer)
	f.Add(tap.file.Bytes())
	f.Add(bigEndian(tap.file.Bytes(), true))
	f.Add([]byte("\n\r\r\n"))
	if gap, err := os.ReadFile("testdata/gap_one_of_twelve.pcap"); err != nil {
		f.Error(err)
	} else {
		f.Add(gap)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rec, err := Read(bytes.NewReader(file))
		if (rec == nil) == (err == nil) {
			t.Fatalf("both or neither: %v, %v", rec, err)
		}
		if err != nil || bytes.HasPrefix(file, []byte("\x1f\x8b")) {
			return
		}
		if w := strings.Join(rec.Warnings, "\n"); strings.Contains(w, "panic") {
			t.Fatal(w)
		}
		total := 0
		for _, c := range rec.Connections {
			for _, x := range c.Exchanges {
				total += len(x.Request.Raw) + len(x.Response.Raw)
				if x.Request.HeadLen > len(x.Request.Raw) || x.Response.HeadLen > len(x.Response.Raw) {
					t.Fatalf("a head longer than its message: %+v", x)
				}
			}
		}
		if total > len(file) {
			t.Fatalf("%d bytes of messages from a file of %d", total, len(file))
		}
	})
}
