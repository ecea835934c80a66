package wire

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/shared/wiretest"
)

// FuzzRequest wants of any input that it is read the same in pieces, and of a
// request that is accepted that it survives being written again, and that
// net/http reads the same.
func FuzzRequest(f *testing.F) {
	for _, v := range wiretest.Vectors("request") {
		f.Add(v.Input, uint16(len(v.Input)/2))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		o := readInPieces(t, &wiretest.Vector{Kind: "request"}, input, int(cut))
		if o.refused == nil && !o.incomplete {
			checkWrittenAgain(t, input)
			compareRequest(t, input, o)
		}
	})
}

// fuzzedMethods are those whose responses differ in their framing.
var fuzzedMethods = []string{"GET", "HEAD", "CONNECT"}

// FuzzResponse does the same for responses to the fuzzed methods.
func FuzzResponse(f *testing.F) {
	for _, v := range wiretest.Vectors("response") {
		f.Add(v.Input, uint16(len(v.Input)/2), slices.Index(fuzzedMethods, v.RequestMethod))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16, method int) {
		v := wiretest.Vector{Kind: "response", EOF: true}
		v.RequestMethod = fuzzedMethods[uint(method)%uint(len(fuzzedMethods))]
		o := readInPieces(t, &v, input, int(cut))
		if o.refused == nil && !o.incomplete {
			compareResponse(t, v.RequestMethod, input, o)
		}
	})
}

// FuzzChunked does the same for chunked bodies.
func FuzzChunked(f *testing.F) {
	for _, v := range wiretest.Vectors("chunked") {
		f.Add(v.Input, uint16(len(v.Input)/2))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		o := readInPieces(t, &wiretest.Vector{Kind: "chunked"}, input, int(cut))
		scanned, done, err := scanWhole(input)
		if done == o.incomplete && o.refused == nil || (err != nil) != (o.refused != nil) {
			t.Fatalf("Scan: %d, %v, %v; Content: %+v", scanned, done, err, o)
		}
		at := min(int(cut), len(input))
		checkHeld(t, Limits{}, [][]byte{input[:at], input[at:]})
		if !done {
			return
		}
		if scanned+len(o.Leftover) != len(input) {
			t.Fatalf("%d bytes scanned and %d left of %d", scanned, len(o.Leftover), len(input))
		}
		const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		o.Status = 200
		compareResponse(t, "GET", append([]byte(head), input...), o)
	})
}

func scanWhole(input []byte) (n int, done bool, err error) {
	var s BodyScanner
	s.Reset(Framing{Kind: Chunked})
	n, done, err = s.Scan(input)
	if n > len(input) {
		panic("more bytes scanned than there are")
	}
	return n, done, err
}

// readInPieces reads input whole, cut in two, and octet by octet.
func readInPieces(t *testing.T, v *wiretest.Vector, input []byte, cut int) outcome {
	whole := readWhole(v, input)
	cut = min(cut, len(input))
	for _, pieces := range [][][]byte{{input[:cut], input[cut:]}, octets(input[:min(len(input), 2000)])} {
		if len(pieces) > 2 && len(input) > 2000 {
			pieces = append(pieces, input[2000:])
		}
		if got := readPieces(v, pieces); !reflect.DeepEqual(got, whole) {
			t.Fatalf("in %d pieces:\n got %+v\nwant %+v", len(pieces), got, whole)
		}
	}
	return whole
}

// checkWrittenAgain writes the head of a request with the append functions and
// parses it again.
func checkWrittenAgain(t *testing.T, input []byte) {
	var h, again RequestHead
	n, err := ParseRequestHead(input, 0, &h)
	if err != nil || n > len(input) || !bytes.HasSuffix(input[:n], h.Raw) {
		t.Fatalf("n = %d, err = %v", n, err)
	}
	b := AppendRequestLine(nil, h.Method, h.Target)
	b = bytes.Replace(b, []byte(" HTTP/1.1\r\n"), []byte(" HTTP/1."+string('0'+rune(h.Minor))+"\r\n"), 1)
	for _, l := range h.Fields {
		b = AppendField(b, l.Name, l.Value)
	}
	again.Limits.Head = 1 << 20 // a space more in each line
	mustParse(t, AppendHeadEnd(b), &again)
	if !bytes.Equal(h.Method, again.Method) || !bytes.Equal(h.Target, again.Target) || h.Minor != again.Minor ||
		h.Form != again.Form || !reflect.DeepEqual(fields(h.Fields), fields(again.Fields)) {
		t.Fatalf("written again, %q is %q", h.Raw, again.Raw)
	}
}

// compareRequest reads a request that was accepted with net/http.
func compareRequest(t *testing.T, input []byte, o outcome) {
	if knownDifference(o) {
		return
	}
	// net/http does not skip an empty line before the request line.
	r := bufio.NewReaderSize(bytes.NewReader(bytes.TrimPrefix(input, []byte("\r\n"))), 1<<17)
	request, err := http.ReadRequest(r)
	if err != nil {
		t.Fatalf("net/http refuses the head of %q: %v", input, err)
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatalf("net/http refuses the content of %q: %v", input, err)
	}
	if request.Method != o.Method || request.RequestURI != o.Target || request.ProtoMinor != int(o.Version[len(o.Version)-1]-'0') {
		t.Fatalf("net/http reads %q as %s %s %s", input, request.Method, request.RequestURI, request.Proto)
	}
	// It folds Connection into Close, whose default before 1.1 is true.
	if request.Close == o.Persists {
		t.Fatalf("net/http: Close = %v for %q", request.Close, input)
	}
	compareBody(t, input, o, content, r, request.TransferEncoding, request.Trailer)
}

// knownDifference reports whether a request that is valid by the RFCs is
// refused by net/http, or read in another way that does not concern its
// framing.
func knownDifference(o outcome) bool {
	_, authority, ok := strings.Cut(o.Target, "://")
	authority, _, _ = strings.Cut(authority, "/")
	authority, _, _ = strings.Cut(authority, "?")
	switch {
	case o.Method == "CONNECT": // its Request has a URL, which a target in authority-form is not always
		return true
	case ok && o.Target[0] != '/' && strings.ContainsAny(authority, "%[]"): // registered names may be percent-encoded
		return true
	case o.Method == "PRI":
		return true
	}
	return false
}

func compareResponse(t *testing.T, method string, input []byte, o outcome) {
	r := bufio.NewReaderSize(bytes.NewReader(input), 1<<17)
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("net/http refuses the head of %q: %v", input, err)
	}
	if response.StatusCode != o.Status {
		t.Fatalf("net/http reads the status %d in %q", response.StatusCode, input)
	}
	if method == "CONNECT" && o.Status/100 == 2 {
		return // net/http leaves it to its caller that there is no content
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("net/http refuses the content of %q: %v", input, err)
	}
	encoding := response.TransferEncoding
	if o.Framing.Kind == None {
		encoding = nil // it keeps the field of a response to HEAD
	}
	compareBody(t, input, o, content, r, encoding, response.Trailer)
}

// compareBody compares content, what follows it, framing and trailer section.
func compareBody(t *testing.T, input []byte, o outcome, content []byte, rest *bufio.Reader, encoding []string, trailer http.Header) {
	leftover, _ := io.ReadAll(rest)
	if !bytes.Equal(content, o.Content) || !bytes.Equal(leftover, o.Leftover) {
		t.Fatalf("net/http reads %q with the content %q, want %q, leaving %q, want %q", input, content, o.Content, leftover, o.Leftover)
	}
	if (len(encoding) == 1) != (o.Framing.Kind == Chunked) {
		t.Fatalf("net/http: transfer codings of %q are %q", input, encoding)
	}
	for _, field := range o.Trailers {
		if values := trailer[http.CanonicalHeaderKey(field[0])]; len(values) == 0 {
			t.Fatalf("net/http does not see the trailer field %q of %q: %v", field, input, trailer)
		}
	}
}
