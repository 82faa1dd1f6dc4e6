package autograd

import (
	"strings"

	"github.com/stepgrad/stepgrad"
)

// FloorSTE returns ⌊x⌋ with the gradient of the identity: the straight-through
// estimator (Bengio, Léonard & Courville 2013). The gradient is dy itself, at
// ±Inf and NaN too; nothing is kept for the backward pass.
//
// The estimator is biased: it is right on average for x spread evenly over
// whole steps, and blind to the sawtooth x − ⌊x⌋. ClipSTE stops the gradient
// where a quantiser saturates.
func FloorSTE[T stepgrad.Float](x *Var[T]) *Var[T] { return straight(x, stepgrad.Floor[T]) }

// CeilSTE returns ⌈x⌉ with the gradient of the identity: see FloorSTE.
func CeilSTE[T stepgrad.Float](x *Var[T]) *Var[T] { return straight(x, stepgrad.Ceil[T]) }

// RoundSTE returns x rounded, ties to even, with the gradient of the identity:
// see FloorSTE.
func RoundSTE[T stepgrad.Float](x *Var[T]) *Var[T] { return straight(x, stepgrad.Round[T]) }

// RoundAwaySTE returns x rounded, ties away from zero, with the gradient of
// the identity: see FloorSTE.
func RoundAwaySTE[T stepgrad.Float](x *Var[T]) *Var[T] { return straight(x, stepgrad.RoundAway[T]) }

// TruncSTE returns x without its fraction, with the gradient of the identity:
// see FloorSTE.
func TruncSTE[T stepgrad.Float](x *Var[T]) *Var[T] { return straight(x, stepgrad.Trunc[T]) }

func straight[T stepgrad.Float](x *Var[T], kernel func(dst, x []T)) *Var[T] {
	return result(mapped(x, kernel), x.shape, via(x, pass[T]))
}

// ClipSTE returns clamp(round(x), lo, hi), as stepgrad.STEForward; mode is how
// to round. The gradient is dy where lo ≤ x ≤ hi, both bounds inside and x
// before rounding, and +0 elsewhere and at NaN, whatever dy is. One bit per
// element is kept for the backward pass. The derivative of the mask is zero.
//
// It panics unless mode is one of the five constants and lo ≤ hi, each an
// integer or ±Inf.
func ClipSTE[T stepgrad.Float](x *Var[T], mode stepgrad.Mode, lo, hi T) *Var[T] {
	obey("ClipSTE", func() { stepgrad.STEForward(nil, nil, nil, mode, lo, hi) })
	dst, mask := blank[T](len(x.data)), make([]byte, (len(x.data)+7)/8)
	stepgrad.Parallel(len(dst), func(i, j int) {
		stepgrad.STEForward(dst[i:j], mask[i/8:(j+7)/8], x.data[i:j], mode, lo, hi)
	})
	return result(dst, x.shape, byDiagonal(x, keep[T](mask)))
}

// keep lets those elements pass whose bit is set; +0 comes of the others.
func keep[T stepgrad.Float](mask []byte) func(dst, dy []T) {
	return func(dst, dy []T) {
		stepgrad.Parallel(len(dst), func(i, j int) { stepgrad.STEBackward(dst[i:j], dy[i:j], mask[i/8:(j+7)/8]) })
	}
}

// obey runs a kernel on no elements, so that a parameter that breaks its rules
// panics in the name of op before anything is done.
func obey(op string, kernel func()) {
	defer func() {
		if r := recover(); r != nil {
			if s, ok := r.(string); ok && strings.HasPrefix(s, "stepgrad: ") {
				_, rule, _ := strings.Cut(s[len("stepgrad: "):], ": ")
				panic("autograd: " + op + ": " + rule)
			}
			panic(r)
		}
	}()
	kernel()
}
