package view

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/hopwire/hopwire/shared/events"
	"github.com/hopwire/hopwire/shared/wiretest"
)

var ours = regexp.MustCompile("\x1b\\[[0-9]+m")

// everything is what can be drawn of exchanges.
func everything(s Style, all []*Exchange) (b []byte) {
	b = append(b, s.LineHead()...)
	for _, x := range all {
		b = s.AppendLine(b, x)
		b = s.AppendPicture(b, x)
		b = s.AppendDecisions(b, x)
		if x.Client.Out.Total < 4<<10 {
			b = s.AppendHex(b, x)
		}
	}
	return b
}

// checkText holds a text to what every terminal may rely on.
func checkText(t *testing.T, s Style, text []byte) {
	t.Helper()
	if s.Colour {
		text = ours.ReplaceAll(text, nil)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.ContainsFunc(line, unicode.IsControl) || !bytes.Equal(bytes.ToValidUTF8([]byte(line), nil), []byte(line)) {
			t.Fatalf("line %d has what a terminal obeys: %q", i, line)
		}
		if widthOf(line) > s.width() {
			t.Fatalf("line %d has %d columns of %d: %q", i, widthOf(line), s.width(), line)
		}
	}
}

func TestEveryWidth(t *testing.T) {
	step := 1
	if wiretest.RaceDetector {
		step = 17 // it is one goroutine's work
	}
	for name, play := range scenes {
		var s scene
		play(&s)
		all := s.exchanges()
		for width := 30; width <= 200; width += step + width/90*7 {
			plain, coloured := Style{Width: width}, Style{Width: width, Colour: true}
			text := plain.AppendLanes(everything(plain, all), s.lanes())
			checkText(t, plain, text)
			inColours := coloured.AppendLanes(everything(coloured, all), s.lanes())
			checkText(t, coloured, inColours)
			if !bytes.Equal(ours.ReplaceAll(inColours, nil), text) {
				t.Errorf("%s at %d: the text is another one with colours", name, width)
			}
		}
	}
}

// squeezed is text without blanks, by which lines are broken and columns filled.
func squeezed(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// hopsOf takes the two columns of a picture apart.
func hopsOf(text []byte) (left, right string) {
	for line := range strings.Lines(string(text)) {
		if l, r, ok := strings.Cut(line, "│"); ok {
			left, right = left+strings.TrimRight(l, "+-~ "), right+strings.TrimLeft(r, "+-~")
		} else {
			left, right = left+line, right+line
		}
	}
	return squeezed(left), squeezed(right)
}

// Whatever was sent, and whatever is said to have been edited: nothing reaches the
// terminal but text, no line is too long, and every byte of a head is there.
func FuzzPicture(f *testing.F) {
	f.Add([]byte(get), []byte(getVia), []byte(ok), []byte(ok), via, "pool", "o4 ended-while-idle, \x1b[31m", uint8(80), uint8(0))
	f.Add([]byte("GET /\x1b]0;\x07 HTTP/1.1\r\n\r\n"), []byte("a\u202e\u00a0⏎│\xff"), []byte(""), []byte("\x9b31m"), "drop \x1b (x\n (y)\ninsert  ()", "replay", "\x1b", uint8(40), uint8(7))
	f.Add([]byte("\r\n\r\nHEAD / HTTP/1.1\r\nA:"+strings.Repeat("界", 99)+"\r\n\r\n"), []byte(""), []byte("HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n123"), []byte(""), "", "queue", "", uint8(41), uint8(30))
	for _, play := range scenes {
		var s scene
		play(&s)
		var sides [4][]byte
		edits := ""
		for _, e := range s.all {
			if e.Kind == events.Bytes && len(e.Content) < 1000 {
				i := int(e.Conn.Hop-events.ClientHop) + 2*int(e.Direction)
				sides[i] = append(sides[i], e.Content...)
				edits += e.Comment
			}
		}
		f.Add(sides[0], sides[1], sides[2], sides[3], edits, "pool", "", uint8(100), uint8(0))
	}
	f.Fuzz(func(t *testing.T, in, sent, came, out []byte, edits, note, param string, width, gap uint8) {
		if len(in)+len(sent)+len(came)+len(out) > 4<<10 {
			return
		}
		var s scene
		s.open("c1")
		s.of("c1#1 -> o1#1")
		cut := min(int(gap), len(in))
		s.in("c1", string(in[:cut]))
		if cut > 0 {
			s.gap("c1", events.Inbound, uint64(gap))
		}
		s.in("c1", string(in[cut:]))
		s.note(note, "passed-over", param, "sign", param, param, param)
		s.in("o1", string(sent), edits)
		s.out("o1", string(came))
		s.out("c1", string(out), edits, edits)
		s.end(param, param, param, "refusal", param)
		style := Style{Width: 40 + int(width), Colour: gap%2 == 1}
		all := s.exchanges()
		checkText(t, style, style.AppendLanes(everything(style, all), s.lanes()))

		x := all[0]
		left, right := hopsOf((Style{Width: 40 + int(width)}).AppendPicture(nil, x))
		for _, side := range []struct {
			where string
			on    string
			side  *Side
			p     *Passage
		}{
			{"the client's request", left, &x.Client, &x.Client.In}, {"the origin's request", right, x.Origin(), &x.Origin().In},
			{"the origin's response", right, x.Origin(), &x.Origin().Out}, {"the client's response", left, &x.Client, &x.Client.Out},
		} {
			c := side.side.cut(side.p)
			for _, line := range c.lines(head) {
				if want := squeezed(shown(line.bytes)); !strings.Contains(side.on, want) {
					t.Fatalf("%s: no %q in\n%s", side.where, want, side.on)
				}
			}
			if c.size(head)+c.size(content)+c.size(trailer)+c.size(behind) != side.p.Total {
				t.Fatalf("%s: parts %v of %d bytes", side.where, c.at, side.p.Total)
			}
		}
	})
}

// Of what has ended, nothing is kept.
func TestCollectorKeepsNothingOfTheEnded(t *testing.T) {
	for name, play := range scenes {
		var s scene
		play(&s)
		var c Collector
		for i := range s.all {
			for x := c.Add(&s.all[i]); x != nil; x = c.Next() {
			}
			kept := 0
			for _, x := range c.Open() {
				kept += x.kept
			}
			for id, known := range c.conns {
				kept += len(known.next)
				for _, x := range []*Exchange{known.x, known.before} {
					if x != nil && c.open[x.Client.Use] != x {
						t.Fatalf("%s: %v keeps %v, which has ended", name, id, x.ID)
					}
				}
			}
			if kept != c.kept {
				t.Fatalf("%s: %d bytes are kept, by count %d", name, kept, c.kept)
			}
		}
	}
}

// Lanes are as many as there is room for, and what else there was is told.
func TestLanesAreBounded(t *testing.T) {
	if wiretest.RaceDetector {
		t.Skip("it is one goroutine's work, and much of it")
	}
	var l Lanes
	for n := range uint64(maxLanes + 100) {
		var s scene
		conn := events.ConnID{Hop: events.ClientHop, N: n}
		s.x.Client = events.Use{Conn: conn, N: 1}
		s.open(conn.String())
		for range 200 {
			s.x.Client.N++
			s.in(conn.String(), get)
			s.out(conn.String(), ok)
			if n > 100 {
				s.end("200", "kept", "kept")
			}
		}
		for i := range s.all {
			l.Add(&s.all[i])
		}
	}
	if len(l.lanes) != maxLanes || l.stretches > maxStretches || len(l.numbers) > maxOpen {
		t.Errorf("%d lanes, %d stretches, %d exchanges", len(l.lanes), l.stretches, len(l.numbers))
	}
	text := string(Style{Width: 80}.AppendLanes(nil, &l))
	if !strings.Contains(text, "not drawn, since only 4096 are") || !strings.Contains(text, "not drawn, for want of room") {
		t.Error("it is not told")
	}
}

// Exchanges that never end cost no more than others, and are told of.
func TestCollectorIsBounded(t *testing.T) {
	sizeOf := func(n uint64) uint64 {
		if n < 2000 {
			return 40 << 10
		}
		return 1
	}
	var c Collector
	told := 0
	for n := range uint64(3 * maxOpen) {
		var s scene
		conn := events.ConnID{Hop: events.ClientHop, N: n}
		s.x.Client = events.Use{Conn: conn, N: 1}
		s.open(conn.String())
		for range 3 {
			s.in(conn.String(), strings.Repeat("x", int(sizeOf(n))), "drop x (y)")
		}
		for i := range s.all {
			for x := c.Add(&s.all[i]); x != nil; x = c.Next() {
				if told++; !x.LetGo || x.Client.In.Total != 3*sizeOf(x.Client.Conn.N) || x.Ends() != "end not seen" {
					t.Fatalf("%v: %d bytes, %s", x.ID, x.Client.In.Total, x.Ends())
				}
			}
		}
	}
	kept := 0
	for _, x := range c.Open() {
		kept += x.kept
	}
	if len(c.open) > maxOpen || len(c.conns) > 2*maxOpen || kept != c.kept || kept > keepAll {
		t.Errorf("%d exchanges and %d connections are open, with %d bytes, by count %d", len(c.open), len(c.conns), kept, c.kept)
	}
	if told+len(c.Open()) != 3*maxOpen {
		t.Errorf("%d told, %d open", told, len(c.Open()))
	}
}
