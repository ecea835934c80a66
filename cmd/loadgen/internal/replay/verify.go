package replay

import (
	"bytes"
	"fmt"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/english"
)

// A comparison compares one response with the recorded one while it arrives.
// The zero value compares nothing.
type comparison struct {
	expect *plan.Expectation // nil: there is nothing to compare with
	status int
	offset int // bytes of content that arrived
	first  int // offset of the first byte that differs, or -1
	got    [excerptLen]byte
	gotLen int

	headDifference error // nil: the head is as recorded, or was not compared
}

// sampleLen is how much of differing content an explanation quotes.
const sampleLen = 12

// begin starts a comparison, or none if there is nothing to expect.
func (c *comparison) begin(e *plan.Expectation, status int) {
	c.expect = e
	if e != nil {
		c.status, c.offset, c.first, c.gotLen, c.headDifference = status, 0, -1, 0, nil
	}
}

func (c *comparison) wanted() bool { return c.expect != nil }

// feed compares the next span of content.
func (c *comparison) feed(content []byte) {
	if c.first >= 0 {
		c.sample(content)
	} else if want := c.rest(len(content)); !bytes.Equal(want, content) {
		same := commonPrefix(want, content)
		c.first = c.offset + same
		c.sample(content[same:])
	}
	c.offset += len(content)
}

// rest is what the next n bytes of content should be: fewer if the recording
// has no more.
func (c *comparison) rest(n int) []byte {
	want := c.expect.Content[min(c.offset, len(c.expect.Content)):]
	return want[:min(n, len(want))]
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// sample keeps the first bytes that differ.
func (c *comparison) sample(content []byte) {
	c.gotLen += copy(c.got[c.gotLen:], content)
}

// end is called at the end of the response. Content that is too short differs
// where it ends.
func (c *comparison) end() {
	if c.expect != nil && c.first < 0 && c.offset < len(c.expect.Content) {
		c.first = c.offset
	}
}

// failure is the verdict.
func (c *comparison) failure() failure {
	switch {
	case c.expect == nil:
		return failure{}
	case c.status != c.expect.Status:
		return failure{StatusMismatch, fmt.Errorf("%d, recorded %d", c.status, c.expect.Status)}
	case c.headDifference != nil:
		return failure{HeadMismatch, c.headDifference}
	case c.first >= 0:
		return failure{ContentMismatch, c.difference()}
	}
	return failure{}
}

// difference explains where the content differs.
func (c *comparison) difference() error {
	want := c.expect.Content
	d := &difference{what: fmt.Sprintf("content ends at offset %d, recorded are %s", c.first, english.Plural(len(want), "byte"))}
	got := c.got[:c.gotLen]
	switch quoted := got[:min(len(got), sampleLen)]; {
	case c.first == len(want):
		d.what = fmt.Sprintf("content goes on after the recorded %s: %d arrived, from offset %d %q",
			english.Plural(len(want), "byte"), c.offset, c.first, quoted)
	case c.first < c.offset:
		recorded := want[c.first:min(c.first+sampleLen, len(want))]
		d.what = fmt.Sprintf("content differs at offset %d: %q, recorded %q", c.first, quoted, recorded)
	}
	d.recorded.take(want, c.first)
	d.received.take(want[:c.first], c.first)
	d.received.add(got)
	return d
}
