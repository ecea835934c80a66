package heads

import (
	"bytes"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

// KeepAliveTimeout is how long the sender of a response says that it keeps the
// connection open without a further request: "Keep-Alive: timeout=5, max=100" (RFC
// 2068 section 19.7.1.1; later RFCs have left the field out, servers have not). The
// shortest counts where there are several. What is no number of seconds says nothing.
func KeepAliveTimeout(h *wire.ResponseHead) (shortest time.Duration, ok bool) {
	if _, there := h.Field(wire.FieldKeepAlive); !there {
		return 0, false
	}
	params := h.Members(wire.FieldKeepAlive)
	for param, more := params.Next(); more; param, more = params.Next() {
		name, value, _ := bytes.Cut(param, []byte("="))
		if !wire.EqualFold(bytes.TrimSpace(name), "timeout") {
			continue
		}
		n, isNumber := decimal(bytes.TrimSpace(value))
		if d := time.Duration(n) * time.Second; isNumber && (!ok || d < shortest) {
			shortest, ok = d, true
		}
	}
	return shortest, ok
}

// decimal reads a number of one to nine digits.
func decimal(digits []byte) (n uint64, ok bool) {
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
