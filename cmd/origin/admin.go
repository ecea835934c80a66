package main

import (
	"context"
	"io"

	"github.com/hopwire/hopwire/shared/admin"
	"github.com/hopwire/hopwire/shared/loop"
)

// startAdmin serves what the origin has counted, if that is wanted.
func (o *origin) startAdmin(ctx context.Context, at *loop.Address, messages io.Writer) (err error) {
	o.admin, err = admin.Start(ctx, at, admin.Config{
		Program:  "origin",
		Metrics:  metrics,
		Messages: messages,
		Read: func(ctx context.Context) (admin.Reading, error) {
			census, err := o.server.Ask(ctx)
			return admin.Reading{Counters: census.All, Durations: census.Durations}, err
		},
	})
	return err
}

// metrics are what Prometheus is shown of the server's counters.
var metrics = append([]admin.Metric{
	{Of: "methods.", Name: "requests_by_method_total", Label: "method", Help: "The same requests, by method; none: the head could not be read."},

	{Of: "faults.", Name: "faults_total", Label: "fault", Help: "Strikes of faults, by name."},

	{Of: "bytes.in", Name: "received_bytes_total", Help: "Bytes read from clients."},
	{Of: "bytes.out", Name: "sent_bytes_total", Help: "Bytes written to clients."},
}, admin.Serving...)
