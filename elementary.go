package stepgrad

// Exp computes
//
//	for i := range dst { dst[i] = e^x[i] }
//
// −Inf gives +0, NaN gives NaN; +Inf gives +Inf, and so does an x whose result
// would exceed the largest float. A subnormal result is one of the two floats
// about the exact one.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint; else Exp
// panics.
func Exp[T Float](dst, x []T) {
	checkMap("Exp", dst, x)
	if is32[T]() {
		expF32(p32(dst), p32(x), len(x))
	} else {
		expF64(p64(dst), p64(x), len(x))
	}
}

// Log computes
//
//	for i := range dst { dst[i] = log x[i] }
//
// the natural logarithm. ±0 gives −Inf, x < 0 gives NaN, subnormals are taken at
// their value; +Inf and NaN map to themselves.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint; else Log
// panics.
func Log[T Float](dst, x []T) {
	checkMap("Log", dst, x)
	if is32[T]() {
		logF32(p32(dst), p32(x), len(x))
	} else {
		logF64(p64(dst), p64(x), len(x))
	}
}

// Tanh computes
//
//	for i := range dst { dst[i] = tanh x[i] }
//
// an odd function, small x included: −0 gives −0. ±Inf give ±1, NaN gives NaN.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint; else Tanh
// panics.
func Tanh[T Float](dst, x []T) {
	checkMap("Tanh", dst, x)
	if is32[T]() {
		tanhF32(p32(dst), p32(x), len(x))
	} else {
		tanhF64(p64(dst), p64(x), len(x))
	}
}

// Sigmoid computes
//
//	for i := range dst { dst[i] = 1/(1 + e^−x[i]) }
//
// the logistic function. Where x is very negative the result keeps its relative
// accuracy down to the subnormals. −Inf gives +0, +Inf gives 1, NaN gives NaN.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint; else Sigmoid
// panics.
func Sigmoid[T Float](dst, x []T) {
	checkMap("Sigmoid", dst, x)
	if is32[T]() {
		sigmoidF32(p32(dst), p32(x), len(x))
	} else {
		sigmoidF64(p64(dst), p64(x), len(x))
	}
}

// TanhGrad is the vector-Jacobian product of Tanh, by its result y:
//
//	for i := range dst { dst[i] = dy[i] · (1 − y[i]²) }
//
// y² is not rounded before the difference, so f′ is accurate next to |y| = 1 too.
// The difference is rounded to T once, then the product, both as IEEE 754 does.
//
// dst, dy and y have one length; dst is the same slice as an operand or
// disjoint from it. Else TanhGrad panics.
func TanhGrad[T Float](dst, dy, y []T) {
	checkZip("TanhGrad", addr(dst), addr(dy), addr(y), bytes(dst), bytes(dy), bytes(y))
	raceZip(dst, dy, y)
	if is32[T]() {
		tanhGradF32(p32(dst), p32(dy), p32(y), len(dy))
	} else {
		tanhGradF64(p64(dst), p64(dy), p64(y), len(dy))
	}
}

// SigmoidGrad is the vector-Jacobian product of Sigmoid, by its result y:
//
//	for i := range dst { dst[i] = dy[i] · (y[i] − y[i]²) }
//
// y² is not rounded before the difference, so f′ = y·(1 − y) is correctly rounded.
// The difference is rounded to T once, then the product, both as IEEE 754 does.
//
// dst, dy and y have one length; dst is the same slice as an operand or
// disjoint from it. Else SigmoidGrad panics.
func SigmoidGrad[T Float](dst, dy, y []T) {
	checkZip("SigmoidGrad", addr(dst), addr(dy), addr(y), bytes(dst), bytes(dy), bytes(y))
	raceZip(dst, dy, y)
	if is32[T]() {
		sigmoidGradF32(p32(dst), p32(dy), p32(y), len(dy))
	} else {
		sigmoidGradF64(p64(dst), p64(dy), p64(y), len(dy))
	}
}
