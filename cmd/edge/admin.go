package main

import (
	"context"

	"github.com/hopwire/hopwire/shared/admin"
)

// startAdmin serves what the edge has counted, if that is wanted.
func (e *edge) startAdmin(ctx context.Context) (err error) {
	e.admin, err = admin.Start(ctx, e.settings.admin, admin.Config{
		Program:  "edge",
		Metrics:  metrics,
		Messages: e.messages,
		Read: func(ctx context.Context) (admin.Reading, error) {
			census, err := e.server.Ask(ctx)
			return admin.Reading{Counters: census.All, Durations: census.Durations}, err
		},
	})
	return err
}

// metrics are what Prometheus is shown of the gateway's counters.
var metrics = append([]admin.Metric{
	{Of: "refusals.", Name: "refusals_total", Label: "error", Help: "Messages refused, by the error type of Proxy-Status (RFC 9209)."},
	{Of: "requests-sent", Name: "requests_sent_total", Help: "Requests of which an origin connection took a byte."},
	{Of: "requests-sent-again", Name: "requests_sent_again_total", Help: "Requests sent again, since their connection was stale."},
	{Of: "replays.", Name: "attempts_without_response_total", Label: "decision", Help: "Attempts that ended without a response, by what was done about it."},

	{Of: "origin-connections.open", Name: "origin_connections", Help: "Connections to origins that are open."},
	{Of: "origin-connections.idle", Name: "origin_connections_idle", Help: "Connections to origins without a request."},
	{Of: "origin-connections", Name: "origin_connections_made_total", Help: "Connections made to origins."},
	{Of: "origin-connections.closed-by-", Name: "origin_connections_closed_total", Label: "first", Help: "Connections to origins closed, by who sent the first FIN or RST."},
	{Of: "origin-ends.", Name: "origin_connection_uses_total", Label: "cause", Help: "Uses of origin connections that are over, by the cause that the access log has; all but kept are the end of a connection."},

	{Of: "origins.left-out", Name: "origins_left_out_total", Help: "Times that an origin was left out for its failures."},
	{Of: "origins.restored", Name: "origins_restored_total", Help: "Times that an origin was taken back."},
	{Of: "queue.waiting", Name: "requests_waiting", Help: "Requests that wait for an origin connection."},
	{Of: "queue.waited", Name: "requests_waited_total", Help: "Requests that had to wait for an origin connection."},
	{Of: "queue.full", Name: "requests_not_queued_total", Help: "Requests that found the queue full."},
	{Of: "queue.timed-out", Name: "requests_waited_in_vain_total", Help: "Requests that waited for longer than --queue-timeout."},

	{Of: "checks.", Name: "checks_total", Label: "outcome", Help: "Checks of origins that are over, by what they found."},
	{Of: "checks.connections", Name: "check_connections_made_total", Help: "Connections made for checks, with a request each."},
	{Of: "checks.went-down", Name: "origins_went_down_total", Help: "Times that checks took an origin for down."},
	{Of: "checks.came-up", Name: "origins_came_up_total", Help: "Times that checks took an origin for up again."},

	{Of: "tunnels.opened", Name: "tunnels_opened_total", Help: "Tunnels opened."},
	{Of: "tunnels.bytes-", Name: "tunnel_bytes_total", Label: "direction", Help: "Bytes of tunnels, inbound to origins or outbound to clients."},

	{Of: "events-lost", Name: "events_lost_total", Help: "Events that recording and trace lost."},
	{Of: "events-lost.bytes", Name: "events_lost_bytes_total", Help: "Bytes that recording and trace lost."},
}, admin.Serving...)
