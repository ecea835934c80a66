package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Heads as they come: curl's, a browser's, and two servers'.
const (
	curlHead = "GET /index.html HTTP/1.1\r\n" +
		"Host: 127.0.0.1:8080\r\n" +
		"User-Agent: curl/7.88.1\r\n" +
		"Accept: */*\r\n\r\n"

	browserHead = "GET /assets/articles/2024/index.html?section=news&page=2 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Referer: https://www.example.com/assets/articles/\r\n" +
		"Connection: keep-alive\r\n" +
		"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Priority: u=0, i\r\n" +
		"If-None-Match: \"5f3a-61e0b2c4d5e80\"\r\n\r\n"

	originHead = "HTTP/1.1 200 OK\r\n" +
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Content-Type: text/html\r\n" +
		"Content-Length: 1024\r\n\r\n"

	nginxHead = "HTTP/1.1 200 OK\r\n" +
		"Server: nginx/1.27.0\r\n" +
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Content-Type: text/html; charset=utf-8\r\n" +
		"Content-Length: 5123\r\n" +
		"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Connection: keep-alive\r\n" +
		"Vary: Accept-Encoding\r\n" +
		"ETag: \"5f3a-61e0b2c4d5e80\"\r\n" +
		"Cache-Control: max-age=3600, public\r\n" +
		"Accept-Ranges: bytes\r\n\r\n"
)

func BenchmarkParseRequestHead(b *testing.B) {
	for _, c := range []struct{ name, head string }{{"curl", curlHead}, {"browser", browserHead}} {
		b.Run(c.name, func(b *testing.B) {
			octets, h := []byte(c.head), new(RequestHead)
			b.SetBytes(int64(len(octets)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseRequestHead(octets, 0, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseResponseHead(b *testing.B) {
	for _, c := range []struct{ name, head string }{{"small", originHead}, {"nginx", nginxHead}} {
		b.Run(c.name, func(b *testing.B) {
			octets, h := []byte(c.head), new(ResponseHead)
			b.SetBytes(int64(len(octets)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseResponseHead(octets, 0, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFraming decides on the framing and persistence of both halves of an
// exchange.
func BenchmarkFraming(b *testing.B) {
	var request RequestHead
	var response ResponseHead
	ParseRequestHead([]byte(browserHead), 0, &request)
	ParseResponseHead([]byte(nginxHead), 0, &response)
	for b.Loop() {
		RequestFraming(&request)
		f, _ := ResponseFraming(&response, request.Method)
		if !RequestPersists(&request) || !ResponsePersists(&response, f) {
			b.Fatal("does not persist")
		}
	}
}

func BenchmarkScanChunked(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"64B", 64}, {"8KiB", 8 << 10}} {
		b.Run(c.name, func(b *testing.B) {
			body := chunkedBody(1<<20, c.size)
			var s BodyScanner
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				s.Reset(Framing{Kind: Chunked})
				for rest := body; len(rest) > 0; {
					n, _, err := s.Scan(rest[:min(len(rest), 16<<10)])
					if err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

// chunkedBody returns a body of n octets in chunks of that size.
func chunkedBody(n, size int) (body []byte) {
	chunk := fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size))
	for ; n > 0; n -= size {
		body = append(body, chunk...)
	}
	return append(body, "0\r\n\r\n"...)
}

func BenchmarkAppendDate(b *testing.B) {
	buffer := make([]byte, 0, dateLen)
	for b.Loop() {
		buffer = AppendDate(buffer[:0], 784111777)
	}
	if !bytes.Equal(buffer, []byte("Sun, 06 Nov 1994 08:49:37 GMT")) {
		b.Fatalf("%s", buffer)
	}
}
