package main

import (
	"strings"
	"testing"
)

// TestVerifyOfHeads: the server has a Date of its own, and says Content-Type.
func TestVerifyOfHeads(t *testing.T) {
	address, _ := origin(t)
	const line, dated, length, kind = "HTTP/1.1 200 OK\r\n", "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "Content-Length: 16\r\n", "Content-Type: text/plain; charset=utf-8\r\n"
	for _, test := range []struct {
		name, head string
		flags      []string
		want       string // in the report; empty: all are as recorded
	}{
		{"as recorded", dated + length + kind, nil, ""},
		{"undated", length + kind, nil, ""},
		{"a field more was recorded", length + kind + "ETag: x\r\n", nil, "no more fields, recorded \"ETag: x\" at offset 78 "},
		{"one that is volatile", length + "ETag: x\r\n" + kind, []string{"--volatile", "X-A,etag"}, ""},
		{"another order", kind + length, nil, "head-mismatch: head differs at offset "},
		{"another order of what is volatile", kind + length, []string{"--volatile", "content-type"}, ""},
		{"chunked", "Transfer-Encoding: chunked\r\n" + kind, nil, "head-mismatch: framing length, recorded chunked; head differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			content := "you asked for /a"
			if strings.Contains(test.head, "chunked") {
				content = "10\r\n" + content + "\r\n0\r\n\r\n"
			}
			file := pcapOf(t, address, []string{request("/a"), line + test.head + "\r\n" + content})
			stdout, stderr, status := loadgen(t, append([]string{"replay", file, "--verify-head", "--target", address}, test.flags...)...)
			if test.want == "" {
				if status != 0 {
					t.Errorf("status %d, %s%s", status, stderr, stdout)
				}
				return
			}
			if words := strings.Join(strings.Fields(stdout), " "); status != 1 || !strings.Contains(words, test.want) || !strings.Contains(stdout, "\n  + 0000") {
				t.Errorf("status %d, want %q in\n%s", status, test.want, stdout)
			}
			if _, stderr, status := loadgen(t, "replay", file, "--verify", "--target", address); status != 0 {
				t.Errorf("without heads: status %d, %s", status, stderr)
			}
		})
	}
}

// The help lists what is not compared.
func TestVolatileFieldsAreListed(t *testing.T) {
	help := strings.Join(strings.Fields(verifyDescription), " ")
	if list := strings.Join(volatile, ", "); !strings.Contains(help, strings.Replace(list, ", Via", ", Via and those", 1)) {
		t.Errorf("the help does not list %s", list)
	}
}
