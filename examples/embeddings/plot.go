package main

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/stepgrad/stepgrad/examples/internal/report"
)

// plot draws recall over size beside the speed of encoding, as a PNG.
func (s findings) plot() ([]byte, error) {
	recall, err := s.recallPlot()
	if err != nil {
		return nil, err
	}
	speed, err := s.speedPlot()
	if err != nil {
		return nil, err
	}
	c := vgimg.NewWith(vgimg.UseWH(920, 340), vgimg.UseDPI(96), vgimg.UseBackgroundColor(color.White))
	all := draw.Crop(draw.New(c), 10, -12, 10, -12)
	half := all.Size().X / 2
	recall.Draw(draw.Crop(all, 0, -half-10, 0, 0))
	speed.Draw(draw.Crop(all, half+10, 0, 0, 0))
	var b bytes.Buffer
	_, err = vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

func (s findings) recallPlot() (*plot.Plot, error) {
	p := report.NewPlot("bytes a vector, scales included", fmt.Sprintf("recall@%d", nearest))
	p.Title.Text = fmt.Sprintf("%d vectors of %d dimensions (float32: %d bytes)", s.m.rows(), s.m.cols, 4*s.m.cols)
	p.Y.Tick.Marker = plot.DefaultTicks{}
	low := 1.0
	for _, kind := range []struct {
		name  string
		bits  int
		again bool
		style draw.GlyphStyle
	}{
		{"int8", 8, false, draw.GlyphStyle{Color: report.Blue, Radius: 4, Shape: draw.CircleGlyph{}}},
		{"int4", 4, false, draw.GlyphStyle{Color: report.Red, Radius: 4, Shape: draw.BoxGlyph{}}},
		{fmt.Sprintf("int4, best %d rescored", candidates), 4, true, draw.GlyphStyle{Color: report.Green, Radius: 4, Shape: draw.PyramidGlyph{}}},
	} {
		var labels plotter.XYLabels
		for _, r := range s.results {
			if r.bits != kind.bits {
				continue
			}
			at, text := plotter.XY{X: float64(r.format.bytes(s.m.cols)), Y: r.recall}, fmt.Sprintf("groups of %d", r.group)
			if r.group == s.m.cols {
				text = "one scale"
			}
			if kind.again {
				at.Y, text = r.rescored, ""
			}
			low = min(low, at.Y)
			labels.XYs, labels.Labels = append(labels.XYs, at), append(labels.Labels, text)
		}
		marks := &plotter.Scatter{XYs: labels.XYs, GlyphStyle: kind.style}
		text, err := plotter.NewLabels(labels)
		if err != nil {
			return nil, err
		}
		for i := range text.TextStyle {
			text.TextStyle[i].Font, text.TextStyle[i].Color = p.Legend.TextStyle.Font, report.Black
			text.TextStyle[i].Font.Size = 9
			text.TextStyle[i].YAlign = draw.YCenter
		}
		text.Offset = vg.Point{X: 7}
		p.Add(marks, text)
		p.Legend.Add(kind.name, marks)
	}
	p.Y.Min, p.Y.Max = low-0.1*(1-low)-0.005, 1.004
	p.X.Min, p.X.Max = 0.8*p.X.Min, 1.25*p.X.Max
	p.Legend.XOffs, p.Legend.YOffs = -4, 8
	return p, nil
}

func (s findings) speedPlot() (*plot.Plot, error) {
	p := report.NewPlot("", "encoding, GB of float32 a second")
	p.Title.Text = "Encoding"
	p.Y.Tick.Marker = plot.DefaultTicks{}
	const width = 22
	for i, by := range []struct {
		name  string
		color color.Color
		speed func(p pace) float64
	}{
		{"scalar loop", report.Grey, func(p pace) float64 { return p.naive }},
		{"stepgrad, one thread", report.Blue, func(p pace) float64 { return p.one }},
		{"stepgrad, Parallel", report.Green, func(p pace) float64 { return p.all }},
	} {
		var v plotter.Values
		for _, p := range s.paces {
			v = append(v, by.speed(p)/1e3)
		}
		bars, err := plotter.NewBarChart(v, width)
		if err != nil {
			return nil, err
		}
		bars.Color, bars.LineStyle.Width, bars.Offset = by.color, 0, vg.Length(i-1)*(width+2)
		p.Add(bars)
		p.Legend.Add(by.name, bars)
	}
	var names []string
	for _, pace := range s.paces {
		names = append(names, pace.name(s.m.cols))
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.6, float64(len(names))-0.4
	across := draw.LineStyle{Color: report.Black, Width: 1, Dashes: []vg.Length{5, 3}}
	report.Line(p, plotter.XYs{{X: p.X.Min, Y: s.copy / 1e3}, {X: p.X.Max, Y: s.copy / 1e3}}, across, "copy of the floats")
	p.Y.Min, p.Y.Max = 0, 1.3*max(p.Y.Max, s.copy/1e3)
	p.Legend.Top = true
	p.Legend.XOffs, p.Legend.YOffs = -4, -4
	return p, nil
}
