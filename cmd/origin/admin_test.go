package main

import (
	"testing"

	"github.com/hopwire/hopwire/cmd/origin/internal/server"
	"github.com/hopwire/hopwire/shared/admin"
)

// Prometheus is shown all that is counted, and nothing else.
func TestMetricsShowEachCounter(t *testing.T) {
	var census server.Census
	census.Counters.Responses[200] = 1
	census.Faults = map[string]uint64{"stale": 1}
	shown := make(map[*admin.Metric]bool)
	for name := range census.All {
		m, _ := admin.MetricOf(metrics, name)
		if m == nil {
			t.Errorf("no metric shows %s", name)
		}
		shown[m] = true
	}
	for i := range metrics {
		if !shown[&metrics[i]] {
			t.Errorf("%s shows nothing", metrics[i].Name)
		}
	}
}
