package integration

import (
	"bytes"
	"context"
	"image/color"
	"image/png"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A browser shows the example site through the edge: its style, its images, its
// form. What it did can be replayed.
func TestChromium(t *testing.T) {
	browser := newChromium(t)
	origin := startOrigin(t, "")
	file := filepath.Join(t.TempDir(), "chromium.pcapng")
	edge := startEdge(t, origin.Addr, "--record", file)

	do(t, browser, chromedp.Navigate(edge.url("/")))
	type state struct {
		Title         string
		Rules         int    // of the style sheet
		Padding       string // of the page, by that style sheet
		Images, Blank int    // images, and those of them that are not shown
	}
	page := do(t, browser, chromedp.Evaluate[state](`({
		title: document.title,
		rules: document.styleSheets[0].cssRules.length,
		padding: getComputedStyle(document.body).paddingTop,
		images: document.images.length,
		blank: [...document.images].filter(i => !i.complete || i.naturalWidth == 0).length,
	})`))
	if page.Title != "One hop, made visible" {
		t.Errorf("title %q", page.Title)
	}
	if page.Rules < 10 || page.Padding == "0px" {
		t.Errorf("the style sheet is not in effect: %+v", page)
	}
	if page.Images < 2 || page.Blank > 0 {
		t.Errorf("%d of %d images are not shown", page.Blank, page.Images)
	}
	if n := colors(t, do(t, browser, chromedp.FullScreenshot(100))); n < 8 {
		t.Errorf("the page as it is shown has only %d colors", n)
	}

	const note = "sent by a browser"
	do(t, browser, chromedp.SetValue("#note", note))
	do(t, browser, chromedp.Click("button[type=submit]"))
	do(t, browser, chromedp.WaitNotPresent("form"))
	answer := do(t, browser, chromedp.Text("body"))
	if !strings.Contains(answer, note) {
		t.Errorf("the form was answered with %q, want what was sent", answer)
	}

	if err := chromedp.Cancel(browser); err != nil {
		t.Error(err)
	}
	if err := edge.Stop(patience); err != nil {
		t.Fatal(err)
	}
	// The page, its style, two images and the form, and an icon if it cares.
	again := startEdge(t, origin.Addr)
	report := replayAny(t, file, "--target", again.Addr, "--verify")
	if report.Requests < 5 || report.Errors > 0 {
		t.Errorf("%d requests were recorded, %d of them failed; want at least 5 and none", report.Requests, report.Errors)
	}
}

// newChromium starts a browser without a window and with nothing of its own to
// ask of the network.
func newChromium(t *testing.T) context.Context {
	t.Helper()
	name := requireTool(t, "chromium", "chromium-browser", "google-chrome")
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.WSURLReadTimeout(patience),
	)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stopAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stopAllocator)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	t.Cleanup(stopBrowser)
	return ctx
}

// do has the browser do something, which has to succeed.
func do[T any](t *testing.T, browser context.Context, action chromedp.Action[T]) T {
	t.Helper()
	value, err := chromedp.Run(browser, action)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func colors(t *testing.T, screenshot []byte) int {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(screenshot))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.Color]bool{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			seen[picture.At(x, y)] = true
		}
	}
	return len(seen)
}
