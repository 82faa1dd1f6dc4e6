package autograd

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/stepgrad/stepgrad"
)

// Add returns a + b, broadcast. The gradient of each operand is dy, summed
// back to its shape. It panics if the shapes do not broadcast.
func Add[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Add", a, b, stepgrad.Add[T])
	return result(dst, shape, via(a, sumBack[T](a.shape)), via(b, sumBack[T](b.shape)))
}

// Sub returns a − b, broadcast. The gradients are dy and −dy, summed back. It
// panics if the shapes do not broadcast.
func Sub[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Sub", a, b, stepgrad.Sub[T])
	bs := b.shape
	return result(dst, shape, via(a, sumBack[T](a.shape)),
		via(b, func(dy *Var[T]) *Var[T] { return Neg(sumTo(dy, bs)) }))
}

// Mul returns a · b, element by element, broadcast. The gradients are dy·b and
// dy·a, summed back. It panics if the shapes do not broadcast.
func Mul[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Mul", a, b, stepgrad.Mul[T])
	return result(dst, shape, scaled(a, b), scaled(b, a))
}

// scaled is the edge to x of the product of x and by.
func scaled[T stepgrad.Float](x, by *Var[T]) edge[T] {
	xs := x.shape
	rule := func(dy *Var[T]) *Var[T] { return sumTo(Mul(dy, by), xs) }
	if !slices.Equal(xs, by.shape) {
		return via(x, rule)
	}
	return viaPlain(x, rule, func(dst, dy []T) { pairs(dst, dy, by.data, stepgrad.Mul[T]) }, by)
}

// Div returns a / b, broadcast, as IEEE 754 divides: 1/0 is Inf, 0/0 NaN. The
// gradients are dy/b and −dy·(a/b)/b, summed back. It panics if the shapes do
// not broadcast.
func Div[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Div", a, b, stepgrad.Div[T])
	var y *Var[T]
	as, bs := a.shape, b.shape
	y = result(dst, shape,
		via(a, func(dy *Var[T]) *Var[T] { return sumTo(Div(dy, b), as) }),
		via(b, func(dy *Var[T]) *Var[T] { return Neg(sumTo(Mul(dy, Div(y, b)), bs)) }))
	return y
}

func sumBack[T stepgrad.Float](shape []int) func(dy *Var[T]) *Var[T] {
	return func(dy *Var[T]) *Var[T] { return sumTo(dy, shape) }
}

// each and pairs apply a kernel to tensors of any size, on as many cores as
// that is worth.

func each[T stepgrad.Float](dst, x []T, kernel func(dst, x []T)) {
	if len(dst) < large {
		kernel(dst, x)
		return
	}
	stepgrad.Parallel(len(dst), func(lo, hi int) { kernel(dst[lo:hi], x[lo:hi]) })
}

func pairs[T stepgrad.Float](dst, a, b []T, kernel func(dst, a, b []T)) {
	if len(dst) < large {
		kernel(dst, a, b)
		return
	}
	stepgrad.Parallel(len(dst), func(lo, hi int) { kernel(dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// mapped returns the kernel's result for x.
func mapped[T stepgrad.Float](x *Var[T], kernel func(dst, x []T)) []T {
	dst := blank[T](len(x.data))
	each(dst, x.data, kernel)
	return dst
}

// scalars makes a kernel of a function of one element.
func scalars[T stepgrad.Float](f func(v T) T) func(dst, x []T) {
	return func(dst, x []T) {
		for i, v := range x {
			dst[i] = f(v)
		}
	}
}

// large spares smaller tensors the closure that Parallel wants.
const large = 1 << 16

// blank returns n elements with anything in them. make would clear them first,
// which costs a large tensor as much as the kernel that fills it.
func blank[T stepgrad.Float](n int) []T {
	if n < large {
		return make([]T, n)
	}
	var b strings.Builder // has memory that is not cleared
	b.Grow(n * int(unsafe.Sizeof(T(0))))
	b.WriteByte(0)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.StringData(b.String()))), n)
}

// diagonal returns f(x) for an f that multiplies each element by a coefficient
// whose derivative is zero, such as a mask. Its gradient rule is itself.
func diagonal[T stepgrad.Float](x *Var[T], f func(dst, x []T)) *Var[T] {
	dst := blank[T](len(x.data))
	f(dst, x.data)
	return result(dst, x.shape, byDiagonal(x, f))
}

// byDiagonal is the edge to an operand whose gradient is f(dy).
func byDiagonal[T stepgrad.Float](x *Var[T], f func(dst, dy []T)) edge[T] {
	return viaPlain(x, func(dy *Var[T]) *Var[T] { return diagonal(dy, f) }, f)
}

// Neg returns −x. The gradient is −dy.
func Neg[T stepgrad.Float](x *Var[T]) *Var[T] { return Scale(x, -1) }

// Scale returns s · x for a constant s. The gradient is s · dy.
func Scale[T stepgrad.Float](x *Var[T], s T) *Var[T] {
	return diagonal(x, func(dst, x []T) {
		each(dst, x, func(dst, x []T) { stepgrad.Scale(dst, x, s) })
	})
}

// Square returns x². The gradient is 2·x·dy.
func Square[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := blank[T](len(x.data))
	pairs(dst, x.data, x.data, stepgrad.Mul[T])
	return result(dst, x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return Mul(Scale(dy, 2), x) },
		func(dst, dy []T) { pairs(dst, dy, x.data, twice[T]) }, x))
}

// twice is dst = 2·a·b.
func twice[T stepgrad.Float](dst, a, b []T) {
	const block = 4096 // stays in the cache between the two
	for ; len(dst) > 0; dst, a, b = dst[min(block, len(dst)):], a[min(block, len(a)):], b[min(block, len(b)):] {
		n := min(block, len(dst))
		stepgrad.Add(dst[:n], a[:n], a[:n])
		stepgrad.Mul(dst[:n], dst[:n], b[:n])
	}
}

// Exp returns e^x, as stepgrad.Exp. The gradient is dy·e^x.
func Exp[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	y = result(mapped(x, stepgrad.Exp[T]), x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return Mul(dy, y) },
		func(dst, dy []T) { pairs(dst, dy, y.data, stepgrad.Mul[T]) }, x))
	return y
}

// Log returns the natural logarithm, as stepgrad.Log: −Inf at ±0, NaN below.
// The gradient is dy/x, as IEEE 754 divides.
func Log[T stepgrad.Float](x *Var[T]) *Var[T] {
	return result(mapped(x, stepgrad.Log[T]), x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return Div(dy, x) },
		func(dst, dy []T) { pairs(dst, dy, x.data, stepgrad.Div[T]) }, x))
}

// Sqrt returns √x, correctly rounded: NaN below zero. The gradient is
// dy/(2√x), as IEEE 754 divides: at 0 it is Inf, or NaN where dy is 0.
func Sqrt[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	y = result(mapped(x, stepgrad.Sqrt[T]), x.shape,
		via(x, func(dy *Var[T]) *Var[T] { return Div(dy, Scale(y, 2)) }))
	return y
}

// Tanh returns the hyperbolic tangent, as stepgrad.Tanh. The gradient is
// dy·(1 − tanh²x).
func Tanh[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	y = result(mapped(x, stepgrad.Tanh[T]), x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return tanhGrad(dy, y) },
		func(dst, dy []T) { pairs(dst, dy, y.data, stepgrad.TanhGrad[T]) }, x))
	return y
}

// tanhGrad is dy·(1 − y²), an operation on dy and y.
func tanhGrad[T stepgrad.Float](dy, y *Var[T]) *Var[T] {
	dst := blank[T](len(y.data))
	pairs(dst, dy.data, y.data, stepgrad.TanhGrad[T])
	return result(dst, y.shape,
		via(dy, func(d *Var[T]) *Var[T] { return tanhGrad(d, y) }),
		via(y, func(d *Var[T]) *Var[T] { return Scale(Mul(Mul(d, dy), y), -2) }))
}

// Sigmoid returns σ(x) = 1/(1 + e^−x), as stepgrad.Sigmoid: 0 at −Inf, 1 at
// +Inf. The gradient is dy·σ(x)·(1 − σ(x)).
func Sigmoid[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	y = result(mapped(x, stepgrad.Sigmoid[T]), x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return sigmoidGrad(dy, y) },
		func(dst, dy []T) { pairs(dst, dy, y.data, stepgrad.SigmoidGrad[T]) }, x))
	return y
}

// sigmoidGrad is dy·y·(1 − y), an operation on dy and y.
func sigmoidGrad[T stepgrad.Float](dy, y *Var[T]) *Var[T] {
	dst := blank[T](len(y.data))
	pairs(dst, dy.data, y.data, stepgrad.SigmoidGrad[T])
	return result(dst, y.shape,
		via(dy, func(d *Var[T]) *Var[T] { return sigmoidGrad(d, y) }),
		via(y, func(d *Var[T]) *Var[T] { return Mul(Mul(d, dy), Sub(scalar(T(1)), Scale(y, 2))) }))
}

// Sin returns the sine of x in radians, as math.Sin: NaN at ±Inf. The gradient
// is dy·cos x.
func Sin[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := mapped(x, scalars(func(v T) T { return T(math.Sin(float64(v))) }))
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(dy, Cos(x)) }))
}

// Cos returns the cosine of x in radians, as math.Cos: NaN at ±Inf. The
// gradient is −dy·sin x.
func Cos[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := mapped(x, scalars(func(v T) T { return T(math.Cos(float64(v))) }))
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Neg(Mul(dy, Sin(x))) }))
}

// Abs returns |x|, +0 for −0. The gradient is dy where x > 0, −dy where x < 0
// and +0 elsewhere, at 0 and NaN, as torch.abs; its derivative by x is zero.
func Abs[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := mapped(x, scalars(func(v T) T { return T(math.Abs(float64(v))) }))
	return result(dst, x.shape, byDiagonal(x, func(dst, dy []T) {
		pairs(dst, dy, x.data, func(dst, dy, x []T) {
			for i, v := range x {
				switch {
				case v > 0:
					dst[i] = dy[i]
				case v < 0:
					dst[i] = -dy[i]
				default:
					dst[i] = 0
				}
			}
		})
	}))
}

// ReLU returns x where x > 0 and +0 where x ≤ 0; NaN gives NaN. The gradient
// is dy where x > 0 and +0 elsewhere, at 0 and NaN; its derivative by x is
// zero.
func ReLU[T stepgrad.Float](x *Var[T]) *Var[T] {
	y := mapped(x, stepgrad.ReLU[T])
	return result(y, x.shape, byDiagonal(x, func(dst, dy []T) { pairs(dst, dy, y, stepgrad.ReLUGrad[T]) }))
}

// Clamp returns lo where x < lo, hi where x > hi, else x; NaN gives NaN. The
// gradient is dy on the closed interval lo ≤ x ≤ hi, as torch.clamp, and +0
// outside and at NaN; its derivative by x is zero. Infinite bounds are open.
//
// It panics unless lo ≤ hi. ClipSTE rounds as well.
func Clamp[T stepgrad.Float](x *Var[T], lo, hi T) *Var[T] {
	if !(lo <= hi) {
		panic(fmt.Sprintf("autograd: Clamp: lo %v must be at most hi %v, neither NaN", lo, hi))
	}
	dst := mapped(x, scalars(func(v T) T {
		if v < lo {
			return lo
		}
		if v > hi {
			return hi
		}
		return v
	}))
	return result(dst, x.shape, byDiagonal(x, func(dst, dy []T) {
		pairs(dst, dy, x.data, func(dst, dy, x []T) {
			for i, v := range x {
				if lo <= v && v <= hi {
					dst[i] = dy[i]
				} else {
					dst[i] = 0
				}
			}
		})
	}))
}

// Maximum returns the larger of a and b, element by element, broadcast: NaN if
// either is NaN, +0 for 0 and −0. The gradient goes to the larger operand, and
// half to each where they are equal; where one is NaN both get dy, as in
// torch.maximum. It is summed back to the operand's shape, and its derivative
// by a and b is zero. It panics if the shapes do not broadcast.
func Maximum[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	return extremum("Maximum", a, b, func(dst, a, b []T) {
		for i := range dst {
			dst[i] = max(a[i], b[i])
		}
	}, func(a, b T) bool { return a < b })
}

// Minimum returns the smaller of a and b, element by element, broadcast: NaN
// if either is NaN, −0 for 0 and −0. Its gradient is as Maximum's.
func Minimum[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	return extremum("Minimum", a, b, func(dst, a, b []T) {
		for i := range dst {
			dst[i] = min(a[i], b[i])
		}
	}, func(a, b T) bool { return a > b })
}

// extremum: loses(a, b) tells that a is not the result and gets no gradient.
func extremum[T stepgrad.Float](op string, a, b *Var[T], loop func(dst, a, b []T), loses func(a, b T) bool) *Var[T] {
	shape := common(op, a.shape, b.shape)
	a, b = broadcastTo(a, shape), broadcastTo(b, shape)
	dst := blank[T](len(a.data))
	loop(dst, a.data, b.data)
	share := func(a, b []T) func(dst, dy []T) {
		return func(dst, dy []T) {
			for i := range dst {
				switch {
				case a[i] == b[i]:
					dst[i] = dy[i] / 2
				case loses(a[i], b[i]):
					dst[i] = 0
				default:
					dst[i] = dy[i]
				}
			}
		}
	}
	return result(dst, shape, byDiagonal(a, share(a.data, b.data)), byDiagonal(b, share(b.data, a.data)))
}

// Where returns a where cond is true and b where it is false, broadcast. cond
// has one entry per element of the result, and is copied. The gradient goes to
// the chosen operand, summed back to its shape, and the other gets +0 there,
// even where dy is NaN.
//
// It panics if the shapes do not broadcast or cond has another length.
func Where[T stepgrad.Float](cond []bool, a, b *Var[T]) *Var[T] {
	shape := common("Where", a.shape, b.shape)
	if len(cond) != size(shape) {
		panic(fmt.Sprintf("autograd: Where: %d conditions for shapes %v and %v", len(cond), a.shape, b.shape))
	}
	a, b = broadcastTo(a, shape), broadcastTo(b, shape)
	cond = append([]bool(nil), cond...)
	dst := blank[T](len(cond))
	for i, c := range cond {
		if c {
			dst[i] = a.data[i]
		} else {
			dst[i] = b.data[i]
		}
	}
	pick := func(which bool) func(dst, x []T) {
		return func(dst, x []T) {
			for i, c := range cond {
				if c == which {
					dst[i] = x[i]
				} else {
					dst[i] = 0
				}
			}
		}
	}
	return result(dst, shape, byDiagonal(a, pick(true)), byDiagonal(b, pick(false)))
}

func scalar[T stepgrad.Float](v T) *Var[T] { return &Var[T]{data: []T{v}, shape: []int{}} }
