package heads

import (
	"net/netip"
	"strings"
	"testing"
)

func TestReceivedBy(t *testing.T) {
	for member, want := range map[string]string{
		"1.1 me": "me", "HTTP/1.1 \t me:80\t(comment)": "me:80", "1.0 me(comment)": "me(comment)", "me": "", "": "",
	} {
		if got := string(receivedBy([]byte(member))); got != want {
			t.Errorf("%q: %q, want %q", member, got, want)
		}
	}
}

func TestLoops(t *testing.T) {
	nine, eight := "1.1 me"+strings.Repeat(", 1.1 me", 8), "1.1 me"+strings.Repeat(", 1.0 me", 7)
	for _, test := range []struct {
		policy Policy
		fields string
		want   bool
	}{
		{Policy{Name: "me"}, "", false},
		{Policy{Name: "me"}, "Via: " + eight, false},
		{Policy{Name: "me"}, "Via: " + eight + "\r\nVia: 1.1 you\r\nX-Via: 1.1 me", false},
		{Policy{Name: "me"}, "via: " + nine, true},
		{Policy{Name: "me"}, "Via: " + eight + "\r\nA: b\r\nVia: 1.1 me", true},
		{Policy{Name: "me"}, "Via: 1.1 you (, " + nine, true},
		{Policy{Name: "me"}, "Via: " + eight + ",, me 1.1, 1.1 Me, 1.1 me:80", false},
		{Policy{Name: "you"}, "Via: " + nine, false},
		{Policy{}, "Via: " + nine, false},
		{Policy{Name: "me", Verbatim: true}, "Via: " + nine, false},
	} {
		ed := NewEditor(test.policy)
		h := parseRequest(t, "GET / HTTP/1.1\r\nHost: a\r\n"+test.fields+strings.Repeat("\r\n", min(len(test.fields), 1))+"\r\n")
		if got := ed.Loops(h); got != test.want {
			t.Errorf("%+v, %q: %v", test.policy, test.fields, got)
		}
		if n := testing.AllocsPerRun(10, func() { ed.Loops(h) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// A gateway without a name does not add itself to Via.
func TestNoVia(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 other\r\n\r\n"
	var e Edits
	NewEditor(Policy{}).Request(&e, parseRequest(t, head), netip.AddrPort{})
	checkEdits(t, &e, head, "", head)
}
