package upload

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	long := strings.Repeat("b", 71)
	for mediaType, want := range map[string]string{
		"":                                  "0  0",
		"text/plain":                        "0  0",
		"nonsense; nonsense":                "0  0",
		"multipart/mixed; boundary=a":       "0  0",
		"application/x-www-form-urlencoded": "1  0",
		"Application/X-WWW-Form-Urlencoded; charset=UTF-8":      "1  0",
		"application/x-www-form-urlencoded; charset=iso-8859-1": "0  415",
		"multipart/form-data; boundary=a":                       "2 a 0",
		`multipart/form-data; boundary="a b"`:                   "2 a b 0",
		"multipart/form-data":                                   "0  415",
		"multipart/form-data; boundary=":                        "0  415",
		"multipart/form-data; boundary=" + long:                 "0  415",
		"multipart/form-data; boundary=a; boundary=b":           "0  415",
	} {
		kind, boundary, err := KindOf(mediaType)
		if got := fmt.Sprint(kind, " ", boundary, " ", statusOf(err)); got != want {
			t.Errorf("%q: %q; want %q", mediaType, got, want)
		}
	}
}

func statusOf(err error) int {
	if e, ok := err.(*Error); ok {
		return e.Status
	}
	return 0
}

func TestURLEncoded(t *testing.T) {
	for content, want := range map[string]map[string][]string{
		"":                     nil,
		"a=1&b=%20x+y&a=2&c&&": {"a": {"1", "2"}, "b": {" x y"}, "c": {""}},
		"a=b=c&%3D=%26":        {"a": {"b=c"}, "=": {"&"}},
		"=":                    {"": {""}},
	} {
		var r Report
		if err := r.AddURLEncoded(content); err != nil || !reflect.DeepEqual(r.Form, want) {
			t.Errorf("%q: %q, %v", content, r.Form, err)
		}
	}
	for content, want := range map[string]error{
		"a=%zz": ErrForm, "%=a": ErrForm, "a=%4": ErrForm,
		strings.Repeat("a&", MaxFields+1):       ErrMany,
		"a=" + strings.Repeat("x", MaxForm):     ErrMany,
		strings.Repeat("x", MaxForm+1) + "=%zz": ErrForm,
	} {
		if err := new(Report).AddURLEncoded(content); err != want {
			t.Errorf("%.20q: %v; want %v", content, err, want)
		}
	}
	if err := new(Report).AddURLEncoded(strings.Repeat("a&", MaxFields)); err != nil {
		t.Error(err)
	}
}
