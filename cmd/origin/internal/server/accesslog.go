package server

// named notes what the access log will say of the request: its octets may be
// gone when the response is complete.
func (x *exchange) named() {
	x.received(methodOf(&x.head))
	x.sent, x.owed, x.planned = 0, 0, Broken
	if x.worker.log != nil {
		x.line = append(x.line[:0], x.head.Raw[:x.head.FieldsStart()-len("\r\n")]...)
	}
}

// nameless is named for a request whose head could not be read.
func (x *exchange) nameless() {
	x.received(methodUnread)
	x.sent = 0
	x.line = append(x.line[:0], '-')
}

// account counts the response that was made, and writes the line for it.
func (x *exchange) account(end RequestEnd) {
	x.over(end, x.status)
	if log := x.worker.log; log != nil {
		line := log.Begin(x.conn.Remote(), x.line, x.status, x.sent)
		if x.struckBy != "" {
			line = appendFault(line, x.struckBy)
			x.struckBy = ""
		}
		if x.broke != "" {
			line = append(append(line, " !"...), x.broke...)
		}
		log.End(line)
	}
	x.broke = ""
}
