package checks

import "testing"

// Checks are written as "+" for passed and "-" for failed, standings as "u" for
// up and "d" for down after each.
func TestStanding(t *testing.T) {
	for _, test := range []struct {
		thresholds    Thresholds
		checks, stand string
	}{
		{Thresholds{2, 3}, "++++", "uuuu"},
		{Thresholds{2, 3}, "----", "dddd"},
		{Thresholds{2, 3}, "-+++", "dduu"}, // the first decides at once, later ones do not
		{Thresholds{2, 3}, "+---", "uuud"},
		{Thresholds{2, 3}, "+--+--+---+", "uuuuuuuuudd"},
		{Thresholds{2, 3}, "-+-+-++--", "ddddddu" + "uu"},
		{Thresholds{2, 3}, "+---++---", "uuuddu" + "uud"},
		{Thresholds{1, 1}, "+-+-", "udud"},
		{Thresholds{}, "+-+-", "udud"},
		{Thresholds{3, 1}, "-++-+++", "ddddddu"},
	} {
		var s standing
		was, got := false, ""
		for _, c := range test.checks {
			changed := s.learn(c == '+', test.thresholds)
			if changed != (s.down != was) {
				t.Errorf("%v: %s: after %s changed is %v", test.thresholds, test.checks, got, changed)
			}
			was = s.down
			if s.down {
				got += "d"
			} else {
				got += "u"
			}
		}
		if got != test.stand {
			t.Errorf("%v: %s: %s, want %s", test.thresholds, test.checks, got, test.stand)
		}
	}
}
