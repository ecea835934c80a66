package english

import "testing"

func TestPlural(t *testing.T) {
	for want, n := range map[string]int64{"0 octets": 0, "1 octet": 1, "2 octets": 2, "1000000 octets": 1e6} {
		if got := Plural(n, "octet"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
