package loop

// A Census is what a loop has lent at one moment. When nothing is under way both
// counts are zero; what they are then otherwise has been forgotten by somebody.
type Census struct {
	Tasks   int // begun and not ended, the one that asks included
	Buffers int // borrowed and not released
}

// Census counts.
func (l *Loop) Census() Census { return Census{Tasks: l.live.Len(), Buffers: l.lent} }
