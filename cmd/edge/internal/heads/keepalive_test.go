package heads

import (
	"strings"
	"testing"
	"time"

	"github.com/hopwire/hopwire/shared/wire"
)

func TestKeepAliveTimeout(t *testing.T) {
	const none = -1
	for _, test := range []struct {
		fields string
		want   time.Duration // in seconds
	}{
		{"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n", 5}, // Node
		{"Keep-Alive: timeout=5, max=100\r\n", 5},                  // Apache
		{"Keep-Alive: max=100,timeout=5\r\n", 5},
		{"keep-alive: TimeOut\t= 5 ,\r\n", 5},
		{"Keep-Alive: timeout=0\r\n", 0},
		{"Keep-Alive: timeout=0000060\r\n", 60},
		{"Keep-Alive: max=100\r\nA: b\r\nKeep-Alive: timeout=7\r\n", 7},
		{"Keep-Alive: timeout=9, timeout=x\r\nKeep-Alive: timeout=7, timeout=8\r\n", 7},
		{"Keep-Alive: timeout=999999999\r\n", 999999999},

		{"A: b\r\n", none},
		{"Keep-Alive:\r\n", none},
		{"Keep-Alive: 300\r\n", none},
		{"Keep-Alive: max=100\r\n", none},
		{"Keep-Alive: xtimeout=5\r\n", none},
		{"Keep-Alive: timeout\r\n", none},
		{"Keep-Alive: timeout=\r\n", none},
		{"Keep-Alive: timeout=-5\r\n", none},
		{"Keep-Alive: timeout=+5\r\n", none},
		{"Keep-Alive: timeout=5s\r\n", none},
		{"Keep-Alive: timeout=5.5\r\n", none},
		{"Keep-Alive: timeout=5 5\r\n", none},
		{"Keep-Alive: timeout=5=5\r\n", none},
		{"Keep-Alive: timeout=5; max=100\r\n", none},
		{"Keep-Alive: timeout=\"5\"\r\n", none},
		{"Keep-Alive: timeout=1000000000\r\n", none},
		{"Keep-Alive: timeout=18446744073709551621\r\n", none}, // 5 beyond 64 bits
	} {
		var h wire.ResponseHead
		if _, err := wire.ParseResponseHead([]byte("HTTP/1.1 200 OK\r\n"+test.fields+"\r\n"), 0, &h); err != nil {
			t.Fatal(err)
		}
		want := max(test.want, 0) * time.Second
		if got, ok := KeepAliveTimeout(&h); got != want || ok != (test.want >= 0) {
			t.Errorf("%s: %v, %v, want %v", strings.TrimSpace(test.fields), got, ok, want)
		}
		if n := testing.AllocsPerRun(10, func() { KeepAliveTimeout(&h) }); n > 0 {
			t.Errorf("%s: %v allocations", strings.TrimSpace(test.fields), n)
		}
	}
}
