package names

// A Kind is what a lookup came to.
type Kind uint8

const (
	// Answered: there are addresses.
	Answered Kind = iota
	// TimedOut: no server answered in time.
	TimedOut
	// Failed: servers answered, but did not say whether the name exists.
	Failed
	// NoName: the name does not exist.
	NoName
	// NoAddress: the name exists, and has no address.
	NoAddress
)

// final reports whether a server knew. What only failed may be otherwise in a
// moment.
func (k Kind) final() bool { return k == NoName || k == NoAddress }

// A Failure is why a lookup gave no addresses.
type Failure struct {
	Kind Kind
	// Text is the end of a sentence about the name.
	Text string
}
