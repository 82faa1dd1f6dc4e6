package autograd

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad"
)

// Add returns a + b, broadcast. The gradient of each operand is dy, summed
// back to its shape. It panics if the shapes do not broadcast.
func Add[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Add", a, b, sumLoop[T])
	return result(dst, shape, via(a, sumBack[T](a.shape)), via(b, sumBack[T](b.shape)))
}

// Sub returns a − b, broadcast. The gradients are dy and −dy, summed back. It
// panics if the shapes do not broadcast.
func Sub[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Sub", a, b, func(dst, a, b []T) {
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	})
	bs := b.shape
	return result(dst, shape, via(a, sumBack[T](a.shape)),
		via(b, func(dy *Var[T]) *Var[T] { return Neg(sumTo(dy, bs)) }))
}

// Mul returns a · b, element by element, broadcast. The gradients are dy·b and
// dy·a, summed back. It panics if the shapes do not broadcast.
func Mul[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Mul", a, b, func(dst, a, b []T) {
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	})
	as, bs := a.shape, b.shape
	return result(dst, shape,
		via(a, func(dy *Var[T]) *Var[T] { return sumTo(Mul(dy, b), as) }),
		via(b, func(dy *Var[T]) *Var[T] { return sumTo(Mul(dy, a), bs) }))
}

// Div returns a / b, broadcast, as IEEE 754 divides: 1/0 is Inf, 0/0 NaN. The
// gradients are dy/b and −dy·(a/b)/b, summed back. It panics if the shapes do
// not broadcast.
func Div[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	dst, shape := zip("Div", a, b, func(dst, a, b []T) {
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	})
	var y *Var[T]
	as, bs := a.shape, b.shape
	y = result(dst, shape,
		via(a, func(dy *Var[T]) *Var[T] { return sumTo(Div(dy, b), as) }),
		via(b, func(dy *Var[T]) *Var[T] { return Neg(sumTo(Mul(dy, Div(y, b)), bs)) }))
	return y
}

func sumLoop[T stepgrad.Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func sumBack[T stepgrad.Float](shape []int) func(dy *Var[T]) *Var[T] {
	return func(dy *Var[T]) *Var[T] { return sumTo(dy, shape) }
}

// each returns f of every element.
func each[T stepgrad.Float](x []T, f func(T) T) []T {
	dst := make([]T, len(x))
	for i, v := range x {
		dst[i] = f(v)
	}
	return dst
}

// diagonal returns f(x) for an f that multiplies each element by a coefficient
// whose derivative is zero, such as a mask. Its gradient rule is itself.
func diagonal[T stepgrad.Float](x *Var[T], f func(dst, x []T)) *Var[T] {
	dst := make([]T, len(x.data))
	f(dst, x.data)
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return diagonal(dy, f) }))
}

// Neg returns −x. The gradient is −dy.
func Neg[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return -v })
	return result(dst, x.shape, via(x, Neg[T]))
}

// Scale returns s · x for a constant s. The gradient is s · dy.
func Scale[T stepgrad.Float](x *Var[T], s T) *Var[T] {
	dst := each(x.data, func(v T) T { return s * v })
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Scale(dy, s) }))
}

// Square returns x². The gradient is 2·x·dy.
func Square[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return v * v })
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(Scale(dy, 2), x) }))
}

// Exp returns e^x, as math.Exp. The gradient is dy·e^x.
func Exp[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	dst := each(x.data, func(v T) T { return T(math.Exp(float64(v))) })
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(dy, y) }))
	return y
}

// Log returns the natural logarithm, as math.Log: −Inf at ±0, NaN below. The
// gradient is dy/x, as IEEE 754 divides.
func Log[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return T(math.Log(float64(v))) })
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Div(dy, x) }))
}

// Sqrt returns √x, as math.Sqrt: NaN below zero. The gradient is dy/(2√x), as
// IEEE 754 divides: at 0 it is Inf, or NaN where dy is 0.
func Sqrt[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	dst := each(x.data, func(v T) T { return T(math.Sqrt(float64(v))) })
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Div(dy, Scale(y, 2)) }))
	return y
}

// Tanh returns the hyperbolic tangent, as math.Tanh. The gradient is
// dy·(1 − tanh²x).
func Tanh[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	dst := each(x.data, func(v T) T { return T(math.Tanh(float64(v))) })
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(dy, Sub(scalar(T(1)), Square(y))) }))
	return y
}

// Sigmoid returns σ(x) = 1/(1 + e^−x): 0 at −Inf, 1 at +Inf.
// The gradient is dy·σ(x)·(1 − σ(x)).
func Sigmoid[T stepgrad.Float](x *Var[T]) *Var[T] {
	var y *Var[T]
	dst := each(x.data, func(v T) T { return T(1 / (1 + math.Exp(-float64(v)))) })
	y = result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(dy, Mul(y, Sub(scalar(T(1)), y))) }))
	return y
}

// Sin returns the sine of x in radians, as math.Sin: NaN at ±Inf. The gradient
// is dy·cos x.
func Sin[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return T(math.Sin(float64(v))) })
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Mul(dy, Cos(x)) }))
}

// Cos returns the cosine of x in radians, as math.Cos: NaN at ±Inf. The
// gradient is −dy·sin x.
func Cos[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return T(math.Cos(float64(v))) })
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] { return Neg(Mul(dy, Sin(x))) }))
}

// Abs returns |x|, +0 for −0. The gradient is dy where x > 0, −dy where x < 0
// and +0 elsewhere, at 0 and NaN, as torch.abs; its derivative by x is zero.
func Abs[T stepgrad.Float](x *Var[T]) *Var[T] {
	dst := each(x.data, func(v T) T { return T(math.Abs(float64(v))) })
	xs := x.data
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return diagonal(dy, func(dst, dy []T) {
			for i, v := range xs {
				if v > 0 {
					dst[i] = dy[i]
				} else if v < 0 {
					dst[i] = -dy[i]
				}
			}
		})
	}))
}

// ReLU returns x where x > 0 and +0 where x ≤ 0; NaN gives NaN. The gradient
// is dy where x > 0 and +0 elsewhere, at 0 and NaN; its derivative by x is
// zero.
func ReLU[T stepgrad.Float](x *Var[T]) *Var[T] {
	y := each(x.data, func(v T) T { return max(v, 0) })
	return result(y, x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return diagonal(dy, func(dst, dy []T) {
			for i, v := range y {
				if v > 0 {
					dst[i] = dy[i]
				}
			}
		})
	}))
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
	dst := each(x.data, func(v T) T {
		if v < lo {
			return lo
		}
		if v > hi {
			return hi
		}
		return v
	})
	xs := x.data
	return result(dst, x.shape, via(x, func(dy *Var[T]) *Var[T] {
		return diagonal(dy, func(dst, dy []T) {
			for i, v := range xs {
				if lo <= v && v <= hi {
					dst[i] = dy[i]
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
	dst := make([]T, len(a.data))
	loop(dst, a.data, b.data)
	rule := func(a, b []T) func(dy *Var[T]) *Var[T] {
		share := func(dst, dy []T) {
			for i := range dst {
				if a[i] == b[i] {
					dst[i] = dy[i] / 2
				} else if !loses(a[i], b[i]) {
					dst[i] = dy[i]
				}
			}
		}
		return func(dy *Var[T]) *Var[T] { return diagonal(dy, share) }
	}
	return result(dst, shape, via(a, rule(a.data, b.data)), via(b, rule(b.data, a.data)))
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
	pick := func(which bool) func(dst, x []T) {
		return func(dst, x []T) {
			for i, c := range cond {
				if c == which {
					dst[i] = x[i]
				}
			}
		}
	}
	dst := make([]T, len(cond))
	pick(true)(dst, a.data)
	pick(false)(dst, b.data)
	return result(dst, shape,
		via(a, func(dy *Var[T]) *Var[T] { return diagonal(dy, pick(true)) }),
		via(b, func(dy *Var[T]) *Var[T] { return diagonal(dy, pick(false)) }))
}

func scalar[T stepgrad.Float](v T) *Var[T] { return &Var[T]{data: []T{v}, shape: []int{}} }
