package main

import "github.com/stepgrad/stepgrad/kernels"

// The coefficients of kernels.SmoothCoef32 and SmoothCoef64, by index.
const (
	smoothS = iota
	smoothK
	smoothEdge

	smoothT
	smoothU
	smoothV
)

// smoothCore is atan(s·tan πt)/π, where w = t² and W = ¼ − t².
func smoothCore(b *Body, t, w, W V) V {
	base := 0.3524163823271736
	var n V
	if b.Elem == 32 {
		n = b.Mul(b.Mul(t, b.Param(smoothS)), estrin(b, w, kernels.Tan32[:]))
	} else {
		base = 0.35241638234956674
		p := b.FMA(horner(b, w, kernels.Tan64[:]), w, b.Param(smoothV))
		n = b.FMA(t, b.Param(smoothU), b.Mul(b.Mul(t, b.Param(smoothT)), p))
	}
	far := b.LE(W, b.Param(smoothEdge))
	num := b.Select(far, b.FNMA(b.Float(2), W, n), n)
	den := b.Select(far, b.FMA(b.Float(2), n, W), W)
	from := b.Select(far, b.Float(base), b.Zero())
	q := b.Div(num, den)
	z := b.Mul(q, q)
	if b.Elem == 32 {
		return b.FMA(q, estrin(b, z, kernels.Atan32[:]), from)
	}
	a := horner(b, z, kernels.Atan64[:])
	return b.FMA(q, b.Float(0.3183098861837907), b.FMA(q, a, from))
}

// smoothSlope is 1/(s + (1/s − s)·cos² πt).
func smoothSlope(b *Body, w, W V) V {
	one, s, k := b.Float(1), b.Param(smoothS), b.Param(smoothK)
	if b.Elem == 32 {
		u := b.Mul(estrin(b, w, kernels.Cos32[:]), W)
		return b.Div(one, b.FMA(b.Mul(u, k), u, s))
	}
	p := horner(b, w, kernels.Cos64[:])
	return b.Div(one, b.FMA(b.Mul(b.Mul(W, k), W), p, s))
}

// quarterLess is ¼ − t².
func quarterLess(b *Body, t V) V { return b.FNMA(t, t, b.Float(0.25)) }

func smoothRound(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.NearestEven)
	d := b.Sub(x, n)
	t := b.Less(b.Abs(d), b.Float(0.5))
	h := smoothCore(b, t, b.Mul(t, t), quarterLess(b, t))
	y = b.WithSign(b.Add(n, b.WithSign(h, d)), x)
	return y, zeroAtInfinity(b, x, smoothSlope(b, b.Mul(d, d), quarterLess(b, d)))
}

func smoothFloor(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.Down)
	half := b.Float(0.5)
	if b.Elem == 32 {
		d := b.Sub(b.Sub(x, n), half)
		t := b.Less(b.Abs(d), half)
		y = b.Add(n, b.WithSign(smoothCore(b, t, b.Mul(t, t), quarterLess(b, t)), d))
		return y, zeroAtInfinity(b, x, smoothSlope(b, b.Mul(d, d), quarterLess(b, d)))
	}
	d := b.Sub(x, b.Round(x, kernels.NearestEven))
	a := b.Less(b.Abs(d), half)
	t := b.Sub(half, a)
	y = b.Add(n, orSignNot(b, smoothCore(b, t, b.Mul(t, t), b.FNMA(a, a, a)), d))
	a = b.Abs(d)
	t = b.Sub(half, a)
	return y, zeroAtInfinity(b, x, smoothSlope(b, b.Mul(t, t), b.FNMA(a, a, a)))
}

var smoothBodies = staircaseBodies("Smooth", smoothFloor, smoothRound)
