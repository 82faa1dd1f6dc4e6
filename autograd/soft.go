package autograd

import (
	"math"

	"github.com/stepgrad/stepgrad"
)

// SoftFloor returns the staircase of tanh steps at the integers that
// stepgrad.SoftFloor defines: x − ½ as alpha → 0, ⌊x⌋ as alpha → ∞. The
// gradient is dy·f′(x), by stepgrad.SoftFloorGrad; ±Inf has f′ = 0.
//
// Higher derivatives follow from f″ = −2α·tanh(αr)·f′, r being the distance to
// the nearest step. f″ jumps in the middle of each plateau: for second
// derivatives that exist everywhere use SmoothFloor.
//
// It panics unless alpha is positive and finite. Only x is kept for the
// backward pass.
func SoftFloor[T stepgrad.Float](x *Var[T], alpha T) *Var[T] {
	return soft("SoftFloor", x, alpha, stairs[T]{stepgrad.SoftFloor[T], stepgrad.SoftFloorGrad[T], fromInteger[T], bendTanh[T]})
}

// SoftRound has its steps at the half-integers: x as alpha → 0, rounding as
// alpha → ∞. See stepgrad.SoftRound for its definition and SoftFloor for its
// gradient and panics.
func SoftRound[T stepgrad.Float](x *Var[T], alpha T) *Var[T] {
	return soft("SoftRound", x, alpha, stairs[T]{stepgrad.SoftRound[T], stepgrad.SoftRoundGrad[T], fromHalf[T], bendTanh[T]})
}

// SoftCeil is −SoftFloor(−x): x + ½ as alpha → 0, ⌈x⌉ as alpha → ∞. See
// stepgrad.SoftCeil for its definition and SoftFloor for its gradient and
// panics.
func SoftCeil[T stepgrad.Float](x *Var[T], alpha T) *Var[T] {
	return soft("SoftCeil", x, alpha, stairs[T]{stepgrad.SoftCeil[T], stepgrad.SoftCeilGrad[T], fromInteger[T], bendTanh[T]})
}

// SmoothFloor returns the infinitely differentiable staircase that
// stepgrad.SmoothFloor defines, with steps at the integers: x − ½ for slope 1,
// ⌊x⌋ as slope → 0. The gradient is dy·f′(x), by stepgrad.SmoothFloorGrad;
// ±Inf has f′ = 0.
//
// Higher derivatives follow from f″ = −π·(1−s²)/s·sin(2πr)·f′², s being the
// slope and r the distance to the nearest step.
//
// It panics unless 0 < slope ≤ 1. Only x is kept for the backward pass.
func SmoothFloor[T stepgrad.Float](x *Var[T], slope T) *Var[T] {
	return soft("SmoothFloor", x, slope, stairs[T]{stepgrad.SmoothFloor[T], stepgrad.SmoothFloorGrad[T], fromInteger[T], bendSine[T]})
}

// SmoothRound has its steps at the half-integers: x for slope 1, rounding as
// slope → 0. See stepgrad.SmoothRound for its definition and SmoothFloor for
// its gradient and panics.
func SmoothRound[T stepgrad.Float](x *Var[T], slope T) *Var[T] {
	return soft("SmoothRound", x, slope, stairs[T]{stepgrad.SmoothRound[T], stepgrad.SmoothRoundGrad[T], fromHalf[T], bendSine[T]})
}

// SmoothCeil is −SmoothFloor(−x): x + ½ for slope 1, ⌈x⌉ as slope → 0. See
// stepgrad.SmoothCeil for its definition and SmoothFloor for its gradient and
// panics.
func SmoothCeil[T stepgrad.Float](x *Var[T], slope T) *Var[T] {
	return soft("SmoothCeil", x, slope, stairs[T]{stepgrad.SmoothCeil[T], stepgrad.SmoothCeilGrad[T], fromInteger[T], bendSine[T]})
}

// stairs is a differentiable staircase f with a parameter p.
type stairs[T stepgrad.Float] struct {
	value func(dst, x []T, p T)                        // f
	grad  func(dst, dy, x []T, p T)                    // dy·f′
	from  func(v T) T                                  // the distance of v from the nearest step: kept exact there
	bend  func(w, x *Var[T], p T, f stairs[T]) *Var[T] // w·f″
}

func soft[T stepgrad.Float](op string, x *Var[T], p T, f stairs[T]) *Var[T] {
	obey(op, func() { f.value(nil, nil, p) })
	dst := mapped(x, func(dst, x []T) { f.value(dst, x, p) })
	grad := func(dst, dy, x []T) { f.grad(dst, dy, x, p) }
	return result(dst, x.shape, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return softGrad(dy, x, p, f) },
		func(dst, dy []T) { pairs(dst, dy, x.data, grad) }, x))
}

// softGrad is dy·f′(x), an operation on dy and x.
func softGrad[T stepgrad.Float](dy, x *Var[T], p T, f stairs[T]) *Var[T] {
	dst := blank[T](len(x.data))
	pairs(dst, dy.data, x.data, func(dst, dy, x []T) { f.grad(dst, dy, x, p) })
	return result(dst, x.shape,
		via(dy, func(d *Var[T]) *Var[T] { return softGrad(d, x, p, f) }),
		via(x, func(d *Var[T]) *Var[T] { return f.bend(Mul(d, dy), x, p, f) }))
}

// bendTanh multiplies by α where nothing large is left to overflow.
func bendTanh[T stepgrad.Float](w, x *Var[T], alpha T, f stairs[T]) *Var[T] {
	t := Tanh(Scale(distance(x, f.from), alpha))
	return Mul(Scale(t, alpha), softGrad(Scale(w, -2), x, alpha, f))
}

func bendSine[T stepgrad.Float](w, x *Var[T], s T, f stairs[T]) *Var[T] {
	square := softGrad(softGrad(w, x, s, f), x, s, f)
	t := Sin(Scale(distance(x, f.from), 2*math.Pi))
	return Mul(Scale(t, -math.Pi*(1-s)*(1+s)/s), square)
}

// distance of x from the nearest step. The step is a constant, so the
// derivative is 1. ±Inf counts as 0, lest NaN meet f′ = 0.
func distance[T stepgrad.Float](x *Var[T], from func(v T) T) *Var[T] {
	dst := mapped(x, scalars(func(v T) T {
		if math.IsInf(float64(v), 0) {
			return 0
		}
		return from(v)
	}))
	return result(dst, x.shape, via(x, pass[T]))
}

// Both are exact near a step.

func fromInteger[T stepgrad.Float](v T) T { return v - T(math.RoundToEven(float64(v))) }

func fromHalf[T stepgrad.Float](v T) T {
	d := fromInteger(v)
	if d < 0 {
		return d + 0.5
	}
	return d - 0.5
}
