package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tags are what the histograms of Times are called in a log, in the order of all.
var tags = func() []string {
	tags := []string{"connect", "tls", "first_byte", "latency", "latency_with_connect", "first_request_with_connect", "response", "lateness"}
	for class := range len(Times{}.ByPosition) {
		_, position := Positions(class)
		_, gap := Gaps(class)
		tags = append(tags, fmt.Sprint("position_up_to_", position), fmt.Sprint("idle_up_to_", gap))
	}
	tags[slices.Index(tags, "position_up_to_1")] = "first_request"
	return tags
}()

// WriteLogHead begins a log of HdrHistogram, format version 1.3, with V2 histograms:
//
//	#[Histogram log format version 1.3]
//	#[StartTime: 1795737600 (seconds since epoch), 2026-11-27T00:00:00Z]
//	"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
//
// https://github.com/HdrHistogram/HdrHistogram describes it by its HistogramLogWriter.
func WriteLogHead(w io.Writer, start time.Time) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	return errors.Join(log.OutputLogFormatVersion(), log.OutputStartTime(start.UnixMilli()), log.OutputLegend())
}

// WriteLog adds the histograms that are not empty, a line each: tag, start, length and
// maximum (the last in milliseconds), and the durations in nanoseconds.
//
//	Tag=latency,1795737600.042,10.001,12.345,HISTFAAA…
func (t *Times) WriteLog(w io.Writer, start time.Time, length time.Duration) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	for i, h := range t.all() {
		if h.count == 0 {
			continue
		}
		counts := theirs()
		for bar := range h.bars() {
			if err := counts.RecordValues(int64(bar.from), bar.count); err != nil {
				return err
			}
		}
		counts.SetTag(tags[i])
		counts.SetStartTimeMs(start.UnixMilli())
		counts.SetEndTimeMs(start.Add(length).UnixMilli())
		if err := log.OutputIntervalHistogram(counts); err != nil {
			return err
		}
	}
	return nil
}

// theirs is a histogram of HdrHistogram whose steps are those of ours.
func theirs() *hdrhistogram.Histogram { return hdrhistogram.New(1<<unitBits, int64(highest), 3) }

// ReadLog takes the counts of one such line. What else is known of the histogram has to
// have been read before, from JSON; CheckLog then says whether they belong together.
func (t *Times) ReadLog(line string) error {
	fields := strings.Split(line, ",")
	tag, tagged := strings.CutPrefix(fields[0], "Tag=")
	i := slices.Index(tags, tag)
	switch {
	case !tagged || len(fields) != 5:
		return errors.New("it is no interval with a tag")
	case i < 0:
		return fmt.Errorf("the tag %q is unknown", tag)
	}
	h := t.all()[i]
	if h.counted() > 0 {
		return fmt.Errorf("the tag %q comes twice", tag)
	}
	counts, err := hdrhistogram.Decode([]byte(fields[4]))
	if err != nil {
		return err
	}
	if is := theirs(); counts.LowestTrackableValue() != is.LowestTrackableValue() ||
		counts.HighestTrackableValue() != is.HighestTrackableValue() || counts.SignificantFigures() != is.SignificantFigures() {
		return errors.New("its histogram is of another range or precision")
	}
	for _, bar := range counts.Distribution() {
		if bar.Count > 0 {
			*h.at(time.Duration(bar.From)) += bar.Count
		}
	}
	return nil
}

// counted is how many durations the bars have.
func (h *Histogram) counted() (n int64) {
	for bar := range h.bars() {
		n += bar.count
	}
	return n
}

// CheckLog says which histogram is missing or has another number of durations than
// there were.
func (t *Times) CheckLog() error {
	for i, h := range t.all() {
		if n := h.counted(); n != h.count {
			return fmt.Errorf("%s has %d durations, and there were %d", tags[i], n, h.count)
		}
	}
	return nil
}

// exact is what a histogram knows beside its bars.
type exact struct {
	Count   int64         `json:",omitempty"`
	Min     time.Duration `json:",omitempty"`
	Max     time.Duration `json:",omitempty"`
	Sum     time.Duration `json:",omitempty"`
	Squares float64       `json:",omitempty"`
}

// MarshalJSON writes what a log does not have: count, minimum, maximum, sum and sum of
// the squares, all exactly.
func (h Histogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(exact{h.count, h.min, h.max, h.sum, h.squares})
}

// UnmarshalJSON reads that. The bars have to come from the log.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var e exact
	err := json.Unmarshal(text, &e)
	*h = Histogram{count: e.Count, min: e.Min, max: e.Max, sum: e.Sum, squares: e.Squares}
	return err
}
