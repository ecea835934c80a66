package replay

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestLoggedResult: no counter is lost on the way.
func TestLoggedResult(t *testing.T) {
	for _, want := range []*Result{full(), {}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := new(Result)
		if err := json.Unmarshal(text, got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, want %+v", err, got, want)
		}
	}
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"timeout":`, `"too-late":`}, {`"limited"`, `"bored"`}, {`"out-of-ports"`, `"out-of-luck"`}, {`"200":`, `"2000":`}, {`"Requests":`, `"Answers":`}} {
		wrong := strings.Replace(string(text), change[0], change[1], 1)
		if wrong == string(text) || json.Unmarshal([]byte(wrong), new(Result)) == nil {
			t.Errorf("with %s in place of %s it is read", change[1], change[0])
		}
	}
}
