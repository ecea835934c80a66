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
var metrics = []admin.Metric{
	{Of: "client-connections.open", Name: "client_connections", Help: "Connections that are open."},
	{Of: "client-connections.idle", Name: "client_connections_idle", Help: "Connections without a request."},
	{Of: "client-connections", Name: "client_connections_accepted_total", Help: "Connections accepted."},
	{Of: "client-connections.closed-by-", Name: "client_connections_closed_total", Label: "first", Help: "Connections closed, by who sent the first FIN or RST."},
	{Of: "client-ends.", Name: "client_connection_ends_total", Label: "cause", Help: "Connections closed, by cause."},

	{Of: "requests", Name: "requests_received_total", Help: "Requests of which at least a byte arrived."},
	{Of: "methods.", Name: "requests_by_method_total", Label: "method", Help: "The same requests, by method; none: the head could not be read."},
	{Of: "other-protocols.", Name: "requests_in_other_protocols_total", Label: "protocol", Help: "Requests that were none, but the beginning of TLS or HTTP/2."},
	{Of: "requests.under-way", Name: "requests_under_way", Help: "Requests that are not over."},
	{Of: "request-ends.", Name: "requests_total", Label: "outcome", Help: "Requests that are over, by what they came to."},
	{Of: "responses.", Name: "responses_total", Label: "code", Help: "Requests that are over, by the status of the response that had begun."},

	{Of: "faults.", Name: "faults_total", Label: "fault", Help: "Strikes of faults, by name."},

	{Of: "bytes.in", Name: "received_bytes_total", Help: "Bytes read from clients."},
	{Of: "bytes.out", Name: "sent_bytes_total", Help: "Bytes written to clients."},
	{Of: "log-lines-lost", Name: "log_lines_lost_total", Help: "Lines that the access log lost."},
}
