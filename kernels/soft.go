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
// A is 0, Q = e^(−α(1−2t)), and t is cut off where 2^k is to be 0. What is
// computed is q = Q/S with S = A·2^K/(1−A²), K = rint(α·log₂e), which saves a
// factor: then q/(D/S) is h.
//
// Float32 is evaluated in float64 and rounded once.

// What a Coef holds for the tanh family; the second block is float64's only.
const (
	softRate  = iota // 2α·log₂e: powers of two per unit of t
	softMagic        // 1.5·2^52 + the bias of 2^k: rounds to k and leaves it in the low bits
	softInv          // 2^−K, or 0
	softC            // 1 − A
	softD            // 1/S
	softG1           // f′ = (softG1·q + softG0)/(D/S)²; float64: α/2, and below
	softG0           //
	softLow          // smallest t

	softW  // 2α
	softHi // ln 2/(2α), high and low part
	softLo //
	softT0 // t is counted from here: 0, or ½ beyond the α where A counts
	softT1 // ½ − softT0
	softD0 // f′ = α/2·(q + 2^−K)/(softD0 + softD1·q + softD2·q²)
	softD1
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
func exp2m1(f float64) float64 { return float64(horner(f, Exp2[:]) * f) }

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

// atLeast makes a NaN lo; ±Inf has a distance of NaN.
func atLeast(t, lo float64) float64 {
	if t > lo {
		return t
	}
	return lo
}

// atLeastOrNaN keeps it.
func atLeastOrNaN(t, lo float64) float64 {
	if t < lo {
		return lo
	}
	return t
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
	if w >= 128 { // A < 2^-184: no float32 result knows it
		c[softMagic] = magic + (bias - float64(4096*math.Floor(bias/4096)))
		c[softC] = 1
		c[softD] = 1 + p
		c[softG1] = float64(2 * a * c[softD])
		c[softLow] = (k - 1023) / rate
		return c
	}
	inv := math.Float64frombits(uint64(bias) << 52) // 2^-k
	e := p + (1 - inv)                              // (1 − A)/(A·2^k)
	c[softMagic] = magic + bias
	c[softInv] = inv
	c[softC] = e / (1 + p)
	c[softD] = float64(e * (2 - c[softC]))
	c[softG1] = float64(2 * a * c[softD])
	c[softG0] = c[softG1] * inv
	return c
}

// soft32 is q at the distance t from the plateau's middle.
func soft32(t float64, c *Coef) (q float64) {
	u := float64(t * c[softRate])
	y := u + c[softMagic]
	f := u - (y - c[softMagic])
	e := pow2(y)
	return math.FMA(float64(e*f), horner(f, Exp2[:]), e-c[softInv])
}

// softStep32 is n ± h, h with the sign of d.
func softStep32(n, q, d float64, c *Coef) float64 {
	return math.FMA(orSign(q, d), 1/math.FMA(q, c[softC], c[softD]), n)
}

// softSlope32 is f′. An infinite x makes D infinite and f′ 0, a finite one is
// lost beside softD.
func softSlope32(v, q float64, c *Coef) float64 {
	r := 1 / math.FMA(q, c[softC], math.FMA(math.Abs(v), 0x1p-1000, c[softD]))
	return float64(math.FMA(q, c[softG1], c[softG0]) * float64(r*r))
}

// SoftRound32 is n ± h with n = rint(x), t = |x − n|; −0 stays −0.
func SoftRound32(x float32, c *Coef) float32 {
	y, _ := softRound32(float64(x), c)
	return y
}

func softRound32(v float64, c *Coef) (y float32, q float64) {
	n := math.RoundToEven(v)
	d := v - n
	q = soft32(atLeast(math.Abs(d), c[softLow]), c)
	return float32(orSign(softStep32(n, q, d, c), v)), q
}

// SoftRoundSlope32 is f′; 0 at ±Inf.
func SoftRoundSlope32(x float32, c *Coef) float32 {
	_, g := SoftRoundBoth32(x, c)
	return g
}

// SoftRoundBoth32 is both.
func SoftRoundBoth32(x float32, c *Coef) (y, slope float32) {
	y, q := softRound32(float64(x), c)
	return y, float32(softSlope32(float64(x), q, c))
}

// SoftFloor32 is ⌊x⌋ ± h; the plateau's middle is at ⌊x⌋ + ½.
func SoftFloor32(x float32, c *Coef) float32 {
	y, _ := softFloor32(float64(x), c)
	return y
}

func softFloor32(v float64, c *Coef) (y float32, q float64) {
	n := math.Floor(v)
	d := v - n - 0.5
	q = soft32(atLeast(math.Abs(d), c[softLow]), c)
	return float32(softStep32(n, q, d, c)), q
}

// SoftFloorSlope32 is f′; 0 at ±Inf.
func SoftFloorSlope32(x float32, c *Coef) float32 {
	_, g := SoftFloorBoth32(x, c)
	return g
}

// SoftFloorBoth32 is both.
func SoftFloorBoth32(x float32, c *Coef) (y, slope float32) {
	y, q := softFloor32(float64(x), c)
	return y, float32(softSlope32(float64(x), q, c))
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
		c[softInv], c[softW], c[softD], c[softG0], c[softD0], c[softT1] = 1, 1, 1, 1, 1, 0.5
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
	c[softW] = w2
	c[softG1] = 0.5 * alpha
	if far {
		c[softMagic] = magic + 1023
		c[softC], c[softD] = 1, 1
		c[softD0], c[softD1], c[softD2] = 0.25, 0.5, 0.25
		c[softLow] = -1023 / c[softRate]
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
	// 1/S = e(1+A) = d + dl; 1+A = 2 − c
	z := 2 - ch
	zl := ((2 - z) - ch) - cl
	d := float64(eh * z)
	dl := math.FMA(eh, z, -d) + math.FMA(eh, zl, float64(el*z))
	// Scaled to between 1 and 2, so that no small q is subnormal.
	x := 1023 - float64(math.Float64bits(d)>>52)
	s := math.Float64frombits(uint64(1023+x) << 52)

	c[softMagic] = magic + (1023 - k + x)
	c[softInv] = inv * s
	c[softC] = ch + cl
	c[softD] = float64((d + dl) * s)
	c[softG0] = c[softG1] * c[softInv]
	c[softD0] = 0.25 * c[softD]
	c[softD1] = 0.5 * c[softC]
	c[softD2] = float64(c[softD1]*c[softD1]) / c[softD]
	c[softT1] = 0.5
	return c
}

// soft64 is q at v + tail from the point that t is counted from. The
// argument is reduced in units of t, so that a tiny t keeps its digits. Value
// and slope each divide once: a shared 1/D would cost them an ULP.
func soft64(v, tail float64, c *Coef) (q float64) {
	y := math.FMA(v, c[softRate], c[softMagic])
	k := c[softMagic] - y // −k
	z := math.FMA(k, c[softHi], v) + math.FMA(k, c[softLo], tail)
	u := float64(z * c[softG1])               // r/4
	z = math.FMA(float64(z*u), expTail(u), z) // expm1(r)/2α
	e := pow2(y)
	return math.FMA(float64(e*c[softW]), z, e-c[softInv])
}

// softSlope64 is f′; 0 at ±Inf.
func softSlope64(x, q float64, c *Coef) float64 {
	if math.Abs(x) == math.Inf(1) {
		return 0
	}
	return math.FMA(q, c[softG1], c[softG0]) / math.FMA(q, math.FMA(q, c[softD2], c[softD1]), c[softD0])
}

// softStep64 is h: at most t, so that no error leaves the room between identity
// and staircase, and exactly ½ at the step, where a is 0 or NaN.
func softStep64(q float64, c *Coef, t float64, off bool) float64 {
	h := q / math.FMA(q, c[softC], c[softD])
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
	q := soft64(atLeastOrNaN(t-c[softT0], c[softLow]), 0, c)
	return orSign(n+orSign(softStep64(q, c, t, t < 0.5), d), x)
}

// SoftRoundSlope64 is f′; 0 at ±Inf.
func SoftRoundSlope64(x float64, c *Coef) float64 {
	t := math.Abs(x - math.RoundToEven(x))
	q := soft64(atLeastOrNaN(t-c[softT0], c[softLow]), 0, c)
	return softSlope64(x, q, c)
}

// SoftRoundBoth64 is both.
func SoftRoundBoth64(x float64, c *Coef) (y, slope float64) {
	n := math.RoundToEven(x)
	d := x - n
	t := math.Abs(d)
	q := soft64(atLeastOrNaN(t-c[softT0], c[softLow]), 0, c)
	return orSign(n+orSign(softStep64(q, c, t, t < 0.5), d), x), softSlope64(x, q, c)
}

// SoftFloor64 is ⌊x⌋ ± h with t = ½ − |x − rint(x)| as high and low part.
func SoftFloor64(x float64, c *Coef) float64 {
	d := x - math.RoundToEven(x)
	a := math.Abs(d)
	v := c[softT1] - a
	q := soft64(atLeastOrNaN(v, c[softLow]), (c[softT1]-v)-a, c)
	return math.Floor(x) + orSignNot(softStep64(q, c, 0.5-a, a > 0), d)
}

// SoftFloorSlope64 is f′; 0 at ±Inf.
func SoftFloorSlope64(x float64, c *Coef) float64 {
	a := math.Abs(x - math.RoundToEven(x))
	v := c[softT1] - a
	q := soft64(atLeastOrNaN(v, c[softLow]), (c[softT1]-v)-a, c)
	return softSlope64(x, q, c)
}

// SoftFloorBoth64 is both.
func SoftFloorBoth64(x float64, c *Coef) (y, slope float64) {
	d := x - math.RoundToEven(x)
	a := math.Abs(d)
	v := c[softT1] - a
	q := soft64(atLeastOrNaN(v, c[softLow]), (c[softT1]-v)-a, c)
	return math.Floor(x) + orSignNot(softStep64(q, c, 0.5-a, a > 0), d), softSlope64(x, q, c)
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
		[2]float64{0.51, 3.9}, [2]float64{0.51, 3.8},
		defs(alphaOf[float32], SoftFloor32, SoftFloorSlope32, SoftFloorBoth32),
		defs(alphaOf[float64], SoftFloor64, SoftFloorSlope64, SoftFloorBoth64)),
	staircase(Kernel{Name: "SoftRound", Family: "soft", Sig: Alpha, Wide: true, Formula: "m + tanh(α(x−m))/(2 tanh(α/2)), m = ⌊x⌋ + ½", Edges: edgesOdd},
		[2]float64{0.51, 3.9}, [2]float64{0.51, 3.8},
		defs(alphaOf[float32], SoftRound32, SoftRoundSlope32, SoftRoundBoth32),
		defs(alphaOf[float64], SoftRound64, SoftRoundSlope64, SoftRoundBoth64)),
	staircase(Kernel{Name: "SoftCeil", Family: "soft", Sig: Alpha, Wide: true, Formula: "−SoftFloor(−x)", Edges: edgesStaircase},
		[2]float64{0.51, 3.9}, [2]float64{0.51, 3.8},
		defs(alphaOf[float32], SoftCeil32, SoftCeilSlope32, SoftCeilBoth32),
		defs(alphaOf[float64], SoftCeil64, SoftCeilSlope64, SoftCeilBoth64)),
)

func alphaOf[T Float](p Params[T]) Coef { return SoftCoef(p.Alpha) }
