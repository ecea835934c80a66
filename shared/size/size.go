// Package size reads numbers of bytes as people write them.
package size

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units of sizes, the longer ones first: each ends with B.
var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// Parse reads a number of bytes, such as 4096, 100MB or 1GiB, in upper or
// lower case.
func Parse(s string) (int64, error) {
	for _, u := range units {
		digits, ok := cutUnit(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/u.bytes {
			break
		}
		return int64(n) * u.bytes, nil
	}
	return 0, fmt.Errorf("a size is a number of bytes such as 4096, 100MB or 1GiB, not %q", s)
}

func cutUnit(s, unit string) (digits string, ok bool) {
	at := len(s) - len(unit)
	if at < 0 || !strings.EqualFold(s[at:], unit) {
		return "", false
	}
	return s[:at], true
}
