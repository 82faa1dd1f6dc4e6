package stepgrad

import "github.com/stepgrad/stepgrad/kernels"

// SoftFloor is a differentiable staircase with Floor's plateaus and smooth steps
// at the integers:
//
//	for i := range dst { dst[i] = SoftRound(x[i] − ½) }
//
// with SoftRound as documented there and ½ subtracted in real arithmetic. At
// an integer the value is the middle of the step: SoftFloor(3) = 2½. As
// alpha → ∞ it becomes Floor everywhere else, as alpha → 0 it becomes x − ½.
// (The often quoted ⌊x⌋ + σ(k(x − ⌊x⌋ − ½)) is a soft round, and jumps at the
// integers.)
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and alpha is
// positive and finite; else SoftFloor panics.
func SoftFloor[T Float](dst, x []T, alpha T) {
	checkMap("SoftFloor", dst, x)
	checkAlpha("SoftFloor", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softFloorF32(p32(dst), p32(x), len(x), &c)
	} else {
		softFloorF64(p64(dst), p64(x), len(x), &c)
	}
}

// SoftFloorGrad is the vector-Jacobian product of SoftFloor:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = SoftRound′(x − ½).
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; alpha is positive and finite. Else SoftFloorGrad panics.
func SoftFloorGrad[T Float](dst, dy, x []T, alpha T) {
	checkMapGrad("SoftFloorGrad", dst, dy, x)
	checkAlpha("SoftFloorGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softFloorGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		softFloorGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SoftFloorValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SoftFloor, and SoftFloorGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; alpha is positive and finite. Else SoftFloorValueGrad panics.
func SoftFloorValueGrad[T Float](dst, grad, x []T, alpha T) {
	checkMapBoth("SoftFloorValueGrad", dst, grad, x)
	checkAlpha("SoftFloorValueGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softFloorValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		softFloorValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}

// SoftRound is a differentiable staircase with Round's plateaus and smooth steps
// half-way between the integers, the tanh family of the field:
//
//	for i := range dst {
//		m := ⌊x[i]⌋ + ½
//		dst[i] = m + tanh(alpha·(x[i] − m)) / (2·tanh(alpha/2))
//	}
//
// It is soft_round of TensorFlow Compression (Agustsson & Theis 2020), the
// normalised sigmoid with k = 2·alpha, and DSQ. Integers are fixed points. As
// alpha → ∞ it becomes Round except half-way, where it stays in the middle; as
// alpha → 0 it becomes x. It is once continuously differentiable; SmoothRound
// is so without end. It is odd: −0 gives −0.
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and alpha is
// positive and finite; else SoftRound panics.
func SoftRound[T Float](dst, x []T, alpha T) {
	checkMap("SoftRound", dst, x)
	checkAlpha("SoftRound", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softRoundF32(p32(dst), p32(x), len(x), &c)
	} else {
		softRoundF64(p64(dst), p64(x), len(x), &c)
	}
}

// SoftRoundGrad is the vector-Jacobian product of SoftRound:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = alpha·(1 − tanh²(alpha·(x − m)))/(2·tanh(alpha/2)), m = ⌊x⌋ + ½.
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; alpha is positive and finite. Else SoftRoundGrad panics.
func SoftRoundGrad[T Float](dst, dy, x []T, alpha T) {
	checkMapGrad("SoftRoundGrad", dst, dy, x)
	checkAlpha("SoftRoundGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softRoundGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		softRoundGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SoftRoundValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SoftRound, and SoftRoundGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; alpha is positive and finite. Else SoftRoundValueGrad panics.
func SoftRoundValueGrad[T Float](dst, grad, x []T, alpha T) {
	checkMapBoth("SoftRoundValueGrad", dst, grad, x)
	checkAlpha("SoftRoundValueGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softRoundValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		softRoundValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}

// SoftCeil is a differentiable staircase with Ceil's plateaus and smooth steps at
// the integers:
//
//	for i := range dst { dst[i] = −SoftFloor(−x[i]) }
//
// At an integer the value is the middle of the step: SoftCeil(3) = 3½. As
// alpha → ∞ it becomes Ceil everywhere else, as alpha → 0 it becomes x + ½.
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and alpha is
// positive and finite; else SoftCeil panics.
func SoftCeil[T Float](dst, x []T, alpha T) {
	checkMap("SoftCeil", dst, x)
	checkAlpha("SoftCeil", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softCeilF32(p32(dst), p32(x), len(x), &c)
	} else {
		softCeilF64(p64(dst), p64(x), len(x), &c)
	}
}

// SoftCeilGrad is the vector-Jacobian product of SoftCeil:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = SoftFloor′(−x).
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; alpha is positive and finite. Else SoftCeilGrad panics.
func SoftCeilGrad[T Float](dst, dy, x []T, alpha T) {
	checkMapGrad("SoftCeilGrad", dst, dy, x)
	checkAlpha("SoftCeilGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softCeilGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		softCeilGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SoftCeilValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SoftCeil, and SoftCeilGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; alpha is positive and finite. Else SoftCeilValueGrad panics.
func SoftCeilValueGrad[T Float](dst, grad, x []T, alpha T) {
	checkMapBoth("SoftCeilValueGrad", dst, grad, x)
	checkAlpha("SoftCeilValueGrad", alpha)
	c := kernels.SoftCoef(alpha)
	if is32[T]() {
		softCeilValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		softCeilValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}
