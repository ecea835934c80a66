package english

import "testing"

func TestPlural(t *testing.T) {
	for want, n := range map[string]int64{"0 bytes": 0, "1 byte": 1, "2 bytes": 2, "1000000 bytes": 1e6} {
		if got := Plural(n, "byte"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
