package report

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPalettedIsExactForFewColours(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 256, 100))
	for i := range 256 * 100 {
		m.SetRGBA(i%256, i/256, color.RGBA{uint8(i % 256), uint8(255 - i%256), 7, 255})
	}
	p := paletted(m)
	assert.LessOrEqual(t, len(p.Palette), 256)
	for i := range 256 {
		r, g, b, _ := p.At(i, 50).RGBA()
		require.Equal(t, m.RGBAAt(i, 50), color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255})
	}
}

func TestPalettedIsCloseForMany(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 128, 128))
	for i := range 128 * 128 {
		m.SetRGBA(i%128, i/128, color.RGBA{uint8(2 * (i % 128)), uint8(i / 128), uint8(i % 7), 255})
	}
	p := paletted(m)
	var of, to [2]float64 // sums of red and green
	worst := 0.0
	for i := range 128 * 128 {
		r, g, _, _ := p.At(i%128, i/128).RGBA()
		c := m.RGBAAt(i%128, i/128)
		of[0], of[1] = of[0]+float64(c.R), of[1]+float64(c.G)
		to[0], to[1] = to[0]+float64(r>>8), to[1]+float64(g>>8)
		worst = max(worst, math.Abs(float64(r>>8)-float64(c.R)))
	}
	assert.Less(t, worst, 32.0)
	assert.InEpsilon(t, of[0], to[0], 0.01, "dithering keeps the mean")
	assert.InEpsilon(t, of[1], to[1], 0.01)
}

func TestPictureIsToScale(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 20, 10)) // black
	p := NewPicture(100, 80)
	p.Captioned("", m, 30, 12, 40)
	path, err := p.Write(t.TempDir(), "a.png")
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	got, err := png.Decode(f)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 100, 80), got.Bounds())
	for y := range 80 {
		for x := range 100 {
			r, _, _, _ := got.At(x, y).RGBA()
			edge := x == 29 || x == 30 || x == 69 || x == 70 || y == 29 || y == 30 || y == 49 || y == 50
			if inside := 30 < x && x < 69 && 30 < y && y < 49; !edge {
				require.Equal(t, inside, r < 0x8000, "%d %d", x, y)
			}
		}
	}
}

func TestLogScale(t *testing.T) {
	p := NewPlot("", "")
	LogScale(&p.Y, 1e-6, 10)
	ticks := p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max)
	require.Len(t, ticks, 8)
	assert.Equal(t, "1e-06", ticks[0].Label)
	assert.Equal(t, "10", ticks[7].Label)
}
