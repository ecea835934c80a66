package pace

import "math/rand/v2"

// A Between is a number from Least to Most, both included: durations or counts. Where
// Most is not greater, it is Least.
type Between[T ~int | ~int64] struct{ Least, Most T }

// Draw draws one, each as likely as any other.
func (b Between[T]) Draw(random *rand.Rand) T {
	if b.Most <= b.Least {
		return b.Least
	}
	return b.Least + T(random.Int64N(int64(b.Most-b.Least)+1))
}

// Greatest is the greatest that can be drawn.
func (b Between[T]) Greatest() T { return max(b.Least, b.Most) }
