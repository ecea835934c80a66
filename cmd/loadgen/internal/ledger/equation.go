package ledger

import "fmt"

// A Term is a number of an equation. If it is AtMost, the number is anything from 0 to
// Count.
type Term struct {
	What       string `json:"what"`
	Count      int64  `json:"count"`
	AtMost     bool   `json:"at_most"`
	Subtracted bool   `json:"subtracted"`
}

func exactly(n int64, what string) Term { return Term{What: what, Count: n} }
func upTo(n int64, what string) Term    { return Term{What: what, Count: max(n, 0), AtMost: true} }
func lessUpTo(n int64, what string) Term {
	return Term{What: what, Count: max(n, 0), AtMost: true, Subtracted: true}
}

// An Equation says that two sums are the same.
type Equation struct {
	Left     []Term `json:"left"`
	Right    []Term `json:"right"`
	Balances bool   `json:"balances"`
	// Missing names in a sentence what one side lacks; "" if it balances.
	Missing string `json:"missing"`
}

// equation judges one. The noun is what is counted; fewer and more are the ends of
// sentences that begin with how many of them the right side lacks, or has too many.
func equation(left, right []Term, noun, fewer, more string) Equation {
	e := Equation{Left: left, Right: right}
	leastLeft, mostLeft := bounds(left)
	leastRight, mostRight := bounds(right)
	switch {
	case leastLeft > mostRight:
		e.Missing = counted(leastLeft-mostRight, noun) + " " + fewer
	case leastRight > mostLeft:
		e.Missing = counted(leastRight-mostLeft, noun) + " " + more
	}
	e.Balances = e.Missing == ""
	return e
}

// bounds are the least and the most that terms can add up to.
func bounds(terms []Term) (least, most int64) {
	for _, t := range terms {
		switch {
		case t.AtMost && t.Subtracted:
			least -= t.Count
		case t.AtMost:
			most += t.Count
		default:
			least += t.Count
			most += t.Count
		}
	}
	return max(least, 0), most
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
