package autograd_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

func TestSoftHistogramDerivatives(t *testing.T) {
	x := numbers(-2, 2, 3, 4)
	for _, sharpness := range []float64{0.7, 3, 9} {
		for _, bins := range []int{1, 2, 5, 70} {
			for name, f := range map[string]func(x V, lo, hi float64, bins int, sharpness float64) V{
				"closed": ag.SoftHistogram[float64], "open": ag.SoftHistogramOpen[float64],
			} {
				err := ag.Check(func(xs ...V) V { return ag.Square(f(xs[0], -1.5, 1, bins, sharpness)) }, 4, x)
				require.NoError(t, err, "%s, %d bins, sharpness %v", name, bins, sharpness)
			}
		}
	}
}

// In the second derivative too, elements that are nowhere count nothing.
func TestSoftHistogramSpecial(t *testing.T) {
	x := ag.Param([]float64{nan, inf, -inf, 0.3, 1e300})
	for _, f := range []func(x V, lo, hi float64, bins int, sharpness float64) V{ag.SoftHistogram[float64], ag.SoftHistogramOpen[float64]} {
		y := ag.Sum(ag.Square(f(x, 0, 1, 3, 5)))
		g := ag.Grad(y, x)[0]
		h := ag.Grad(ag.Sum(ag.Square(g)), x)[0]
		for i, v := range append(g.Data(), h.Data()...) {
			if i%5 == 3 {
				require.NotZero(t, v)
			} else {
				require.Equal(t, math.Float64bits(0), math.Float64bits(v), "element %d", i)
			}
		}
	}
}

// On any number of workers the counts and gradients are those of one call.
func TestSoftHistogramWorkers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	data := make([]float32, 300_001)
	for i := range data {
		data[i] = float32(rnd.NormFloat64())
	}
	x := ag.Param(data)
	for _, bins := range []int{3, 5000} {
		counts, dx, dcounts := make([]float32, bins), make([]float32, len(data)), make([]float32, bins)
		for i := range dcounts {
			dcounts[i] = float32(rnd.NormFloat64())
		}
		sharpness := float32(20 * bins)
		stepgrad.SoftHistogram(counts, data, -2, 2, sharpness)
		stepgrad.SoftHistogramGrad(dx, dcounts, data, -2, 2, sharpness)
		for _, procs := range []int{1, 3, 8} {
			withProcs(procs, func() {
				y := ag.SoftHistogram(x, -2, 2, bins, sharpness)
				require.Equal(t, counts, y.Data())
				require.Equal(t, dx, ag.GradWith(y, ag.Const(dcounts), x)[0].Data())
			})
		}
	}
	// As many elements as bins: the gradient's memory is used again.
	y := ag.SoftHistogram(ag.Param([]float64{0.1, 0.5, 0.8}), 0, 1, 3, 9)
	require.NoError(t, ag.Check(func(xs ...V) V {
		return ag.Square(ag.SoftHistogram(ag.Scale(xs[0], 1.5), 0, 1, 3, 9))
	}, 2, ag.Param([]float64{0.1, 0.5, 0.8})), y)
}

func TestBucketize(t *testing.T) {
	x := ag.Param([]float64{-1, 0, 0.9, 1, 2.5, 3, 9, inf, -inf, nan})
	edges := []float64{0, 1, 3}
	y := ag.Bucketize(x, edges)
	edges[0] = 7 // copied
	same(t, []float64{0, 1, 1, 2, 2, 3, 3, 3, 0, nan}, y.Data())
	dy := []float64{nan, 1, 1, 1, 1, nan, inf, nan, nan, nan}
	same(t, []float64{0, 1, 1, 0.5, 0.5, 0, 0, 0, 0, 0}, ag.GradWith(y, ag.Const(dy), x)[0].Data())
	same(t, []float64{0, 0}, ag.Bucketize(ag.Const([]float64{1, 2}), nil).Data())
	// The mask's derivative is zero: x·y has second derivative 2/width.
	p := ag.Param([]float64{0.5, 2})
	g := ag.Grad(ag.Sum(ag.Mul(p, ag.Bucketize(p, []float64{0, 1, 3}))), p)[0]
	same(t, []float64{1.5, 3}, g.Data())
	same(t, []float64{2, 1}, ag.Grad(ag.Sum(g), p)[0].Data())
}

func TestBinsPanics(t *testing.T) {
	x := numbers(0, 1, 3)
	for want, f := range map[string]func(){
		"autograd: SoftHistogram: bins must be at least 1, not 0":                          func() { ag.SoftHistogram(x, 0, 1, 0, 1) },
		"autograd: SoftHistogramOpen: bins must be at least 1, not -1":                     func() { ag.SoftHistogramOpen(x, 0, 1, -1, 1) },
		"autograd: SoftHistogram: lo must be less than hi, both finite":                    func() { ag.SoftHistogram(x, 1, 1, 3, 1) },
		"autograd: SoftHistogramOpen: sharpness must be positive and finite":               func() { ag.SoftHistogramOpen(x, 0, 1, 3, nan) },
		"autograd: SoftHistogram: hi - lo must be finite":                                  func() { ag.SoftHistogram(x, -1e308, 1e308, 3, 1) },
		"autograd: Bucketize: edge 1, 0, must be finite and greater than the one before":   func() { ag.Bucketize(x, []float64{0, 0}) },
		"autograd: Bucketize: edge 0, NaN, must be finite and greater than the one before": func() { ag.Bucketize(x, []float64{nan}) },
	} {
		require.PanicsWithValue(t, want, f)
	}
}

func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}
