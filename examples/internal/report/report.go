// Package report holds what the examples' reports share: files that appear
// whole or not at all, and the look of the plots.
package report

import (
	"bytes"
	"html/template"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Prepare makes the folder and makes sure that files can be written there.
func Prepare(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".report-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// Replace writes the file beside its place, then moves it there.
func Replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain once it has been moved
	_, err = f.Write(data)
	if e := f.Chmod(0o644); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// Okabe and Ito's palette: told apart with any colour vision.
var (
	Black  = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	Grey   = color.NRGBA{0x8a, 0x8a, 0x8a, 0xff}
	Red    = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	Blue   = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	Green  = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	Purple = color.NRGBA{0xb8, 0x5a, 0x96, 0xff}
	Rule   = color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
)

// NewPlot has labelled axes and light rules across.
func NewPlot(x, y string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size = 11, 10
		a.Label.TextStyle.Color, a.Tick.Label.Color = Black, Black
		a.LineStyle = draw.LineStyle{Color: Grey, Width: 0.7}
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = 3
		a.Tick.Marker = plot.TickerFunc(Wholes)
		a.Padding = 0
	}
	p.Legend.TextStyle.Font.Size = 10
	p.Legend.ThumbnailWidth, p.Legend.Padding = 16, 3
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal = draw.LineStyle{Color: Rule, Width: 0.7}
	p.Add(grid)
	return p
}

// SVG draws p as an element to stand in HTML, without the XML prologue.
func SVG(p *plot.Plot, width, height vg.Length, title string) template.HTML {
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	p.Draw(draw.Crop(draw.New(c), 0, -8, 0, -4)) // room for half a tick label
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		panic(err) // a Buffer takes everything
	}
	text := b.String()[bytes.Index(b.Bytes(), []byte("<svg")):]
	label := ` role="img" aria-label="` + template.HTMLEscapeString(title) + `"`
	return template.HTML("<svg" + label + text[len("<svg"):])
}

// Line adds a line through the points; legend may be empty.
func Line(p *plot.Plot, points plotter.XYs, style draw.LineStyle, legend string) {
	l := &plotter.Line{XYs: points, LineStyle: style}
	p.Add(l)
	if legend != "" {
		p.Legend.Add(legend, l)
	}
}

// Wholes marks integers, at most nine.
func Wholes(low, high float64) (ticks []plot.Tick) {
	by := 1.0
	for i := 0; (high-low)/by > 8; i++ {
		by *= []float64{2, 2.5, 2}[i%3] // 1, 2, 5, 10, …
	}
	for v := by * math.Ceil(low/by); v <= high; v += by {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	return ticks
}

// LogScale makes an axis logarithmic, with a mark at every power of ten.
func LogScale(a *plot.Axis, low, high float64) {
	a.Scale, a.Min, a.Max = plot.LogScale{}, low, high
	a.Tick.Marker = plot.TickerFunc(func(low, high float64) (ticks []plot.Tick) {
		for e := int(math.Ceil(math.Log10(low) - 1e-9)); math.Pow10(e) <= high; e++ {
			ticks = append(ticks, plot.Tick{Value: math.Pow10(e), Label: strconv.FormatFloat(math.Pow10(e), 'g', -1, 64)})
		}
		return ticks
	})
}
