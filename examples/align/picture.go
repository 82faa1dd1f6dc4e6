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

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/photos"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

var colours = []color.NRGBA{report.Blue, report.Red} // of the samplers

// picture shows where the views were found, what is left of the difference,
// and how the registrations went.
func picture(photo, view photos.Photo, truth pose, tracks []track, s sweep) *report.Picture {
	const gap = 14.0
	p := report.NewPicture(884, 580)
	p.Captioned("photograph: start (white), found (blue), truth (dots)", photo.Image(), gap, 4, float64(photo.W))
	outline := func(at pose, style draw.LineStyle) {
		var ring []vg.Point
		for i := range 5 {
			x, y := at.place(corners[i%4][0], corners[i%4][1])
			ring = append(ring, p.At(gap+x+0.5, 4+18+y+0.5))
		}
		p.StrokeLines(style, ring)
	}
	outline(pose{}, draw.LineStyle{Color: color.White, Width: 1.5})
	outline(tracks[0].end(), draw.LineStyle{Color: report.Blue, Width: 3})
	outline(truth, draw.LineStyle{Color: color.White, Width: 1.2, Dashes: []vg.Length{1.5, 4}})

	const below = 4 + 18 + viewH + 6
	left := 2*gap + float64(photo.W)
	start := read(photo, pose{}, samplers[0])
	p.Captioned("the view", view.Image(), left, 4, viewW)
	p.Captioned("3 × |difference| at the start", difference(start, view), left, below, viewW)
	for i, t := range tracks {
		x, found := left+float64(i+1)*(viewW+gap), read(photo, t.end(), t.sampler)
		p.Captioned("found: "+t.short, found.Image(), x, 4, viewW)
		p.Captioned("3 × |difference|, "+t.short, difference(found, view), x, below, viewW)
	}
	p.Plot(converging(truth, tracks), gap, 290, 425, 285)
	if len(s.off[0][0]) > 0 {
		p.Plot(s.plot(), 2*gap+430, 290, 410, 285)
	}
	return p
}

// read is what a sampler reads at a pose.
func read(photo photos.Photo, at pose, by sampler) photos.Photo {
	_, grid := everyOther(1, ag.Const(make([]float32, 3*viewH*viewW)))
	rgb := by.read(blurred(photo, 0), points(grid, at.tensor()), inPixels)
	return photos.Photo{H: viewH, W: viewW, RGB: rgb.Data()}
}

// difference is darker where a and b differ, by three times the mean over the channels.
func difference(a, b photos.Photo) image.Image {
	m := image.NewGray(image.Rect(0, 0, a.W, a.H))
	for i := range m.Pix {
		d := 0.0
		for k := range 3 {
			d += math.Abs(float64(a.RGB[3*i+k] - b.RGB[3*i+k]))
		}
		m.Pix[i] = uint8(255 * max(0, 1-d))
	}
	return m
}

func offPlot(title, x string) *plot.Plot {
	p := report.NewPlot(x, "corner off by, pixels")
	p.Title.Text = title
	report.LogScale(&p.Y, 0.001, 100)
	p.Legend.Top = true
	p.Legend.XOffs, p.Legend.YOffs = -4, -4
	return p
}

func converging(truth pose, tracks []track) *plot.Plot {
	p := offPlot("Registering", "step")
	steps := len(tracks[0].losses) / len(blurs)
	for level, sigma := range blurs {
		x := float64(level * steps)
		report.Line(p, plotter.XYs{{X: x, Y: 0.001}, {X: x, Y: 100}}, draw.LineStyle{Color: report.Rule, Width: 1}, "")
		text, _ := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: x, Y: 0.0013}}, Labels: []string{fmt.Sprintf(" blur %g px", sigma)}})
		text.TextStyle[0].Font, text.TextStyle[0].Color = p.Legend.TextStyle.Font, report.Grey
		p.Add(text)
	}
	for i, t := range tracks {
		var line plotter.XYs
		for k, at := range t.poses {
			line = append(line, plotter.XY{X: float64(k), Y: max(at.off(truth), 0.001)})
		}
		report.Line(p, line, draw.LineStyle{Color: colours[i], Width: 1.5}, t.name)
	}
	return p
}

func (s sweep) plot() *plot.Plot {
	p := offPlot(fmt.Sprintf("Other views: %d shifts at each turn", len(s.off[0][0])), "turn of the view, degrees")
	for i, by := range samplers {
		marks := &plotter.Scatter{GlyphStyle: draw.GlyphStyle{Color: colours[i], Radius: 3.5, Shape: draw.CircleGlyph{}}}
		if i > 0 {
			marks.Shape = draw.BoxGlyph{}
		}
		for j, off := range s.off[i] {
			for _, v := range off {
				marks.XYs = append(marks.XYs, plotter.XY{X: float64(j) + 0.16*(float64(i)-0.5), Y: max(v, 0.001)})
			}
		}
		p.Add(marks)
		p.Legend.Add(by.name, marks)
	}
	var names []string
	for _, turn := range s.turns {
		names = append(names, fmt.Sprintf("%g", turn))
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.5, float64(len(names))-0.5
	return p
}
