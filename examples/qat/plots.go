package main

import (
	"fmt"
	"html/template"
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/stepgrad/stepgrad/examples/internal/report"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A look is how a line is drawn; dashes tell lines apart without colour.
type look struct {
	color  color.NRGBA
	dashes []vg.Length
}

// looks are those of the methods, in their order.
var looks = []look{
	{report.Black, nil},
	{report.Grey, []vg.Length{6, 3}},
	{report.Red, nil},
	{report.Blue, nil},
	{report.Green, []vg.Length{9, 3}},
	{report.Purple, []vg.Length{3, 2}},
}

// widthLooks are those of the widths.
var widthLooks = []look{{report.Blue, nil}, {report.Green, nil}, {report.Purple, nil}, {report.Red, nil}}

func (l look) line(width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: l.color, Width: width, Dashes: l.dashes}
}

func (l look) faint() color.NRGBA {
	c := l.color
	c.A = 0x30
	return c
}

// CSS is the colour as a style sheet spells it.
func (l look) CSS() template.CSS {
	return template.CSS(fmt.Sprintf("#%02x%02x%02x", l.color.R, l.color.G, l.color.B))
}

// Array is the dashes as an SVG attribute.
func (l look) Array() string {
	return strings.Trim(fmt.Sprint(l.dashes), "[]")
}

// band adds the mean of several curves as a line, and its spread as an area.
func band(p *plot.Plot, x []float64, s []summary, l look) {
	var mean, low, area plotter.XYs
	for i, v := range s {
		mean = append(mean, plotter.XY{X: x[i], Y: v.mean})
		area = append(area, plotter.XY{X: x[i], Y: v.mean + v.spread})
		low = append(low, plotter.XY{X: x[i], Y: v.mean - v.spread})
	}
	for i := range low {
		area = append(area, low[len(low)-1-i])
	}
	p.Add(&plotter.Polygon{XYs: []plotter.XYs{area}, Color: l.faint()})
	report.Line(p, mean, l.line(1.6), "")
}

// curve summarises a method's history, epoch by epoch, over the seeds.
func (x experiment) curve(m int, history func(r run) []float64) (s []summary) {
	for e := range history(x.runs[m][0]) {
		s = append(s, summarise(x.each(m, func(r run) float64 { return history(r)[e] })))
	}
	return s
}

func lossOf(r run) []float64     { return r.loss }
func accuracyOf(r run) []float64 { return percent(r.accuracy) }

func percent(v []float64) []float64 {
	p := make([]float64, len(v))
	for i, x := range v {
		p[i] = 100 * x
	}
	return p
}

func from(first, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(first + i)
	}
	return x
}

const curveWidth, curveHeight = 460, 300

func (x experiment) lossPlot() template.HTML {
	p := report.NewPlot("epoch", "training loss (nats)")
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(decades)
	for m := range methods {
		if m == afterwards {
			continue // float's
		}
		s := x.curve(m, lossOf)
		for i := range s { // all must have a logarithm, the band's lower edge too
			s[i].mean = max(s[i].mean, 1e-6)
			s[i].spread = min(s[i].spread, 0.9*s[i].mean)
		}
		band(p, from(1, len(s)), s, looks[m])
	}
	return report.SVG(p, curveWidth, curveHeight, "Training loss by epoch")
}

// accuracyPlot shows percentages from low to 100.
func (x experiment) accuracyPlot(low float64) template.HTML {
	p := report.NewPlot("epoch", "held-out digits recognised (%)")
	for m := range methods {
		s := x.curve(m, accuracyOf)
		band(p, from(0, len(s)), s, looks[m])
	}
	p.Y.Min, p.Y.Max = low, 100
	return report.SVG(p, curveWidth, curveHeight, "Held-out accuracy by epoch")
}

// closeUp is a round percentage below the final accuracy of everything that
// learned.
func (x experiment) closeUp() float64 {
	low := 100.0
	for m := range methods {
		if m != hard && m != afterwards {
			s := summarise(x.each(m, run.final))
			low = min(low, 100*(s.mean-s.spread))
		}
	}
	return max(0, 5*math.Floor(low/5)-5)
}

// sweepLevels are the numbers of levels for which rounding the float network
// costs no training.
var sweepLevels = []int{2, 3, 4, 5, 6, 8, 12, 16, 32, 64, 128, 256}

func (x experiment) sweepPlot() template.HTML {
	p := report.NewPlot("levels", "held-out digits recognised (%)")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(powersOfTwo)
	p.X.Min, p.X.Max = 1.8, 290

	after, at := make([]summary, len(sweepLevels)), make([]float64, len(sweepLevels))
	for i, levels := range sweepLevels {
		at[i] = float64(levels)
		after[i] = summarise(x.each(afterwards, func(r run) float64 { return 100 * r.evaluate(r.calibrate(levels)) }))
	}
	control := 100 * summarise(x.each(float, run.final)).mean
	report.Line(p, plotter.XYs{{X: at[0], Y: control}, {X: at[len(at)-1], Y: control}}, looks[float].line(1.2), methods[float].name)
	band(p, at, after, looks[afterwards])
	report.Line(p, nil, looks[afterwards].line(1.6), methods[afterwards].name)
	apart := 0.93
	for i, shape := range []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}} {
		m := hard + 1 + i
		s := summarise(x.each(m, run.final))
		mark := &plotter.Scatter{
			XYs:        plotter.XYs{{X: float64(x.levels) * apart, Y: 100 * s.mean}},
			GlyphStyle: draw.GlyphStyle{Color: looks[m].color, Radius: 3.5, Shape: shape},
		}
		p.Add(mark)
		p.Legend.Add(fmt.Sprintf("%s, trained with %d", methods[m].name, x.levels), mark)
		apart += 0.07
	}
	p.Y.Min, p.Y.Max = max(0, 10*math.Floor((after[0].mean-after[0].spread)/10)), 100
	p.Legend.XOffs, p.Legend.YOffs = -4, 8
	return report.SVG(p, curveWidth, curveHeight, "Accuracy by number of levels")
}

// sizePlot shows accuracy over the bytes of the weights: of integers whose
// scales were learned, and of the float network rounded to the same.
func (x experiment) sizePlot() template.HTML {
	p := report.NewPlot("bytes of weights", "held-out digits recognised (%)")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(powersOfTwo)
	rows := x.deployRows()
	size := func(row int, apart float64) float64 { return float64(rows[row].Weights) * apart }
	var each []float64
	for _, s := range x.sequel {
		each = append(each, 100*s.control)
	}
	control := summarise(each)
	p.X.Min, p.X.Max = size(len(rows)-1, 0.8), size(0, 1.25)
	band(p, []float64{p.X.Min, p.X.Max}, []summary{control, control}, looks[float])
	report.Line(p, nil, looks[float].line(1.6), "float")
	low := control.mean - control.spread
	for _, kind := range []struct {
		name  string
		look  look
		shape draw.GlyphDrawer
		apart float64
		of    func(d deployed) float64
	}{
		{"integers, scales learned", looks[ste], draw.CircleGlyph{}, 1.025, func(d deployed) float64 { return 100 * d.accuracy }},
		{"integers, only rounded", looks[afterwards], draw.BoxGlyph{}, 1 / 1.025, func(d deployed) float64 { return 100 * d.rounded }},
	} {
		var marks plotter.XYs
		for i := range widths {
			var each []float64
			for _, s := range x.sequel {
				each = append(each, kind.of(s.deployed[i]))
			}
			s, at := summarise(each), size(i+1, kind.apart)
			marks = append(marks, plotter.XY{X: at, Y: s.mean})
			low = min(low, s.mean-s.spread)
			report.Line(p, plotter.XYs{{X: at, Y: s.mean - s.spread}, {X: at, Y: s.mean + s.spread}}, draw.LineStyle{Color: kind.look.color, Width: 1.2}, "")
		}
		scatter := &plotter.Scatter{XYs: marks, GlyphStyle: draw.GlyphStyle{Color: kind.look.color, Radius: 3.5, Shape: kind.shape}}
		p.Add(scatter)
		p.Legend.Add(kind.name, scatter)
	}
	p.Y.Min, p.Y.Max = max(0, 5*math.Floor(low/5)), 100
	p.Legend.XOffs, p.Legend.YOffs = -4, 8
	return report.SVG(p, curveWidth, curveHeight, "Accuracy by bytes of weights")
}

func decades(low, high float64) (ticks []plot.Tick) {
	for d := math.Floor(math.Log10(low)); d <= math.Ceil(math.Log10(high)); d++ {
		for _, k := range []float64{1, 2, 5} {
			if v := k * math.Pow(10, d); low <= v && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return ticks
}

func powersOfTwo(low, high float64) (ticks []plot.Tick) {
	for v := math.Exp2(math.Ceil(math.Log2(low))); v <= high; v *= 2 {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}
