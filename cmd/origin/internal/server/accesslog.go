package server

// named notes what the access log will say of the request: its octets may be
// gone when the response is complete.
func (x *exchange) named() {
	x.sent, x.owed = 0, 0
	if x.worker.log != nil {
		x.line = append(x.line[:0], x.head.Raw[:x.head.FieldsStart()-len("\r\n")]...)
	}
}

// nameless is named for a request whose head could not be read.
func (x *exchange) nameless() {
	x.sent = 0
	x.line = append(x.line[:0], '-')
}

// account writes the line for the response that was made.
func (x *exchange) account() {
	if log := x.worker.log; log != nil {
		log.End(log.Begin(x.conn.Remote(), x.line, x.status, x.sent))
	}
}
