package main

import "github.com/stepgrad/stepgrad/kernels"

// The coefficients of kernels.SmoothCoef32 and SmoothCoef64, by index.
const (
	smoothS = iota
	smoothEdge

	smoothTan
	smoothCos = smoothTan + len(kernels.Tan32)

	smoothK = smoothTan
	smoothU = smoothK + 1
	smoothP = smoothU + 1
)

// smoothCore is atan(s·tan πt)/π, where w = t² and W = ¼ − t².
func smoothCore(b *Body, t, w, W V) V {
	base := 0.35241638234956674
	var n V
	if b.Elem == 32 {
		base = kernels.AtanBase32
		n = b.Mul(t, horner(b, w, params(b, smoothTan, len(kernels.Tan32))))
	} else {
		p := horner(b, w, params(b, smoothP, 1+len(kernels.Tan64)))
		n = b.FMA(t, b.Param(smoothU), b.Mul(t, p))
	}
	far := b.LE(W, b.Param(smoothEdge))
	two := b.Select(far, b.Float(2), b.Zero())
	from := b.Select(far, b.Float(base), b.Zero())
	q := b.Div(b.FNMA(two, W, n), b.FMA(two, n, W))
	z := b.Mul(q, q)
	if b.Elem == 32 {
		return b.FMA(q, horner(b, z, floats(b, kernels.Atan32[:])), from)
	}
	a := horner(b, z, floats(b, kernels.Atan64[:]))
	return b.FMA(q, b.Float(0.3183098861837907), b.FMA(q, a, from))
}

// smoothSlope32 is 1/(s + (1/s − s)·cos² πt), where w = t² and W = ¼ − t².
func smoothSlope32(b *Body, x, w, W V) V {
	u := b.Mul(horner(b, w, params(b, smoothCos, len(kernels.Cos32))), W)
	return b.Div(b.Float(1), b.FMA(u, u, infinite(b, x, b.Param(smoothS))))
}

func smoothSlope64(b *Body, w, W V) V {
	p := horner(b, w, floats(b, kernels.Cos64[:]))
	return b.Div(b.Float(1), b.FMA(b.Mul(b.Mul(W, b.Param(smoothK)), W), p, b.Param(smoothS)))
}

// smoothBoth32 is n ± h, h with the sign of d, and f′.
func smoothBoth32(b *Body, x, n, d V) (y, slope V) {
	t := b.Less(b.Abs(d), b.Float(0.5))
	w := b.Mul(t, t)
	W := b.Sub(b.Float(0.25), w)
	slope = smoothSlope32(b, x, w, W) // first: then x lives shorter
	return b.Add(n, b.WithSign(smoothCore(b, t, w, W), d)), slope
}

// quarterLess is ¼ − t².
func quarterLess(b *Body, t V) V { return b.FNMA(t, t, b.Float(0.25)) }

func smoothRound(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.NearestEven)
	d := b.Sub(x, n)
	if b.Elem == 32 {
		y, slope = smoothBoth32(b, x, n, d)
		return b.WithSign(y, x), slope
	}
	t := b.Less(b.Abs(d), b.Float(0.5))
	h := smoothCore(b, t, b.Mul(t, t), quarterLess(b, t))
	y = b.WithSign(b.Add(n, b.WithSign(h, d)), x)
	return y, zeroAtInfinity(b, x, smoothSlope64(b, b.Mul(d, d), quarterLess(b, d)))
}

func smoothFloor(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.Down)
	half := b.Float(0.5)
	if b.Elem == 32 {
		return smoothBoth32(b, x, n, b.Sub(b.Sub(x, n), half))
	}
	d := b.Sub(x, b.Round(x, kernels.NearestEven))
	a := b.Less(b.Abs(d), half)
	t := b.Sub(half, a)
	y = b.Add(n, orSignNot(b, smoothCore(b, t, b.Mul(t, t), b.FNMA(a, a, a)), d))
	a = b.Abs(d)
	t = b.Sub(half, a)
	return y, zeroAtInfinity(b, x, smoothSlope64(b, b.Mul(t, t), b.FNMA(a, a, a)))
}

var smoothBodies = staircaseBodies("Smooth", smoothFloor, smoothRound)
