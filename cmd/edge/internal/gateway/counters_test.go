package gateway

import (
	"reflect"
	"regexp"
	"testing"
)

// Every counter is told, once, under a name of its own, and All stops when it is
// asked to.
func TestAllCounters(t *testing.T) {
	var c Counters
	filled := fill(reflect.ValueOf(&c).Elem())
	values := make(map[uint64]bool)
	names := make(map[string]bool)
	for name, value := range c.All {
		if names[name] || values[value] || value == 0 {
			t.Errorf("%s %d", name, value)
		}
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\.[a-z]+([-_][a-z]+)*)?$`).MatchString(name) {
			t.Errorf("the name %q", name)
		}
		names[name], values[value] = true, true
	}
	if len(names) != filled {
		t.Errorf("%d counters are told of %d", len(names), filled)
	}
	for n := range filled {
		for range c.All {
			if n--; n < 0 {
				break
			}
		}
	}
}

// fill gives every number a value of its own, and returns how many there are.
func fill(v reflect.Value) (n int) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		default:
			n++
			v.SetUint(uint64(n))
		}
	}
	visit(v)
	return n
}
