package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hopwire/hopwire/integration/internal/weather"
)

const (
	uploadClients  = 8 // that upload at once
	programUploads = 2 // of each program, for each kind of answer
)

// uploads has large uploads answered before they are whole.
func uploads(ctx context.Context, o *options) (zero bool, err error) {
	dir, err := os.MkdirTemp("", "hopwire-weather-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "upload")
	if err := weather.WriteUpload(file); err != nil {
		return false, err
	}
	explainUploads()
	zero = true
	for _, g := range o.contestants() {
		if g.retries {
			continue // which is of no use here
		}
		sum, err := o.upload(ctx, g, file)
		if err != nil {
			return false, fmt.Errorf("%s: %w", g.name, err)
		}
		if g.ours {
			zero = sum.lost()+sum.short == 0
		}
	}
	return zero, nil
}

func explainUploads() {
	fmt.Printf(`
uploads: POSTs of %d MB, with a length or chunked, are answered before they are
whole: by an origin that then says Connection: close, ends its direction and reads
on for a while (lingers), or closes with the rest unread once the gateway has read
the answer (closes), or reads all of it and keeps the connection (reads on); or by
the gateway itself, since the origin fails or the request is not as it has to be.
naive: a client that writes all before it reads, and gives up when it cannot write;
%d of them at once. unusable: its connection was kept, and did not serve for the next
request, or was not kept although the origin's was. short: uploads that the origin
would have read to the end, and did not get. naive and the programs: answers lost.
nginx takes all of an upload before it asks the origin.
`, weather.UploadOctets/1_000_000, uploadClients)
	for _, p := range weather.Programs {
		if tool := p.Lacks(); tool != "" {
			fmt.Printf("%s is left out: %s is not installed\n", p.Name, tool)
		}
	}
}

// An uploadRow is what came of one kind of answer, or of all.
type uploadRow struct {
	weather.Uploaded
	short    int64
	programs []programRow // in the order of weather.Programs
}

// A programRow is what came of the uploads of a program.
type programRow struct {
	uploads, lost int64
	loss          string // the first, in words
}

func (r *uploadRow) add(s uploadRow) {
	r.Uploaded.Add(s.Uploaded)
	r.short += s.short
	for i, p := range s.programs {
		r.programs[i].uploads += p.uploads
		r.programs[i].lost += p.lost
	}
}

// lost is how many answers were, or the connection with them.
func (r *uploadRow) lost() int64 {
	n := r.Errors() + r.Unusable
	for _, p := range r.programs {
		n += p.lost
	}
	return n
}

// upload has one kind of answer follow the other, from one gateway.
func (o *options) upload(ctx context.Context, g gateway, file string) (sum uploadRow, err error) {
	fmt.Printf("\n%-8s %-23s %7s %6s %9s %6s", "gateway", "answer", "uploads", "naive", "unusable", "short")
	for _, p := range weather.Programs {
		fmt.Printf(" %*s", width(p), p.Name)
	}
	fmt.Println()
	sum.programs = make([]programRow, len(weather.Programs))
	for i := range weather.EarlyAnswers {
		e := &weather.EarlyAnswers[i]
		r, err := o.uploadFor(ctx, g, e, file)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", e.Name, err)
		}
		r.print(g, e.Name)
		sum.add(r)
	}
	sum.print(g, "sum")
	all := sum.Sum()
	for _, p := range sum.programs {
		all += p.uploads
	}
	fmt.Printf("%s: lost=%d short=%d uploads=%d\n", g.name, sum.lost(), sum.short, all)
	return sum, ctx.Err()
}

// uploadFor has the naive clients upload, and then the programs, each through a
// gateway of their own to an origin of their own.
func (o *options) uploadFor(ctx context.Context, g gateway, e *weather.Early, file string) (r uploadRow, err error) {
	report, err := o.behind(g, e, func(addr string) {
		u := weather.Uploads{Gateway: addr, Early: e, Clients: uploadClients, Uploads: o.uploads}
		r.Uploaded = u.Run(ctx)
	})
	r.short = report.Garbled
	if err != nil || !e.Sound() {
		r.programs = make([]programRow, len(weather.Programs))
		return r, err
	}
	_, err = o.behind(g, e, func(addr string) {
		for _, p := range weather.Programs {
			r.programs = append(r.programs, runProgram(ctx, &p, addr, file, e))
		}
	})
	return r, err
}

// behind runs a gateway in front of an origin that answers so, and returns what
// that has seen.
func (o *options) behind(g gateway, e *weather.Early, use func(addr string)) (weather.Report, error) {
	origin, err := e.Start(o.uploads)
	if err != nil {
		return weather.Report{}, err
	}
	dir, err := os.MkdirTemp("", "hopwire-weather-")
	if err != nil {
		return weather.Report{}, err
	}
	defer os.RemoveAll(dir)
	server, err := g.start(dir, origin.Addr(), &weather.Log{})
	if err == nil {
		use(server.Addr)
		_ = server.Stop(5 * time.Second) // HAProxy's status after SIGTERM is 143
	}
	origin.Close() // which waits for the last upload to be counted
	return origin.Report(), err
}

func runProgram(ctx context.Context, p *weather.Program, addr, file string, e *weather.Early) (r programRow) {
	for p.Lacks() == "" && r.uploads < programUploads && ctx.Err() == nil {
		r.uploads++
		if err := p.Upload(ctx, addr, file, e); err != nil {
			r.lost++
			r.loss = cmp.Or(r.loss, err.Error())
		}
	}
	return r
}

func (r *uploadRow) print(g gateway, name string) {
	fmt.Printf("%-8s %-23s %7d %6d %9d %6d", g.name, name, r.Sum(), r.Errors(), r.Unusable, r.short)
	for i, p := range r.programs {
		figure := "-"
		if p.uploads > 0 {
			figure = fmt.Sprint(p.lost)
		}
		fmt.Printf(" %*s", width(weather.Programs[i]), figure)
	}
	fmt.Println()
	if !g.ours && name != "sum" {
		return
	}
	if r.Errors()+r.Unusable > 0 {
		fmt.Printf("%15s naive: %v\n", "", &r.Uploaded)
	}
	for _, p := range r.programs {
		if p.loss != "" {
			fmt.Printf("%15s %s\n", "", p.loss)
		}
	}
}

// width is that of the column of a program.
func width(p weather.Program) int { return max(len(p.Name), 4) }
