package verdict

import (
	"reflect"
	"testing"
)

func TestJoin(t *testing.T) {
	of := func(change func(*Figures)) Verdict {
		f := sound
		change(&f)
		return Of(f)
	}
	good := of(func(*Figures) {})
	few := of(func(f *Figures) { f.Answered = 999 })
	fewer := of(func(f *Figures) { f.Answered = 5 })
	missing := of(func(f *Figures) { f.Reached, f.Answered = 63, 7 })
	slow := of(func(f *Figures) { f.RateAsked = 2000 })
	const (
		tooFew  = " requests answered, and with fewer than 1,000 chance makes the p99; send more, by --requests or --duration"
		opened  = "only 63 of 64 connections could be opened, so the server had less to bear than was asked for; see what failed, or ask for fewer --connections"
		another = "1000.0 requests were sent a second where 2000.0 were asked for, so the figures are of another load; ask for less, or for more --connections or --loops"
	)
	for name, test := range map[string]struct {
		parts []Part
		want  Verdict
	}{
		"one":                         {[]Part{{"a", few}}, few},
		"all good":                    {[]Part{{"a", good}, {"b", good}}, Verdict{Valid, []string{}}},
		"one of two":                  {[]Part{{"a", good}, {"b", few}}, Verdict{Suspect, []string{"b: 999" + tooFew}}},
		"the same of all":             {[]Part{{"a", few}, {"b", fewer}, {"c", few}}, Verdict{Suspect, []string{"a, like 2 others: 999" + tooFew}}},
		"told of the worst":           {[]Part{{"a", few}, {"b", missing}}, Verdict{Invalid, []string{"b: " + opened, "b, like 1 other: 7" + tooFew}}},
		"the grave ones before":       {[]Part{{"a", missing}, {"b", slow}}, Verdict{Invalid, []string{"b: " + another, "a: " + opened, "a: 7" + tooFew}}},
		"of another version, at last": {[]Part{{"a", Verdict{Suspect, []string{"it rains"}}}, {"b", few}}, Verdict{Suspect, []string{"b: 999" + tooFew, "a: it rains"}}},
	} {
		if got := Join(test.parts...); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
