package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A rawConn is a client that sends octets as they are and never tries again.
type rawConn struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func dialRaw(t *testing.T, addr string) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newRaw(t, c)
}

func newRaw(t *testing.T, c net.Conn) *rawConn {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{Conn: c, r: bufio.NewReader(c), t: t}
}

func (c *rawConn) send(octets string) {
	c.t.Helper()
	if _, err := io.WriteString(c, octets); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// response reads one response, to the request with the given method, and its
// whole body.
func (c *rawConn) response(method string) (*http.Response, string) {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("read body: %v", err)
	}
	return response, string(body)
}

// rest reads until the end of the stream.
func (c *rawConn) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("read to the end: %v", err)
	}
	return string(b)
}

// rawAnswer is all that a server answers to a request, which has to ask for the
// connection to be closed.
func rawAnswer(t *testing.T, addr, request string) string {
	t.Helper()
	c := dialRaw(t, addr)
	c.send(request)
	return c.rest()
}

// splitAnswer cuts an answer into its status line, its field lines without the
// named ones, sorted, and its body.
func splitAnswer(answer string, without ...string) (status string, fields []string, body string) {
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, ":")
		if !slices.ContainsFunc(without, func(w string) bool { return strings.EqualFold(w, name) }) {
			fields = append(fields, line)
		}
	}
	slices.Sort(fields)
	return lines[0], fields, body
}
