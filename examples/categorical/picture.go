package main

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stepgrad/stepgrad/examples/internal/digits"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

var colours = []color.NRGBA{report.Blue, report.Green, report.Grey, report.Red} // of the methods

// picture shows the learning, the pixels that were chosen, and the estimators.
func (x *experiment) picture() *report.Picture {
	p := report.NewPicture(900, 640)
	p.Plot(x.learning(), 10, 6, 450, 300)
	for i, m := range methods {
		left, top := 500+float64(i%2)*200, 6+float64(i/2)*155
		x.chosen(p, m.name, x.runs[i][0], left, top)
	}
	low, high := math.Inf(1), 0.0
	for i := range x.taus {
		for _, e := range []estimate{x.soft[i], x.hard[i]} {
			low, high = min(low, max(e.bias, e.noise), e.spread), max(high, e.bias, e.spread)
		}
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(max(high, x.reinforce.spread))))
	p.Plot(x.estimates("Bias of the gradient", func(e estimate) float64 { return max(e.bias, e.noise) }, low, high), 10, 325, 435, 305)
	p.Plot(x.estimates("Spread of one sample", func(e estimate) float64 { return e.spread }, low, high), 460, 325, 430, 305)
	return p
}

func (x *experiment) learning() *plot.Plot {
	p := report.NewPlot("step", "held-out accuracy, %")
	p.Title.Text = fmt.Sprintf("Learning which %d pixels to see (mean of %d)", x.slots, x.seeds)
	for i, m := range methods {
		var line plotter.XYs
		for k := range looks {
			var v []float64
			for _, r := range x.runs[i] {
				v = append(v, 100*r.accuracy[k])
			}
			mean, _ := moments(v)
			line = append(line, plotter.XY{X: float64((k + 1) * x.steps / looks), Y: mean})
		}
		report.Line(p, line, draw.LineStyle{Color: colours[i], Width: 1.5}, m.name)
	}
	p.X.Min, p.Y.Min, p.Y.Max = 0, 0, 100
	p.Legend.XOffs, p.Legend.YOffs = -4, 4
	return p
}

// chosen shows the mean digit, larger values darker, and frames what was chosen.
func (x *experiment) chosen(p *report.Picture, name string, r run, left, top float64) {
	const cell = 15
	m := image.NewGray(image.Rect(0, 0, cell*digits.Side, cell*digits.Side))
	var mean [pixels]float64
	for i, v := range x.all.images {
		mean[i%pixels] += float64(v) / float64(x.all.len())
	}
	for i := range m.Pix {
		at := i/m.Stride/cell*digits.Side + i%m.Stride/cell
		m.Pix[i] = uint8(255 - 200*mean[at])
	}
	p.Captioned(name, m, left, top, cell*digits.Side)
	for _, at := range r.chosen() {
		a, b := left+float64(at%digits.Side*cell), top+18+float64(at/digits.Side*cell)
		ring := []vg.Point{p.At(a+1, b+1), p.At(a+cell-1, b+1), p.At(a+cell-1, b+cell-1), p.At(a+1, b+cell-1), p.At(a+1, b+1), p.At(a+2, b+1)}
		p.StrokeLines(draw.LineStyle{Color: report.Red, Width: 1.8}, ring)
	}
}

func (x *experiment) estimates(title string, of func(estimate) float64, low, high float64) *plot.Plot {
	p := report.NewPlot("temperature τ", "relative to the gradient")
	p.Title.Text = title
	report.LogScale(&p.X, float64(x.taus[0])/1.2, float64(x.taus[len(x.taus)-1])*1.2)
	var marks plot.ConstantTicks
	for _, t := range x.taus {
		marks = append(marks, plot.Tick{Value: float64(t), Label: fmt.Sprint(t)})
	}
	p.X.Tick.Marker = marks
	report.LogScale(&p.Y, low, high)
	for i, e := range [][]estimate{x.soft, x.hard} {
		var line plotter.XYs
		for k, t := range x.taus {
			line = append(line, plotter.XY{X: float64(t), Y: of(e[k])})
		}
		marks := &plotter.Scatter{XYs: line, GlyphStyle: draw.GlyphStyle{Color: colours[i], Radius: 3, Shape: draw.CircleGlyph{}}}
		p.Add(marks)
		report.Line(p, line, draw.LineStyle{Color: colours[i], Width: 1.5}, methods[i].name)
	}
	for i, e := range []estimate{x.reinforce, x.baseline} {
		name, v := methods[2+i].name, of(e)
		if v < low {
			name, v = name+": 0", low // exactly, which a logarithm does not show
		}
		report.Line(p, plotter.XYs{{X: p.X.Min, Y: v}, {X: p.X.Max, Y: v}},
			draw.LineStyle{Color: colours[2+i], Width: 1.5, Dashes: []vg.Length{6, 4}, DashOffs: vg.Length(5 * i)}, name)
	}
	p.Legend.Top, p.Legend.XOffs = true, -4
	return p
}
