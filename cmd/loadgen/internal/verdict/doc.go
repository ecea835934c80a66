// Package verdict judges whether the figures of a run mean what they say.
//
//	Figures ──► rules ──► Verdict: a state, and a sentence for each reason
//
// It is arithmetic: it knows neither how the figures were come by nor who reads them.
package verdict
