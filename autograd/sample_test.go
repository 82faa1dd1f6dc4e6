package autograd_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// eachSampling calls f for all options.
func eachSampling(f func(opt stepgrad.SampleOptions, name string)) {
	for p := stepgrad.Zeros; p.Valid(); p++ {
		for c := stepgrad.Normalised; c.Valid(); c++ {
			for _, align := range []bool{false, true} {
				f(stepgrad.SampleOptions{AlignCorners: align, Padding: p, Coords: c}, fmt.Sprint(p, c, align))
			}
		}
	}
}

// pointsFor are points about an image, not close to a border of cells.
func pointsFor(opt stepgrad.SampleOptions, h, w float64, shape ...int) V {
	xy := numbers(-1, 1, shape...) // 0.02 away from multiples of ½
	for i := range xy.Data() {
		n := w
		if i%2 == 1 {
			n = h
		}
		at := (xy.Data()[i] + 1) * (n + 1) // in half pixels, mostly
		at = float64(int(at)) + 0.1 + 0.8*(at-float64(int(at)))
		at = at/2 - 1 // in pixels
		switch {
		case opt.Coords == stepgrad.Pixel:
		case opt.AlignCorners:
			at = 2*at/(n-1) - 1
		default:
			at = (2*at+1)/n - 1
		}
		xy.Data()[i] = at
	}
	return xy
}

func TestSampleDerivatives(t *testing.T) {
	eachSampling(func(opt stepgrad.SampleOptions, name string) {
		for _, batch := range [][]int{nil, {2}} {
			image := numbers(-2, 2, append(append([]int{}, batch...), 3, 4, 2)...)
			xy := pointsFor(opt, 3, 4, append(append([]int{}, batch...), 3, 2, 2)...)
			f := func(xs ...V) V { return ag.Square(ag.SampleBilinear(xs[0], xs[1], opt)) }
			require.NoError(t, ag.Check(f, 4, image, xy), name)
			near := func(xs ...V) V { return ag.Square(ag.SampleNearest(xs[0], xy, opt)) }
			require.NoError(t, ag.Check(near, 2, image), name)
		}
	})
}

// TestSampleNearestEstimates: the gradient by the points is the bilinear one,
// in every derivative.
func TestSampleNearestEstimates(t *testing.T) {
	eachSampling(func(opt stepgrad.SampleOptions, name string) {
		image, xy := numbers(-2, 2, 3, 4, 2), pointsFor(opt, 3, 4, 5, 2)
		dy := numbers(-1, 1, 5, 2)
		grads := func(y V) (all []V) {
			g := ag.GradWith(y, dy, image, xy)
			h := ag.Grad(ag.Sum(ag.Square(g[1])), xy, image, dy)
			return append(g, h...)
		}
		b, n := grads(ag.SampleBilinear(image, xy, opt)), grads(ag.SampleNearest(image, xy, opt))
		require.NotEqual(t, b[0].Data(), n[0].Data(), name)
		require.Equal(t, b[1].Data(), n[1].Data(), name)
		for i := 2; i < len(b); i++ {
			require.Equal(t, b[i].Data(), n[i].Data(), "%s: second derivative %d", name, i)
		}
	})
}

// A batch is a call for each image, on any number of workers.
func TestSampleBatch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 9))
	fill := func(n int, scale float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = scale * float32(rnd.NormFloat64())
		}
		return x
	}
	const n, h, w, c, points = 3, 5, 4, 2, 40_001
	image, xy, dy := ag.Param(fill(n*h*w*c, 1), n, h, w, c), ag.Param(fill(n*points*2, 1), n, points, 2), ag.Const(fill(n*points*c, 1), n, points, c)
	opt := stepgrad.SampleOptions{Padding: stepgrad.Reflection}
	y, dimage, dxy := make([]float32, n*points*c), make([]float32, n*h*w*c), make([]float32, n*points*2)
	for i := range n {
		im, p, d := image.Data()[i*h*w*c:][:h*w*c], xy.Data()[i*points*2:][:points*2], dy.Data()[i*points*c:][:points*c]
		stepgrad.SampleBilinear(y[i*points*c:][:points*c], im, h, w, c, p, opt)
		stepgrad.SampleBilinearGradImage(dimage[i*h*w*c:][:h*w*c], h, w, c, d, p, opt)
		stepgrad.SampleBilinearGradXY(dxy[i*points*2:][:points*2], d, im, h, w, c, p, opt)
	}
	for _, procs := range []int{1, 3, 8} {
		withProcs(procs, func() {
			v := ag.SampleBilinear(image, xy, opt)
			require.Equal(t, []int{n, points, c}, v.Shape())
			require.Equal(t, y, v.Data())
			g := ag.GradWith(v, dy, image, xy)
			require.Equal(t, dimage, g[0].Data())
			require.Equal(t, dxy, g[1].Data())
		})
	}
	require.Equal(t, []int{2, 0, 7}, ag.SampleNearest(numbers(0, 1, 2, 1, 1, 7), numbers(0, 1, 2, 0, 2), opt).Shape())
	require.Equal(t, []int{7}, ag.SampleNearest(numbers(0, 1, 2, 1, 7), numbers(0, 1, 2), opt).Shape())
}

func TestSamplePanics(t *testing.T) {
	none := stepgrad.SampleOptions{}
	image, xy := numbers(0, 1, 2, 3, 1), numbers(0, 1, 4, 2)
	const rule = " are not [h w c] and [… 2], or [n h w c] and [n … 2]"
	for want, f := range map[string]func(){
		"autograd: SampleBilinear: shapes [4 2] and [4 2]" + rule:               func() { ag.SampleBilinear(xy, xy, none) },
		"autograd: SampleBilinear: shapes [2 3 1] and [2 3 1]" + rule:           func() { ag.SampleBilinear(image, image, none) },
		"autograd: SampleNearest: shapes [2 3 1] and []" + rule:                 func() { ag.SampleNearest(image, ag.Sum(xy), none) },
		"autograd: SampleNearest: shapes [1 2 3 1] and [4 2]" + rule:            func() { ag.SampleNearest(ag.Reshape(image, 1, 2, 3, 1), xy, none) },
		"autograd: SampleNearest: shapes [2 1 3 1] and [2]" + rule:              func() { ag.SampleNearest(ag.Reshape(image, 2, 1, 3, 1), numbers(0, 1, 2), none) },
		"autograd: SampleBilinear: shape [2 0 1] has no pixel":                  func() { ag.SampleBilinear(numbers(0, 1, 2, 0, 1), xy, none) },
		"autograd: SampleBilinear: padding must be Zeros, Border or Reflection": func() { ag.SampleBilinear(image, xy, stepgrad.SampleOptions{Padding: 3}) },
		"autograd: SampleNearest: coords must be Normalised or Pixel":           func() { ag.SampleNearest(image, xy, stepgrad.SampleOptions{Coords: 2}) },
	} {
		require.PanicsWithValue(t, want, f)
	}
}
