package checks

// Thresholds say how many checks in a row change what an origin is taken for.
type Thresholds struct {
	// Rise is how many have to pass until one that is down is up. Zero means 1.
	Rise int
	// Fall is how many have to fail until one that is up is down. Zero means 1.
	Fall int
}

// A standing is what an origin is taken for. The zero value is one that is up
// as far as anybody knows.
type standing struct {
	known    bool
	down     bool
	contrary int // checks in a row that say otherwise
}

// learn takes the next check into account and reports whether the origin has
// changed. The first one decides by itself: nothing is known that it could be a
// mere exception to.
func (s *standing) learn(passed bool, t Thresholds) (changed bool) {
	if passed == !s.down {
		s.known, s.contrary = true, 0
		return false
	}
	needed := t.Fall
	if s.down {
		needed = t.Rise
	}
	if s.contrary++; s.known && s.contrary < needed {
		return false
	}
	*s = standing{known: true, down: !passed}
	return true
}
