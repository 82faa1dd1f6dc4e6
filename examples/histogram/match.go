package main

import (
	"math"
	"slices"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
	"github.com/stepgrad/stepgrad/examples/internal/photos"
)

type tensor = *ag.Var[float32]

const (
	bins      = 64
	sharpness = 4 * bins // of the sigmoids between bins: most of a step lies within half a bin
	knots     = 33       // of a tone curve
	channels  = 3
)

// A tone curve maps the values of a channel. It rises from one knot to the
// next by its share of the softmax of its parameters, so it is monotone, from 0
// to 1, whatever they are; between the knots it is straight.
type curve struct{ params tensor }

func newCurve() curve { return curve{ag.Param(make([]float32, knots+1))} }

// above is the matrix by which rises add up to heights at the knots. The first
// and the last rise lie outside of [0, 1]: the curve need not begin at 0 and end at 1.
var above = func() tensor {
	m := make([]float32, (knots+1)*knots)
	for i := range knots + 1 {
		for j := i; j < knots; j++ {
			m[i*knots+j] = 1
		}
	}
	return ag.Const(m, knots+1, knots)
}()

func (c curve) heights() tensor {
	return ag.MatMul(ag.Reshape(ag.Softmax(c.params), 1, knots+1), above)
}

// apply reads the curve, an image of one row, at the values.
func (c curve) apply(x []float32) tensor {
	xy := make([]float32, 2*len(x))
	for i, v := range x {
		xy[2*i] = v * (knots - 1)
	}
	image := ag.Reshape(c.heights(), 1, knots, 1)
	y := ag.SampleBilinear(image, ag.Const(xy, len(x), 2), stepgrad.SampleOptions{Coords: stepgrad.Pixel, Padding: stepgrad.Border})
	return ag.Reshape(y, len(x))
}

// upTo adds up bins, so that place j holds all from the first to j.
var upTo = func() tensor {
	m := make([]float32, bins*bins)
	for i := range bins {
		for j := i; j < bins; j++ {
			m[i*bins+j] = 1
		}
	}
	return ag.Const(m, bins, bins)
}()

// shares is the soft histogram of x, cumulated and divided by the number of
// values. Its outer bins are open, so that it conserves what it counts.
func shares(x tensor) tensor {
	h := ag.SoftHistogramOpen(x, 0, 1, bins, sharpness)
	return ag.Scale(ag.MatMul(ag.Reshape(h, 1, bins), upTo), 1/float32(x.Len()))
}

// A fit is a channel's curve, and how it was found.
type fit struct {
	curve
	losses []float64
}

// learn finds the curve by which the soft histogram of x becomes that of target.
// The loss is Cramér's distance, the mean square between the cumulated
// histograms: other than the difference bin by bin, it says which way to go
// when no bin is shared.
func learn(x, target []float32, steps int, tick func()) fit {
	f, goal := fit{curve: newCurve()}, shares(ag.Const(target))
	opt := optim.NewAdam(1, f.params)
	for step := range steps {
		opt.Rate = 0.3 * float32(0.5+0.5*math.Cos(math.Pi*float64(step)/float64(steps)))
		loss := ag.Mean(ag.Square(ag.Sub(shares(f.apply(x)), goal)))
		opt.Step(ag.Grad(loss, f.params)...)
		f.losses = append(f.losses, float64(loss.Data()[0]))
		tick()
	}
	return f
}

// channel k of every step-th pixel of every step-th row.
func channel(p photos.Photo, k, step int) (x []float32) {
	for i := range p.H * p.W {
		if i%p.W%step == 0 && i/p.W%step == 0 {
			x = append(x, p.RGB[3*i+k])
		}
	}
	return x
}

// insert is the reverse, for all pixels.
func insert(p photos.Photo, k int, x []float32) {
	for i, v := range x {
		p.RGB[3*i+k] = v
	}
}

// apart is how far two sets of values are from each other, in levels of 255:
// by how much, on the average, values must change to become the others (the
// Wasserstein distance; between sorted values, a mean of differences).
func apart(x, y []float32) float64 {
	x, y = slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))
	const points = 1 << 14
	sum := 0.0
	for i := range points {
		q := (float64(i) + 0.5) / points
		sum += math.Abs(float64(x[int(q*float64(len(x)))]) - float64(y[int(q*float64(len(y)))]))
	}
	return 255 * sum / points
}

// bySorting gives the i-th smallest value of x the value at the same place among
// target's: the exact solution, if equal values may become different ones. A
// curve cannot do that; equal values get the middle of theirs.
func bySorting(x, target []float32) []float32 {
	sorted, goal := slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(target))
	y := make([]float32, len(x))
	for i, v := range x {
		first, _ := slices.BinarySearch(sorted, v)
		after, _ := slices.BinarySearchFunc(sorted, v, func(s, v float32) int {
			if s <= v {
				return -1
			}
			return 1
		})
		q := float64(first+after) / 2 / float64(len(x))
		y[i] = goal[min(int(q*float64(len(goal))), len(goal)-1)]
	}
	return y
}

// histogram is hard: how many values lie in each bin, as a share of all.
func histogram(x []float32) []float32 {
	h := make([]float32, bins)
	stepgrad.Histogram(h, x, 0, 1)
	stepgrad.Scale(h, h, 1/float32(len(x)))
	return h
}
