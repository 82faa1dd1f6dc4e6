package autograd

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// LogSoftmax returns x − log Σ e^x along the last axis, as stepgrad.LogSoftmax:
// nothing overflows. The gradient is dy − softmax(x)·Σ dy.
//
// −Inf gives −Inf, also in a row of nothing else; k entries of +Inf share the
// row, −log k each; a row with NaN is NaN. It panics if x has no axis.
func LogSoftmax[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	y = result(softRows("LogSoftmax", x, stepgrad.LogSoftmax[T]), x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return Sub(dy, Mul(Exp(y), sumTo(dy, rows(dy.shape))))
	}))
	return y
}

// Softmax returns e^x / Σ e^x along the last axis, as stepgrad.Softmax: nothing
// overflows. The gradient is y·(dy − Σ dy·y), by stepgrad.SoftmaxGrad.
//
// −Inf gives 0, also in a row of nothing else; k entries of +Inf share the row,
// 1/k each; a row with NaN is NaN. It panics if x has no axis.
func Softmax[T stepgrad.Float](x *Var[T]) *Var[T] {
	y := &Var[T]{data: softRows("Softmax", x, stepgrad.Softmax[T]), shape: x.shape}
	return softened(y, x, 1)
}

// GumbelSoftmax returns a relaxed sample along the last axis of logits, as
// stepgrad.GumbelSoftmax: the softmax of (logits + noise)/tau, with the Gumbel
// noise of seed. The gradient is softmax's, over tau; the noise is a constant.
// Every call wants a seed of its own: the same one gives the same noise.
//
// hard makes it exactly one-hot, at the largest of logits + noise, with the
// gradient of the relaxed sample: a straight-through estimator. tau = 0 is
// one-hot too, and its gradient is declared zero, which Explain finds.
//
// −Inf, +Inf and NaN are as in Softmax, and in a hard sample as in
// stepgrad.ArgmaxOneHot. It panics if logits has no axis, and unless tau ≥ 0.
func GumbelSoftmax[T stepgrad.Float](logits *Var[T], tau T, hard bool, seed uint64) *Var[T] {
	obey("GumbelSoftmax", func() { stepgrad.GumbelSoftmax(nil, nil, 1, tau, seed, 0) })
	sample := func(tau T) []T {
		dst := blank[T](len(logits.data))
		byRows("GumbelSoftmax", logits.shape, func(lo, hi, cols int) {
			stepgrad.GumbelSoftmax(dst[lo:hi], logits.data[lo:hi], cols, tau, seed, uint64(lo))
		})
		return dst
	}
	switch {
	case tau == 0:
		return blocked("GumbelSoftmax", sample(0), logits.shape, logits)
	case hard && logits.node == nil:
		return &Var[T]{data: sample(0), shape: logits.shape}
	}
	y := softened(&Var[T]{data: sample(tau), shape: logits.shape}, logits, tau)
	if hard {
		return result(sample(0), logits.shape, via(y, pass[T]))
	}
	return y
}

// softened makes y, the softmax of x/tau, an operation.
func softened[T stepgrad.Float](y, x *Var[T], tau T) *Var[T] {
	y.node = result(y.data, y.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] {
			if tau == 1 {
				return softmaxGrad(dy, y)
			}
			return Div(softmaxGrad(dy, y), scalar(tau))
		},
		func(dst, dy []T) {
			softmaxGradTo(dst, dy, y)
			if tau != 1 {
				each(dst, dst, func(dst, x []T) {
					for i, v := range x {
						dst[i] = v / tau
					}
				})
			}
		}, x)).node
	return y
}

// softmaxGrad is y·(dy − Σ dy·y), an operation on dy and y.
func softmaxGrad[T stepgrad.Float](dy, y *Var[T]) *Var[T] {
	dst := blank[T](len(y.data))
	softmaxGradTo(dst, dy.data, y)
	return result(dst, y.shape,
		viaPlain(dy,
			func(d *Var[T]) *Var[T] { return softmaxGrad(d, y) },
			func(dst, d []T) { softmaxGradTo(dst, d, y) }, y),
		via(y, func(d *Var[T]) *Var[T] {
			rows := rows(y.shape)
			return Sub(Mul(d, Sub(dy, sumTo(Mul(dy, y), rows))), Mul(dy, sumTo(Mul(d, y), rows)))
		}))
}

func softmaxGradTo[T stepgrad.Float](dst, dy []T, y *Var[T]) {
	byRows("Softmax", y.shape, func(lo, hi, cols int) {
		stepgrad.SoftmaxGrad(dst[lo:hi], dy[lo:hi], y.data[lo:hi], cols)
	})
}

func softRows[T stepgrad.Float](op string, x *Var[T], kernel func(dst, x []T, cols int)) []T {
	dst := blank[T](len(x.data))
	byRows(op, x.shape, func(lo, hi, cols int) { kernel(dst[lo:hi], x.data[lo:hi], cols) })
	return dst
}

// byRows calls f for the elements from lo to hi, whole rows of the last axis.
func byRows(op string, shape []int, f func(lo, hi, cols int)) {
	if len(shape) == 0 {
		panic(fmt.Sprintf("autograd: %s: shape %v has no last axis", op, shape))
	}
	n, cols := size(shape), shape[len(shape)-1]
	switch {
	case n == 0:
	case n < large:
		f(0, n, cols)
	default:
		next := func(i int) int { return (i + cols - 1) / cols * cols } // where a row begins
		stepgrad.Parallel(n, func(lo, hi int) {
			if lo, hi = next(lo), next(hi); lo < hi {
				f(lo, hi, cols)
			}
		})
	}
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
// stable for logits of any finite size; a label with logit −Inf, or beside +Inf,
// costs +Inf; without rows it is NaN.
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
