// Package english is what programs need to speak in sentences: numbers with their nouns,
// and text that no terminal obeys.
package english

import "fmt"

// Plural is a number of things: "1 byte", "2 bytes".
func Plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
