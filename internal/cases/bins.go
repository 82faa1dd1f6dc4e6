package cases

import (
	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// bins are ranges that are cut into bins.
var bins = []struct {
	lo, hi, sharpness float64
	n                 int
}{
	{-12, 12, 4, 30}, {0, 1, 30, 10}, {-0.3, 0.7, 1000, 64}, {-12, 12, 20, 65}, {0, 255, 2, 130},
	{-1, 1, 0.01, 3}, {0.1, 0.3, 1e6, 7}, {-3, 1e30, 1e-29, 5}, {5, 6, 100, 1}, {-1e-30, 3, 1e25, 4},
}

// binned puts half of the elements within a range, and some of them on edges.
func binned[T Float](lo, hi T, n int, in []kernels.In[T]) []T {
	x := Xs(in)
	for i := range x {
		if h := float64(uint32(Bits(in[i].X)>>(i%8))*2654435761) / (1 << 32); i%2 == 1 {
			if i%8 == 1 {
				h = float64(int(h*float64(n+1))) / float64(n)
			}
			place := float64(1.125*h) - 0.0625*float64(i%4) // conversions, lest Go fuse
			x[i] = T(float64(lo) + float64((float64(hi)-float64(lo))*place))
		}
	}
	return x
}

func binWholes[T Float]() []Whole[T] {
	soft := func(name string, open bool, f func(counts, x []T, lo, hi, sharpness T)) Whole[T] {
		return Whole[T]{name, len(bins), func(c *Call, way int, in []kernels.In[T]) {
			p := bins[way]
			lo, hi, k := T(p.lo), T(p.hi), T(p.sharpness)
			x, want := binned(lo, hi, p.n, in), make([]T, p.n)
			b := kernels.NewSoftBins(float64(lo), float64(hi), float64(k), p.n, open)
			kernels.SoftHistogram(want, x, &b)
			counts, x := Result(c, "counts", want), Operand(c, "x", x)
			c.Run = func() { f(counts, x, lo, hi, k) }
		}}
	}
	grad := func(name string, open bool, f func(dx, dcounts, x []T, lo, hi, sharpness T)) Whole[T] {
		return Whole[T]{name, 2 * len(bins), func(c *Call, way int, in []kernels.In[T]) {
			p, inPlace := bins[way%len(bins)], way >= len(bins)
			lo, hi, k := T(p.lo), T(p.hi), T(p.sharpness)
			x, want, dcounts := binned(lo, hi, p.n, in), make([]T, len(in)), make([]T, p.n)
			for i := range dcounts {
				dcounts[i] = T(i*i%7) - T(i%3)/3
			}
			b := kernels.NewSoftBins(float64(lo), float64(hi), float64(k), p.n, open)
			kernels.SoftHistogramGrad(want, dcounts, x, k, &b)
			x, dcounts = Operand(c, "x", x), Operand(c, "dcounts", dcounts)
			if inPlace {
				Becomes(c, "x", x, want)
				c.Run = func() { f(x, dcounts, x, lo, hi, k) }
			} else {
				dx := Result(c, "dx", want)
				c.Run = func() { f(dx, dcounts, x, lo, hi, k) }
			}
		}}
	}
	return []Whole[T]{
		{"Histogram", len(bins), func(c *Call, way int, in []kernels.In[T]) {
			p := bins[way]
			lo, hi := T(p.lo), T(p.hi)
			x, want := binned(lo, hi, p.n, in), make([]T, p.n)
			kernels.Histogram(want, x, lo, hi)
			counts, x := Result(c, "counts", want), Operand(c, "x", x)
			c.Run = func() { stepgrad.Histogram(counts, x, lo, hi) }
		}},
		soft("SoftHistogram", false, stepgrad.SoftHistogram[T]),
		soft("SoftHistogramOpen", true, stepgrad.SoftHistogramOpen[T]),
		grad("SoftHistogramGrad", false, stepgrad.SoftHistogramGrad[T]),
		grad("SoftHistogramOpenGrad", true, stepgrad.SoftHistogramOpenGrad[T]),
	}
}
