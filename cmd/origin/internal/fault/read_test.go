package fault

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What is wrong in a script is said in one sentence that names file, line and column.
func TestMistakesInScripts(t *testing.T) {
	for _, c := range []struct{ script, says string }{
		{"fault:\n  - delay: 1s", `f.yaml:1:1: there is no key "fault" here; there are faults, connections, seed`},
		{"faults:\n  - delay: 1s\n    path: /a\n    dealy: 2s", `f.yaml:4:5: there is no key "dealy" here; there are name, path, method, share, every, first, during, delay,`},
		{"faults:\n  - delay: soon", `f.yaml:2:12: "soon" is no value of delay; write one like delay: 500ms behind head`},
		{"faults:\n  - delay:", `f.yaml:2:12: here a value is due`},
		{"faults:\n  - delay: [1s, 2]", `f.yaml:2:17: "2" is no value of delay`},
		{"faults:\n  - delay: {a: b}", `f.yaml:2:12: here a value is due`},
		{"faults:\n  - delay: 1s\n  - path: /a", `f.yaml:3:5: nothing happens here; write what does, such as delay: 500ms behind head`},
		{"faults:\n  - delay: 1s\n    share: 10%\n    every: 2", `share, every and first exclude each other`},
		{"faults:\n  - delay: 1s\n    delay: 2s", `f.yaml:3:5: `},
		{"faults:\n  delay: 1s", `f.yaml:2:3: here a list is due`},
		{"faults: 1", `f.yaml:1:9: here a list is due`},
		{"faults:\n  - 1", `f.yaml:2:5: here keys are due`},
		{"[1]", `f.yaml:1:1: here keys are due`},
		{"faults: []\n---\nfaults: []", `f.yaml:3:1: a script is one document`},
		{"faults:\n  - \"delay: 1s", `f.yaml:2:5: `},
		{"# nothing\n", `f.yaml:1:1: here nothing goes wrong`},
		{"faults: []", `f.yaml:1:1: here nothing goes wrong`},
		{"seed: one", `f.yaml:1:7: a seed is a whole number`},
		{"connections:\n  - refuse: true\n    path: /a", `f.yaml:3:5: there is no key "path" here`},
		{"connections:\n  - fin: after 1s idle\n    unasked-408: after 2s idle", `one thing that happens after an idle time`},
		{"faults:\n  - delay: 1s\n    name: two words", `f.yaml:3:11: "two words" is no name`},
		{"faults:\n  - delay: 1s\n    name: query", `f.yaml:3:11: the name query`},
	} {
		_, err := Parse("f.yaml", []byte(c.script))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "f.yaml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v; want %s", c.script, err, c.says)
		}
	}
}

// Each value that is not as its key wants it is refused.
func TestMistakesInValues(t *testing.T) {
	for _, line := range strings.Split(`delay: -1s
delay: 1s there
delay: 1s at byte -1 of head
delay: 1s at byte 1 of foot
delay: 1s at bit 1 of head
dribble: 10 bytes
dribble: 10 bytes every
dribble: 0 bytes every 1s
dribble: 10 kilos every 1s
dribble: 10 bytes every 1s behind head
dribble: 10 bytes every 1s from between chunks
fin: between chunks
fin: after 3 requests
reset: at byte 1000000000000000000 of body
content-length: 10
content-length: +10
content-length: 0 more
content-length: 10 too many
both-lengths: yes
connection-close: maybe
keep-alive: said
chunks: 10
bad-chunk: 0
missing-last-chunk: false
extra-bytes: many
interim: 5
interim: 5 times 101
interim: 5 times 200
interim: 0 times 103
interim: 5 times 103 every
interim: 5 times 103 after 1s
unasked-101: two words
answer: 99
answer: 600
answer: 413 after 10
nonsense: 1
fin`, "\n") {
		if f, err := None().Query(line); err == nil {
			t.Errorf("%s: read as %+v", line, f)
		}
	}
	for _, line := range strings.Split(`refuse: 1
slow-accept: 1
fin: after 0 requests
fin: after 1 days
fin: at byte 1 of body
unasked-408: after 3 requests
stale: 0%
stale: 101%
stale: 0.1
stale: 10% by hand`, "\n") {
		if _, err := Parse("", []byte("connections:\n  - "+line)); err == nil {
			t.Errorf("%s was read", line)
		}
	}
	for _, line := range strings.Split(`path: a
path: /*/a
method: two words
share: NaN%
every: 0
first: none
during: 10s
during: 10s of 1s
during: 1s of each 10s`, "\n") {
		if _, err := Parse("", []byte("faults:\n  - delay: 1s\n    "+line)); err == nil {
			t.Errorf("%s was read", line)
		}
	}
}

// The example of each key is what the key takes.
func TestExamplesOfKeys(t *testing.T) {
	for _, k := range responseKeys {
		query(t, k.name+":"+k.example)
		script(t, "faults:\n  - "+k.name+": "+k.example)
	}
	for _, k := range connectionKeys {
		script(t, "connections:\n  - "+k.name+": "+k.example)
	}
	for _, k := range selectorKeys {
		script(t, "faults:\n  - delay: 1s\n    "+k.name+": "+k.example)
	}
}

func script(t *testing.T, text string) *Script {
	t.Helper()
	s, err := Parse("script", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNames(t *testing.T) {
	s := script(t, "faults:\n  - delay: [1s, 2s behind head]\n  - fin: behind head\n    name: end\nconnections:\n  - stale: 10% by reset\n    fin: after 2 requests\n")
	c := s.connections[0]
	s.faults[1].Count()
	c.Last(2).Count()
	if c.Last(1) != nil || c.Last(2).Name() != c.Name() {
		t.Errorf("the last request's fault is %v", c.Last(1))
	}
	f, err := s.Query("delay: 1s;fin:in  head")
	if err != nil || f.Name() != "delay-1s-fin-in-head" {
		t.Errorf("%v, %v", f, err)
	}
	f.Count()
	want := "map[delay-1s-delay-2s-behind-head:0 end:1 query:1 stale-10%-by-reset-fin-after-2-requests:1]"
	if got := fmt.Sprint(s.Counts()); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// The first fault that is to strikes, and no other.
func TestChoosing(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"path: /a", "-1--1--1-"}, // of the paths below, the first and so on
		{"path: /a/*", "--1--1--1"},
		{"path: /*", "111111111"},
		{"every: 3", "--1--1--1"},
		{"method: GET\n    every: 9", "--------1"},
		{"method: POST", "---------"},
		{"first: 2", "11-------"},
		{"during: 2s of 3s", "-11-11-11"},
		{"path: /a\n    every: 2", "----1----"},
		{"share: 100%", "111111111"},
		{"path: /a\n  - fin: behind head\n    name: 2\n    every: 2", "-12-12-12"},
	} {
		p := script(t, "faults:\n  - delay: 1s\n    name: 1\n    "+c.lines).Player(0)
		got := ""
		for i := range int64(9) {
			if f := p.Response([]byte("GET"), []byte([]string{"/", "/a", "/a/b"}[i%3]), i+1, time.Duration(i)*time.Second); f == nil {
				got += "-"
			} else {
				got += f.Name()
			}
		}
		if got != c.want {
			t.Errorf("%s: %s; want %s", c.lines, got, c.want)
		}
	}
}

// A share is that share, by the seed, and the same for the same one.
func TestShares(t *testing.T) {
	chosen := func(seed, loop int) (n int, which string) {
		p := script(t, fmt.Sprintf("seed: %d\nfaults:\n  - delay: 1s\n    share: 20%%\nconnections:\n  - stale: 30%%", seed)).Player(loop)
		for range 1000 {
			if p.Response([]byte("GET"), []byte("/"), 1, 0) != nil {
				n++
				which += "1"
			} else {
				which += "0"
			}
		}
		c := p.Connection(0)
		stale := 0
		for range 1000 {
			if p.Stale(c) {
				stale++
			}
		}
		if stale < 250 || stale > 350 {
			t.Errorf("%d of 1000 requests are to meet the end of the connection", stale)
		}
		return n, which
	}
	n, first := chosen(1, 0)
	_, again := chosen(1, 0)
	_, otherSeed := chosen(2, 0)
	_, otherLoop := chosen(1, 1)
	if n < 150 || n > 250 || first != again || first == otherSeed || first == otherLoop {
		t.Errorf("%d of 1000; the same for the same seed: %t, other ones for others: %t", n, first == again, first != otherSeed && first != otherLoop)
	}
}

func TestChoosingConnections(t *testing.T) {
	p := script(t, "connections:\n  - refuse: true\n    first: 1\n    during: 1s of 2s\n  - never-read: true\n    every: 2").Player(0)
	got := ""
	for _, after := range []time.Duration{1, 0, 0, 0} {
		switch c := p.Connection(after * time.Second); {
		case c == nil:
			got += "-"
		case c.Refuse:
			got += "r"
		case c.NeverRead:
			got += "n"
		}
	}
	if got != "r-n-" {
		t.Error(got)
	}
}

// Whatever a file holds, reading it comes to an end without a panic.
func FuzzParse(f *testing.F) {
	f.Add("faults:\n  - delay: [1s, 2s behind head]\n    share: 1%\nconnections:\n  - stale: 10% by reset\nseed: 1\n")
	f.Add("a: &x [*x]\n<<: !!binary |\n  a")
	random := rand.New(rand.NewPCG(1, 1))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		for _, f := range s.faults {
			if f.interims < 10 && f.extra < 1000 {
				struck(f, "GET", 1, echo)
			}
			f.when.strikes(random, 1, time.Second)
		}
	})
}
