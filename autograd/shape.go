package autograd

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// Reshape returns x with another shape of the same number of elements, in the
// same storage; no shape means rank 0. The gradient is dy in the shape of x.
// It panics if the numbers of elements differ.
func Reshape[T stepgrad.Float](x *Var[T], shape ...int) *Var[T] {
	if !fits(shape, len(x.data)) {
		panic(fmt.Sprintf("autograd: Reshape: shape %v does not hold the elements of %v", shape, x.shape))
	}
	return reshape(x, append([]int{}, shape...))
}

func reshape[T stepgrad.Float](x *Var[T], shape []int) *Var[T] {
	if slices.Equal(x.shape, shape) {
		return x
	}
	back := x.shape
	return result(x.data, shape, via(x, func(dy *Var[T]) *Var[T] { return reshape(dy, back) }))
}

// Transpose returns x with its last two axes exchanged. The gradient is dy
// with its last two axes exchanged. It panics if x has fewer than two axes.
func Transpose[T stepgrad.Float](x *Var[T]) *Var[T] {
	r := len(x.shape)
	if r < 2 {
		panic(fmt.Sprintf("autograd: Transpose: shape %v has fewer than two axes", x.shape))
	}
	n, m := x.shape[r-2], x.shape[r-1]
	shape := slices.Clone(x.shape)
	shape[r-2], shape[r-1] = m, n
	dst := blank[T](len(x.data))
	for at := 0; at < len(dst); at += n * m {
		for i := range n {
			for j, v := range x.data[at+i*m:][:m] {
				dst[at+j*n+i] = v
			}
		}
	}
	return result(dst, shape, via(x, Transpose[T]))
}

// Concat joins tensors along an axis; a negative one counts from the end. The
// gradient of each operand is its slice of dy.
//
// It panics if there are none, if the axis is out of range, or if the shapes
// differ in more than that axis.
func Concat[T stepgrad.Float](axis int, xs ...*Var[T]) *Var[T] {
	if len(xs) == 0 {
		panic("autograd: Concat: nothing to join")
	}
	first := xs[0].shape
	k := axisOf("Concat", first, axis)
	shape := slices.Clone(first)
	shape[k] = 0
	edges := make([]edge[T], len(xs))
	for i, x := range xs {
		if len(x.shape) != len(first) || !slices.Equal(x.shape[:k], first[:k]) || !slices.Equal(x.shape[k+1:], first[k+1:]) {
			panic(fmt.Sprintf("autograd: Concat: shapes %v and %v differ in more than axis %d", first, x.shape, k))
		}
		at, end := shape[k], shape[k]+x.shape[k]
		shape[k] = end
		edges[i] = via(x, func(dy *Var[T]) *Var[T] { return Slice(dy, k, at, end) })
	}
	dst := blank[T](size(shape))
	outer, row, inner := split(shape, k)
	at := 0
	for _, x := range xs {
		n := x.shape[k] * inner
		for o := range outer {
			copy(dst[o*row+at:], x.data[o*n:][:n])
		}
		at += n
	}
	return result(dst, shape, edges...)
}

// Slice returns the part of x with from ≤ index < to along an axis; a negative
// axis counts from the end, a negative index does not. The gradient is dy in
// its place among zeros.
//
// It panics if the axis is out of range, or unless 0 ≤ from ≤ to ≤ its length.
func Slice[T stepgrad.Float](x *Var[T], axis, from, to int) *Var[T] {
	k := axisOf("Slice", x.shape, axis)
	if from < 0 || from > to || to > x.shape[k] {
		panic(fmt.Sprintf("autograd: Slice: [%d, %d) out of range for axis %d of shape %v", from, to, k, x.shape))
	}
	whole := x.shape
	shape := slices.Clone(whole)
	shape[k] = to - from
	dst := blank[T](size(shape))
	outer, row, inner := split(whole, k)
	at, n := from*inner, (to-from)*inner
	for o := range outer {
		copy(dst[o*n:][:n], x.data[o*row+at:])
	}
	e := via(x, func(dy *Var[T]) *Var[T] { return place(dy, whole, k, from) })
	e.into = func(sum, dy []T) {
		for o := range outer {
			part := sum[o*row+at:][:n]
			stepgrad.Add(part, part, dy[o*n:][:n])
		}
	}
	return result(dst, shape, e)
}

// place is the gradient of Slice: x among zeros of the given shape.
func place[T stepgrad.Float](x *Var[T], shape []int, k, from int) *Var[T] {
	dst := make([]T, size(shape))
	outer, row, inner := split(shape, k)
	at, n := from*inner, x.shape[k]*inner
	for o := range outer {
		copy(dst[o*row+at:], x.data[o*n:][:n])
	}
	to := from + x.shape[k]
	return result(dst, shape, via(x, func(dy *Var[T]) *Var[T] { return Slice(dy, k, from, to) }))
}

// Gather returns the entries of x at the given indices along an axis, as
// numpy.take: that axis of the result has length len(index). An index may
// repeat; index is copied. The gradient of an entry is the sum of dy wherever
// it was used.
//
// It panics if the axis or an index is out of range; a negative axis counts
// from the end, a negative index is out of range.
func Gather[T stepgrad.Float](x *Var[T], axis int, index []int) *Var[T] {
	k := axisOf("Gather", x.shape, axis)
	for _, i := range index {
		if i < 0 || i >= x.shape[k] {
			panic(fmt.Sprintf("autograd: Gather: index %d out of range for axis %d of shape %v", i, k, x.shape))
		}
	}
	return gather(x, k, slices.Clone(index))
}

func gather[T stepgrad.Float](x *Var[T], k int, index []int) *Var[T] {
	whole := x.shape
	shape := slices.Clone(whole)
	shape[k] = len(index)
	dst := blank[T](size(shape))
	outer, row, inner := split(whole, k)
	for o := range outer {
		for j, i := range index {
			copy(dst[(o*len(index)+j)*inner:][:inner], x.data[o*row+i*inner:])
		}
	}
	e := via(x, func(dy *Var[T]) *Var[T] { return scatter(dy, whole, k, index) })
	e.into = func(sum, dy []T) { scatterLoop(sum, dy, whole, k, index) }
	return result(dst, shape, e)
}

// scatter is the gradient of gather: it adds up the entries of x in a tensor
// of the given shape.
func scatter[T stepgrad.Float](x *Var[T], shape []int, k int, index []int) *Var[T] {
	dst := make([]T, size(shape))
	scatterLoop(dst, x.data, shape, k, index)
	return result(dst, shape, via(x, func(dy *Var[T]) *Var[T] { return gather(dy, k, index) }))
}

func scatterLoop[T stepgrad.Float](sum, x []T, shape []int, k int, index []int) {
	outer, row, inner := split(shape, k)
	for o := range outer {
		for j, i := range index {
			to := sum[o*row+i*inner:][:inner]
			stepgrad.Add(to, to, x[(o*len(index)+j)*inner:][:inner])
		}
	}
}

// split sees a tensor as outer rows of the axes from k on; inner is the size
// of one entry of axis k.
func split(shape []int, k int) (outer, row, inner int) {
	return size(shape[:k]), size(shape[k:]), size(shape[k+1:])
}
