package names

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct {
		in        string
		want      Target
		authority string
	}{
		{"dns://app.example:80", Target{"app.example", 80}, "app.example:80"},
		{"dns://app:65535", Target{"app", 65535}, "app:65535"},
		{"dns://app.example.:80", Target{"app.example.", 80}, "app.example:80"},
		{"dns://xn--bcher-kva_1.example:1", Target{"xn--bcher-kva_1.example", 1}, "xn--bcher-kva_1.example:1"},
		{"dns://" + long + ":80", Target{long, 80}, long + ":80"},
		{"srv://_http._tcp.app.example", Target{"_http._tcp.app.example", 0}, "app.example"},
		{"srv://web.service.consul.", Target{"web.service.consul.", 0}, "web.service.consul"},
		{"srv://_http", Target{"_http", 0}, "_http"},
	} {
		got, err := ParseTarget(test.in)
		if err != nil || got != test.want || got.String() != test.in || got.Authority() != test.authority {
			t.Errorf("%s: %+v, %s, %v", test.in, got, got.Authority(), err)
		}
		if !IsTarget(test.in) {
			t.Errorf("%s: not a target", test.in)
		}
	}
	for _, test := range []struct{ in, want string }{
		{"dns://app", "write dns://name:port"},
		{"dns://app:", "write dns://name:port"},
		{"dns://app:0", "write dns://name:port"},
		{"dns://app:65536", "write dns://name:port"},
		{"dns://app:http", "write dns://name:port"},
		{"dns://app:80/", "write dns://name:port"},
		{"dns://:80", "write dns://name:port"},
		{"dns://a..b:80", "write dns://name:port"},
		{"dns://" + long + "a:80", "write dns://name:port"},
		{"dns://" + strings.Repeat("a.", 127) + "b:80", "write dns://name:port"},
		{"dns://bücher.example:80", "write dns://name:port"},
		{"dns://10.0.0.1:80", "write 10.0.0.1:80"},
		{"dns://[::1]:80", "write [::1]:80"},
		{"srv://", "write srv:// and the name"},
		{"srv://_http._tcp.app:80", "write srv:// and the name"},
	} {
		if got, err := ParseTarget(test.in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %+v, %v", test.in, got, err)
		}
	}
	for _, s := range []string{"127.0.0.1:80", "unix:/dns://", "app:80", "http://app"} {
		if IsTarget(s) {
			t.Errorf("%s: a target", s)
		}
	}
}
