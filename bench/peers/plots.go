package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/stepgrad/stepgrad/kernels"
)

// Okabe and Ito's palette: told apart with any colour vision.
var (
	black  = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	grey   = color.NRGBA{0x8a, 0x8a, 0x8a, 0xff}
	rule   = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
	red    = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	blue   = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	green  = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	purple = color.NRGBA{0xb8, 0x5a, 0x96, 0xff}
	yellow = color.NRGBA{0xc0, 0x96, 0x10, 0xff}
)

func newPlot(title, x, y string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.TextStyle.Font.Size, p.Legend.ThumbnailWidth, p.Legend.Padding = 10, 22, 3
	p.Legend.Top = true
	p.X.Scale = plot.LogScale{}
	grid := plotter.NewGrid()
	grid.Vertical = draw.LineStyle{Color: rule, Width: 0.7}
	grid.Horizontal = grid.Vertical
	p.Add(grid)
	return p
}

func svg(p *plot.Plot, width, height vg.Length) []byte {
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	p.Draw(draw.Crop(draw.New(c), 4, -10, 4, -6))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic(err) // a Buffer takes everything
	}
	return b.Bytes()
}

func line(p *plot.Plot, points plotter.XYs, style draw.LineStyle, legend string) {
	if len(points) == 0 {
		return
	}
	l := &plotter.Line{XYs: points, LineStyle: style}
	p.Add(l)
	if legend != "" {
		p.Legend.Add(legend, l)
	}
}

// bandwidthPlot draws GB/s of floor by size, for everyone who floors.
func (r *report) bandwidthPlot() []byte {
	p := newPlot("floor, float32, out of place: bytes read and written a second", "elements", "GB/s")
	all := r.threads[len(r.threads)-1]
	floor := func(table, impl string, threads int) func(n int) (record, bool) {
		return func(n int) (record, bool) {
			return r.find(key{table, "Floor", "f32", n, outOfPlace, threads, impl})
		}
	}
	best := func(threads int) func(n int) (record, bool) {
		return func(n int) (record, bool) {
			return r.ceiling(key{"Ceiling", "Move", "f32", n, outOfPlace, threads, ""})
		}
	}
	dashes := []vg.Length{5, 3}
	for _, c := range []struct {
		name   string
		find   func(n int) (record, bool)
		sizes  []int
		color  color.Color
		dashes []vg.Length
	}{
		{"fastest copy, " + threadsName(all), best(all), r.sizes("Ceiling"), grey, dashes},
		{"fastest copy, 1 thread", best(1), r.sizes("Ceiling"), black, dashes},
		{"stepgrad, Parallel", floor("Parallel", "stepgrad", all), r.sizes("Parallel"), green, nil},
		{"stepgrad, 1 thread", floor("Peer", r.tier, 1), r.sizes("Peer"), blue, nil},
		{"simd/archsimd", floor("Peer", "archsimd", 1), r.sizes("Peer"), yellow, nil},
		{"NumPy", floor("Peer", "numpy", 1), r.sizes("Peer"), purple, nil},
		{"PyTorch, 1 thread", floor("Peer", "torch", 1), r.sizes("Peer"), red, nil},
		{"PyTorch, " + threadsName(all), floor("Peer", "torch", all), r.sizes("Peer"), red, dashes},
		{"vek", floor("Peer", "vek", 1), r.sizes("Peer"), purple, dashes},
		{"math.Floor", floor("Peer", "naive", 1), r.sizes("Peer"), grey, nil},
	} {
		var points plotter.XYs
		for _, n := range c.sizes {
			if x, ok := c.find(n); ok {
				points = append(points, plotter.XY{X: float64(n), Y: moves2("f32", n) / x.typical()})
			}
		}
		line(p, points, draw.LineStyle{Color: c.color, Width: 1.6, Dashes: c.dashes}, c.name)
	}
	p.X.Tick.Marker = plot.TickerFunc(func(lo, hi float64) (ticks []plot.Tick) {
		for n := 64; n <= 1<<26; n *= 4 {
			if v := float64(n); v >= lo && v <= hi {
				ticks = append(ticks, plot.Tick{Value: v, Label: size(n)})
			}
		}
		return ticks
	})
	p.X.Min, p.Y.Min = 64, 0
	p.X.Max, p.Y.Max = max(p.X.Max, 128), max(p.Y.Max, 1) // also where nothing was measured
	return svg(p, 760, 420)
}

// roofline are the kernels that rooflinePlot shows.
var roofline = []string{"Floor", "RoundAway", "FloorSnap", "FloorDiv", "FloorInt32", "STEForward", "STEBackward",
	"SoftRound", "SoftRoundGrad", "SmoothRound", "SmoothRoundGrad"}

// rooflinePlot draws kernels below what memory and the vector units allow. An
// operation is a vector instruction that is no move, of the tier in use, as it
// stands in the kernel's loop.
func (r *report) rooflinePlot(assembly string) []byte {
	p := newPlot("float32, out of place, "+r.tier+", 1 thread: filled 16K, hollow 64M elements", "vector instructions per byte moved", "10⁹ vector instructions per second")
	p.Y.Scale = plot.LogScale{}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.004, 1, 0.05, 60
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(decades), plot.TickerFunc(decades)
	p.Legend.Left = true
	peak := r.peak / 1e9
	for i, n := range []int{1 << 10, 1 << 14, 1 << 20, 1 << 26} {
		best, ok := r.ceiling(key{"Ceiling", "Move", "f32", n, outOfPlace, 1, ""})
		if !ok {
			continue
		}
		bandwidth := moves2("f32", n) / best.typical() // bytes per ns
		right := p.X.Max
		if peak > 0 {
			right = min(right, peak/bandwidth)
		}
		points := plotter.XYs{{X: p.X.Min, Y: p.X.Min * bandwidth}, {X: right, Y: right * bandwidth}}
		line(p, points, draw.LineStyle{Color: []color.Color{blue, green, yellow, red}[i], Width: 1.4},
			fmt.Sprintf("copy of %sB and as many back: %.0f GB/s", strings.TrimSuffix(size(4*n), "B")+"i", bandwidth))
	}
	if peak > 0 {
		line(p, plotter.XYs{{X: p.X.Min, Y: peak}, {X: p.X.Max, Y: peak}}, draw.LineStyle{Color: black, Width: 1.4},
			fmt.Sprintf("arithmetic: %.1f·10⁹ instructions per second", peak))
	}
	for _, n := range []int{1 << 14, 1 << 26} {
		var labels plotter.XYLabels
		for _, op := range roofline {
			x, ok := r.find(key{"Share", op, "f32", n, outOfPlace, 1, r.tier})
			if !ok {
				x, ok = r.find(key{"Transcendental", op, "f32", n, outOfPlace, 1, r.tier})
			}
			instructions := instructionsPerElement(assembly, op, r.tier)
			if !ok || instructions == 0 {
				continue
			}
			bytes := float64(moved[float32](kernels.ByName(op).Shape, n)) / float64(n)
			labels.XYs = append(labels.XYs, plotter.XY{X: instructions / bytes, Y: instructions * float64(n) / x.typical()})
			labels.Labels = append(labels.Labels, op)
		}
		if len(labels.XYs) == 0 {
			continue
		}
		shape := draw.GlyphDrawer(draw.CircleGlyph{})
		if n == 1<<26 {
			shape = draw.RingGlyph{}
		}
		p.Add(&plotter.Scatter{XYs: labels.XYs, GlyphStyle: draw.GlyphStyle{Color: black, Radius: 3, Shape: shape}})
		if n == 1<<14 {
			addLabels(p, labels)
		}
	}
	return svg(p, 760, 480)
}

// addLabels writes beside points, left to right above and below in turn.
func addLabels(p *plot.Plot, points plotter.XYLabels) {
	order := make([]int, len(points.XYs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(points.XYs[i].X, points.XYs[j].X) })
	for turn, i := range order {
		text, err := plotter.NewLabels(plotter.XYLabels{XYs: points.XYs[i : i+1], Labels: points.Labels[i : i+1]})
		if err != nil {
			panic(err) // only NaN
		}
		text.TextStyle[0].Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 9}
		text.TextStyle[0].XAlign = draw.XCenter
		text.Offset = vg.Point{Y: []vg.Length{6, -14}[turn%2]}
		p.Add(text)
	}
}

func decades(lo, hi float64) (ticks []plot.Tick) {
	for e := math.Ceil(math.Log10(lo)); e <= math.Floor(math.Log10(hi)); e++ {
		v := math.Pow(10, e)
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	return ticks
}

// readAssembly is the machine code as generated, or nothing.
func readAssembly() string {
	data, _ := os.ReadFile("../../kernels_amd64.s")
	return string(data)
}

var (
	loopOf      = regexp.MustCompile(`(?s)\nloop:\n(.*?)\n\tJAE +loop\n`)
	countdown   = regexp.MustCompile(`SUBQ +\$0x([0-9a-f]+), [A-Z0-9]+\n`)
	instruction = regexp.MustCompile(`(?m)^\tV([A-Z0-9]+)(\.Z)?`)
)

// instructionsPerElement counts the vector instructions of a float32 kernel's
// main loop. Moves do not count, unless a mask chooses what they move.
func instructionsPerElement(assembly, op, tier string) float64 {
	name := strings.Replace(strings.Replace(op, "STEForward", "steForwardDown", 1), "STE", "ste", 1)
	name = strings.ToLower(name[:1]) + name[1:] + "F32" + strings.ToUpper(tier)
	_, text, ok := strings.Cut(assembly, "TEXT ·"+name+"(SB)")
	if !ok {
		return 0
	}
	text, _, _ = strings.Cut(text, "\nTEXT ")
	body := loopOf.FindStringSubmatch(text)
	if body == nil {
		return 0
	}
	steps := countdown.FindAllStringSubmatch(body[1], -1)
	if steps == nil {
		return 0
	}
	elements, _ := strconv.ParseUint(steps[len(steps)-1][1], 16, 32)
	count := 0
	for _, m := range instruction.FindAllStringSubmatch(body[1], -1) {
		move := strings.HasPrefix(m[1], "MOV") || strings.Contains(m[1], "BROADCAST")
		if !move || m[2] != "" {
			count++
		}
	}
	return float64(count) / float64(elements)
}
