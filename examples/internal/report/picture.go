package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Picture is a PNG, in 256 colours, of images and plots side by side. Places and sizes are in
// pixels, from the top left.
type Picture struct {
	draw.Canvas
	image image.Image
	high  float64
}

const dpi = 96

// Pixels is a length in a picture.
func Pixels(n float64) vg.Length { return vg.Length(n) * vg.Inch / dpi }

// NewPicture is white.
func NewPicture(wide, high int) *Picture {
	c := vgimg.NewWith(vgimg.UseWH(Pixels(float64(wide)), Pixels(float64(high))), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(color.White))
	return &Picture{draw.New(c), c.Image(), float64(high)}
}

// At is a place in the picture.
func (p *Picture) At(x, y float64) vg.Point { return vg.Point{X: Pixels(x), Y: Pixels(p.high - y)} }

// Text starts at (x, y), the middle of its height.
func (p *Picture) Text(text string, x, y float64) {
	p.FillText(draw.TextStyle{
		Color: Black, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: 10},
		YAlign: draw.YCenter, Handler: plot.DefaultTextHandler,
	}, p.At(x, y), text)
}

// Captioned draws an image of the given width below its caption.
func (p *Picture) Captioned(caption string, m image.Image, x, y, wide float64) {
	p.Text(caption, x, y+8)
	size := m.Bounds().Size()
	low := p.At(x, y+18+wide*float64(size.Y)/float64(size.X))
	p.DrawImage(vg.Rectangle{Min: low, Max: p.At(x+wide, y+18)}, m)
}

// Plot draws a plot.
func (p *Picture) Plot(l *plot.Plot, x, y, wide, high float64) {
	l.Draw(draw.Canvas{Canvas: p.Canvas, Rectangle: vg.Rectangle{Min: p.At(x, y+high), Max: p.At(x+wide, y)}})
}

// Write puts the picture into the folder, and says where.
func (p *Picture) Write(folder, name string) (path string, err error) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, paletted(p.image)); err != nil {
		return "", err
	}
	if path, err = filepath.Abs(filepath.Join(folder, name)); err != nil {
		return "", err
	}
	return path, Replace(path, b.Bytes())
}
