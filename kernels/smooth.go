package kernels

import "math"

// The Smooth family: round's Fourier series summed after Abel, with
// r = (1−s)/(1+s) the Poisson kernel's radius and s the slope of the plateaus,
//
//	x − atan2(r sin 2πx, 1 + r cos 2πx)/π
//
// written without its cancellation, with n = rint(x), d = x − n:
//
//	SmoothRound(x) = n + atan(s·tan πd)/π,  f′ = s/(cos² πd + s² sin² πd)
//	SmoothFloor(x) = SmoothRound(x − ½),  SmoothCeil(x) = −SmoothFloor(−x)
//
// For t ∈ [0, ½], tan πt = t·T(t²)/(¼ − t²) with T a short polynomial, because
// the nearest pole is taken out, and cos πt = (¼ − t²)·R(t²). The arctangent of
// N/W is taken either of N/W or, beyond the golden ratio's inverse, of
// (N − 2W)/(W + 2N) and counted from atan(2): 2 keeps the point t = ½ exact.

// What a Coef holds for the Smooth family; the second block is float64's only.
const (
	smoothS    = iota // s
	smoothK           // 1/s − s
	smoothEdge        // the W from which down the second form is used

	smoothT // s, kept off 0
	smoothU // s·π/4, rounded
	smoothV // what is missing, divided by s
)

// smoothEdgeOf is W where tan θ is about 0.618: t = ½ − atan(s/0.618)/π, by an
// arctangent good to a hundredth.
func smoothEdgeOf(s float64) float64 {
	x := float64(1.618033988749895 * s)
	v := 3 * x / float64(math.Pi*(1+2*math.Sqrt(math.FMA(x, x, 1))))
	return v * (1 - v)
}

// SmoothCoef32 prepares the Smooth family for float32.
func SmoothCoef32(slope float32) (c Coef) {
	s := float64(slope)
	c[smoothS] = s
	c[smoothK] = float64((1-s)*(1+s)) / s
	c[smoothEdge] = smoothEdgeOf(s)
	return c
}

// smooth32 is atan(s·tan πt)/π; w = t².
func smooth32(t, w, W float64, c *Coef) float64 {
	// T(w), relative error 1.1e-9
	p := math.FMA(-1.4042259164525165e-02, w, -2.1238387100659827e-02)
	p = math.FMA(p, w, -5.281076975199174e-02)
	p = math.FMA(p, w, -1.3475875022380174e-01)
	p = math.FMA(p, w, -5.577365017302483e-01)
	p = math.FMA(p, w, 7.853981642666768e-01)
	n := float64(float64(t*c[smoothS]) * p)
	num, den, base := n, W, 0.0
	if W <= c[smoothEdge] {
		num, den, base = math.FMA(-2, W, n), math.FMA(2, n, W), 0.3524163823271736
	}
	q := num / den
	z := float64(q * q)
	// atan(q)/(πq), z ≤ 0.394, relative error 3e-10
	a := math.FMA(-0.00622270409652199, z, 0.01715153783513417)
	a = math.FMA(a, z, -0.026799132265444676)
	a = math.FMA(a, z, 0.03500162502736088)
	a = math.FMA(a, z, -0.0454377425628427)
	a = math.FMA(a, z, 0.06366029430547179)
	a = math.FMA(a, z, -0.10610326425076205)
	a = math.FMA(a, z, 0.31830988608818567)
	return math.FMA(q, a, base)
}

// smoothSlope32 is f′ = 1/(s + (1/s − s)·cos² πt).
func smoothSlope32(w, W float64, c *Coef) float64 {
	// R(w), relative error 1e-9
	p := math.FMA(2.4154096148280346e-02, w, -2.2873854159014028e-01)
	p = math.FMA(p, w, 1.2779897650833125)
	p = math.FMA(p, w, -3.7392080477652794)
	p = math.FMA(p, w, 3.9999999960724026)
	u := float64(p * W)
	return 1 / math.FMA(float64(u*c[smoothK]), u, c[smoothS])
}

// atMostNum makes a NaN hi.
func atMostNum(t, hi float64) float64 {
	if t < hi {
		return t
	}
	return hi
}

// SmoothRound32 is n ± h with n = rint(x); −0 stays −0.
func SmoothRound32(x float32, c *Coef) float32 {
	v := float64(x)
	n := math.RoundToEven(v)
	d := v - n
	t := atMostNum(math.Abs(d), 0.5)
	h := smooth32(t, float64(t*t), math.FMA(-t, t, 0.25), c)
	return float32(orSign(n+orSign(h, d), v))
}

// SmoothRoundSlope32 is f′; 0 at ±Inf.
func SmoothRoundSlope32(x float32, c *Coef) float32 {
	v := float64(x)
	t := v - math.RoundToEven(v)
	return float32(zeroAtInf(smoothSlope32(float64(t*t), math.FMA(-t, t, 0.25), c), v))
}

// SmoothRoundBoth32 is both.
func SmoothRoundBoth32(x float32, c *Coef) (y, slope float32) {
	return SmoothRound32(x, c), SmoothRoundSlope32(x, c)
}

// SmoothFloor32 is ⌊x⌋ ± h; the plateau's middle is at ⌊x⌋ + ½.
func SmoothFloor32(x float32, c *Coef) float32 {
	v := float64(x)
	n := math.Floor(v)
	d := v - n - 0.5
	t := atMostNum(math.Abs(d), 0.5)
	h := smooth32(t, float64(t*t), math.FMA(-t, t, 0.25), c)
	return float32(n + orSign(h, d))
}

// SmoothFloorSlope32 is f′; 0 at ±Inf.
func SmoothFloorSlope32(x float32, c *Coef) float32 {
	v := float64(x)
	t := v - math.Floor(v) - 0.5
	return float32(zeroAtInf(smoothSlope32(float64(t*t), math.FMA(-t, t, 0.25), c), v))
}

// SmoothFloorBoth32 is both.
func SmoothFloorBoth32(x float32, c *Coef) (y, slope float32) {
	return SmoothFloor32(x, c), SmoothFloorSlope32(x, c)
}

// SmoothCeil32 is −SmoothFloor(−x), its derivative f′(−x).
func SmoothCeil32(x float32, c *Coef) float32      { return -SmoothFloor32(-x, c) }
func SmoothCeilSlope32(x float32, c *Coef) float32 { return SmoothFloorSlope32(-x, c) }
func SmoothCeilBoth32(x float32, c *Coef) (y, slope float32) {
	return -SmoothFloor32(-x, c), SmoothFloorSlope32(-x, c)
}

// SmoothCoef64 prepares the Smooth family for float64.
func SmoothCoef64(slope float64) (c Coef) {
	const pi4, pi4Tail = 0.7853981633974483, 3.061616997868383e-17
	// 1/s − s rounded about once.
	s2 := float64(slope * slope)
	hi := 1 - s2
	k := hi / slope
	if k > math.MaxFloat64 {
		k = math.MaxFloat64
	} else if slope > 0x1p-500 {
		lo := ((1 - hi) - s2) - math.FMA(slope, slope, -s2)
		k += (math.FMA(-k, slope, hi) + lo) / slope
	}
	s := max(slope, 0x1p-1000) // 0/0 is not a staircase
	u := float64(s * pi4)
	c[smoothS] = slope
	c[smoothK] = k
	c[smoothEdge] = smoothEdgeOf(s)
	c[smoothT] = s
	c[smoothU] = u
	c[smoothV] = math.FMA(s, pi4, -u)/s + pi4Tail
	return c
}

// smooth64 is smooth32 with the leading coefficients' low parts.
func smooth64(t, w, W float64, c *Coef) float64 {
	// (T(w) − π/4)/w, error 2^-56 of T/w
	p := math.FMA(-0.0001431928503877217, w, -0.00012529912865520579)
	p = math.FMA(p, w, -0.00039885287293915233)
	p = math.FMA(p, w, -0.0008583639964333379)
	p = math.FMA(p, w, -0.0019405533377291004)
	p = math.FMA(p, w, -0.004371873325819913)
	p = math.FMA(p, w, -0.009879861577437957)
	p = math.FMA(p, w, -0.02251293870761162)
	p = math.FMA(p, w, -0.05263664422478334)
	p = math.FMA(p, w, -0.13476940059055129)
	p = math.FMA(p, w, -0.5577362635648082)
	p = math.FMA(p, w, c[smoothV])
	n := math.FMA(t, c[smoothU], float64(float64(t*c[smoothT])*p))
	num, den, base := n, W, 0.0
	if W <= c[smoothEdge] {
		num, den, base = math.FMA(-2, W, n), math.FMA(2, n, W), 0.35241638234956674
	}
	q := num / den
	z := float64(q * q)
	// (atan(q)/(πq) − 1/π)/z, z ≤ 0.394, error 2^-55 of 1/(πz)
	a := math.FMA(0.0011316816054832539, z, -0.004350308223287154)
	a = math.FMA(a, z, 0.008577612428629516)
	a = math.FMA(a, z, -0.012152554294901455)
	a = math.FMA(a, z, 0.01466050722248322)
	a = math.FMA(a, z, -0.016647065859734543)
	a = math.FMA(a, z, 0.018707847970478586)
	a = math.FMA(a, z, -0.021218899111487412)
	a = math.FMA(a, z, 0.024485245407000266)
	a = math.FMA(a, z, -0.02893725607384029)
	a = math.FMA(a, z, 0.035367764947942505)
	a = math.FMA(a, z, -0.04547284088059752)
	a = math.FMA(a, z, 0.06366197723674123)
	a = math.FMA(a, z, -0.10610329539459687)
	a = math.FMA(a, z, -1.9678676675182486e-17)
	return math.FMA(q, 0.3183098861837907, math.FMA(q, a, base))
}

// smoothSlope64 is f′ = 1/(s + (1/s − s)·cos² πt).
func smoothSlope64(w, W float64, c *Coef) float64 {
	// (cos πt/(¼ − w))², relative error 2^-56; squared here, so that the
	// rounding errors of a cosine do not count twice
	p := math.FMA(1.0303661247489039e-05, w, -0.00015532131433278743)
	p = math.FMA(p, w, 0.0018111156796609554)
	p = math.FMA(p, w, -0.017275997498629046)
	p = math.FMA(p, w, 0.132251756585731)
	p = math.FMA(p, w, -0.7899897222653393)
	p = math.FMA(p, w, 3.5485075892033406)
	p = math.FMA(p, w, -11.389500239405887)
	p = math.FMA(p, w, 24.20578884190842)
	p = math.FMA(p, w, -29.91367041742974)
	p = math.FMA(p, w, 16)
	return 1 / math.FMA(float64(float64(W*c[smoothK])*W), p, c[smoothS])
}

// SmoothRound64 is n ± h with n = rint(x); −0 stays −0.
func SmoothRound64(x float64, c *Coef) float64 {
	n := math.RoundToEven(x)
	d := x - n
	t := atMostNum(math.Abs(d), 0.5)
	h := smooth64(t, float64(t*t), math.FMA(-t, t, 0.25), c)
	return orSign(n+orSign(h, d), x)
}

// SmoothRoundSlope64 is f′; 0 at ±Inf.
func SmoothRoundSlope64(x float64, c *Coef) float64 {
	t := x - math.RoundToEven(x)
	return zeroAtInf(smoothSlope64(float64(t*t), math.FMA(-t, t, 0.25), c), x)
}

// SmoothRoundBoth64 is both.
func SmoothRoundBoth64(x float64, c *Coef) (y, slope float64) {
	return SmoothRound64(x, c), SmoothRoundSlope64(x, c)
}

// SmoothFloor64 is ⌊x⌋ ± h. With a = |x − rint(x)| the distance to the step,
// t = ½ − a may round, but ¼ − t² = a − a² keeps its digits.
func SmoothFloor64(x float64, c *Coef) float64 {
	d := x - math.RoundToEven(x)
	a := atMostNum(math.Abs(d), 0.5)
	t := 0.5 - a
	h := smooth64(t, float64(t*t), math.FMA(-a, a, a), c)
	return math.Floor(x) + orSignNot(h, d)
}

// SmoothFloorSlope64 is f′; 0 at ±Inf.
func SmoothFloorSlope64(x float64, c *Coef) float64 {
	a := math.Abs(x - math.RoundToEven(x))
	t := 0.5 - a
	return zeroAtInf(smoothSlope64(float64(t*t), math.FMA(-a, a, a), c), x)
}

// SmoothFloorBoth64 is both.
func SmoothFloorBoth64(x float64, c *Coef) (y, slope float64) {
	return SmoothFloor64(x, c), SmoothFloorSlope64(x, c)
}

// SmoothCeil64 is −SmoothFloor(−x), its derivative f′(−x).
func SmoothCeil64(x float64, c *Coef) float64      { return -SmoothFloor64(-x, c) }
func SmoothCeilSlope64(x float64, c *Coef) float64 { return SmoothFloorSlope64(-x, c) }
func SmoothCeilBoth64(x float64, c *Coef) (y, slope float64) {
	return -SmoothFloor64(-x, c), SmoothFloorSlope64(-x, c)
}
