// Command browse visits a page like several users with browsers would, so that
// a demonstration has something to record.
//
//	browse URL
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hopwire/hopwire/integration/internal/browse"
)

const (
	users = 5 // each over connections of its own
	views = 4 // by each of them
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: browse URL")
		os.Exit(2)
	}
	if err := visit(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "browse:", err)
		os.Exit(1)
	}
}

func visit(page string) error {
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
