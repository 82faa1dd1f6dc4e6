package autograd

import (
	"fmt"

	"github.com/stepgrad/stepgrad"
)

// Sum returns the sum over the given axes, which are removed from the shape;
// negative ones count from the end. No axes means all of them: the result has
// shape []. Sums are accumulated in float64; an empty sum is 0. The gradient
// is dy, repeated to the shape of x.
//
// It panics if an axis is out of range or given twice.
func Sum[T stepgrad.Float](x *Var[T], axes ...int) *Var[T] {
	kept, shape := reduced("Sum", x.shape, axes)
	return reshape(sumTo(x, kept), shape)
}

// Mean returns Sum divided by the number of elements summed; an empty mean is
// NaN. The gradient is dy divided by that number, repeated to the shape of x.
// It panics as Sum does.
func Mean[T stepgrad.Float](x *Var[T], axes ...int) *Var[T] {
	kept, shape := reduced("Mean", x.shape, axes)
	n := 1
	for i, d := range x.shape {
		if kept[i] != d {
			n *= d
		}
	}
	return reshape(Div(sumTo(x, kept), scalar(T(n))), shape)
}

// reduced returns shape with the axes set to 1, and with the axes removed.
func reduced(op string, shape, axes []int) (kept, removed []int) {
	kept = append([]int{}, shape...)
	gone := make([]bool, len(shape))
	for _, a := range axes {
		k := axisOf(op, shape, a)
		if gone[k] {
			panic(fmt.Sprintf("autograd: %s: axis %d of shape %v given twice", op, a, shape))
		}
		gone[k] = true
	}
	removed = []int{}
	for k, d := range shape {
		if gone[k] || len(axes) == 0 {
			kept[k] = 1
		} else {
			removed = append(removed, d)
		}
	}
	return kept, removed
}

// axisOf resolves an axis that may count from the end.
func axisOf(op string, shape []int, a int) int {
	k := a
	if k < 0 {
		k += len(shape)
	}
	if k < 0 || k >= len(shape) {
		panic(fmt.Sprintf("autograd: %s: axis %d out of range for shape %v", op, a, shape))
	}
	return k
}
