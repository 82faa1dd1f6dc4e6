package main

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/stepgrad/stepgrad/examples/internal/photos"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

var (
	names   = [channels]string{"red", "green", "blue"}
	colours = [channels]color.NRGBA{report.Red, report.Green, report.Blue}
)

// picture shows the photographs, their histograms, the curves and the losses.
func (r result) picture(o options) *report.Picture {
	const gap, wide = 14.0, 280.0
	p := report.NewPicture(4*gap+3*wide, 640)
	third, caption := r.target, "target: "+o.target
	if o.target == equal {
		third, caption = r.sorted, "equalised by sorting"
	}
	for i, c := range []struct {
		caption string
		photo   photos.Photo
	}{{"before", r.photo}, {"after, by the learned curves", r.curved}, {caption, third}} {
		p.Captioned(c.caption, c.photo.Image(), gap+float64(i)*(wide+gap), 4, wide)
	}
	for k := range channels {
		p.Plot(r.histograms(k), gap+float64(k)*(wide+gap), 220, wide, 200)
	}
	p.Plot(r.curves(), gap, 430, 1.5*wide, 200)
	p.Plot(r.losses(), 2*gap+1.5*wide+10, 430, 1.5*wide-10, 200)
	return p
}

func (r result) histograms(k int) *plot.Plot {
	p := report.NewPlot("value, "+names[k], "% of the pixels")
	for i, photo := range []photos.Photo{r.photo, r.target, r.curved} {
		var stairs plotter.XYs
		for b, share := range histogram(channel(photo, k, 1)) {
			stairs = append(stairs, plotter.XY{X: 256 * float64(b) / bins, Y: 100 * float64(share)}, plotter.XY{X: 256 * float64(b+1) / bins, Y: 100 * float64(share)})
		}
		l := &plotter.Line{XYs: stairs}
		switch i {
		case 0:
			l.LineStyle = draw.LineStyle{Color: report.Grey, Width: 0.8}
		case 1:
			l.LineStyle, l.FillColor = draw.LineStyle{Color: report.Rule, Width: 0.5}, report.Rule
		case 2:
			l.LineStyle = draw.LineStyle{Color: colours[k], Width: 1.2}
		}
		p.Add(l)
		p.Legend.Add([]string{"before", "target", "after"}[i], l)
	}
	p.X.Min, p.X.Max, p.Y.Min = 0, 256, 0
	p.Y.Max = min(p.Y.Max, 14)
	p.Legend.Top, p.Legend.XOffs = true, -4
	return p
}

func (r result) curves() *plot.Plot {
	p := report.NewPlot("value before", "value after")
	p.Title.Text = "Tone curves"
	report.Line(p, plotter.XYs{{X: 0, Y: 0}, {X: 255, Y: 255}}, draw.LineStyle{Color: report.Grey, Width: 0.7, Dashes: []vg.Length{3, 3}}, "")
	for k := range channels {
		var line plotter.XYs
		for j, v := range r.fits[k].heights().Data() {
			line = append(line, plotter.XY{X: 255 * float64(j) / (knots - 1), Y: 255 * float64(v)})
		}
		report.Line(p, line, draw.LineStyle{Color: colours[k], Width: 1.5}, names[k])
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 255, 0, 255
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 8
	return p
}

func (r result) losses() *plot.Plot {
	p := report.NewPlot("step", "loss")
	p.Title.Text = "Learning"
	report.LogScale(&p.Y, 1e-6, 1)
	for k := range channels {
		var line plotter.XYs
		for step, v := range r.fits[k].losses {
			line = append(line, plotter.XY{X: float64(step), Y: v})
		}
		report.Line(p, line, draw.LineStyle{Color: colours[k], Width: 1.5}, names[k])
	}
	p.Legend.Top, p.Legend.XOffs = true, -4
	return p
}
