package main

import (
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// The coefficients of kernels.SoftCoef32 and SoftCoef64, by index.
const (
	softRate = iota
	softMagic
	softInv
	softC
	softD
	softG1
	softG0
	softLow

	softW
	softHi
	softLo
	softT0
	softT1
	softD0
	softD1
	softD2
)

// horner evaluates a polynomial, lowest power first, from the highest down.
func horner(b *Body, x V, c []V) V {
	y := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		y = b.FMA(y, x, c[i])
	}
	return y
}

// floats are constants, params coefficients of the call.
func floats(b *Body, c []float64) (vs []V) {
	for _, x := range c {
		vs = append(vs, b.Float(x))
	}
	return vs
}

func params(b *Body, first, n int) (vs []V) {
	for i := range n {
		vs = append(vs, b.Param(first+i))
	}
	return vs
}

// soft32 is q at the distance t from the plateau's middle.
func soft32(b *Body, t V) V {
	p := b.Param
	t = b.Greater(t, p(softLow))
	u := b.Mul(t, p(softRate))
	y := b.Add(u, p(softMagic))
	f := b.Sub(u, b.Sub(y, p(softMagic)))
	e := b.Shl(y, 52)
	return b.FMA(b.Mul(e, f), horner(b, f, floats(b, kernels.Exp2[:])), b.Sub(e, p(softInv)))
}

// soft64 is q at v + tail.
func soft64(b *Body, v, tail V) V {
	p := b.Param
	v = b.Greater(p(softLow), v)
	y := b.FMA(v, p(softRate), p(softMagic))
	k := b.Sub(p(softMagic), y)
	low := b.Mul(k, p(softLo))
	if tail != b.Zero() {
		low = b.FMA(k, p(softLo), tail)
	}
	z := b.Add(b.FMA(k, p(softHi), v), low)
	u := b.Mul(z, p(softG1))
	z = b.FMA(b.Mul(z, u), horner(b, u, floats(b, kernels.ExpTail[:])), z)
	e := b.Shl(y, 52)
	return b.FMA(b.Mul(e, p(softW)), z, b.Sub(e, p(softInv)))
}

// softSlope64 is f′ but for ±Inf.
func softSlope64(b *Body, q V) V {
	p := b.Param
	return b.Div(b.FMA(q, p(softG1), p(softG0)), b.FMA(q, b.FMA(q, p(softD2), p(softD1)), p(softD0)))
}

// softStep64 is h, at most t, and exactly ½ at the step.
func softStep64(b *Body, q, t V, off M) V {
	h := b.Div(q, b.FMA(q, b.Param(softC), b.Param(softD)))
	return b.Select(off, b.Less(t, h), b.Float(0.5))
}

// infinite is c, but infinite where x is: a finite float32 is lost beside c.
func infinite(b *Body, x, c V) V { return b.FMA(b.Abs(x), b.Float(0x1p-1000), c) }

// A staircase is the value and f′ at x. valueOnly says that f′ is not wanted.
type staircase func(b *Body, x V, valueOnly bool) (y, slope V)

func softRound(b *Body, x V, valueOnly bool) (y, slope V) {
	n := b.Round(x, kernels.NearestEven)
	d := b.Sub(x, n)
	t := b.Abs(d)
	if b.Elem == 32 {
		y, slope = softBoth32(b, x, n, d, valueOnly)
		return b.WithSign(y, x), slope
	}
	q := soft64(b, b.Sub(t, b.Param(softT0)), b.Zero())
	h := softStep64(b, q, t, b.LT(t, b.Float(0.5)))
	y = b.WithSign(b.Add(n, b.WithSign(h, d)), x)
	return y, zeroAtInfinity(b, x, softSlope64(b, q))
}

func softFloor(b *Body, x V, valueOnly bool) (y, slope V) {
	n := b.Round(x, kernels.Down)
	if b.Elem == 32 {
		return softBoth32(b, x, n, b.Sub(b.Sub(x, n), b.Float(0.5)), valueOnly)
	}
	d := b.Sub(x, b.Round(x, kernels.NearestEven))
	a := b.Abs(d)
	v := b.Sub(b.Param(softT1), a)
	q := soft64(b, v, b.Sub(b.Sub(b.Param(softT1), v), a))
	h := softStep64(b, q, b.Sub(b.Float(0.5), a), b.LT(b.Zero(), a))
	return b.Add(n, orSignNot(b, h, d)), zeroAtInfinity(b, x, softSlope64(b, q))
}

// softBoth32 is n ± h, h with the sign of d, and f′. The value alone has no
// need of an infinite D.
func softBoth32(b *Body, x, n, d V, valueOnly bool) (y, slope V) {
	q := soft32(b, b.Abs(d))
	D := b.Param(softD)
	if !valueOnly {
		D = infinite(b, x, D)
	}
	r := b.Div(b.Float(1), b.FMA(q, b.Param(softC), D))
	slope = b.Mul(b.FMA(q, b.Param(softG1), b.Param(softG0)), b.Mul(r, r))
	return b.FMA(b.WithSign(q, d), r, n), slope
}

// orSignNot is h ≥ 0 with the opposite of d's sign.
func orSignNot(b *Body, h, d V) V { return b.Or(h, b.AndNot(b.SignBit(), d)) }

func zeroAtInfinity(b *Body, x, slope V) V {
	return b.Select(b.EQ(b.Abs(x), b.Float(math.Inf(1))), b.Zero(), slope)
}

// ceilOf is −f(−x) with the derivative f′(−x).
func ceilOf(floor staircase) staircase {
	return func(b *Body, x V, valueOnly bool) (V, V) {
		y, slope := floor(b, b.Neg(x), valueOnly)
		return b.Neg(y), slope
	}
}

// staircaseBodies is the value, the gradient and both of each staircase.
func staircaseBodies(family string, floor, round staircase) bodies {
	all := bodies{}
	for op, f := range map[string]staircase{"Floor": floor, "Round": round, "Ceil": ceilOf(floor)} {
		body := func(valueOnly bool) bodyFunc {
			return func(b *Body, _ kernels.Mode) Result {
				y, slope := f(b, b.X(), valueOnly)
				return Result{Y: y, Grad: slope}
			}
		}
		all[family+op] = body(true)
		all[family+op+"Grad"] = body(false)
		all[family+op+"ValueGrad"] = body(false)
	}
	return all
}

var softBodies = staircaseBodies("Soft", softFloor, softRound)
