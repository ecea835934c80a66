package site

import (
	"fmt"
	"image/png"
	"regexp"
	"strings"
	"testing"
)

// exampleSum is of all files of the example. A change to one of them needs a
// new exampleModified, and then a new sum here; else a client that has the old
// page would be told that it has not changed.
const exampleSum = "f6c56a2835cea675"

func TestExampleIsAsOldAsItSays(t *testing.T) {
	sum := uint64(0)
	for name, doc := range Example("").tree.(memory) {
		for _, c := range []byte(name) {
			doc.state.sum = doc.state.sum*31 + uint64(c)
		}
		sum ^= doc.state.sum
	}
	if got := fmt.Sprintf("%x", sum); got != exampleSum {
		t.Errorf("the example has changed: set exampleModified to now, in UTC, and exampleSum to %q", got)
	}
}

// Whatever the page refers to is there, under a path that works.
func TestExampleIsComplete(t *testing.T) {
	c := Example("").NewCache(nil, 0)
	defer c.Close()
	page, err := c.Open([]byte("/"), second)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Release()
	if again, err := c.Open([]byte("/"), 10*second); err != nil || again != page {
		t.Errorf("the example is loaded again: %v", err)
	} else {
		again.Release()
	}
	if page.Type != "text/html; charset=utf-8" || page.Modified != Undated || page.ETag == "" {
		t.Errorf("the page is %q, modified %d, tag %s", page.Type, page.Modified, page.ETag)
	}
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(string(page.Content()), -1)
	if len(links) < 4 {
		t.Fatalf("the page has the links %q only", links)
	}
	for _, link := range links {
		f, err := c.Open([]byte("/"+link[1]), second)
		if err != nil {
			t.Errorf("%s: %v", link[1], err)
			continue
		}
		if f.Size == 0 || f.Type == defaultType || f.Addressed() || f.Modified != exampleModified.Unix() {
			t.Errorf("%s: %d bytes of %s, addressed %v, modified %d", link[1], f.Size, f.Type, f.Addressed(), f.Modified)
		}
		f.Release()
	}
	if !strings.Contains(string(page.Content()), `action="post" method="post" enctype="text/plain"`) {
		t.Error("the form does not post plain text, which a browser would show, to the path that echoes")
	}
	for path, status := range map[string]int{"/nothing": 404, "/index.html/": 404, "/../x": 404} {
		if _, err := c.Open([]byte(path), second); Status(err) != status {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The page is made for each address, and what the cache keeps stays as it is.
func TestThePageIsMadeForAnAddress(t *testing.T) {
	c := Example("<p>more of "+Address+"</p>").NewCache(func(b []byte, f *File) []byte { return fmt.Append(b, f.Size, " ", f.ETag) }, 0)
	defer c.Close()
	kept := borrow(t, c, "", second)
	defer kept.Release()
	before := string(kept.Message)
	tags := map[string]bool{kept.ETag: true}
	for _, address := range []string{"a", "b", "a.much.longer.example:8080"} {
		f := borrow(t, c, "", second).For(address)
		want := strings.ReplaceAll(string(kept.Content()), Address, address)
		if !f.Addressed() || string(f.Content()) != want || string(f.Head()) != fmt.Sprint(len(want), " ", f.ETag) || !strings.Contains(want, "more of "+address) {
			t.Errorf("%s: %s, %d bytes", address, f.Head(), len(f.Content()))
		}
		tags[f.ETag] = true
		f.Release()
	}
	if len(tags) != 4 || kept.refs != 1 || string(kept.Message) != before {
		t.Errorf("tags %v, %d borrowers", tags, kept.refs)
	}
}

func TestExampleImageHasTheSizeThatThePageSays(t *testing.T) {
	image, err := png.DecodeConfig(strings.NewReader(string(Example("").tree.(memory)["bytes.png"].content)))
	if err != nil {
		t.Fatal(err)
	}
	page := string(Example("").tree.(memory)["index.html"].content)
	shown := regexp.MustCompile(`bytes.png" width="(\d+)" height="(\d+)"`).FindStringSubmatch(page)
	var width, height int
	fmt.Sscan(shown[1], &width)
	fmt.Sscan(shown[2], &height)
	if drift := image.Width*height - image.Height*width; drift > image.Width || drift < -image.Width {
		t.Errorf("the image is %d by %d, shown %d by %d: it would be distorted", image.Width, image.Height, width, height)
	}
}
