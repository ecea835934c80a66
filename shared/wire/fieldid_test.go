package wire

import (
	"bytes"
	"strings"
	"testing"
)

// TestIdentifyField recognises each known name in any case, and nothing that
// differs from it by one bit of one octet, or by one octet more or less.
func TestIdentifyField(t *testing.T) {
	for id := FieldOther + 1; id < numFieldIDs; id++ {
		name := id.String()
		if len(name) < 2 || len(name) > maxKnownName {
			t.Fatalf("%q: letters cannot read a name of this length", name)
		}
		for _, variant := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := IdentifyField([]byte(variant)); got != id {
				t.Fatalf("%q is identified as %q: choose another factor in slot", variant, got)
			}
		}
		for i := range name {
			for bit := range 8 {
				other := []byte(name)
				other[i] ^= 1 << bit
				if got := IdentifyField(other); got != FieldOther && !strings.EqualFold(string(other), name) {
					t.Fatalf("%q is taken for %s", other, got)
				}
			}
		}
		for _, other := range []string{name + "s", name[1:], name[:len(name)-1], "X-" + name, name + name} {
			if got := IdentifyField([]byte(other)); strings.EqualFold(got.String(), name) {
				t.Fatalf("%q is taken for %s", other, got)
			}
		}
	}
}

func TestIdentifyUnknownField(t *testing.T) {
	for n := range 40 {
		for _, c := range []byte{0, 'a', 'A', '-', 0x20, 0xff} {
			name := bytes.Repeat([]byte{c}, n)
			if id := IdentifyField(name); id != FieldOther {
				t.Errorf("%q is taken for %s", name, id)
			}
		}
	}
}

func TestFieldIDString(t *testing.T) {
	for id, want := range map[FieldID]string{FieldHTTP2Settings: "HTTP2-Settings", FieldOther: "", numFieldIDs: "", 255: ""} {
		if got := id.String(); got != want {
			t.Errorf("FieldID(%d) is %q, want %q", id, got, want)
		}
	}
	if numFieldIDs > 64 {
		t.Error("fieldSection.seen has not enough bits")
	}
}
