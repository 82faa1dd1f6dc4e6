package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

func TestPanics(t *testing.T) {
	sized := func(shape ...int) V { return numbers(0, 1, shape...) }
	x := sized(2, 3)
	bad := func(g ...V) func() {
		return func() {
			ag.Grad(ag.Sum(ag.Custom("Mine", []float64{1}, nil, func(V) []V { return g }, x, sized(4))), x)
		}
	}
	for want, f := range map[string]func(){
		"autograd: Param: shape [2 2] does not hold 3 elements":                              func() { ag.Param([]float64{1, 2, 3}, 2, 2) },
		"autograd: Param: shape [-1 -3] does not hold 3 elements":                            func() { ag.Param([]float64{1, 2, 3}, -1, -3) },
		"autograd: Const: shape [0] does not hold 1 elements":                                func() { ag.Const([]float64{1}, 0) },
		"autograd: Custom: Mine: shape [5] does not hold 1 elements":                         func() { ag.Custom("Mine", []float64{1}, []int{5}, nil) },
		"autograd: Custom: Mine: the rule returned 1 gradients for 2 operands":               bad(x),
		"autograd: Custom: Mine: the gradient of operand 1 has shape [2 3], the operand [4]": bad(x, x),

		"autograd: Grad: y has shape [2 3], not one element; see GradWith": func() { ag.Grad(x, x) },
		"autograd: GradWith: dy has shape [3] and y has shape [2 3]":       func() { ag.GradWith(x, sized(3), x) },
		"autograd: GradWith: dy has shape [1] and y has shape []":          func() { ag.GradWith(ag.Sum(x), sized(1), x) },

		"autograd: Add: shapes [2 3] and [2] do not broadcast":       func() { ag.Add(x, sized(2)) },
		"autograd: Sub: shapes [2] and [2 3] do not broadcast":       func() { ag.Sub(sized(2), x) },
		"autograd: Mul: shapes [2 3] and [4 2 1 3] do not broadcast": nil, // they do
		"autograd: Mul: shapes [2 3] and [3 3] do not broadcast":     func() { ag.Mul(x, sized(3, 3)) },
		"autograd: Div: shapes [2 3] and [0] do not broadcast":       func() { ag.Div(x, sized(0)) },
		"autograd: Maximum: shapes [2 3] and [2] do not broadcast":   func() { ag.Maximum(x, sized(2)) },
		"autograd: Minimum: shapes [2 3] and [2] do not broadcast":   func() { ag.Minimum(x, sized(2)) },
		"autograd: Where: shapes [2 3] and [2] do not broadcast":     func() { ag.Where(make([]bool, 6), x, sized(2)) },
		"autograd: Where: 5 conditions for shapes [2 3] and [3]":     func() { ag.Where(make([]bool, 5), x, sized(3)) },

		"autograd: Sum: axis 2 out of range for shape [2 3]":                   func() { ag.Sum(x, 2) },
		"autograd: Sum: axis -3 out of range for shape [2 3]":                  func() { ag.Sum(x, -3) },
		"autograd: Sum: axis 0 out of range for shape []":                      func() { ag.Sum(ag.Sum(x), 0) },
		"autograd: Mean: axis -1 of shape [2 3] given twice":                   func() { ag.Mean(x, 1, -1) },
		"autograd: MatMul: shapes [2 3] and [4 5] are not [m k] and [k n]":     func() { ag.MatMul(x, sized(4, 5)) },
		"autograd: MatMul: shapes [2 3] and [3] are not [m k] and [k n]":       func() { ag.MatMul(x, sized(3)) },
		"autograd: Transpose: shape [3] has fewer than two axes":               func() { ag.Transpose(sized(3)) },
		"autograd: Reshape: shape [4] does not hold the elements of [2 3]":     func() { ag.Reshape(x, 4) },
		"autograd: Reshape: shape [] does not hold the elements of [2 3]":      func() { ag.Reshape(x) },
		"autograd: Reshape: shape [-2 -3] does not hold the elements of [2 3]": func() { ag.Reshape(x, -2, -3) },
		"autograd: Concat: nothing to join":                                    func() { ag.Concat[float64](0) },
		"autograd: Concat: axis 2 out of range for shape [2 3]":                func() { ag.Concat(2, x) },
		"autograd: Concat: shapes [2 3] and [2 2] differ in more than axis 0":  func() { ag.Concat(0, x, sized(2, 2)) },
		"autograd: Concat: shapes [2 3] and [3] differ in more than axis 1":    func() { ag.Concat(-1, x, sized(3)) },
		"autograd: Slice: [1, 4) out of range for axis 1 of shape [2 3]":       func() { ag.Slice(x, 1, 1, 4) },
		"autograd: Slice: [-1, 1) out of range for axis 0 of shape [2 3]":      func() { ag.Slice(x, 0, -1, 1) },
		"autograd: Slice: [2, 1) out of range for axis 0 of shape [2 3]":       func() { ag.Slice(x, 0, 2, 1) },
		"autograd: Slice: axis 5 out of range for shape [2 3]":                 func() { ag.Slice(x, 5, 0, 1) },
		"autograd: Gather: index 3 out of range for axis 1 of shape [2 3]":     func() { ag.Gather(x, -1, []int{0, 3}) },
		"autograd: Gather: index -1 out of range for axis 0 of shape [2 3]":    func() { ag.Gather(x, 0, []int{-1}) },
		"autograd: Gather: axis -4 out of range for shape [2 3]":               func() { ag.Gather(x, -4, nil) },

		"autograd: Softmax: shape [] has no last axis":                                     func() { ag.Softmax(ag.Sum(x)) },
		"autograd: LogSoftmax: shape [] has no last axis":                                  func() { ag.LogSoftmax(ag.Sum(x)) },
		"autograd: GumbelSoftmax: shape [] has no last axis":                               func() { ag.GumbelSoftmax(ag.Sum(x), 1, false, 1) },
		"autograd: GumbelSoftmax: tau must be at least 0, not NaN":                         func() { ag.GumbelSoftmax(x, nan, false, 1) },
		"autograd: CrossEntropy: logits have shape [3], not [n k]":                         func() { ag.CrossEntropy(sized(3), []int{1}) },
		"autograd: CrossEntropy: 1 labels for logits of shape [2 3]":                       func() { ag.CrossEntropy(x, []int{1}) },
		"autograd: CrossEntropy: label 3 of row 1 out of range for logits of shape [2 3]":  func() { ag.CrossEntropy(x, []int{2, 3}) },
		"autograd: CrossEntropy: label -1 of row 0 out of range for logits of shape [2 3]": func() { ag.CrossEntropy(x, []int{-1, 3}) },
		"autograd: Clamp: lo 2 must be at most hi 1, neither NaN":                          func() { ag.Clamp(x, 2, 1) },
		"autograd: Clamp: lo NaN must be at most hi 1, neither NaN":                        func() { ag.Clamp(x, nan, 1) },
		"autograd: ClipSTE: lo must be at most hi, neither NaN":                            func() { ag.ClipSTE(x, stepgrad.Down, 2, 1) },
		"autograd: ClipSTE: lo and hi must be integers or infinite":                        func() { ag.ClipSTE(ag.Param([]float64{}), stepgrad.Down, 0.5, 1) },
		"autograd: ClipSTE: mode must be Down, Up, TowardZero, NearestEven or NearestAway": func() { ag.ClipSTE(x, 9, 0, 1) },
	} {
		if f == nil {
			require.NotPanics(t, func() { ag.Mul(x, sized(4, 2, 1, 3)) })
			continue
		}
		require.PanicsWithValue(t, want, f)
	}
	for name, f := range map[string]func(x V, p float64) V{
		"SoftFloor": ag.SoftFloor[float64], "SoftRound": ag.SoftRound[float64], "SoftCeil": ag.SoftCeil[float64],
	} {
		for _, alpha := range []float64{0, -1, inf, nan} {
			require.PanicsWithValue(t, "autograd: "+name+": alpha must be positive and finite", func() { f(x, alpha) })
		}
	}
	for name, f := range map[string]func(x V, p float64) V{
		"SmoothFloor": ag.SmoothFloor[float64], "SmoothRound": ag.SmoothRound[float64], "SmoothCeil": ag.SmoothCeil[float64],
	} {
		for _, slope := range []float64{0, -1, 1.5, nan} {
			require.PanicsWithValue(t, "autograd: "+name+": slope must be in (0, 1]", func() { f(x, slope) })
		}
	}
}
