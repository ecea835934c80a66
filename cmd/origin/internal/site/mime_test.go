package site

import "testing"

// A name with the extension that a type gives has that type.
func TestExtension(t *testing.T) {
	for _, mediaType := range types {
		if got := contentType("a." + Extension(mediaType)); got != mediaType {
			t.Errorf("%s has the extension %q, which is of %s", mediaType, Extension(mediaType), got)
		}
	}
	for mediaType, want := range map[string]string{
		"text/plain": "txt", " Text/HTML ;charset=latin1": "html", "image/jpeg": "jpeg", "video/mp4": "mp4",
		"application/json": "json", "text/javascript": "js", "x/y": "", "": "",
	} {
		if got := Extension(mediaType); got != want {
			t.Errorf("%q: %q, want %q", mediaType, got, want)
		}
	}
}
