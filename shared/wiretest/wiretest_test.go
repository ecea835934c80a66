package wiretest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestVectors(t *testing.T) {
	names := map[string]bool{}
	prefix := map[string]string{"request": "req-", "response": "res-", "chunked": "ch-"}
	for _, v := range Vectors() {
		if names[v.Name] {
			t.Errorf("there are two vectors %s", v.Name)
		}
		names[v.Name] = true
		if p := prefix[v.Kind]; p == "" || !strings.HasPrefix(v.Name, p) {
			t.Errorf("%s is of the kind %q", v.Name, v.Kind)
		}
		if v.Section == "" || v.Level == "" || v.Expect.OK == (v.Expect.Err != "") {
			t.Errorf("%s is not complete: %+v", v.Name, v)
		}
	}
	if len(names) < 650 {
		t.Errorf("there are only %d vectors", len(names))
	}
	n := len(Vectors("request")) + len(Vectors("response")) + len(Vectors("chunked"))
	if n != len(names) || len(Vectors("request", "chunked")) != n-len(Vectors("response")) {
		t.Error("Vectors selects kinds wrongly")
	}
}

func TestOctets(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if got := Octets(Text(all)); !bytes.Equal(got, all) {
		t.Errorf("the octets became %q", got)
	}
}

func TestChop(t *testing.T) {
	text := []byte("all the octets, in order")
	for _, sizes := range [][]int{nil, {3}, {1, 7, 2}, {0}, {1000}} {
		if err := iotest.TestReader(Chop(text, sizes...), text); err != nil {
			t.Errorf("sizes %v: %v", sizes, err)
		}
	}
	r, p := Chop(text, 3, 5), make([]byte, 100)
	for _, want := range []int{3, 5, 5, 5, 5, 1} {
		if n, err := r.Read(p); n != want || err != nil {
			t.Fatalf("%d octets, %v; want %d", n, err, want)
		}
	}
	if n, err := r.Read(p); n != 0 || err != io.EOF {
		t.Fatalf("at the end: %d octets, %v", n, err)
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
