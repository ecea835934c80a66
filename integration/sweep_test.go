package integration

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The page of a sweep opens in a browser that has nothing but the file: on a phone nothing
// is cut off at the side, all charts are there, and it is dark where that is wanted, but
// not on paper.
func TestSweepPage(t *testing.T) {
	browser := newChromium(t)
	origin := startOrigin(t, "")
	edge := startEdge(t, origin.Addr)
	page := filepath.Join(t.TempDir(), "sweep.html")
	run(t, "", nil, command("loadgen").Path, "sweep", edge.Addr, "--against", origin.Addr, "--html", page,
		"--requests-per-connection", "1,4,0", "--delay", "0,1ms", "-d", "200ms", "--rounds", "1", "--grace", "20s",
		"--pid", strings.ReplaceAll("a=PID,b=PID,c=PID,d=PID", "PID", strconv.Itoa(os.Getpid()))) // for wide tables

	var mu sync.Mutex
	var asked []string
	do(t, browser, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	if err := chromedp.Listen(browser, func(event any) {
		if request, is := event.(*network.EventRequestWillBeSent); is {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, request.Request.URL)
		}
	}); err != nil {
		t.Fatal(err)
	}
	do(t, browser, chromedp.Navigate("file://"+page))

	type state struct {
		Width, Charts, Tables int
		Rows                  int     // of charts
		Narrow                float64 // the height of the smallest text of a chart, as it is shown
		Paper                 string  // the colour behind all
	}
	look := func(media, scheme string) state {
		do(t, browser, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: features})
			return err
		}))
		return do(t, browser, chromedp.Evaluate[state](`({
			width: document.documentElement.scrollWidth,
			charts: [...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 100).length,
			rows: new Set([...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().top)).size,
			tables: document.querySelectorAll('table').length,
			narrow: Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height)),
			paper: getComputedStyle(document.body).backgroundColor,
		})`))
	}
	light, dark, paper := look("screen", "light"), look("screen", "dark"), look("print", "dark")
	if light.Width != 360 || light.Charts != 4 || light.Tables != 14 || light.Narrow < 9 {
		t.Errorf("%+v", light)
	}
	if light.Paper != "rgb(255, 255, 255)" || dark.Paper == light.Paper || paper.Paper != light.Paper {
		t.Errorf("light %s, dark %s, printed %s", light.Paper, dark.Paper, paper.Paper)
	}
	do(t, browser, chromedp.EmulateViewport(1280, 800))
	wide, night := look("screen", "light"), look("screen", "dark")
	if wide.Width != 1280 || wide.Charts != 4 || wide.Rows != 2 || light.Rows != 4 || wide.Narrow < 9 {
		t.Errorf("at 1,280 px: %+v", wide)
	}
	if wide.Paper != light.Paper || night.Paper != dark.Paper || night.Width != wide.Width {
		t.Errorf("at 1,280 px: light %+v, dark %+v", wide, night)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, url := range asked {
		if !strings.HasPrefix(url, "data:") && url != "file://"+page {
			t.Errorf("the page asks for %s", url)
		}
	}
	if len(asked) == 0 {
		t.Error("what is asked for was not seen")
	}
}
