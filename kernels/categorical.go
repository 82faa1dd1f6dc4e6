package kernels

import (
	"math"
	"slices"
)

// Sum adds up v in the order of sums of many elements.
func Sum[T Float](v []T) T {
	var t Tree[T]
	lanes := SumLanes[T]()
	for at := 0; at < len(v); at += SumBlock {
		var sums [16]T
		for i := at; i < min(at+SumBlock, len(v)); i++ {
			sums[i%lanes] += v[i]
		}
		t.Add(Fold(sums[:lanes]))
	}
	return t.Sum()
}

// The functions below take one row.

// exponents are what the exponential is taken of: (v − largest)/tau. Beside a
// +Inf the others are −Inf, and all +Inf are the same; tau = +Inf makes the
// same of all but −Inf.
func exponents[T Float](x []T, tau T) []T {
	inf := T(math.Inf(1))
	_, largest := MinMax(x)
	z := make([]T, len(x))
	for i, v := range x {
		switch {
		case v != v || v == -inf:
			z[i] = v
		case largest < inf:
			z[i] = v - largest
		case v < inf:
			z[i] = -inf
		}
		if z[i] != -inf || tau < inf {
			z[i] /= tau
		}
	}
	return z
}

// exponentials are e^z, and their sum.
func exponentials[T Float](z []T) (e []T, sum T) {
	e = make([]T, len(z))
	for i, v := range z {
		e[i] = Exp(v)
	}
	return e, Sum(e)
}

// Softmax is e^(x/tau) over its sum; a row of nothing but −Inf has zeros. tau is
// positive.
func Softmax[T Float](dst, x []T, tau T) {
	e, sum := exponentials(exponents(x, tau))
	if sum == 0 {
		sum = 1
	}
	for i, v := range e {
		dst[i] = v / sum
	}
}

// LogSoftmax is the logarithm of Softmax. The sum leaves out the first maximum,
// whose exponential is 1: so the result is accurate next to 0 too.
func LogSoftmax[T Float](dst, x []T) {
	z := exponents(x, 1)
	e, _ := exponentials(z)
	if at := slices.Index(z, 0); at >= 0 {
		e[at] = 0
	}
	l := Log1p(Sum(e))
	for i, v := range z {
		dst[i] = v - l
	}
}

// Log1p is log(1 + x) for x ≥ 0, in float64. What 1 + x loses of x, the quotient
// gives back.
func Log1p[T Float](x T) T {
	v := float64(x)
	u := 1 + v
	if u == 1 {
		return x
	}
	return T(log64(u) * (v / (u - 1)))
}

// SoftmaxGrad is the vector-Jacobian product of Softmax by its result.
func SoftmaxGrad[T Float](dst, dy, y []T) {
	products := make([]T, len(y))
	for i, v := range y {
		products[i] = dy[i] * v
	}
	sum := Sum(products)
	for i, v := range y {
		dst[i] = T(dy[i]-sum) * v
	}
}

// ArgmaxOneHot is 1 at the first maximum, else 0; a row of nothing but −Inf has
// no maximum, and one with NaN is NaN.
func ArgmaxOneHot[T Float](dst, x []T) {
	at, largest := -1, T(math.Inf(-1))
	nan := false
	for i, v := range x {
		if v > largest {
			at, largest = i, v
		}
		nan = nan || v != v
	}
	for i := range dst {
		switch {
		case nan:
			dst[i] = T(math.NaN())
		case i == at:
			dst[i] = 1
		default:
			dst[i] = 0
		}
	}
}

const edgesCategorical = "−Inf has probability 0, of +Inf all have the same; a row of nothing but −Inf gives zeros, a row with NaN is NaN"

var categoricalKernels = []Kernel{
	whole("Softmax", "categorical", "dst x cols", "e^x / Σ e^x of a row", "SoftmaxGrad", edgesCategorical),
	whole("LogSoftmax", "categorical", "dst x cols", "x − log Σ e^x of a row", "dy − e^y·Σ dy", "the logarithm of Softmax: −Inf where that is 0"),
	whole("SoftmaxGrad", "categorical", "dst dy y cols", "y·(dy − Σ dy·y) of a row", "composed of other operations", edgesIEEE),
	whole("GumbelSoftmax", "categorical", "dst logits cols tau seed offset", "Softmax of (logits + Gumbel)/tau", "SoftmaxGrad/tau", edgesCategorical+"; tau = 0 is ArgmaxOneHot"),
	whole("ArgmaxOneHot", "categorical", "dst x cols", "1 at the first maximum of a row, else 0", "none", "a row of nothing but −Inf gives zeros, a row with NaN is NaN"),
}
