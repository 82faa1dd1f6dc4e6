package autograd

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// Var is a tensor: elements in row-major order, a shape, and the operation
// that made it. It never changes; only the owner of the slice given to Param
// or Const may change what is in it.
type Var[T stepgrad.Float] struct {
	data  []T
	shape []int    // not nil; shared between Vars
	node  *node[T] // nil: depends on no Param
}

// A node is a Param or an operation that depends on one. It holds no tensors:
// those that a gradient rule needs are kept by the rule, and by nothing else.
type node[T stepgrad.Float] struct {
	edges []edge[T]                  // none: a Param
	joint func(dy *Var[T]) []*Var[T] // the rule of all edges at once, in their place; new Vars, or dy itself
	once  bool                       // joint is a user's
	block *block                     // set if some edge has no rule

	later  *replay[T] // not nil: a gradient; its edges are found when it is differentiated
	result int        // which of the replay's
}

// An edge leads from an operation to one operand. Its rule turns the gradient
// of the result into that of the operand, by operations of this package; nil
// declares that gradient to be zero.
//
// plain and into are for gradients that are not differentiated, and may be nil.
type edge[T stepgrad.Float] struct {
	to    *node[T]
	rule  func(dy *Var[T]) *Var[T]
	plain func(dst, dy []T) // dst = rule(dy); every element is written, and dst may be dy
	shape []int             // of dst
	into  func(sum, dy []T) // sum += rule(dy), where that is mostly zeros

	varies bool // plain gives a gradient that depends on a Param even if dy does not
}

func (n *node[T]) out() []edge[T] {
	if n.later != nil {
		return n.later.of(n.result)
	}
	return n.edges
}

func (n *node[T]) open(i int) bool { return n.joint != nil || n.out()[i].rule != nil }

func via[T stepgrad.Float](x *Var[T], rule func(dy *Var[T]) *Var[T]) edge[T] {
	return edge[T]{to: x.node, rule: rule}
}

// viaPlain takes the shortcut too, and what else the gradient depends on.
func viaPlain[T stepgrad.Float](x *Var[T], rule func(dy *Var[T]) *Var[T], plain func(dst, dy []T), on ...*Var[T]) edge[T] {
	e := edge[T]{to: x.node, rule: rule, plain: plain, shape: x.shape}
	for _, v := range on {
		e.varies = e.varies || v.node != nil
	}
	return e
}

func pass[T stepgrad.Float](dy *Var[T]) *Var[T] { return dy }

// result is the Var of an operation. Edges to constants are dropped, with
// everything that their rules hold.
func result[T stepgrad.Float](data []T, shape []int, edges ...edge[T]) *Var[T] {
	y := &Var[T]{data: data, shape: shape}
	kept := slices.DeleteFunc(edges, func(e edge[T]) bool { return e.to == nil })
	if len(kept) > 0 {
		y.node = &node[T]{edges: kept}
	}
	return y
}

// Param returns a differentiable leaf. It keeps data, without a copy, and
// copies shape; no shape means a vector. An optimiser updates it by writing to
// data: the next forward pass sees the new values, and gradients of a graph
// built before are undefined.
//
// It panics if the product of shape is not len(data).
func Param[T stepgrad.Float](data []T, shape ...int) *Var[T] {
	x := leaf("Param", data, shape)
	x.node = new(node[T])
	return x
}

// Const returns a Var that is not differentiable: Grad gives zeros for it.
// Otherwise it is as Param.
func Const[T stepgrad.Float](data []T, shape ...int) *Var[T] {
	return leaf("Const", data, shape)
}

func leaf[T stepgrad.Float](op string, data []T, shape []int) *Var[T] {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	if !fits(shape, len(data)) {
		panic(fmt.Sprintf("autograd: %s: shape %v does not hold %d elements", op, shape, len(data)))
	}
	return &Var[T]{data: data, shape: slices.Clone(shape)}
}

// Detach returns x as a constant: the same value, in the same storage, no
// gradient, and no reference to what made it. Add(x, Detach(Sub(Floor(x), x)))
// is the classic straight-through estimator; FloorSTE is the same gradient
// without its temporaries, and right at ±Inf and −0, where that sum is not.
func Detach[T stepgrad.Float](x *Var[T]) *Var[T] {
	return &Var[T]{data: x.data, shape: x.shape}
}

// Data returns the elements in row-major order. The slice is the Var's own:
// read it, and write only to what you gave to Param.
func (x *Var[T]) Data() []T { return x.data }

// Shape returns a copy of the shape, not nil; empty for a scalar.
func (x *Var[T]) Shape() []int { return append([]int{}, x.shape...) }

// Len returns the number of elements.
func (x *Var[T]) Len() int { return len(x.data) }

// IsParam reports whether x was made by Param.
func (x *Var[T]) IsParam() bool {
	return x.node != nil && x.node.later == nil && len(x.node.edges) == 0
}

// Broadcasting follows NumPy: shapes are aligned at their last axes, and an
// axis that is missing or 1 is repeated. sumTo and broadcastTo are each
// other's gradient.

// sumTo sums x over the axes along which shape was repeated to x's shape.
func sumTo[T stepgrad.Float](x *Var[T], shape []int) *Var[T] {
	if slices.Equal(x.shape, shape) {
		return x
	}
	if size(shape) == len(x.data) {
		return reshape(x, shape)
	}
	sums := make([]float64, size(shape))
	runs(x.shape, x.shape, shape, func(_, i, to, n, _, step int) {
		if v := x.data[i : i+n]; step == 0 {
			sums[to] += sum(v)
		} else {
			for j, v := range v {
				sums[to+j] += float64(v)
			}
		}
	})
	dst := make([]T, len(sums))
	for i, v := range sums {
		dst[i] = T(v)
	}
	wide := x.shape
	return result(dst, shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return broadcastTo(dy, wide) },
		func(dst, dy []T) { spread(dst, dy, wide, shape) }))
}

// broadcastTo repeats x to shape.
func broadcastTo[T stepgrad.Float](x *Var[T], shape []int) *Var[T] {
	if slices.Equal(x.shape, shape) {
		return x
	}
	if size(shape) == len(x.data) {
		return reshape(x, shape)
	}
	dst := blank[T](size(shape))
	spread(dst, x.data, shape, x.shape)
	narrow := x.shape
	return result(dst, shape, via(x, func(dy *Var[T]) *Var[T] { return sumTo(dy, narrow) }))
}

// spread repeats x, of the shape narrow, to the shape wide.
func spread[T stepgrad.Float](dst, x []T, wide, narrow []int) {
	runs(wide, narrow, wide, func(i, a, _, n, step, _ int) {
		if step == 0 {
			repeat(dst[i:i+n], x[a])
		} else {
			copy(dst[i:i+n], x[a:])
		}
	})
}

// zip applies loop to a and b, repeated to their common shape.
func zip[T stepgrad.Float](op string, a, b *Var[T], loop func(dst, a, b []T)) (dst []T, shape []int) {
	if slices.Equal(a.shape, b.shape) {
		dst = blank[T](len(a.data))
		pairs(dst, a.data, b.data, loop)
		return dst, a.shape
	}
	shape = common(op, a.shape, b.shape)
	dst = blank[T](size(shape))
	var block []T // a repeated element, so that each operation needs one loop
	runs(shape, a.shape, b.shape, func(i, ia, ib, n, stepA, stepB int) {
		if stepA == 1 && stepB == 1 {
			loop(dst[i:i+n], a.data[ia:ia+n], b.data[ib:ib+n])
			return
		}
		if block == nil {
			block = make([]T, min(n, 512))
		}
		if stepA == 0 {
			repeat(block, a.data[ia])
		} else {
			repeat(block, b.data[ib])
		}
		for j := 0; j < n; j += len(block) {
			m := min(n-j, len(block))
			if stepA == 0 {
				loop(dst[i+j:i+j+m], block[:m], b.data[ib+j:ib+j+m])
			} else {
				loop(dst[i+j:i+j+m], a.data[ia+j:ia+j+m], block[:m])
			}
		}
	})
	return dst, shape
}

// common returns the shape that a and b broadcast to.
func common(op string, a, b []int) []int {
	long, short := a, b
	if len(a) < len(b) {
		long, short = b, a
	}
	shape := append([]int{}, long...)
	for k, n := range short {
		d := &shape[len(long)-len(short)+k]
		if *d != n && *d != 1 && n != 1 {
			panic(fmt.Sprintf("autograd: %s: shapes %v and %v do not broadcast", op, a, b))
		}
		if *d == 1 {
			*d = n
		}
	}
	return shape
}

// runs cuts a tensor of the given shape into runs of n elements along which
// the operands a and b, which broadcast to it, each either advance or repeat
// one element, and calls f with the offset in the tensor, those in a and b, n,
// and the steps in a and b, 1 or 0. n is the same every time.
func runs(shape, a, b []int, f func(i, ia, ib, n, stepA, stepB int)) {
	total := size(shape)
	if total == 0 {
		return
	}
	type axis struct{ n, a, b, at int }
	axes := make([]axis, 0, 8) // innermost first, neighbours merged
	strideA, strideB := 1, 1
	for k := 1; k <= len(shape); k++ {
		x := axis{n: shape[len(shape)-k]}
		if x.n == 1 {
			continue // so is the operands' axis
		}
		if k <= len(a) && a[len(a)-k] != 1 {
			x.a, strideA = strideA, strideA*x.n
		}
		if k <= len(b) && b[len(b)-k] != 1 {
			x.b, strideB = strideB, strideB*x.n
		}
		if last := len(axes) - 1; last >= 0 && axes[last].a*axes[last].n == x.a && axes[last].b*axes[last].n == x.b {
			axes[last].n *= x.n
		} else {
			axes = append(axes, x)
		}
	}
	if len(axes) == 0 {
		axes = append(axes, axis{n: 1, a: 1, b: 1})
	}
	in, out := axes[0], axes[1:]
	ia, ib := 0, 0
	for i := 0; i < total; i += in.n {
		f(i, ia, ib, in.n, in.a, in.b)
		for k := range out {
			x := &out[k]
			x.at, ia, ib = x.at+1, ia+x.a, ib+x.b
			if x.at < x.n {
				break
			}
			x.at, ia, ib = 0, ia-x.n*x.a, ib-x.n*x.b
		}
	}
}

func fill[T stepgrad.Float](v T, shape []int) *Var[T] {
	data := make([]T, size(shape))
	if v != 0 {
		repeat(data, v)
	}
	return &Var[T]{data: data, shape: shape}
}

func repeat[T stepgrad.Float](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// sum adds in four float64 lanes: faster than one, and close to exact for float32.
func sum[T stepgrad.Float](x []T) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0])
		b += float64(x[1])
		c += float64(x[2])
		d += float64(x[3])
	}
	for _, v := range x {
		a += float64(v)
	}
	return a + b + (c + d)
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// fits reports whether shape is one of n elements.
func fits(shape []int, n int) bool {
	return size(shape) == n && !slices.ContainsFunc(shape, func(d int) bool { return d < 0 })
}
