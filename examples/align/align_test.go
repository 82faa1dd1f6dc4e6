package main

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/photos"
)

func china(t *testing.T) photos.Photo {
	p, err := photos.Load("china")
	require.NoError(t, err)
	return p
}

const steps = 40 // the default

// The tolerance that the README states: a corner of a view that is turned is
// found within 0.05 pixels through bilinear, within 0.2 through nearest.
func TestRegisters(t *testing.T) {
	photo := china(t)
	levels := blurredAll(photo)
	for _, truth := range []pose{{-17.3, 11.6, 13}, {20, -10, -15}, {-8.5, -7.5, 4}} {
		view := take(photo, truth, 0.03, 7)
		for i, by := range samplers {
			track := register(levels, view, by, steps)
			require.Greater(t, pose{}.off(truth), 10.0)
			assert.Less(t, track.end().off(truth), []float64{0.05, 0.2}[i], "%s, %v", by.name, truth)
			last := track.losses[len(track.losses)-steps:] // without blur
			assert.Less(t, last[steps-1], []float64{1.2, 5}[i]*0.03*0.03, "%s: hardly more than the noise is left", by.name)
			assert.Less(t, track.losses[steps-1], track.losses[0]/2)
		}
	}
}

// Without a turn all pixels are rounded the same way, and nearest finds whole
// pixels only.
func TestNearestLocksToThePixels(t *testing.T) {
	photo := china(t)
	levels := blurredAll(photo)
	truth := pose{-17.3, 11.6, 0}
	view := take(photo, truth, 0.03, 7)
	bilinear, nearest := register(levels, view, samplers[0], steps).end(), register(levels, view, samplers[1], steps).end()
	assert.Less(t, bilinear.off(truth), 0.2)
	assert.Less(t, nearest.off(pose{-17, 12, 0}), 0.03)
}

// The derivative of the nearest pixel by the place is 0: without an estimator
// nothing moves.
func TestNearestWithoutEstimatorStandsStill(t *testing.T) {
	photo := china(t)
	true0 := sampler{"", "", func(image, xy tensor, opt stepgrad.SampleOptions) tensor {
		return ag.SampleNearest(image, ag.Detach(xy), opt)
	}}
	track := register(blurredAll(photo), take(photo, pose{3, 3, 3}, 0, 7), true0, 3)
	assert.Equal(t, pose{}, track.end())
}

func TestPointsArePlaces(t *testing.T) {
	p := pose{3.25, -7.5, 21}
	_, grid := everyOther(5, ag.Const(make([]float32, 3*viewH*viewW)))
	xy := points(grid, p.tensor()).Data()
	require.Len(t, xy, 2*(viewH/5)*(viewW/5))
	for i := 0; i < len(xy); i += 2 {
		x, y := p.place(float64(grid.Data()[i]), float64(grid.Data()[i+1]))
		require.InDelta(t, x, xy[i], 1e-4)
		require.InDelta(t, y, xy[i+1], 1e-4)
	}
	q := poseOf(p.tensor())
	assert.InDelta(t, 0, q.off(p), 1e-4)
	assert.InDelta(t, 5, p.off(pose{p.X + 3, p.Y - 4, p.Turn}), 1e-9)
	assert.True(t, pose{}.inside(china(t)))
	assert.False(t, pose{X: -66}.inside(china(t)))
}

func TestTake(t *testing.T) {
	flat := photos.New(213, 320)
	for i := range flat.RGB {
		flat.RGB[i] = 0.5
	}
	sum, squares := 0.0, 0.0
	view := take(flat, pose{2.5, 1.5, 5}, 0.1, 3)
	for _, v := range view.RGB {
		sum += float64(v) - 0.5
		squares += (float64(v) - 0.5) * (float64(v) - 0.5)
	}
	n := float64(len(view.RGB))
	assert.InDelta(t, 0, sum/n, 0.003)
	assert.InDelta(t, 0.1, math.Sqrt(squares/n), 0.002)
}

func TestBlurred(t *testing.T) {
	p := photos.New(41, 51)
	p.RGB[3*(20*51+25)+1] = 1
	d := blurred(p, 3).Data()
	var sum, x, y, xx, yy float64
	for i := range 41 * 51 {
		v := float64(d[3*i+1])
		assert.Zero(t, d[3*i])
		dx, dy := float64(i%51-25), float64(i/51-20)
		sum, x, y, xx, yy = sum+v, x+v*dx, y+v*dy, xx+v*dx*dx, yy+v*dy*dy
	}
	assert.InDelta(t, 1, sum, 1e-5)
	assert.InDelta(t, 0, math.Abs(x)+math.Abs(y), 1e-5)
	assert.InDelta(t, 9, xx, 0.3) // cut off at three deviations
	assert.InDelta(t, 9, yy, 0.3)
}

func TestCommand(t *testing.T) {
	o, _, err := parse([]string{"-steps", "5", "-shifts", "1", "-out", filepath.Join(t.TempDir(), "out")})
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, align(o, &text))
	f, err := os.Open(filepath.Join(o.out, "align.png"))
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	assert.Equal(t, 884, m.Bounds().Dx())
	for _, want := range []string{"truth", "nearest, straight-through", "0.3°", "align.png"} {
		assert.Contains(t, text.String(), want)
	}
	o.truth.X = 100
	assert.ErrorContains(t, align(o, &text), "beyond")
}

func TestFlags(t *testing.T) {
	o, _, err := parse(strings.Fields("-x 1 -y 2 -turn 3 -noise 0 -steps 4 -shifts 5 -seed 6 -out there"))
	require.NoError(t, err)
	assert.Equal(t, options{pose{1, 2, 3}, 0, 4, 5, 6, "there"}, o)
	_, help, err := parse([]string{"-h"})
	require.NoError(t, err)
	assert.Contains(t, help, "-turn degrees")
	for _, args := range []string{"-steps 0", "-noise NaN", "-noise 2", "-shifts -1", "-x east", "-out=", "-nonsense", "more"} {
		_, _, err := parse(strings.Fields(args))
		assert.Error(t, err, args)
	}
}
