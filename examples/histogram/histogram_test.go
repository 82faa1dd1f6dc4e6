package main

import (
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/photos"
)

func load(t *testing.T, name string) photos.Photo {
	p, err := photos.Load(name)
	require.NoError(t, err)
	return p
}

func nothing() {}

// A histogram alone tells which curve a photograph went through.
func TestFindsTheCurve(t *testing.T) {
	x := channel(load(t, "china"), 1, 2)
	target := make([]float32, len(x))
	for i, v := range x {
		target[i] = float32(math.Pow(float64(v), 1.8))
	}
	f := learn(x, target, 200, nothing)
	h := f.heights().Data()
	sorted := slices.Sorted(slices.Values(x))
	for j, v := range h {
		at := float32(j) / (knots - 1)
		if sorted[len(x)/50] < at && at < sorted[len(x)-len(x)/50] { // where there are pixels
			assert.InDelta(t, math.Pow(float64(at), 1.8), v, 0.012, "at %g", at)
		}
	}
}

// What the README states: from 72 … 90 levels to less than 3, for every channel.
func TestMatches(t *testing.T) {
	photo, target := load(t, "china"), load(t, "flower")
	r := conduct(photo, target, 200, nothing)
	for k, f := range r.fits {
		want := channel(target, k, 1)
		before, after := apart(channel(photo, k, 1), want), apart(channel(r.curved, k, 1), want)
		assert.Greater(t, before, 70.0)
		assert.Less(t, after, 3.0)
		assert.Less(t, apart(channel(r.sorted, k, 1), want), after, "sorting is exact but for equal values")
		assert.Less(t, f.losses[199], f.losses[0]/500)
	}
}

func TestCurvesRise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := newCurve()
	for range 20 {
		for i := range c.params.Data() {
			c.params.Data()[i] = float32(5 * rng.NormFloat64())
		}
		h := c.heights().Data()
		require.Len(t, h, knots)
		require.True(t, slices.IsSorted(h))
		require.GreaterOrEqual(t, h[0], float32(0))
		require.LessOrEqual(t, h[knots-1], float32(1.00001))
		at := c.apply([]float32{0, 1, 0.5 / (knots - 1)}).Data()
		require.InDeltaSlice(t, []float32{h[0], h[knots-1], (h[0] + h[1]) / 2}, at, 1e-6)
	}
}

// Where no bin is shared, the difference bin by bin is the same at any distance,
// and the cumulated one is in proportion to it: it has a gradient.
func TestCumulatedDifferenceReachesFar(t *testing.T) {
	soft := func(v tensor) tensor { return ag.SoftHistogramOpen(v, 0, 1, bins, sharpness) }
	loss := func(of func(v tensor) tensor, distance float32) float32 {
		x, y := ag.Const([]float32{0.9 - distance/bins}), ag.Const([]float32{0.9})
		return ag.Mean(ag.Square(ag.Sub(of(x), of(y)))).Data()[0]
	}
	assert.InDelta(t, 1, loss(soft, 40)/loss(soft, 20), 0.001)
	assert.InDelta(t, 2, loss(shares, 40)/loss(shares, 20), 0.05)
}

func TestShares(t *testing.T) {
	x := channel(load(t, "flower"), 2, 1)
	s := shares(ag.Const(x)).Data()
	assert.InDelta(t, 1, s[bins-1], 1e-4, "nothing is lost")
	below := 0.0
	for j, h := range histogram(x) {
		below += float64(h)
		assert.InDelta(t, below, s[j], 0.01)
	}
	assert.InDelta(t, 1, below, 1e-6)
}

func TestApart(t *testing.T) {
	x := channel(load(t, "china"), 0, 1)
	y := make([]float32, len(x)/3)
	for i := range y {
		y[i] = x[3*i] + 0.1
	}
	assert.Zero(t, apart(x, x))
	assert.InDelta(t, 25.5, apart(x, y), 1)
	assert.InDelta(t, apart(x, y), apart(y, x), 1e-9)
}

func TestBySorting(t *testing.T) {
	assert.Equal(t, []float32{7, 9, 8}, bySorting([]float32{0.1, 0.3, 0.2}, []float32{9, 7, 8}))
	assert.Equal(t, []float32{8, 8, 8}, bySorting([]float32{0.2, 0.2, 0.2}, []float32{9, 7, 8}), "equal values stay equal")
}

func TestChannels(t *testing.T) {
	photo := load(t, "china")
	copied := photos.New(photo.H, photo.W)
	for k := range channels {
		insert(copied, k, channel(photo, k, 1))
	}
	assert.Equal(t, photo, copied)
	assert.Len(t, channel(photo, 0, 2), 160*107)
	for k := range channels {
		for _, h := range histogram(channel(even(), k, 1)) {
			require.InDelta(t, 1.0/bins, h, 1e-6)
		}
	}
}

func TestCommand(t *testing.T) {
	for _, args := range []string{"-steps 3", "-steps 2 -target flat -photo flower"} {
		o, _, err := parse(append(strings.Fields(args), "-out", filepath.Join(t.TempDir(), "out")))
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, match(o, &text))
		f, err := os.Open(filepath.Join(o.out, "histogram.png"))
		require.NoError(t, err)
		m, err := png.Decode(f)
		f.Close()
		require.NoError(t, err)
		assert.Equal(t, 896, m.Bounds().Dx())
		for _, want := range []string{"by sorting", o.target + "'s histogram", o.photo, "histogram.png"} {
			assert.Contains(t, text.String(), want)
		}
	}
}

func TestFlags(t *testing.T) {
	o, _, err := parse(strings.Fields("-photo flower -target flat -steps 4 -out there"))
	require.NoError(t, err)
	assert.Equal(t, options{"flower", "flat", 4, "there"}, o)
	_, help, err := parse([]string{"-h"})
	require.NoError(t, err)
	assert.Contains(t, help, "-target name")
	for _, args := range []string{"-steps 0", "-photo cat", "-photo flat", "-target cat", "-out=", "-nonsense", "more"} {
		_, _, err := parse(strings.Fields(args))
		assert.Error(t, err, args)
	}
}
