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

// What a Coef holds for the Smooth family: first for both types, then for
// float32, where the polynomials have their factors in them, then for float64.
const (
	smoothS    = iota // s
	smoothEdge        // the W from which down the second form is used

	smoothTan                          // s·Tan32
	smoothCos = smoothTan + len(Tan32) // √(1/s − s)·Cos32

	smoothK = smoothTan   // 1/s − s
	smoothU = smoothK + 1 // s·π/4, rounded
	smoothP = smoothU + 1 // what is missing, and s·Tan64
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
	k := math.Sqrt(float64((1-s)*(1+s)) / s)
	c[smoothS] = s
	c[smoothEdge] = smoothEdgeOf(s)
	for i, a := range Tan32 {
		c[smoothTan+i] = float64(s * a)
	}
	for i, a := range Cos32 {
		c[smoothCos+i] = float64(k * a)
	}
	return c
}

// smooth32 is atan(s·tan πt)/π; w = t².
func smooth32(t, w float64, c *Coef) float64 {
	n, W := float64(t*horner(w, c[smoothTan:][:len(Tan32)])), 0.25-w
	two, base := 0.0, 0.0
	if W <= c[smoothEdge] {
		two, base = 2, AtanBase32
	}
	q := math.FMA(-two, W, n) / math.FMA(two, n, W)
	return math.FMA(q, horner(float64(q*q), Atan32[:]), base)
}

// smoothSlope32 is f′ = 1/(s + (1/s − s)·cos² πt). An infinite x makes the
// divisor infinite, a finite one is lost beside s.
func smoothSlope32(v, w float64, c *Coef) float64 {
	u := float64(horner(w, c[smoothCos:][:len(Cos32)]) * (0.25 - w))
	return 1 / math.FMA(u, u, math.FMA(math.Abs(v), 0x1p-1000, c[smoothS]))
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
	h := smooth32(t, float64(t*t), c)
	return float32(orSign(n+orSign(h, d), v))
}

// SmoothRoundSlope32 is f′; 0 at ±Inf.
func SmoothRoundSlope32(x float32, c *Coef) float32 {
	v := float64(x)
	t := atMostNum(math.Abs(v-math.RoundToEven(v)), 0.5)
	return float32(smoothSlope32(v, float64(t*t), c))
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
	h := smooth32(t, float64(t*t), c)
	return float32(n + orSign(h, d))
}

// SmoothFloorSlope32 is f′; 0 at ±Inf.
func SmoothFloorSlope32(x float32, c *Coef) float32 {
	v := float64(x)
	t := atMostNum(math.Abs(v-math.Floor(v)-0.5), 0.5)
	return float32(smoothSlope32(v, float64(t*t), c))
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
	c[smoothU] = u
	c[smoothP] = math.FMA(s, pi4, -u) + float64(s*pi4Tail)
	for i, a := range Tan64 {
		c[smoothP+1+i] = float64(s * a)
	}
	return c
}

// smooth64 is smooth32 with the leading coefficients' low parts.
func smooth64(t, w, W float64, c *Coef) float64 {
	n := math.FMA(t, c[smoothU], float64(t*horner(w, c[smoothP:][:1+len(Tan64)])))
	two, base := 0.0, 0.0
	if W <= c[smoothEdge] {
		two, base = 2, 0.35241638234956674
	}
	q := math.FMA(-two, W, n) / math.FMA(two, n, W)
	z := float64(q * q)
	return math.FMA(q, 0.3183098861837907, math.FMA(q, horner(z, Atan64[:]), base))
}

// zeroAtInf is the slope that ±Inf has.
func zeroAtInf(g, x float64) float64 {
	if math.Abs(x) == math.Inf(1) {
		return 0
	}
	return g
}

// smoothSlope64 is f′ = 1/(s + (1/s − s)·cos² πt).
func smoothSlope64(w, W float64, c *Coef) float64 {
	return 1 / math.FMA(float64(float64(W*c[smoothK])*W), horner(w, Cos64[:]), c[smoothS])
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

// SmoothCoef prepares the Smooth family's parameter.
func SmoothCoef[T Float](slope T) Coef {
	if is32[T]() {
		return SmoothCoef32(float32(slope))
	}
	return SmoothCoef64(float64(slope))
}

func SmoothFloor[T Float](x T, c *Coef) T { return pick(x, c, SmoothFloor32, SmoothFloor64) }
func SmoothFloorSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothFloorSlope32, SmoothFloorSlope64)
}
func SmoothFloorBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothFloorBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothFloorBoth64(float64(x), c)
	return T(y), T(g)
}

func SmoothRound[T Float](x T, c *Coef) T { return pick(x, c, SmoothRound32, SmoothRound64) }
func SmoothRoundSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothRoundSlope32, SmoothRoundSlope64)
}
func SmoothRoundBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothRoundBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothRoundBoth64(float64(x), c)
	return T(y), T(g)
}

func SmoothCeil[T Float](x T, c *Coef) T { return pick(x, c, SmoothCeil32, SmoothCeil64) }
func SmoothCeilSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothCeilSlope32, SmoothCeilSlope64)
}
func SmoothCeilBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothCeilBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothCeilBoth64(float64(x), c)
	return T(y), T(g)
}

var smoothKernels = concat(
	staircase(Kernel{Name: "SmoothFloor", Family: "smooth", Sig: Slope, Wide: true, Formula: "SmoothRound(x − ½)", Edges: edgesStaircase},
		[2]float64{0.59, 3.2}, [2]float64{0.56, 5},
		defs(slopeOf[float32], SmoothFloor32, SmoothFloorSlope32, SmoothFloorBoth32),
		defs(slopeOf[float64], SmoothFloor64, SmoothFloorSlope64, SmoothFloorBoth64)),
	staircase(Kernel{Name: "SmoothRound", Family: "smooth", Sig: Slope, Wide: true, Formula: "n + atan(slope·tan(π(x−n)))/π, n = nearest integer", Edges: edgesOdd},
		[2]float64{0.59, 3.2}, [2]float64{0.56, 5},
		defs(slopeOf[float32], SmoothRound32, SmoothRoundSlope32, SmoothRoundBoth32),
		defs(slopeOf[float64], SmoothRound64, SmoothRoundSlope64, SmoothRoundBoth64)),
	staircase(Kernel{Name: "SmoothCeil", Family: "smooth", Sig: Slope, Wide: true, Formula: "−SmoothFloor(−x)", Edges: edgesStaircase},
		[2]float64{0.59, 3.2}, [2]float64{0.56, 5},
		defs(slopeOf[float32], SmoothCeil32, SmoothCeilSlope32, SmoothCeilBoth32),
		defs(slopeOf[float64], SmoothCeil64, SmoothCeilSlope64, SmoothCeilBoth64)),
)

func slopeOf[T Float](p Params[T]) Coef { return SmoothCoef(p.Slope) }
