package autograd

import (
	"fmt"
	"math"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// LogSoftmax returns x − log Σ e^x along the last axis, with the maximum
// subtracted first, so that nothing overflows. The gradient is
// dy − softmax(x)·Σ dy.
//
// An entry of −Inf gives −Inf; a row of nothing else, or with +Inf or NaN,
// gives NaN, as in torch. It panics if x has no axis.
func LogSoftmax[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := softRows("LogSoftmax", x, func(v, largest, sum float64) float64 { return v - largest - math.Log(sum) })
	var y *Var[T]
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return Sub(dy, Mul(Exp(y), sumTo(dy, rows(dy.shape))))
	}))
	return y
}

// Softmax returns e^x / Σ e^x along the last axis, with the maximum subtracted
// first, so that nothing overflows. The gradient is y·(dy − Σ dy·y).
//
// An entry of −Inf gives 0; a row of nothing else, or with +Inf or NaN, gives
// NaN, as in torch. It panics if x has no axis.
func Softmax[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := softRows("Softmax", x, func(v, largest, sum float64) float64 { return math.Exp(v-largest) / sum })
	var y *Var[T]
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return Mul(y, Sub(dy, sumTo(Mul(dy, y), rows(dy.shape))))
	}))
	return y
}

// softRows applies f to every entry, the maximum of its row, and the sum of
// e^(entry − maximum) there.
func softRows[T stepgrad.Float](op string, x *Var[T], f func(v, largest, sum float64) float64) []T {
	if len(x.shape) == 0 {
		panic(fmt.Sprintf("autograd: %s: shape %v has no last axis", op, x.shape))
	}
	dst := blank[T](len(x.data))
	k := x.shape[len(x.shape)-1]
	for at := 0; at < len(dst); at += k {
		row := x.data[at : at+k]
		largest, sum := float64(slices.Max(row)), 0.0
		for _, v := range row {
			sum += math.Exp(float64(v) - largest)
		}
		for i, v := range row {
			dst[at+i] = T(f(float64(v), largest, sum))
		}
	}
	return dst
}

// rows is shape with a last axis of 1.
func rows(shape []int) []int {
	r := slices.Clone(shape)
	r[len(r)-1] = 1
	return r
}

// CrossEntropy returns the mean over the rows of −log softmax(logits)[label],
// a scalar, in natural units. logits has shape [n k], labels n entries in
// [0, k); labels is copied. The gradient is dy·(softmax − one-hot)/n. It is
// stable for logits of any finite size; without rows it is NaN.
//
// It panics if logits is not 2-D, if there is not one label per row, or if a
// label is out of range.
func CrossEntropy[T stepgrad.Float](logits *Var[T], labels []int) *Var[T] {
	if len(logits.shape) != 2 {
		panic(fmt.Sprintf("autograd: CrossEntropy: logits have shape %v, not [n k]", logits.shape))
	}
	n, k := logits.shape[0], logits.shape[1]
	if len(labels) != n {
		panic(fmt.Sprintf("autograd: CrossEntropy: %d labels for logits of shape %v", len(labels), logits.shape))
	}
	index := make([]int, n)
	for i, c := range labels {
		if c < 0 || c >= k {
			panic(fmt.Sprintf("autograd: CrossEntropy: label %d of row %d out of range for logits of shape %v", c, i, logits.shape))
		}
		index[i] = i*k + c
	}
	return Neg(Mean(gather(reshape(LogSoftmax(logits), []int{n * k}), 0, index)))
}
