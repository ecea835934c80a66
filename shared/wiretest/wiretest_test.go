package wiretest

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestVectors(t *testing.T) {
	names := map[string]bool{}
	for _, v := range Vectors() {
		if names[v.Name] {
			t.Errorf("there are two vectors %s", v.Name)
		}
		names[v.Name] = true
	}
	if len(names) < 724 {
		t.Errorf("there are only %d vectors", len(names))
	}
	n := len(Vectors("request")) + len(Vectors("response")) + len(Vectors("chunked"))
	if n != len(names) || len(Vectors("request", "chunked")) != n-len(Vectors("response")) {
		t.Error("Vectors selects kinds wrongly")
	}
}

// TestParse has each word of a case once, in an order of its own.
func TestParse(t *testing.T) {
	const text = `# A remark is left out.

case res-all
   # This is none.\r\n
section RFC 9110 1, 2 POLICY
eof
request-method HEAD
limit-head 1
limit-target 2
limit-fields 3
limit-chunk-line 4
limit-trailer 5
	HTTP/1.1 200\r\n

   A:\x20\t"\\"\xff\{3 ab}\{0 c}\x00\n
accepted or refused
method M
target /
version HTTP/1.1
status 200
reason a b
field A:
field A: b:c
field A:  b
trailer T: u
framing length 23
content a\r\n
content \x20b
leftover c
leftover d
persists
note said late

case ch-a
section RFC 1 MAY
incomplete
case req-a
section RFC 1 MUST
refused rule
case res-a
section RFC 1 SHOULD
refused rule 501
`
	got, err := parse("a.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Vector{
		{
			Name: "res-all", Kind: "response", Section: "RFC 9110 1, 2", Level: "POLICY", Note: "said late",
			Input:         []byte("# This is none.\r\nHTTP/1.1 200\r\nA: \t\"\\\"\xffababab\x00\n"),
			RequestMethod: "HEAD", EOF: true, Limits: Limits{1, 2, 3, 4, 5},
			Expect: Expect{
				OK: true, Either: true, Status: 200, Method: "M", Target: "/", Version: "HTTP/1.1", Reason: "a b",
				Fields: [][2]string{{"A", ""}, {"A", "b:c"}, {"A", " b"}}, Trailers: [][2]string{{"T", "u"}},
				Framing: "length", Length: 23, Content: "a\r\n b", Leftover: "cd", Persists: true,
			},
		},
		{Name: "ch-a", Kind: "chunked", Section: "RFC 1", Level: "MAY", Expect: Expect{Incomplete: true}},
		{Name: "req-a", Kind: "request", Section: "RFC 1", Level: "MUST", Expect: Expect{Rule: "rule"}},
		{Name: "res-a", Kind: "response", RequestMethod: "GET", Section: "RFC 1", Level: "SHOULD", Expect: Expect{Rule: "rule", Status: 501}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// TestParseErrors wants file and line of each mistake.
func TestParseErrors(t *testing.T) {
	const begin = "case req-a\nsection RFC 1 MUST\n"
	for text, want := range map[string]string{
		"section RFC 1 MUST":                         "a.txt:1: this stands before the first case",
		"\n    GET":                                  "a.txt:2: this stands before the first case",
		"case get":                                   "a.txt:1: the name get begins with none of",
		begin + "    A \nincomplete":                 "a.txt:3: the line ends with whitespace",
		begin + "    A\r\nincomplete":                "a.txt:3: the line ends with whitespace",
		begin + "    \\q":                            "a.txt:3: what follows from \"\\\\q\" on",
		begin + "    caf\u00e9":                      "a.txt:3: what follows from \"\u00e9\" on",
		begin + "    a\tb":                           "a.txt:3: what follows from \"\\tb\" on",
		begin + "    \\{a 3}":                        "a.txt:3: \\{a 3} is not of the form",
		begin + "    \\{-1 a}":                       "a.txt:3: \\{-1 a} is not of the form",
		begin + "GET / HTTP/1.1\\r\\n":               "a.txt:3: \"GET / HTTP/1.1\\r\\n\" is not understood; if it belongs to the message, indent it",
		begin + "persists no":                        "a.txt:3: \"persists no\" is not understood",
		begin + "status ok":                          "a.txt:3: strconv.Atoi",
		begin + "refused rule ok":                    "a.txt:3: strconv.Atoi",
		begin + "framing length x":                   "a.txt:3: strconv.ParseInt",
		"case req-a\nsection RFC 1":                  "a.txt:2: a section ends with MUST",
		"case req-a\nincomplete":                     "a.txt:2: req-a ends without a section",
		begin + "\ncase req-b":                       "a.txt:4: req-a is to be one of",
		begin + "refused":                            "a.txt:3: req-a is to be one of",
		begin + "refused rule\nincomplete":           "a.txt:4: req-a is to be one of",
		begin + "accepted\nframing none\nincomplete": "a.txt:5: req-a is to be one of",
		begin + "accepted":                           "a.txt:3: req-a is accepted without a framing",
	} {
		if _, err := parse("a.txt", text); err == nil || !strings.HasPrefix(err.Error(), "wiretest: "+want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestReadme wants the cases in testdata/README.md to be as they are in the
// files.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for line := range strings.Lines(string(readme)) {
		if example, ok := strings.CutPrefix(line, "    "); ok {
			text.WriteString(example)
		}
	}
	examples, err := parse("README.md", strings.TrimSpace(text.String()))
	if err != nil || len(examples) != 2 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, v := range Vectors() {
		for _, example := range examples {
			if v.Name == example.Name && !reflect.DeepEqual(v, example) {
				t.Errorf("the example is\n%+v\nand the case\n%+v", example, v)
			}
		}
	}
}

func TestCuts(t *testing.T) {
	n := 0
	Cuts([]byte("abc"), func(head, tail []byte) {
		if string(head)+string(tail) != "abc" || len(head) != n {
			t.Errorf("cut into %q and %q", head, tail)
		}
		n++
	})
	if n != 4 {
		t.Errorf("%d cuts", n)
	}
}
