package kernels

import "math"

// The tanh family: soft_round of TensorFlow Compression (Agustsson & Theis,
// Universally Quantized Neural Compression, 2020), the normalised sigmoid with
// k = 2α:
//
//	SoftRound(x) = m + tanh(α(x−m)) / (2 tanh(α/2)),  m = ⌊x⌋ + ½
//	SoftFloor(x) = SoftRound(x − ½),  SoftCeil(x) = −SoftFloor(−x)
//
// With t ∈ [0, ½] the distance to the middle of the plateau and A = e^(−α), the
// way from the plateau's value and the derivative are
//
//	h = Q/D,  Q = A·expm1(2αt)/(1−A²),  D = 1 + (1−A)·Q
//	f′ = 2α·(Q + A/(1−A²))/D²
//
// No term cancels and one exponential gives both. Beyond the α where A counts,
// A is 0, Q = e^(−α(1−2t)), and t is cut off where 2^k is to be 0.
//
// Float32 is evaluated in float64 and rounded once.

// What a Coef holds for the tanh family; the second block is float64's only.
const (
	softRate  = iota // 2α·log₂e: powers of two per unit of t
	softMagic        // 1.5·2^52 + the bias of 2^k: rounds to k and leaves it in the low bits
	softScale        // A/(1−A²), times 2^K so that it is no extreme number
	softA            // A/(1−A²)
	softC            // 1 − A
	softG1           // f′ = (softG1·Q + softG0)/D²; float64: a quarter of both, so that softG1 = α/2
	softG0           //
	softLow          // smallest t

	softHi   // ln 2/(2α), high and low part
	softLo   //
	softUnit // 2α·softScale
	softT0   // t is counted from here: 0, or ½ beyond the α where A counts
	softT1   // ½ − softT0
	softD1   // and D²/4 = ¼ + softD1·Q + softD2·Q²
	softD2
)

const (
	magic   = 3 << 51
	log2e   = 1.4426950408889634
	ln2     = 0.6931471805599453
	ln2Tail = 2.3190468138462996e-17
	signBit = 1 << 63
)

// exp2m1 is 2^f − 1 for |f| ≤ ½.
func exp2m1(f float64) float64 { return float64(poly7(f, &Exp2) * f) }

func expTail(v float64) float64 { return horner(v, ExpTail[:]) }

// pow2 is 2^k where the low bits of y hold k + 1023; 0 for k = −1023.
func pow2(y float64) float64 { return math.Float64frombits(math.Float64bits(y) << 52) }

// orSign is h ≥ 0 with the sign of d; orSignNot with the opposite one.
func orSign(h, d float64) float64 {
	return math.Float64frombits(math.Float64bits(h) | math.Float64bits(d)&signBit)
}

func orSignNot(h, d float64) float64 {
	return math.Float64frombits(math.Float64bits(h) | signBit&^math.Float64bits(d))
}

// zeroAtInf is the slope that ±Inf has.
func zeroAtInf(g, x float64) float64 {
	if math.Abs(x) == math.Inf(1) {
		return 0
	}
	return g
}

// atLeast keeps a NaN; atLeastNum makes it lo.
func atLeast(t, lo float64) float64 {
	if t < lo {
		return lo
	}
	return t
}

func atLeastNum(t, lo float64) float64 {
	if t > lo {
		return t
	}
	return lo
}

// SoftCoef32 prepares the tanh family for float32. The constants come from the
// polynomial itself at t = ½, so that there h is ½ to the last bit but one.
func SoftCoef32(alpha float32) (c Coef) {
	a := float64(alpha)
	w := a
	if w > 1<<33 { // G is 0 or 1 at every float32 already
		w = 1 << 33
	}
	rate := float64(2 * log2e * w)
	k := math.RoundToEven(0.5 * rate)
	p := exp2m1(math.FMA(0.5, rate, -k))
	bias := 1023 - k
	c[softRate] = rate
	c[softG1] = 2 * a
	if w >= 128 { // A < 2^-184: no float32 result knows it
		c[softMagic] = magic + (bias - float64(4096*math.Floor(bias/4096)))
		c[softScale] = 1 / (1 + p)
		c[softC] = 1
		c[softLow] = (k - 1023) / rate
		return c
	}
	inv := math.Float64frombits(uint64(bias) << 52) // 2^-k
	e := p + (1 - inv)                              // (1 − A)/(A·2^k)
	c[softMagic] = magic + bias
	c[softC] = e / (1 + p)
	c[softScale] = 1 / float64(e*(2-c[softC]))
	c[softA] = c[softScale] * inv
	c[softG0] = c[softG1] * c[softA]
	return c
}

// soft32 is Q and 1/D at the distance t from the plateau's middle.
func soft32(t float64, c *Coef) (q, r float64) {
	y := math.FMA(t, c[softRate], c[softMagic])
	k := c[softMagic] - y // −k
	f := math.FMA(t, c[softRate], k)
	s := float64(pow2(y) * c[softScale])
	q = math.FMA(s, exp2m1(f), s-c[softA])
	return q, 1 / math.FMA(q, c[softC], 1)
}

func softSlope(q, r float64, c *Coef) float64 {
	return float64(math.FMA(q, c[softG1], c[softG0]) * float64(r*r))
}

// SoftRound32 is n ± h with n = rint(x), t = |x − n|; −0 stays −0.
func SoftRound32(x float32, c *Coef) float32 {
	v := float64(x)
	n := math.RoundToEven(v)
	d := v - n
	q, r := soft32(atLeastNum(math.Abs(d), c[softLow]), c)
	return float32(orSign(n+orSign(float64(q*r), d), v))
}

// SoftRoundSlope32 is f′; 0 at ±Inf.
func SoftRoundSlope32(x float32, c *Coef) float32 {
	_, g := SoftRoundBoth32(x, c)
	return g
}

// SoftRoundBoth32 is both.
func SoftRoundBoth32(x float32, c *Coef) (y, slope float32) {
	v := float64(x)
	n := math.RoundToEven(v)
	d := v - n
	q, r := soft32(atLeast(math.Abs(d), c[softLow]), c)
	f, g := orSign(n+orSign(float64(q*r), d), v), softSlope(q, r, c)
	if math.Abs(v) == math.Inf(1) {
		f, g = v, 0
	}
	return float32(f), float32(g)
}

// SoftFloor32 is ⌊x⌋ ± h; the plateau's middle is at ⌊x⌋ + ½.
func SoftFloor32(x float32, c *Coef) float32 {
	v := float64(x)
	n := math.Floor(v)
	d := v - n - 0.5
	q, r := soft32(atLeastNum(math.Abs(d), c[softLow]), c)
	return float32(n + orSign(float64(q*r), d))
}

// SoftFloorSlope32 is f′; 0 at ±Inf.
func SoftFloorSlope32(x float32, c *Coef) float32 {
	_, g := SoftFloorBoth32(x, c)
	return g
}

// SoftFloorBoth32 is both.
func SoftFloorBoth32(x float32, c *Coef) (y, slope float32) {
	v := float64(x)
	n := math.Floor(v)
	d := v - n - 0.5
	q, r := soft32(atLeast(math.Abs(d), c[softLow]), c)
	f, g := n+orSign(float64(q*r), d), softSlope(q, r, c)
	if math.Abs(v) == math.Inf(1) {
		f, g = v, 0
	}
	return float32(f), float32(g)
}

// SoftCeil32 is −SoftFloor(−x), its derivative f′(−x).
func SoftCeil32(x float32, c *Coef) float32      { return -SoftFloor32(-x, c) }
func SoftCeilSlope32(x float32, c *Coef) float32 { return SoftFloorSlope32(-x, c) }
func SoftCeilBoth32(x float32, c *Coef) (y, slope float32) {
	y, slope = SoftFloorBoth32(-x, c)
	return -y, slope
}

// SoftCoef64 prepares the tanh family for float64: every constant is rounded
// about once, from expm1(α) as high and low part.
func SoftCoef64(alpha float64) (c Coef) {
	if alpha < 0x1p-28 { // the identity, to the last bit
		c[softMagic] = magic + 1023
		c[softG0], c[softUnit], c[softT1] = 0.25, 1, 0.5
		return c
	}
	w := alpha
	far := w > 705 // A is hardly a normal number
	switch {
	case w > 0x1p1022: // keeps the constants finite
		w = 0x1p1022
	case far && w < 711: // G flushes to 0 before t does
		w = 711
	}
	w2 := 2 * w
	hi := ln2 / w2
	c[softRate] = float64(log2e * w2)
	c[softHi] = hi
	c[softLo] = (math.FMA(-hi, w2, ln2) + ln2Tail) / w2
	c[softG1] = 0.5 * alpha
	if far {
		c[softMagic] = magic + 1023
		c[softScale] = 1
		c[softC], c[softD1], c[softD2] = 1, 0.5, 0.25
		c[softLow] = -1023 / c[softRate]
		c[softUnit] = w2
		c[softT0] = 0.5
		return c
	}
	// e^w = 2^k(1 + p), p = ph + pl: r is exact but for the last product.
	const l1, l2 = 0x1.62e42fefa38p-01, 0x1.ef35793c7673p-45
	k := math.RoundToEven(float64(log2e * w))
	r0 := math.FMA(-k, l1, w)
	u := float64(k * l2)
	r := r0 - u
	rl := (r0 - r) - u
	v := 0.25 * r
	t := math.FMA(float64(r*v), expTail(v), math.FMA(rl, r, rl))
	ph := r + t
	pl := (r - ph) + t
	// e = expm1(w)/2^k = eh + el, and 1 − A = e/(1+p).
	inv := math.Float64frombits(uint64(1023-k) << 52)
	b := 1 - inv
	eh := b + ph
	el := ((b - eh) + ph) + (pl + ((1 - b) - inv))
	gh := 1 + ph
	gl := ((1 - gh) + ph) + pl
	ch := eh / gh
	cl := (math.FMA(-ch, gh, eh) + (el - float64(ch*gl))) / gh
	// 1/(e(1+A)) = sh + sl; 1+A = 2 − c
	z := 2 - ch
	zl := ((2 - z) - ch) - cl
	d := float64(eh * z)
	sh := 1 / d
	dl := math.FMA(eh, z, -d) + math.FMA(eh, zl, float64(el*z))
	sl := math.FMA(-sh, d, 1) - float64(sh*dl)
	sl *= sh
	m := float64(sh * w2)

	c[softMagic] = magic + (1023 - k)
	c[softScale] = sh + sl
	c[softA] = c[softScale] * inv
	c[softC] = ch + cl
	c[softD1] = 0.5 * c[softC]
	c[softD2] = float64(c[softD1] * c[softD1])
	c[softUnit] = m + math.FMA(sl, w2, math.FMA(sh, w2, -m))
	c[softG0] = 0.25 * inv * c[softUnit]
	c[softT1] = 0.5
	return c
}

// soft64 is Q at v + tail from the point that t is counted from. The
// argument is reduced in units of t, so that a tiny t keeps its digits. Value
// and slope each divide once: a shared 1/D would cost them an ULP.
func soft64(v, tail float64, c *Coef) (q float64) {
	y := math.FMA(v, c[softRate], c[softMagic])
	k := c[softMagic] - y // −k
	z := math.FMA(k, c[softHi], v) + math.FMA(k, c[softLo], tail)
	u := float64(z * c[softG1])               // r/4
	z = math.FMA(float64(z*u), expTail(u), z) // expm1(r)/2α
	e := pow2(y)
	return math.FMA(float64(e*c[softUnit]), z, float64(e*c[softScale])-c[softA])
}

func softSlope64(q float64, c *Coef) float64 {
	return math.FMA(q, c[softG1], c[softG0]) / math.FMA(q, math.FMA(q, c[softD2], c[softD1]), 0.25)
}

// softStep is h: at most t, so that no error leaves the room between identity
// and staircase, and exactly ½ at the step, where a is 0 or NaN.
func softStep(q float64, c *Coef, t float64, off bool) float64 {
	h := q / math.FMA(q, c[softC], 1)
	if h > t {
		h = t
	}
	if off {
		return h
	}
	return 0.5
}

// SoftRound64 is SoftRound32 in float64.
func SoftRound64(x float64, c *Coef) float64 {
	n := math.RoundToEven(x)
	d := x - n
	t := math.Abs(d)
	q := soft64(atLeast(t-c[softT0], c[softLow]), 0, c)
	return orSign(n+orSign(softStep(q, c, t, t < 0.5), d), x)
}

// SoftRoundSlope64 is f′; 0 at ±Inf.
func SoftRoundSlope64(x float64, c *Coef) float64 {
	t := math.Abs(x - math.RoundToEven(x))
	q := soft64(atLeast(t-c[softT0], c[softLow]), 0, c)
	return zeroAtInf(softSlope64(q, c), x)
}

// SoftRoundBoth64 is both.
func SoftRoundBoth64(x float64, c *Coef) (y, slope float64) {
	n := math.RoundToEven(x)
	d := x - n
	t := math.Abs(d)
	q := soft64(atLeast(t-c[softT0], c[softLow]), 0, c)
	return orSign(n+orSign(softStep(q, c, t, t < 0.5), d), x), zeroAtInf(softSlope64(q, c), x)
}

// SoftFloor64 is ⌊x⌋ ± h with t = ½ − |x − rint(x)| as high and low part.
func SoftFloor64(x float64, c *Coef) float64 {
	d := x - math.RoundToEven(x)
	a := math.Abs(d)
	v := c[softT1] - a
	q := soft64(atLeast(v, c[softLow]), (c[softT1]-v)-a, c)
	return math.Floor(x) + orSignNot(softStep(q, c, 0.5-a, a > 0), d)
}

// SoftFloorSlope64 is f′; 0 at ±Inf.
func SoftFloorSlope64(x float64, c *Coef) float64 {
	a := math.Abs(x - math.RoundToEven(x))
	v := c[softT1] - a
	q := soft64(atLeast(v, c[softLow]), (c[softT1]-v)-a, c)
	return zeroAtInf(softSlope64(q, c), x)
}

// SoftFloorBoth64 is both.
func SoftFloorBoth64(x float64, c *Coef) (y, slope float64) {
	d := x - math.RoundToEven(x)
	a := math.Abs(d)
	v := c[softT1] - a
	q := soft64(atLeast(v, c[softLow]), (c[softT1]-v)-a, c)
	return math.Floor(x) + orSignNot(softStep(q, c, 0.5-a, a > 0), d), zeroAtInf(softSlope64(q, c), x)
}

// SoftCeil64 is −SoftFloor(−x), its derivative f′(−x).
func SoftCeil64(x float64, c *Coef) float64      { return -SoftFloor64(-x, c) }
func SoftCeilSlope64(x float64, c *Coef) float64 { return SoftFloorSlope64(-x, c) }
func SoftCeilBoth64(x float64, c *Coef) (y, slope float64) {
	y, slope = SoftFloorBoth64(-x, c)
	return -y, slope
}

// SoftCoef prepares the Soft family's parameter.
func SoftCoef[T Float](alpha T) Coef {
	if is32[T]() {
		return SoftCoef32(float32(alpha))
	}
	return SoftCoef64(float64(alpha))
}

func SoftFloor[T Float](x T, c *Coef) T      { return pick(x, c, SoftFloor32, SoftFloor64) }
func SoftFloorSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftFloorSlope32, SoftFloorSlope64) }
func SoftFloorBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftFloorBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftFloorBoth64(float64(x), c)
	return T(y), T(g)
}

func SoftRound[T Float](x T, c *Coef) T      { return pick(x, c, SoftRound32, SoftRound64) }
func SoftRoundSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftRoundSlope32, SoftRoundSlope64) }
func SoftRoundBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftRoundBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftRoundBoth64(float64(x), c)
	return T(y), T(g)
}

func SoftCeil[T Float](x T, c *Coef) T      { return pick(x, c, SoftCeil32, SoftCeil64) }
func SoftCeilSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftCeilSlope32, SoftCeilSlope64) }
func SoftCeilBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftCeilBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftCeilBoth64(float64(x), c)
	return T(y), T(g)
}

var softKernels = concat(
	staircase(Kernel{Name: "SoftFloor", Family: "soft", Sig: Alpha, Wide: true, Formula: "SoftRound(x − ½)", Edges: edgesStaircase},
		[2]float64{0.51, 3.8}, [2]float64{0.51, 4},
		defs(alphaOf[float32], SoftFloor32, SoftFloorSlope32, SoftFloorBoth32),
		defs(alphaOf[float64], SoftFloor64, SoftFloorSlope64, SoftFloorBoth64)),
	staircase(Kernel{Name: "SoftRound", Family: "soft", Sig: Alpha, Wide: true, Formula: "m + tanh(α(x−m))/(2 tanh(α/2)), m = ⌊x⌋ + ½", Edges: edgesOdd},
		[2]float64{0.51, 3.8}, [2]float64{0.51, 4},
		defs(alphaOf[float32], SoftRound32, SoftRoundSlope32, SoftRoundBoth32),
		defs(alphaOf[float64], SoftRound64, SoftRoundSlope64, SoftRoundBoth64)),
	staircase(Kernel{Name: "SoftCeil", Family: "soft", Sig: Alpha, Wide: true, Formula: "−SoftFloor(−x)", Edges: edgesStaircase},
		[2]float64{0.51, 3.8}, [2]float64{0.51, 4},
		defs(alphaOf[float32], SoftCeil32, SoftCeilSlope32, SoftCeilBoth32),
		defs(alphaOf[float64], SoftCeil64, SoftCeilSlope64, SoftCeilBoth64)),
)

func alphaOf[T Float](p Params[T]) Coef { return SoftCoef(p.Alpha) }
