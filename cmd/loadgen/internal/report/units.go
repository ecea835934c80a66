package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// count writes a number with commas: 1,234,567.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// whole writes a figure that is a number of things, or a mean of such.
func whole(x float64) string { return count(int64(x + 0.5)) }

// plural writes a number of things.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// digits writes x with three significant digits, without an exponent.
func digits(x float64) string {
	switch {
	case x >= 99.95:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// span writes a duration to three digits, in the unit that suits it.
func span(d time.Duration) string {
	switch ns := float64(d); {
	case d == 0:
		return "0"
	case ns < 999.5e3:
		return digits(ns/1e3) + " µs"
	case ns < 999.5e6:
		return digits(ns/1e6) + " ms"
	}
	return digits(d.Seconds()) + " s"
}

// limit writes the edge of a distribution, which is a round number: 500 µs.
func limit(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d/time.Microsecond)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// size writes a number of bytes to three digits.
func size(octets float64) string {
	if octets < 1000 {
		return fmt.Sprintf("%.0f B", octets)
	}
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if octets /= 1024; octets < 1000 {
			return digits(octets) + " " + unit
		}
	}
	return digits(octets/1024) + " TiB"
}

// rate writes a number per second, with three significant digits at least, and a
// decimal as long as that tells something.
func rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond >= 999.95:
		return count(int64(perSecond + 0.5))
	}
	decimals := 2 - int(math.Floor(math.Log10(perSecond)))
	return strconv.FormatFloat(perSecond, 'f', max(decimals, 1), 64)
}

// intervalIn writes an interval: "2.33..2.45 ms"; empty where there is none, or nothing
// in it.
func intervalIn(interval *[2]float64, write func(float64) string) string {
	if interval == nil || interval[1] == 0 {
		return ""
	}
	low, high := write(interval[0]), write(interval[1])
	number, unit, _ := strings.Cut(low, " ")
	if unit != "" && strings.HasSuffix(high, " "+unit) {
		low = number // the unit stands behind the other
	}
	return low + ".." + high
}

// percent writes a share. What is not nothing does not look like nothing.
func percent(share float64) string {
	if share > 0 && share < 0.0005 {
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", share*100)
}
