package study

import (
	"fmt"
	"html"
	"strings"

	"github.com/hopwire/hopwire/shared/wire"
)

// answerList lists the endpoints: as text, for browsers as a page.
func answerList(r *request) Answer {
	a := plain(200, textList(r.address))
	if wantsHTML(r.head) {
		a.Content = whole("text/html; charset=utf-8", pageBefore+htmlList(r.address))
	}
	a.Fields = []Field{{"Vary", "Accept"}}
	return a
}

func wantsHTML(head *wire.RequestHead) bool {
	accept, _ := head.Lookup("Accept")
	return strings.Contains(strings.ToLower(string(accept)), "text/html")
}

func textList(address string) string {
	var b strings.Builder
	for _, e := range endpoints[1:] {
		fmt.Fprintf(&b, "%s %s\n    %s\n", e.path(), e.says, e.curlLine(address))
	}
	return b.String()
}

const pageBefore = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Endpoints for study</title>
<style>
:root { color-scheme: light dark; }
body { margin: 2rem auto; padding: 0 1.25rem; max-width: 47.5rem; font: 1rem/1.5 system-ui, sans-serif; }
dt { margin-top: 1rem; overflow-wrap: anywhere; }
dd { margin: 0; overflow-wrap: anywhere; }
</style>
<h1>Endpoints for study</h1>
`

// Section is a part of a page that shows the endpoints of the server at an address.
func Section(address string) string {
	return `
  <section>
    <h2>Made for study</h2>
    <p>This origin also answers as real servers do when they are slow, stream, refuse
    or are odd. What can be asked for by a browser is a link;
    <a href="/_/">/_/</a> has all of this, too.</p>
` + htmlList(address) + `  </section>
`
}

// htmlList is the list of all endpoints as a dl element, with the ones that can be
// asked by GET as links.
func htmlList(address string) string {
	var b strings.Builder
	b.WriteString("<dl>\n")
	for _, e := range endpoints[1:] {
		path := html.EscapeString(e.path())
		term := "<code>" + path + "</code>"
		if e.methods != sending && e.name != "websocket" {
			term = fmt.Sprintf(`<a href="%s">%s</a>`, path, term)
		}
		fmt.Fprintf(&b, "<dt>%s</dt>\n<dd>%s<br><code>%s</code></dd>\n",
			term, html.EscapeString(e.says), html.EscapeString(e.curlLine(address)))
	}
	b.WriteString("</dl>\n")
	return b.String()
}

// curlLine is a command for a shell.
func (e *endpoint) curlLine(address string) string {
	return strings.Replace(fmt.Sprintf("curl %s 'http://%s%s'", e.curl, address, e.path()), "  ", " ", 1)
}
