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
		p := horner(b, w,
			-1.4042259164525165e-02, -2.1238387100659827e-02, -5.281076975199174e-02, -1.3475875022380174e-01,
			-5.577365017302483e-01, 7.853981642666768e-01)
		n = b.Mul(b.Mul(t, b.Param(smoothS)), p)
	} else {
		base = 0.35241638234956674
		p := horner(b, w,
			-0.0001431928503877217, -0.00012529912865520579, -0.00039885287293915233, -0.0008583639964333379,
			-0.0019405533377291004, -0.004371873325819913, -0.009879861577437957, -0.02251293870761162,
			-0.05263664422478334, -0.13476940059055129, -0.5577362635648082)
		p = b.FMA(p, w, b.Param(smoothV))
		n = b.FMA(t, b.Param(smoothU), b.Mul(b.Mul(t, b.Param(smoothT)), p))
	}
	far := b.LE(W, b.Param(smoothEdge))
	num := b.Select(far, b.FNMA(b.Float(2), W, n), n)
	den := b.Select(far, b.FMA(b.Float(2), n, W), W)
	from := b.Select(far, b.Float(base), b.Zero())
	q := b.Div(num, den)
	z := b.Mul(q, q)
	if b.Elem == 32 {
		a := horner(b, z,
			-0.00622270409652199, 0.01715153783513417, -0.026799132265444676, 0.03500162502736088,
			-0.0454377425628427, 0.06366029430547179, -0.10610326425076205, 0.31830988608818567)
		return b.FMA(q, a, from)
	}
	a := horner(b, z,
		0.0011316816054832539, -0.004350308223287154, 0.008577612428629516, -0.012152554294901455,
		0.01466050722248322, -0.016647065859734543, 0.018707847970478586, -0.021218899111487412,
		0.024485245407000266, -0.02893725607384029, 0.035367764947942505, -0.04547284088059752,
		0.06366197723674123, -0.10610329539459687, -1.9678676675182486e-17)
	return b.FMA(q, b.Float(0.3183098861837907), b.FMA(q, a, from))
}

// smoothSlope is 1/(s + (1/s − s)·cos² πt).
func smoothSlope(b *Body, w, W V) V {
	one, s, k := b.Float(1), b.Param(smoothS), b.Param(smoothK)
	if b.Elem == 32 {
		u := b.Mul(horner(b, w,
			2.4154096148280346e-02, -2.2873854159014028e-01, 1.2779897650833125, -3.7392080477652794, 3.9999999960724026), W)
		return b.Div(one, b.FMA(b.Mul(u, k), u, s))
	}
	p := horner(b, w,
		1.0303661247489039e-05, -0.00015532131433278743, 0.0018111156796609554, -0.017275997498629046,
		0.132251756585731, -0.7899897222653393, 3.5485075892033406, -11.389500239405887, 24.20578884190842,
		-29.91367041742974, 16)
	return b.Div(one, b.FMA(b.Mul(b.Mul(W, k), W), p, s))
}

// quarterLess is ¼ − t².
func quarterLess(b *Body, t V) V { return b.FNMA(t, t, b.Float(0.25)) }

func smoothRound(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.NearestEven)
	d := b.Sub(x, n)
	t := b.Less(b.Abs(d), b.Float(0.5))
	h := smoothCore(b, t, b.Mul(t, t), quarterLess(b, t))
	y = b.Or(b.Add(n, b.Or(h, b.SignOf(d))), b.SignOf(x))
	return y, zeroAtInfinity(b, x, smoothSlope(b, b.Mul(d, d), quarterLess(b, d)))
}

func smoothFloor(b *Body, x V, _ bool) (y, slope V) {
	n := b.Round(x, kernels.Down)
	half := b.Float(0.5)
	if b.Elem == 32 {
		d := b.Sub(b.Sub(x, n), half)
		t := b.Less(b.Abs(d), half)
		y = b.Add(n, b.Or(smoothCore(b, t, b.Mul(t, t), quarterLess(b, t)), b.SignOf(d)))
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
