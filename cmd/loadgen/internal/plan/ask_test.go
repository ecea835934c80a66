package plan

import (
	"strings"
	"testing"
)

// TestAsk tells what goes out for http://h/a, its final request being the same with
// "Connection: close" behind the other fields.
func TestAsk(t *testing.T) {
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	for _, test := range []struct {
		name   string
		ask    Ask
		method string
		want   string // the fields
	}{
		{"nothing", Ask{}, "GET", "Host: h\r\n"},
		{"a method", Ask{Method: "DELETE"}, "DELETE", "Host: h\r\n"},
		{"methods have lower case", Ask{Method: "get"}, "get", "Host: h\r\n"},
		{"content is for POST", Ask{Method: "POST"}, "POST", "Host: h\r\nContent-Length: 0\r\n"},
		{"and PUT", Ask{Method: "PUT"}, "PUT", "Host: h\r\nContent-Length: 0\r\n"},
		{"and PATCH", Ask{Method: "PATCH"}, "PATCH", "Host: h\r\nContent-Length: 0\r\n"},
		{"no length of nothing", Ask{Method: "POST", Fields: []string{"content-length:"}}, "POST", "Host: h\r\n"},
		{"data", Ask{Data: []byte("a=1")}, "POST", "Host: h\r\n" + form + "Content-Length: 3\r\n"},
		{"data of nothing", Ask{Data: []byte{}}, "POST", "Host: h\r\nContent-Length: 0\r\n"},
		{"data with another method", Ask{Method: "GET", Data: []byte("a")}, "GET", "Host: h\r\n" + form + "Content-Length: 1\r\n"},
		{"data of a type", Ask{Data: []byte("{}"), Fields: []string{"content-type: text/json"}}, "POST", "Host: h\r\ncontent-type: text/json\r\nContent-Length: 2\r\n"},
		{"data of no type", Ask{Data: []byte("\x00"), Fields: []string{"Content-Type:"}}, "POST", "Host: h\r\nContent-Length: 1\r\n"},
		{"fields", Ask{Fields: []string{"X-A: 1, 2", "x-a:3", "B:  \t c:d \t"}}, "GET", "Host: h\r\nX-A: 1, 2\r\nx-a: 3\r\nB: c:d\r\n"},
		{"an empty field", Ask{Fields: []string{"A;"}}, "GET", "Host: h\r\nA: \r\n"},
		{"a value with a semicolon", Ask{Fields: []string{"A: b;"}}, "GET", "Host: h\r\nA: b;\r\n"},
		{"a value that is not ASCII", Ask{Fields: []string{"A: é\xff"}}, "GET", "Host: h\r\nA: é\xff\r\n"},
		{"a field that is not there", Ask{Fields: []string{"A:"}}, "GET", "Host: h\r\n"},
		{"a host", Ask{Fields: []string{"A: b", "host: other:81"}}, "GET", "host: other:81\r\nA: b\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := test.ask.FromURL("http://h/a")
			if err != nil {
				t.Fatal(err)
			}
			r := p.Sessions[0].Requests[0]
			head := test.method + " /a HTTP/1.1\r\n" + test.want
			if want := head + "\r\n" + string(test.ask.Data); string(r.Bytes) != want {
				t.Errorf("sends %q, want %q", r.Bytes, want)
			}
			if want := head + "Connection: close\r\n\r\n" + string(test.ask.Data); string(r.Final) != want {
				t.Errorf("at last sends %q, want %q", r.Final, want)
			}
		})
	}
}

// A request that says itself whether it is the last on its connection has no other
// form.
func TestAskForTheConnection(t *testing.T) {
	for field, final := range map[string]string{
		"Connection: close":          "",
		"Connection:":                "",
		"connection: TE, Keep-Alive": "",
		"Connection: TE":             "GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nConnection: close\r\n\r\n",
	} {
		p, err := Ask{Fields: []string{field}}.FromURL("http://h/")
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Sessions[0].Requests[0]; string(r.Final) != final || r.Closes != strings.HasSuffix(field, "close") {
			t.Errorf("%s: closes %t, at last sends %q", field, r.Closes, r.Final)
		}
	}
}

func TestAskRefuses(t *testing.T) {
	data := []byte("a")
	for _, test := range []struct {
		ask  Ask
		want string
	}{
		{Ask{Method: "GE T"}, `"GE T" is no method`},
		{Ask{Method: "CONNECT"}, "CONNECT opens a tunnel"},
		{Ask{Method: "TRACE", Data: data}, "a TRACE has no content"},
		{Ask{Fields: []string{"A"}}, `"A" is no field: write 'Name: value'`},
		{Ask{Fields: []string{""}}, `"" is no field`},
		{Ask{Fields: []string{"A b: c"}}, `"A b" is no field name`},
		{Ask{Fields: []string{"A : c"}}, `"A " is no field name`},
		{Ask{Fields: []string{": c"}}, `"" is no field name`},
		{Ask{Fields: []string{"A b:"}}, `"A b" is no field name`},
		{Ask{Fields: []string{"A\r\nB;"}}, `"A\r\nB" is no field name`},
		{Ask{Fields: []string{"A: b\r\nC: d"}}, "the value of A has a control character"},
		{Ask{Fields: []string{"A: b\rc"}}, "the value of A has a control character"},
		{Ask{Fields: []string{"A: b\x00c"}}, "the value of A has a control character"},
		{Ask{Fields: []string{"A: b\x7fc"}}, "the value of A has a control character"},
		{Ask{Fields: []string{"Host: a", "host: b"}}, "only one Host field"},
		{Ask{Fields: []string{"Host:"}}, "a request has a Host field"},
		{Ask{Fields: []string{"Host;"}}, "http://h/ makes no valid request: "},
		{Ask{Fields: []string{"Host: a b"}}, "http://h/ makes no valid request: "},
		{Ask{Fields: []string{"Transfer-Encoding: chunked"}, Data: data}, "and Transfer-Encoding is not sent"},
		{Ask{Fields: []string{"transfer-encoding: chunked"}}, "and Transfer-Encoding is not sent"},
		{Ask{Fields: []string{"Content-Length: 1"}, Data: data}, "a Content-Length cannot be given or left out"},
		{Ask{Fields: []string{"Content-Length: 1"}}, "a Content-Length cannot be given or left out"},
		{Ask{Fields: []string{"Content-Length;"}}, "a Content-Length cannot be given or left out"},
		{Ask{Fields: []string{"Content-Length:"}, Data: data}, "a Content-Length cannot be given or left out"},
		{Ask{Fields: []string{"Expect: 100-continue"}}, "there is no content to send an Expect for"},
	} {
		if p, err := test.ask.FromURL("http://h/"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, %v, want %q", test.ask, p, err, test.want)
		}
	}
}
