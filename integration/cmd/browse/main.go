// Command browse visits a page like several users with browsers would, so that
// a demonstration has something to record.
//
//	browse [-users N] [-views N] URL
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/hopwire/hopwire/integration/internal/browse"
)

func main() {
	users := flag.Int("users", 5, "how `many` users visit the page, each over connections of its own")
	views := flag.Int("views", 4, "how many `times` each of them looks at it")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: browse [-users N] [-views N] URL")
		os.Exit(2)
	}
	if err := visit(flag.Arg(0), *users, *views); err != nil {
		fmt.Fprintln(os.Stderr, "browse:", err)
		os.Exit(1)
	}
}

func visit(page string, users, views int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	requests := 0
	for range users {
		n, err := browse.Visit(ctx, page, views)
		if err != nil {
			return err
		}
		requests += n
	}
	fmt.Printf("%d users, %d requests\n", users, requests)
	return nil
}
