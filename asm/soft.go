package main

import (
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// The coefficients of kernels.SoftCoef32 and SoftCoef64, by index.
const (
	softRate = iota
	softMagic
	softScale
	softA
	softC
	softG1
	softG0
	softLow

	softHi
	softLo
	softUnit
	softT0
	softT1
	softD1
	softD2
)

// horner evaluates a polynomial, lowest power first, from the highest down.
func horner(b *Body, x V, c []float64) V {
	y := b.Float(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		y = b.FMA(y, x, b.Float(c[i]))
	}
	return y
}

// estrin evaluates it by pairs, then pairs of pairs, as kernels.poly5 to poly8.
func estrin(b *Body, x V, c []float64) V {
	terms := make([]V, len(c))
	for i := range c {
		terms[i] = b.Float(c[i])
	}
	for ; len(terms) > 1; x = b.Mul(x, x) {
		half := terms[:0]
		for i := 0; i < len(terms); i += 2 {
			if i+1 < len(terms) {
				half = append(half, b.FMA(terms[i+1], x, terms[i]))
			} else {
				half = append(half, terms[i])
			}
		}
		terms = half
	}
	return terms[0]
}

// soft32 is Q and 1/D at the distance t from the plateau's middle.
func soft32(b *Body, t V) (q, r V) {
	p := b.Param
	y := b.FMA(t, p(softRate), p(softMagic))
	k := b.Sub(p(softMagic), y)
	f := b.FMA(t, p(softRate), k)
	s := b.Mul(b.Shl(y, 52), p(softScale))
	q = b.FMA(s, b.Mul(estrin(b, f, kernels.Exp2[:]), f), b.Sub(s, p(softA)))
	return q, b.Div(b.Float(1), b.FMA(q, p(softC), b.Float(1)))
}

func softSlope32(b *Body, q, r V) V {
	return b.Mul(b.FMA(q, b.Param(softG1), b.Param(softG0)), b.Mul(r, r))
}

// soft64 is Q at v + tail.
func soft64(b *Body, v, tail V) V {
	p := b.Param
	v = distance(b, v, false)
	y := b.FMA(v, p(softRate), p(softMagic))
	k := b.Sub(p(softMagic), y)
	z := b.Add(b.FMA(k, p(softHi), v), b.FMA(k, p(softLo), tail))
	u := b.Mul(z, p(softG1))
	z = b.FMA(b.Mul(z, u), horner(b, u, kernels.ExpTail[:]), z)
	e := b.Shl(y, 52)
	return b.FMA(b.Mul(e, p(softUnit)), z, b.Sub(b.Mul(e, p(softScale)), p(softA)))
}

func softSlope64(b *Body, q V) V {
	p := b.Param
	return b.Div(b.FMA(q, p(softG1), p(softG0)), b.FMA(q, b.FMA(q, p(softD2), p(softD1)), b.Float(0.25)))
}

// softStep is h, at most t, and exactly ½ at the step.
func softStep(b *Body, q, t V, off M) V {
	h := b.Div(q, b.FMA(q, b.Param(softC), b.Float(1)))
	return b.Select(off, b.Less(t, h), b.Float(0.5))
}

// distance keeps t at softLow or above; where only the value is wanted a NaN,
// which comes of ±Inf, may become softLow too.
func distance(b *Body, t V, valueOnly bool) V {
	if valueOnly {
		return b.Greater(t, b.Param(softLow))
	}
	return b.Greater(b.Param(softLow), t)
}

// A staircase is the value and f′ at x. valueOnly says that f′ is not wanted.
type staircase func(b *Body, x V, valueOnly bool) (y, slope V)

func softRound(b *Body, x V, valueOnly bool) (y, slope V) {
	n := b.Round(x, kernels.NearestEven)
	d := b.Sub(x, n)
	t := b.Abs(d)
	if b.Elem == 32 {
		q, r := soft32(b, distance(b, t, valueOnly))
		y = b.WithSign(b.Add(n, b.WithSign(b.Mul(q, r), d)), x)
		return atInfinity(b, x, y, softSlope32(b, q, r), valueOnly)
	}
	q := soft64(b, b.Sub(t, b.Param(softT0)), b.Zero())
	h := softStep(b, q, t, b.LT(t, b.Float(0.5)))
	y = b.WithSign(b.Add(n, b.WithSign(h, d)), x)
	return y, zeroAtInfinity(b, x, softSlope64(b, q))
}

func softFloor(b *Body, x V, valueOnly bool) (y, slope V) {
	n := b.Round(x, kernels.Down)
	if b.Elem == 32 {
		d := b.Sub(b.Sub(x, n), b.Float(0.5))
		q, r := soft32(b, distance(b, b.Abs(d), valueOnly))
		y = b.Add(n, b.WithSign(b.Mul(q, r), d))
		return atInfinity(b, x, y, softSlope32(b, q, r), valueOnly)
	}
	d := b.Sub(x, b.Round(x, kernels.NearestEven))
	a := b.Abs(d)
	v := b.Sub(b.Param(softT1), a)
	q := soft64(b, v, b.Sub(b.Sub(b.Param(softT1), v), a))
	h := softStep(b, q, b.Sub(b.Float(0.5), a), b.LT(b.Zero(), a))
	return b.Add(n, orSignNot(b, h, d)), zeroAtInfinity(b, x, softSlope64(b, q))
}

// orSignNot is h ≥ 0 with the opposite of d's sign.
func orSignNot(b *Body, h, d V) V { return b.Or(h, b.AndNot(b.SignBit(), d)) }

func isInfinite(b *Body, x V) M { return b.EQ(b.Abs(x), b.Float(math.Inf(1))) }

func zeroAtInfinity(b *Body, x, slope V) V {
	return b.Select(isInfinite(b, x), b.Zero(), slope)
}

// atInfinity makes x itself the value at ±Inf, where the distance is NaN.
func atInfinity(b *Body, x, y, slope V, valueOnly bool) (V, V) {
	if valueOnly {
		return y, slope
	}
	return b.Select(isInfinite(b, x), x, y), zeroAtInfinity(b, x, slope)
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
