package verdict

import "testing"

func TestWithStatuses(t *testing.T) {
	const meaning = ", so the figures are of errors, too; see why the server gives them"
	for name, test := range map[string]struct {
		s, other Statuses
		recorded []int
		want     string
	}{
		"none":                            {},
		"no errors":                       {Statuses{200: 9, 304: 1}, nil, nil, ""},
		"errors of a URL":                 {Statuses{200: 9, 404: 1}, nil, nil, "1 of 10 responses had status 404, which no recording has" + meaning},
		"recorded ones":                   {Statuses{200: 9, 404: 1}, nil, []int{200, 404}, ""},
		"recorded ones of both":           {Statuses{404: 1}, Statuses{404: 5}, []int{404}, ""},
		"recorded ones of one":            {Statuses{404: 1}, Statuses{200: 5}, []int{404}, "1 of 1 response had status 404, which the other side has not" + meaning},
		"of both, but in no recording":    {Statuses{502: 7}, Statuses{502: 7}, nil, "7 of 7 responses had status 502, which no recording has" + meaning},
		"some of one, some of both":       {Statuses{429: 2, 502: 7}, Statuses{502: 7}, []int{429}, "9 of 9 responses had status 429, 502, which no recording has" + meaning},
		"the other has another":           {Statuses{502: 7}, Statuses{404: 7}, []int{404}, "7 of 7 responses had status 502, which the other side has not" + meaning},
		"it is the other that has errors": {Statuses{200: 7}, Statuses{404: 7}, nil, ""},
	} {
		v := Verdict{}.WithStatuses("b: ", test.s, test.other, test.recorded)
		switch {
		case test.want == "" && (v.State != Valid || v.Reasons != nil),
			test.want != "" && (v.State != Suspect || len(v.Reasons) != 1 || v.Reasons[0] != "b: "+test.want):
			t.Errorf("%s: %s %q", name, v.State, v.Reasons)
		}
	}
}
