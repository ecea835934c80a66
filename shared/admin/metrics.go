package admin

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hopwire/hopwire/shared/tally"
)

// A Metric is what Prometheus is shown of one counter, or of those whose names begin
// alike and go on with the value of a label.
type Metric struct {
	// Of is the counter's name; with a Label, the beginning of the names.
	Of string
	// Name stands behind hopwire_ and the program's name. If it ends with _total, the
	// counter only grows; otherwise it is a gauge.
	Name string
	// Label is the label whose value is the rest of the counter's name; may be empty.
	Label string
	// Help says what is counted.
	Help string
}

// Serving are the metrics of what each program counts of its clients.
var Serving = []Metric{
	{Of: "client-connections.open", Name: "client_connections", Help: "Client connections that are open."},
	{Of: "client-connections.idle", Name: "client_connections_idle", Help: "Client connections without a request."},
	{Of: "client-connections", Name: "client_connections_accepted_total", Help: "Client connections accepted."},
	{Of: "client-connections.closed-by-", Name: "client_connections_closed_total", Label: "first", Help: "Client connections closed, by who sent the first FIN or RST."},
	{Of: "client-ends.", Name: "client_connection_ends_total", Label: "cause", Help: "Client connections closed, by cause."},

	{Of: "requests", Name: "requests_received_total", Help: "Requests of which at least a byte arrived."},
	{Of: "other-protocols.", Name: "requests_in_other_protocols_total", Label: "protocol", Help: "Requests that were none, but the beginning of TLS or HTTP/2."},
	{Of: "requests.under-way", Name: "requests_under_way", Help: "Requests that are not over, tunnels included."},
	{Of: "request-ends.", Name: "requests_total", Label: "outcome", Help: "Requests that are over, by what they came to."},
	{Of: "responses.", Name: "responses_total", Label: "code", Help: "Requests that are over, by the status of the response that had begun."},

	{Of: "log-lines-lost", Name: "log_lines_lost_total", Help: "Lines that the access log lost."},
}

// MetricOf finds the metric that shows the counter of this name, and the value of its
// label: that of the very name, or else the one with the longest beginning.
func MetricOf(metrics []Metric, name string) (found *Metric, value string) {
	for i := range metrics {
		m := &metrics[i]
		rest, begins := strings.CutPrefix(name, m.Of)
		switch {
		case begins && rest == "" && m.Label == "":
			return m, ""
		case begins && m.Label != "" && (found == nil || len(m.Of) > len(found.Of)):
			found, value = m, rest
		}
	}
	return found, value
}

// A collector turns one reading into metrics.
type collector struct {
	config  *Config
	reading Reading
}

// Describe announces nothing: a collector is asked only once.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends all metrics.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	for name, n := range c.reading.Counters {
		m, value := MetricOf(c.config.Metrics, name)
		if m == nil {
			continue
		}
		kind := prometheus.GaugeValue
		if strings.HasSuffix(m.Name, "_total") {
			kind = prometheus.CounterValue
		}
		var labels, values []string
		if m.Label != "" {
			labels, values = []string{m.Label}, []string{value}
		}
		desc := prometheus.NewDesc(c.name(m.Name), m.Help, labels, nil)
		metrics <- prometheus.MustNewConstMetric(desc, kind, float64(n), values...)
	}
	metrics <- c.durations()
}

func (c *collector) name(of string) string { return "hopwire_" + c.config.Program + "_" + of }

// durations has its bars added up, each with those before it, as Prometheus wants them.
func (c *collector) durations() prometheus.Metric {
	d := &c.reading.Durations
	upTo, count := make(map[float64]uint64), uint64(0)
	for bar, n := range d.Bars {
		if count += n; bar < len(tally.Bounds) {
			upTo[tally.Bounds[bar].Seconds()] = count
		}
	}
	desc := prometheus.NewDesc(c.name("request_duration_seconds"),
		"Requests that are over, by the time from their first byte to the end of the response, in turns of a loop.", nil, nil)
	return prometheus.MustNewConstHistogram(desc, count, d.Sum.Seconds(), upTo)
}
