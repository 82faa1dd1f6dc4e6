package autograd

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/stepgrad/stepgrad"
)

// A BiasEstimate says how far a straight-through gradient is from that of an
// expectation, for every element of x.
type BiasEstimate struct {
	Straight []float64 // the gradient that Grad gives at x
	Expected []float64 // the gradient of E f(x + u)
	Bias     []float64 // Straight − Expected
	StdErr   []float64 // the standard error of Expected, and so of Bias; 0 where that is exact
}

// Bias compares the gradient of f at x, straight through the steps in f, with
// the gradient of E f(x + u) over noise u that is uniform on a step, (−½, ½) in
// each element. That expectation has a true gradient, steps or not,
//
//	∂/∂x[i] E f(x + u) = E f(x + u, with x[i] + ½ at i) − f(x + u, with x[i] − ½ at i)
//
// over the noise of the other elements. Steps are of size 1; scale x for others.
// A y that is no scalar is added up. On a jump, where x is a multiple of a step,
// the expectation has a kink: then, and within a float of it, the difference is
// the mean of those to the left and to the right.
//
// With samples = 0, f must be elementwise: y has the shape of x, and y[i]
// depends on x[i] alone. The difference is then exact, for four evaluations.
// Else Expected is the mean over so many samples of the noise, at least two, of
// 4·len(x) evaluations each; it is exact where the other elements make no
// difference. The noise is stepgrad.Uniform's, of seed.
//
// With y = RoundSTE(x) and a loss L(y) it compares L′(y) with L(⌊x⌋+1) − L(⌊x⌋):
// equal for a linear L, off by about L″·(y − ⌊x⌋ − ½) for a curved one, and by
// the whole slope beside a kink. docs/STE_BIAS.md shows it for the usual losses.
//
// f is called with Params and Consts of x's shape. Bias panics if samples is
// negative or 1, or y has another shape than it must.
func Bias[T stepgrad.Float](f func(x *Var[T]) *Var[T], x *Var[T], samples int, seed uint64) BiasEstimate {
	if samples < 0 || samples == 1 {
		panic(fmt.Sprintf("autograd: Bias: samples must be 0 or at least 2, not %d", samples))
	}
	param := &Var[T]{data: slices.Clone(x.data), shape: x.shape, node: new(node[T])}
	y := f(param)
	if samples == 0 && !slices.Equal(y.shape, x.shape) {
		panic(fmt.Sprintf("autograd: Bias: without samples f must be elementwise, but y has shape %v and x has shape %v", y.shape, x.shape))
	}
	n, ends := len(x.data), stepEnds[T]()
	b := BiasEstimate{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	for i, g := range GradWith(y, fill(T(1), y.shape), param)[0].data {
		b.Straight[i] = float64(g)
	}
	if samples == 0 {
		for _, e := range ends {
			y := f(&Var[T]{data: mapped(x, scalars(func(v T) T { return e.of(v) })), shape: x.shape})
			for i := range n {
				b.Expected[i] += e.weight * float64(y.data[i])
			}
		}
	} else {
		sampleBias(&b, func(z []T) float64 { return sum(f(&Var[T]{data: z, shape: x.shape}).data) }, x.data, samples, seed)
	}
	for i := range n {
		b.Bias[i] = b.Straight[i] - b.Expected[i]
	}
	return b
}

// An end of a step about v, on one side of the jump that may be there.
type stepEnd[T stepgrad.Float] struct {
	by     T
	toward float64
	weight float64
}

func stepEnds[T stepgrad.Float]() [4]stepEnd[T] {
	inf := math.Inf(1)
	return [4]stepEnd[T]{{0.5, -inf, 0.5}, {-0.5, -inf, -0.5}, {0.5, inf, 0.5}, {-0.5, inf, -0.5}}
}

func (e stepEnd[T]) of(v T) T {
	v += e.by
	if unsafe.Sizeof(v) == 4 {
		return T(math.Nextafter32(float32(v), float32(e.toward)))
	}
	return T(math.Nextafter(float64(v), e.toward))
}

// sampleBias estimates Expected and StdErr.
func sampleBias[T stepgrad.Float](b *BiasEstimate, f func(z []T) float64, x []T, samples int, seed uint64) {
	n, ends := len(x), stepEnds[T]()
	squares, noise := make([]float64, n), make([]T, n)
	for s := range samples {
		stepgrad.Uniform(noise, seed, uint64(s)*uint64(n))
		for i := range n {
			d := 0.0
			for _, e := range ends {
				z := make([]T, n) // f may keep it
				for j, v := range x {
					z[j] = v + (noise[j] - 0.5)
				}
				z[i] = e.of(x[i])
				d += e.weight * f(z)
			}
			// Welford's mean and sum of squares.
			off := d - b.Expected[i]
			b.Expected[i] += off / float64(s+1)
			squares[i] += off * (d - b.Expected[i])
		}
	}
	for i, q := range squares {
		b.StdErr[i] = math.Sqrt(q / float64(samples-1) / float64(samples))
	}
}
