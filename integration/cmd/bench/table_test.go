package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	c := comparison{title: "gateways", unit: perRequest, also: rate}
	contestants := []contestant{{name: "edge"}, {name: "nginx"}}
	readings := [][]reading{
		{{cost: 8, also: 60000}, {cost: 9, also: 59000}, {cost: 8.5, also: 61000}},
		{{cost: 10, also: 50000}, {cost: 10, also: 50000}, {cost: 10, also: 51000}},
	}
	var out strings.Builder
	printTable(&out, c, contestants, readings)
	want := `
gateways
                         us/request requests/s              edge / it
edge            8.50 ( 8.00 ..  9.00)      60000
nginx          10.00 (10.00 .. 10.00)      50000    0.85 ( 0.80 ..  0.90)
`
	if out.String() != want {
		t.Errorf("table:\n%s\nwant:\n%s", &out, want)
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		figures []float64
		want    spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1, 2}, spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, spread{2.5, 1, 4}},
	} {
		if got := spreadOf(test.figures); got != test.want {
			t.Errorf("%v: %v, want %v", test.figures, got, test.want)
		}
	}
}
