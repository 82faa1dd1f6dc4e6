package stepgrad_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/cases"
)

// TestCategoricalEdges: the rules for infinities and NaN, and what rows add up
// to.
func TestCategoricalEdges(t *testing.T) {
	testCategoricalEdges[float32](t)
	testCategoricalEdges[float64](t)
}

func testCategoricalEdges[T cases.Float](t *testing.T) {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	half := T(math.Log(2))
	for _, c := range []struct{ x, soft, log, hot []T }{
		{[]T{1, 1, -inf}, []T{0.5, 0.5, 0}, []T{-half, -half, -inf}, []T{1, 0, 0}},
		{[]T{-inf, -inf, -inf}, []T{0, 0, 0}, []T{-inf, -inf, -inf}, []T{0, 0, 0}},
		{[]T{9, inf, -inf}, []T{0, 1, 0}, []T{-inf, 0, -inf}, []T{0, 1, 0}},
		{[]T{inf, 0, inf}, []T{0.5, 0, 0.5}, []T{-half, -inf, -half}, []T{1, 0, 0}},
		{[]T{inf, nan, -inf}, []T{nan, nan, nan}, []T{nan, nan, nan}, []T{nan, nan, nan}},
		{[]T{-inf, nan, -inf}, []T{nan, nan, nan}, []T{nan, nan, nan}, []T{nan, nan, nan}},
		{[]T{0, 3e38, -3e38}, []T{0, 1, 0}, []T{-3e38, 0, T(-3e38) - T(3e38)}, []T{0, 1, 0}},
		{[]T{T(math.Copysign(0, -1)), 0, -1e30}, []T{0.5, 0.5, 0}, []T{-half, -half, -1e30}, []T{1, 0, 0}},
	} {
		// Alone, as one of several rows, and padded to a long one.
		for _, pad := range []int{0, 1000} {
			row := slices.Concat(c.x, slices.Repeat([]T{-inf}, pad))
			cols, x := len(row), slices.Repeat(row, 3)
			for what, f := range map[string]struct {
				call func(dst, x []T, cols int)
				want []T
				pad  T
			}{
				"Softmax": {stepgrad.Softmax[T], c.soft, 0}, "LogSoftmax": {stepgrad.LogSoftmax[T], c.log, -inf},
				"ArgmaxOneHot":  {stepgrad.ArgmaxOneHot[T], c.hot, 0},
				"GumbelSoftmax": {func(dst, x []T, cols int) { stepgrad.GumbelSoftmax(dst, x, cols, 1, 5, 0) }, c.soft, 0},
			} {
				if what == "GumbelSoftmax" && c.x[0] < inf && c.soft[0] == 0.5 {
					continue // the noise decides
				}
				dst := make([]T, len(x))
				f.call(dst, x, cols)
				for r := range 3 {
					for i, v := range dst[r*cols : (r+1)*cols] {
						want := f.pad
						switch {
						case i < len(f.want):
							want = f.want[i]
						case f.want[0] != f.want[0]:
							want = nan
						}
						if v != want && (v == v || want == want) {
							t.Errorf("%s of %v and %d: element %d is %v, want %v", what, c.x, pad, i, v, want)
						}
					}
				}
			}
		}
	}
}

// TestCategoricalPanics: the rules are checked before anything is written.
func TestCategoricalPanics(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7}
	was := slices.Clone(x)
	tau := func(tau float32) func() { return func() { stepgrad.GumbelSoftmax(x[:6], x[:6], 3, tau, 0, 0) } }
	nan := float32(math.NaN())
	for name, f := range map[string]func(dst, x []float32, cols int){
		"Softmax": stepgrad.Softmax[float32], "LogSoftmax": stepgrad.LogSoftmax[float32], "ArgmaxOneHot": stepgrad.ArgmaxOneHot[float32],
		"GumbelSoftmax": func(dst, x []float32, cols int) { stepgrad.GumbelSoftmax(dst, x, cols, 1, 0, 0) },
	} {
		assert.PanicsWithValue(t, "stepgrad: "+name+": dst and x must have the same length", func() { f(x[:3], x[:6], 3) })
		assert.PanicsWithValue(t, "stepgrad: "+name+": dst and x must be the same slice or not overlap", func() { f(x[:6], x[1:], 3) })
		for _, cols := range []int{0, -3, 4, 7} {
			assert.PanicsWithValue(t, "stepgrad: "+name+": cols must be at least 1 and divide the length", func() { f(x[:6], x[:6], cols) })
		}
		assert.PanicsWithValue(t, "stepgrad: "+name+": cols must be at least 1 and divide the length", func() { f(nil, nil, 0) })
		assert.NotPanics(t, func() { f(nil, nil, 3) })
	}
	for want, f := range map[string]func(){
		"stepgrad: SoftmaxGrad: dst must have the same length as both operands":             func() { stepgrad.SoftmaxGrad(x[:6], x[:6], x[:3], 3) },
		"stepgrad: SoftmaxGrad: dst must be the same slice as an operand or not overlap it": func() { stepgrad.SoftmaxGrad(x[1:], x[1:], x[:6], 3) },
		"stepgrad: SoftmaxGrad: cols must be at least 1 and divide the length":              func() { stepgrad.SoftmaxGrad(x[:6], x[:6], x[:6], 5) },
	} {
		assert.PanicsWithValue(t, want, f)
	}
	for _, bad := range []float32{-1, nan, float32(math.Inf(-1))} {
		assert.PanicsWithValue(t, "stepgrad: GumbelSoftmax: tau must be at least 0, not NaN", tau(bad))
	}
	require.Equal(t, was, x, "nothing has been written")
	assert.NotPanics(t, tau(float32(math.Copysign(0, -1))))
}

// TestGumbelSoftmaxRows: a matrix may be split between rows, and tau has no
// effect on which entry is the largest.
func TestGumbelSoftmaxRows(t *testing.T) {
	const rows, cols, seed, offset = 300, 13, 4, 1<<40 + 3
	logits, whole, parts, hot := make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, rows*cols)
	stepgrad.Normal(logits, 2, 0)
	for _, tau := range []float32{0, 1e-40, 0.1, 1, 30} {
		stepgrad.GumbelSoftmax(whole, logits, cols, tau, seed, offset)
		for i := 0; i < len(logits); i += 7 * cols {
			to := min(i+7*cols, len(logits))
			stepgrad.GumbelSoftmax(parts[i:to], logits[i:to], cols, tau, seed, offset+uint64(i))
		}
		require.Equal(t, whole, parts, "tau %v", tau)
		if tau == 0 {
			copy(hot, whole)
		}
		stepgrad.ArgmaxOneHot(whole, whole, cols)
		require.Equal(t, hot, whole, "tau %v", tau)
	}
}
