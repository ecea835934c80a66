package replay

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
)

// fill gives each number in v a value of its own, but those of histograms.
func fill(v reflect.Value, next *int64) {
	*next++
	switch {
	case v.Type() == reflect.TypeFor[measure.Times]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case v.CanInt():
		v.SetInt(*next)
	case v.CanFloat():
		v.SetFloat(float64(*next) + 0.1)
	}
}

// full is a result in which nothing is zero.
func full() *Result {
	r := new(Result)
	var next int64
	fill(reflect.ValueOf(r).Elem(), &next)
	r.Ending, r.LastConnectCause, r.LastConnectError = Limited, OutOfPorts, errors.New("no port")
	r.Processor, r.Explanations = "3", []string{"GET /", "GET /a"}
	return r
}

// TestFollowAndAccompany: everything adds up, but how long it took at the same time,
// connections that are the same again, and shares; what is steady is of one run only.
func TestFollowAndAccompany(t *testing.T) {
	once, want := full(), full()
	want.Tally.merge(&once.Tally)
	want.CPU, want.Unsent, want.Steady = 2*once.CPU, 2*once.Unsent, 0

	got := full()
	got.Follow(full())
	want.Elapsed = 2 * once.Elapsed
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = full()
	got.Accompany(full())
	want.Elapsed, want.Wanted, want.Reached, want.GaveUp = once.Elapsed, 2*once.Wanted, 2*once.Reached, 2*once.GaveUp
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = &Result{Elapsed: time.Second, Busy: 0.5, Kept: 1, Wanted: 4, Reached: 4}
	got.Follow(&Result{Ending: Interrupted, Busy: 0.25, Kept: 0.9, Wanted: 3, Explanations: []string{"1", "2", "3", "4", "5", "6"}})
	if got.Ending != Interrupted || len(got.Explanations) != explained || got.Busy != 0.5 || got.Kept != 0.9 || got.Wanted != 4 || got.Reached != 4 {
		t.Errorf("%+v", got)
	}
}
