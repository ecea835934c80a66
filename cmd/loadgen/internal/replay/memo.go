package replay

import (
	"bytes"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/plan"
	"github.com/hopwire/hopwire/shared/loop"
	"github.com/hopwire/hopwire/shared/wire"
)

// A memo remembers the last head of a final response, byte for byte, and what
// it said. Parsing depends on nothing but the bytes and on whether the method
// was HEAD, so the same bytes need no second parse; and servers under load
// send the same head over and over, until the second of the Date changes.
//
// A head ends with its only empty line. So bytes that begin with a remembered
// head have exactly that head, and no byte behind it can change this.
type memo struct {
	raw       []byte
	noContent bool
	answer    answer
}

// parse takes a head from the front of buf, with the outcomes of
// wire.ParseResponseHead, and with seen as there.
func (m *memo) parse(buf *loop.Buffer, seen int, head *wire.ResponseHead, r *plan.Request) (answer, error) {
	p := buf.Unread()
	if len(m.raw) > 0 && bytes.HasPrefix(p, m.raw) && m.noContent == r.NoContent {
		buf.Consume(len(m.raw))
		return m.answer, nil
	}
	n, err := wire.ParseResponseHead(p, seen, head)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: head.Status}
	if a.framing, err = wire.ResponseFraming(head, r.Method); err != nil {
		return answer{}, err
	}
	a.persists = wire.ResponsePersists(head, a.framing)
	if a.status >= 200 {
		m.raw = append(m.raw[:0], p[:n]...)
		m.noContent, m.answer = r.NoContent, a
	}
	buf.Consume(n)
	return a, nil
}
