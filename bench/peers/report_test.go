package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func canned(k key, ns ...float64) record { return record{k, 10, ns} }

// cannedReport: Floor misses nothing, RoundAway misses its share, Parallel loses
// at 1K, a short Floor loses at 8, and NumPy wins at 64M; FakeQuantize misses
// its share with a mask.
func cannedReport() *report {
	share := func(op, impl string, ns float64) record {
		return canned(key{"Share", op, "f32", 1 << 14, outOfPlace, 1, impl}, ns+5, ns, ns+9)
	}
	parallel := func(n, threads int, impl string, ns float64) record {
		return canned(key{"Parallel", "Floor", "f32", n, outOfPlace, threads, impl}, ns)
	}
	short := func(n int, impl string, ns float64) record {
		return canned(key{"Short", "Floor", "f32", n, outOfPlace, 1, impl}, ns)
	}
	peer := func(threads int, impl string, ns float64) record {
		return canned(key{"Peer", "Floor", "f32", 1 << 26, outOfPlace, threads, impl}, ns)
	}
	quant := func(op, impl string, ns float64) record {
		return canned(key{"Peer", op, "f32", 1 << 14, outOfPlace, 1, impl}, ns)
	}
	return &report{
		facts: []fact{{"date", "today"}}, tier: "avx2", tiers: []string{"avx2", "generic"}, threads: []int{1, 2}, peak: 5e9,
		allocations: []allocation{{"Chain", 12, 4096}},
		records: records{
			share("Floor", "copy", 1000), share("Floor", "avx2", 1010),
			share("RoundAway", "copy", 900), share("RoundAway", "avx2", 1000),
			parallel(1<<26, 2, "copy", 960), parallel(1<<26, 2, "stepgrad", 1000), parallel(1<<26, 1, "stepgrad", 1500),
			parallel(1<<10, 2, "copy", 30), parallel(1<<10, 2, "stepgrad", 100), parallel(1<<10, 1, "stepgrad", 50),
			short(7, "loop", 3), short(7, "avx2", 6.5), short(8, "loop", 4), short(8, "avx2", 5),
			peer(1, "copy", 90), peer(1, "avx2", 100), peer(1, "numpy", 80), peer(1, "vek", 98), peer(1, "generic", 50), peer(2, "parallel", 60), peer(2, "torch", 70),
			quant("Quantize", "copy", 950), quant("Quantize", "avx2", 1000),
			quant("FakeQuantize", "copy", 990), quant("FakeQuantize", "avx2", 1000),
			quant("FakeQuantizeMask", "copy", 850), quant("FakeQuantizeMask", "avx2", 1000),
			canned(key{"Autograd", "Chain", "f32", 1 << 20, outOfPlace, 1, "autograd"}, 3e6), canned(key{"Autograd", "Chain", "f32", 1 << 20, outOfPlace, 1, "torch"}, 2e6),
		},
	}
}

func TestTargets(t *testing.T) {
	got := map[string]string{}
	for _, x := range cannedReport().targets() {
		got[x.what] = digits3(x.measured) + " " + x.where + " " + x.verdict()
	}
	require.Equal(t, map[string]string{
		"roundings, f32, out of place, 16K: share of the best copy":           "0.900 RoundAway **missed** by 0.050",
		"Parallel Floor, f32, 64M: share of the best copy by as many threads": "0.960  met",
		"Parallel Floor, f32, every size: time against one thread":            "2.00 1K **missed** by 0.970",
		"Floor, 8 to 32 elements: time against the loop in its place":         "1.25 n = 8 **missed** by 0.250",
		"Floor, 1 to 7 elements: ns more than the loop in its place":          "3.50 n = 7 met",
		"Quantize, f32 to int8, 16K: share of the best copy of as many bytes": "0.950  met",
		"FakeQuantize, f32, 16K: share of the best copy of as many bytes":     "0.850 with mask **missed** by 0.050",
		"autograd, Chain, 1 thread: time against PyTorch":                     "1.50  **missed** by 0.500",
	}, got)
}

func TestLosses(t *testing.T) {
	var got []string
	for _, l := range cannedReport().losses() {
		got = append(got, l.theirs.Op+" "+l.theirs.Impl+" "+digits3(l.factor()))
	}
	// Not vek, within noise; not the portable loops, which are ours.
	require.Equal(t, []string{"Floor loop 2.17", "Floor loop 1.25", "Floor numpy 1.25", "Chain torch 1.50"}, got)
}

func TestMarkdown(t *testing.T) {
	text := cannedReport().markdown()
	for _, line := range []string{
		"| date | today |",
		"| `Floor` | 0.99 ✓ |",
		"| `RoundAway` | 0.90 ✗ |",
		"| 1K | 0.049 | 0.098 | 2.00 ✗ | 0.30 | – | – | – | – |",
		"| 7 | 6.5 / 3.0 | – | – | – | – | – | – | – |",
		"| 8 | 5.0 / 4.0 ✗ | – | – | – | – | – | – | – |",
		"In brackets, the share of the fastest copy of as many bytes, 8.125 an element, by as many threads.",
		"| avx2 | 0.061 · 0.061 (0.85) |",
		"| Floor | 64M | 1 | 100 | numpy 80.0 | 1.25 |",
		"| ten elementwise operations on 1M elements, forward and backward | 3000 · 3000 | – | 2000 · 2000 | – | 1.50 | – | 12 | 4 |",
	} {
		require.Contains(t, text, "\n"+line+"\n")
	}
	require.Contains(t, (&report{tier: "generic", tiers: []string{"generic"}, threads: []int{1}}).markdown(), "(not measured)")
}

func TestLines(t *testing.T) {
	require.Contains(t, cannedReport().lines(), "date: today\n")
	require.Contains(t, cannedReport().lines(),
		"BenchmarkShare/op=Floor/type=f32/n=16384/place=out/threads=1/impl=avx2-1 30 1010 ns/op 1015 median-ns/op 3 rounds\n")
}

func TestPlots(t *testing.T) {
	for _, r := range []*report{cannedReport(), {tier: "generic", threads: []int{1}}} {
		require.Contains(t, string(r.bandwidthPlot()), "</svg>")
		require.Contains(t, string(r.rooflinePlot(readAssembly())), "</svg>")
	}
}

func TestDigits3(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 0.0414: "0.041", 0.5: "0.500", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234", -3.456: "-3.46"} {
		require.Equal(t, want, digits3(v))
	}
}

func TestTypical(t *testing.T) {
	require.Equal(t, 2., canned(key{N: far - 1}, 3, 2, 9).typical())
	require.Equal(t, 3., canned(key{N: far}, 3, 2, 9).typical())
}

func TestSize(t *testing.T) {
	for n, want := range map[int]string{64: "64", 1 << 10: "1K", 1 << 26: "64M", 1500: "1500", 3 << 10: "3K"} {
		require.Equal(t, want, size(n))
	}
}
