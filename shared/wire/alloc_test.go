package wire

import "testing"

// TestNoAllocations runs each step of an exchange with heads, a scanner and a
// buffer that were used before.
func TestNoAllocations(t *testing.T) {
	var (
		request  RequestHead
		response ResponseHead
		scanner  BodyScanner
		buffer   = make([]byte, 0, 1024)

		browser, nginx = []byte(browserHead), []byte(nginxHead)
		name, value    = []byte("Connection"), []byte("close")
		body           = chunkedBody(1000, 100)
		section        = []byte("A: b\r\nC: d\r\n\r\n")
		date           = []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	)
	for _, c := range []struct {
		what string
		run  func()
	}{
		{"parsing a request head", func() { ParseRequestHead(browser, 0, &request) }},
		{"parsing a response head", func() { ParseResponseHead(nginx, 0, &response) }},
		{"parsing in pieces", func() {
			seen := 0
			for ; seen+7 < len(browser); seen += 7 {
				ParseRequestHead(browser[:seen+7], seen, &request)
			}
			ParseRequestHead(browser, seen, &request)
		}},
		{"framing", func() {
			RequestFraming(&request)
			f, _ := ResponseFraming(&response, request.Method)
			RequestPersists(&request)
			ResponsePersists(&response, f)
		}},
		{"looking up fields", func() {
			request.Field(FieldIfNoneMatch)
			request.Lookup("Priority")
			request.Nominates(name)
			members := request.Members(FieldConnection)
			for _, ok := members.Next(); ok; _, ok = members.Next() {
			}
			for list := List(value); list.Contains("x"); {
			}
		}},
		{"scanning a body", func() {
			scanner.Reset(Framing{Kind: Chunked})
			scanner.Scan(body)
		}},
		{"taking content", func() {
			scanner.Reset(Framing{Kind: Chunked})
			for rest := body; len(rest) > 0; {
				_, n, _, _ := scanner.Content(rest)
				rest = rest[n:]
			}
		}},
		{"reading a trailer section", func() {
			for line := range TrailerFields(section) {
				_ = line
			}
		}},
		{"appending", func() {
			b := AppendRequestLine(buffer, request.Method, request.Target)
			b = AppendRequestLine(b, "GET", "/")
			b = AppendStatusLine(b, 200, "")
			b = AppendStatusLine(b, 200, response.Reason)
			b = AppendField(b, "Connection", "close")
			b = AppendField(b, name, value)
			b = AppendFieldInt(b, "Content-Length", 5123)
			AppendHeadEnd(AppendDate(b, 784111777))
		}},
		{"parsing a date", func() { ParseDate(date) }},
	} {
		if n := testing.AllocsPerRun(100, c.run); n != 0 {
			t.Errorf("%s allocates %v times", c.what, n)
		}
	}
}
