package main

import (
	"fmt"
	"html/template"
	"image/color"
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/report"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// A panel shows one staircase, or a family of them, above its gradient.
type panel struct {
	Name, Note      string
	Value, Gradient template.HTML
	steps           []step
}

// A step is one member of the family, f, as it is called in the legend.
type step struct {
	name string
	f    func(x tensor) tensor
}

// From light to dark, as a parameter nears the hard staircase.
var shades = []color.NRGBA{{0x8c, 0xbf, 0xe3, 0xff}, {0x2e, 0x86, 0xc1, 0xff}, {0x0b, 0x3c, 0x6f, 0xff}}

func panels() []panel {
	all := []panel{
		{Name: "Floor", Note: "The gradient is zero wherever it exists: nothing upstream learns.",
			steps: []step{{f: ag.Floor[float32]}}},
		{Name: "FloorSTE", Note: "The same value; the gradient of the identity.",
			steps: []step{{f: ag.FloorSTE[float32]}}},
		{Name: "ClipSTE", Note: "Rounded down and clipped to 0 … 3; gradient one on 0 ≤ x ≤ 3, zero outside.",
			steps: []step{{f: func(x tensor) tensor { return ag.ClipSTE(x, stepgrad.Down, 0, 3) }}}},
		{Name: "SoftFloor", Note: fmt.Sprintf("Steps of tanh. In training α grows from %g to %g.", firstAlpha, lastAlpha),
			steps: family("α = %g", ag.SoftFloor[float32], 1, 4, 16)},
		{Name: "SmoothFloor", Note: "Infinitely differentiable, for second derivatives; not used in training here.",
			steps: family("slope %g", ag.SmoothFloor[float32], 0.6, 0.3, 0.1)},
	}
	for i := range all {
		all[i].draw()
	}
	return all
}

func family(name string, f func(x tensor, p float32) tensor, params ...float32) (steps []step) {
	for _, p := range params {
		steps = append(steps, step{fmt.Sprintf(name, p), func(x tensor) tensor { return f(x, p) }})
	}
	return steps
}

// draw fills in the pictures, with values and gradients from the library.
// Samples are exact in float32 and avoid the integers, so jumps are exactly 1.
func (p *panel) draw() {
	const low, high, perUnit = -1.5, 4.5, 128
	xs := make([]float32, (high-low)*perUnit)
	for i := range xs {
		xs[i] = low + (float32(i)+0.5)/perUnit
	}
	value, gradient := report.NewPlot("x", "value"), report.NewPlot("x", "gradient")
	for i, s := range p.steps {
		style := draw.LineStyle{Color: shades[i+len(shades)-len(p.steps)], Width: 1.6}
		x := ag.Param(xs)
		y := s.f(x)
		curve(value, xs, y.Data(), style, s.name)
		curve(gradient, xs, ag.Grad(ag.Sum(y), x)[0].Data(), style, "")
	}
	value.Legend.Top, value.Legend.Left = true, true
	value.Y.Min, value.Y.Max = -2.2, 4.4
	gradient.Y.Min, gradient.Y.Max = -0.5, 10.5
	value.X.Min, value.X.Max = low, high
	gradient.X.Min, gradient.X.Max = low, high
	p.Value = report.SVG(value, 152, 150, p.Name)
	p.Gradient = report.SVG(gradient, 152, 120, "gradient of "+p.Name)
}

// curve draws y over x, interrupted where it jumps.
func curve(p *plot.Plot, x, y []float32, style draw.LineStyle, legend string) {
	var piece plotter.XYs
	for i := range x {
		if i > 0 && math.Abs(float64(y[i]-y[i-1])) == 1 {
			report.Line(p, piece, style, "")
			piece = nil
		}
		piece = append(piece, plotter.XY{X: float64(x[i]), Y: float64(y[i])})
	}
	report.Line(p, piece, style, legend)
}
