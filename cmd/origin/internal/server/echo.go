package server

import "github.com/hopwire/hopwire/shared/wire"

// echo answers with the request's own body, while it comes in: with its type,
// and octet for octet in the framing that it has. A chunked body therefore
// comes back in the same chunks, with their extensions and the trailer section,
// and what a gateway made of it on the way can be seen. No more of it is held
// than fits a buffer: a client that sends without reading is not read from
// either, until WriteTimeout ends it.
func (x *exchange) echo() outcome {
	x.prepareEcho()
	x.invite()
	// The head goes with the first octets of the body: until then, another
	// response is possible.
	part, err := x.readPart()
	if err != nil {
		return x.refuseBody(err)
	}
	x.out = append(x.out, x.scratch...)
	for {
		if err = x.putPart(part); err != nil || x.body.Done() {
			break
		}
		if part, err = x.readPart(); err != nil {
			break
		}
	}
	return x.settle(err)
}

// prepareEcho makes the head of the response while that of the request is still
// there.
func (x *exchange) prepareEcho() {
	pending := len(x.out)
	x.begin(200)
	if mediaType, ok := x.head.Field(wire.FieldContentType); ok {
		x.out = wire.AppendField(x.out, "Content-Type", mediaType)
	}
	if x.framing.Kind == wire.Chunked {
		x.out = append(x.out, "Transfer-Encoding: chunked\r\n"...)
	} else {
		x.out = wire.AppendFieldInt(x.out, "Content-Length", x.framing.Length)
	}
	x.endHead()
	x.scratch = append(x.scratch[:0], x.out[pending:]...)
	x.out = x.out[:pending]
}

// putPart sends octets of the body back. The time that takes is not the
// client's for sending the next ones.
func (x *exchange) putPart(part []byte) error {
	before := x.worker.loop.Now()
	x.in.Consume(len(part))
	x.sent += int64(len(part))
	err := x.put(part)
	x.by = x.by.Add(x.worker.loop.Now().Sub(before))
	return err
}
