package pace

import "testing"

func TestScheduleTurns(t *testing.T) {
	type turn struct {
		session  int
		requests int64
	}
	for _, test := range []struct {
		name    string
		lengths []int
		limit   int64
		want    []turn
	}{
		{"without limit it goes round", []int{3, 1, 2}, 0, []turn{{0, 3}, {1, 1}, {2, 2}, {0, 3}, {1, 1}}},
		{"one pass", []int{3, 1, 2}, 6, []turn{{0, 3}, {1, 1}, {2, 2}, {0, 0}, {1, 0}}},
		{"cut within a session", []int{3, 1, 2}, 5, []turn{{0, 3}, {1, 1}, {2, 1}, {0, 0}}},
		{"cut in the second pass", []int{3, 1, 2}, 8, []turn{{0, 3}, {1, 1}, {2, 2}, {0, 2}, {1, 0}}},
		{"a single request", []int{1}, 3, []turn{{0, 1}, {0, 1}, {0, 1}, {0, 0}, {0, 0}}},
		{"fewer than one session", []int{4}, 1, []turn{{0, 1}, {0, 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewSchedule(test.lengths, test.limit)
			for i, want := range test.want {
				if session, n := s.Turn(int64(i)); (turn{session, n}) != want {
					t.Errorf("turn %d: session %d, %d requests; want %v", i, session, n, want)
				}
			}
		})
	}
}

func TestScheduleSendsExactlyTheLimit(t *testing.T) {
	for limit := int64(1); limit < 40; limit++ {
		s := NewSchedule([]int{3, 1, 5, 2}, limit)
		var sum int64
		for turn := range int64(60) {
			_, n := s.Turn(turn)
			sum += n
		}
		if sum != limit {
			t.Errorf("limit %d: %d requests", limit, sum)
		}
	}
}

func TestLocate(t *testing.T) {
	s := NewSchedule([]int{3, 1, 2}, 0)
	for n, want := range [][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {2, 0}, {2, 1}, {0, 0}, {0, 1}} {
		if session, request := s.Locate(int64(n)); [2]int{session, request} != want {
			t.Errorf("request %d is %d of session %d, not %v", n, request, session, want)
		}
	}
}
