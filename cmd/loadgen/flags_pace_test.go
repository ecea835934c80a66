package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/hopwire/hopwire/cmd/loadgen/internal/report"
	"github.com/hopwire/hopwire/cmd/loadgen/internal/verdict"
)

// TestPaceFlags: what was asked for is done, and told.
func TestPaceFlags(t *testing.T) {
	address, _ := origin(t)
	file := pcapOf(t, address, []string{request("/a"), response("A"), request("/b"), response("B")})
	url := "http://" + address + "/a"
	for _, test := range []struct {
		args            []string
		requests, paced int64
		settings        report.Settings
	}{
		{
			[]string{url, "-n", "20", "--requests-per-connection", "2..4", "--idle", "0s..1ms", "--connection-lifetime", "1m", "--close", "rst", "--source", "127.0.0.2-127.0.0.3"}, 20, 0,
			report.Settings{Pace: "closed", RequestsPerConnection: 2, RequestsPerConnectionMost: 4, IdleToS: 0.001, ConnectionLifetimeS: 60, Close: "rst", From: "127.0.0.2-127.0.0.3"},
		},
		{[]string{url, "-n", "20"}, 20, 0, report.Settings{Pace: "closed", KeptAlive: true}},
		{[]string{url, "-n", "20", "--rate", "1000"}, 20, 20, report.Settings{Pace: "open", Rate: 1000, Arrivals: "constant", Reuse: "newest", KeptAlive: true}},
		{
			[]string{file, "--target", address, "-n", "5", "--rate", "500", "--arrivals", "poisson", "--ramp", "5ms", "--reuse", "oldest"}, 5, 5,
			report.Settings{Pace: "open", Rate: 500, Arrivals: "poisson", RampS: 0.005, Reuse: "oldest", KeptAlive: true},
		},
		{[]string{file, "--target", address, "--pace", "recorded", "--speed", "2"}, 2, 2, report.Settings{Pace: "recorded", Speed: 2}},
	} {
		stdout, stderr, status := loadgen(t, append([]string{"replay", "--format", "json"}, test.args...)...)
		var r report.Report
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != 0 && r.Verdict.State != verdict.Invalid { // a busy machine is late
			t.Errorf("%q: %v, status %d, %s", test.args, err, status, stderr)
		}
		s := &r.Settings
		got := report.Settings{
			Pace: s.Pace, Rate: s.Rate, Arrivals: s.Arrivals, RampS: s.RampS, Speed: s.Speed, Reuse: s.Reuse, KeptAlive: s.KeptAlive,
			RequestsPerConnection: s.RequestsPerConnection, IdleFromS: s.IdleFromS, IdleToS: s.IdleToS,
			ConnectionLifetimeS: s.ConnectionLifetimeS, Close: s.Close, From: s.From,
		}
		if s.RequestsPerConnectionMost > s.RequestsPerConnection {
			got.RequestsPerConnectionMost = s.RequestsPerConnectionMost
		}
		if r.Requests != test.requests || r.ResponseUS.Count != test.paced || r.LatenessUS.Count != test.paced || !reflect.DeepEqual(got, test.settings) {
			t.Errorf("%q: %d requests, %d due, %+v", test.args, r.Requests, r.ResponseUS.Count, got)
		}
	}
}

// TestMeaninglessFlags: flags that mean nothing together are refused in one sentence.
func TestMeaninglessFlags(t *testing.T) {
	post := pcapOf(t, "127.0.0.1:80", []string{"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", response("A")})
	file := pcapOf(t, "127.0.0.1:80", []string{request("/a"), response("A")})
	for _, test := range []struct {
		args string
		says string
	}{
		{"--arrivals poisson", "--arrivals needs --rate"},
		{"--ramp 1s", "--ramp needs --rate"},
		{"--reuse oldest", "--reuse needs --rate"},
		{"--speed 2", "--speed needs --pace recorded"},
		{"--rate 5 --pace recorded", "--rate and --pace both say when"},
		{"--pace quick", "--pace is closed or recorded"},
		{"--pace recorded --speed 0", "--speed is from"},
		{"--pace recorded --speed NaN", "--speed is from"},
		{"--pace recorded http://h/", "a URL says nothing of when"},
		{"--rate 0", "--rate is from"},
		{"--rate -1", "--rate is from"},
		{"--rate Inf", "--rate is from"},
		{"--rate 5 --arrivals uniform", "--arrivals is constant or poisson"},
		{"--rate 5 --ramp -1s", "--ramp is 0 or longer"},
		{"--rate 5 --reuse any", "--reuse is newest or oldest"},
		{"--requests-per-connection 5..2", "--requests-per-connection is 0 or more"},
		{"--requests-per-connection 0..2", "--requests-per-connection is 0 or more"},
		{"--requests-per-connection few", "--requests-per-connection is 0 or more"},
		{"--idle 5", "--idle is such as"},
		{"--idle 5s..1s", "--idle is such as"},
		{"--idle -5s", "--idle is such as"},
		{"--idle 1s --rate 5", "--idle and --rate both say"},
		{"--idle 1s --pace recorded", "--idle and --pace recorded both say"},
		{"--connection-lifetime 0s", "--connection-lifetime is longer than 0"},
		{"--close tls", "--close is fin, rst or header"},
		{"--close header -H Connection:close http://h/", "-H has each say something about that"},
		{"--close header -H Connection:keep-alive http://h/", "-H has each say something about that"},
		{"--close header -H Connection: http://h/", "-H has each say something about that"},
		{"--pipeline 0", "--pipeline is at least 1"},
		{"--pipeline 2 --rate 5", "--pipeline sends requests at once"},
		{"--pipeline 2 --idle 5s", "--pipeline sends requests at once"},
		{"--pipeline 2 --pace recorded", "--pipeline sends requests at once"},
		{"--pipeline 2 --requests-per-connection 1", "and with --requests-per-connection 1 there are none"},
		{"--idle 5s --requests-per-connection 1..1", "and with --requests-per-connection 1 there are none"},
		{"--pipeline 2 POST", "not idempotent"},
		{"--warmup -1s", "--warmup is 0 or longer"},
		{"--source here", "--source is an IP address or two"},
		{"--source 127.0.0.9-127.0.0.2", "--source is an IP address or two"},
		{"--source 127.0.0.1-::1", "--source is an IP address or two"},
		{"--source 10.0.0.0-11.0.0.0", "more than 65536 addresses"},
		{"--source ::1", "no way from ::1"},
		{"--source 192.0.2.1", "no address of this machine"},
		{"--source 127.0.0.2 --target unix:/s", "no way from 127.0.0.2"},
	} {
		args := append([]string{"replay", "--target", "127.0.0.1:9"}, strings.Fields(test.args)...)
		switch {
		case args[len(args)-1] == "POST":
			args[len(args)-1] = post
		case !strings.Contains(test.args, "http://"):
			args = append(args, file)
		}
		_, stderr, status := loadgen(t, args...)
		if status != 2 || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: status %d, %s", test.args, status, stderr)
		}
	}
}
