// Package photos holds the photographs that examples work on; README.md names
// their authors and licence.
package photos

import (
	"bytes"
	"embed"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

//go:embed china.png flower.png
var files embed.FS

// A Photo has H rows of W pixels of three channels, red, green and blue in
// [0, 1], channels last. The values are those of the file, gamma and all.
type Photo struct {
	H, W int
	RGB  []float32
}

// Names are what Load knows.
var Names = []string{"china", "flower"}

// Load reads an embedded photograph.
func Load(name string) (Photo, error) {
	data, err := files.ReadFile(name + ".png")
	if err != nil {
		return Photo{}, fmt.Errorf("no photograph %q, only %q", name, Names)
	}
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return Photo{}, fmt.Errorf("%s.png: %w", name, err)
	}
	p := New(m.Bounds().Dy(), m.Bounds().Dx())
	for i := range p.H * p.W {
		r, g, b, _ := m.At(m.Bounds().Min.X+i%p.W, m.Bounds().Min.Y+i/p.W).RGBA()
		for k, v := range []uint32{r, g, b} {
			p.RGB[3*i+k] = float32(v>>8) / 255
		}
	}
	return p, nil
}

// New is a black one.
func New(h, w int) Photo { return Photo{h, w, make([]float32, 3*h*w)} }

// Image rounds to 8 bits; values outside of [0, 1] are clipped.
func (p Photo) Image() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, p.W, p.H))
	for i := range p.H * p.W {
		var v [3]uint8
		for k := range v {
			v[k] = uint8(min(max(p.RGB[3*i+k], 0), 1)*255 + 0.5)
		}
		m.SetRGBA(i%p.W, i/p.W, color.RGBA{v[0], v[1], v[2], 255})
	}
	return m
}
