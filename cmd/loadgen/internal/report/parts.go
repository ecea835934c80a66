package report

import (
	"fmt"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/measure"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/replay"
)

// AtPosition is the part of the latencies that is of the requests from First to Last
// of their connections, the first of which is 1.
type AtPosition struct {
	First     int64        `json:"first"`
	Last      int64        `json:"last"`
	LatencyUS Distribution `json:"latency_us"`
}

// AfterGap is the part of the latencies that is of requests before which nothing had
// happened on the connection for longer than AboveUS, but no longer than UpToUS;
// where both are 0 they went out as soon as the last response was there.
type AfterGap struct {
	AboveUS   float64      `json:"above_us"`
	UpToUS    float64      `json:"up_to_us"`
	LatencyUS Distribution `json:"latency_us"`
}

func byPosition(r *replay.Result) []AtPosition {
	all := []AtPosition{}
	for class := range r.ByPosition {
		if h := &r.ByPosition[class]; h.Count() > 0 {
			first, last := measure.Positions(class)
			all = append(all, AtPosition{first, last, distributionOf(h)})
		}
	}
	return all
}

func byIdle(r *replay.Result) []AfterGap {
	all := []AfterGap{}
	for class := range r.ByIdle {
		if h := &r.ByIdle[class]; h.Count() > 0 {
			above, upTo := measure.Gaps(class)
			all = append(all, AfterGap{microseconds(above), microseconds(upTo), distributionOf(h)})
		}
	}
	return all
}

// toldApart is up to which position the text tells them apart.
const toldApart = 64

func laterThan(r *replay.Result, position int64) Distribution {
	var later measure.Histogram
	for class := range r.ByPosition {
		if first, _ := measure.Positions(class); first > position {
			later.Merge(&r.ByPosition[class])
		}
	}
	return distributionOf(&later)
}

// parts draws the latencies by position and by gap. One part alone would be the whole
// again.
func (rep *Report) parts(t *page) {
	if len(rep.ByPosition) > 1 {
		t.partsHead("By position")
		for _, p := range rep.ByPosition {
			if p.Last <= toldApart {
				t.part(p.name(), &p.LatencyUS)
			}
		}
		t.part("later", &rep.later)
	}
	if len(rep.ByIdle) > 1 {
		t.partsHead("After idling")
		for _, g := range rep.ByIdle {
			t.part(g.name(), &g.LatencyUS)
		}
	}
}

func (p *AtPosition) name() string {
	switch p.Last {
	case 1:
		return "first"
	case 2:
		return "second"
	}
	return fmt.Sprintf("to %d", p.Last)
}

func (g *AfterGap) name() string {
	switch {
	case g.UpToUS == 0:
		return "not at all"
	case g.UpToUS < 1e6:
		return fmt.Sprintf("to %.0f ms", g.UpToUS/1e3)
	}
	return "to " + inUnits(g.UpToUS)
}

func (t *page) partsHead(name string) {
	t.blank()
	t.cells(name, "p50", "p90", "p99", "p99.9", "max", fmt.Sprintf("%14s", "requests"))
}

// part writes a line of such a table.
func (t *page) part(name string, d *Distribution) {
	if d.Count > 0 {
		t.cells(name, inUnits(d.P50), inUnits(d.P90), inUnits(d.P99), inUnits(d.P999), inUnits(d.Max), fmt.Sprintf("%14s", count(d.Count)))
	}
}
