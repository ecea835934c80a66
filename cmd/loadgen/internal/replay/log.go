package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// counters are the fields of a Result, without its methods.
type counters Result

// logged is a Result in a log: what is counted by place, by name instead, so that a
// place may change.
type logged struct {
	*counters
	Causes, ConnectFailures map[string]int64
	Statuses                map[int]int64
	Ending                  string
	LastConnectError        string
	LastConnectCause        string
}

// MarshalJSON writes the result for UnmarshalJSON. Of the histograms it has what a log
// of them has not.
func (r *Result) MarshalJSON() ([]byte, error) {
	l := logged{
		counters:         (*counters)(r),
		Causes:           byName(&r.Causes),
		ConnectFailures:  byName(&r.ConnectFailures),
		Statuses:         r.ByStatus(),
		Ending:           r.Ending.String(),
		LastConnectCause: r.LastConnectCause.String(),
	}
	if r.LastConnectError != nil {
		l.LastConnectError = r.LastConnectError.Error()
	}
	return json.Marshal(l)
}

func byName(counts *[causes]int64) map[string]int64 {
	all := map[string]int64{}
	for c, n := range counts {
		if n != 0 {
			all[Cause(c).String()] = n
		}
	}
	return all
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses what it does not know, since
// that would be missing in a sum.
func (r *Result) UnmarshalJSON(text []byte) error {
	l := logged{counters: (*counters)(r)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return err
	}
	ending, cause := slices.Index(endingNames[:], l.Ending), slices.Index(causeNames[:], l.LastConnectCause)
	if ending < 0 || cause < 0 {
		return fmt.Errorf("the ending %q or the cause %q is unknown", l.Ending, l.LastConnectCause)
	}
	r.Ending, r.LastConnectCause = Ending(ending), Cause(cause)
	if l.LastConnectError != "" {
		r.LastConnectError = errors.New(l.LastConnectError)
	}
	for code, n := range l.Statuses {
		if code < 0 || code >= len(r.Statuses) {
			return fmt.Errorf("there is no status %d", code)
		}
		r.Statuses[code] = n
	}
	return errors.Join(byPlace(&r.Causes, l.Causes), byPlace(&r.ConnectFailures, l.ConnectFailures))
}

func byPlace(counts *[causes]int64, named map[string]int64) error {
	for name, n := range named {
		c := slices.Index(causeNames[:], name)
		if c < 0 {
			return fmt.Errorf("the cause %q is unknown", name)
		}
		counts[c] = n
	}
	return nil
}
