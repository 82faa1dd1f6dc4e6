package stepgrad

import "github.com/stepgrad/stepgrad/kernels"

// SmoothFloor is an infinitely differentiable, monotone staircase with Floor's
// plateaus and its steps at the integers:
//
//	for i := range dst { dst[i] = SmoothRound(x[i] − ½) }
//
// with SmoothRound as documented there and ½ subtracted in real arithmetic. At
// an integer the value is the middle of the step: SmoothFloor(3) = 2½. As
// slope → 0 it becomes Floor everywhere else; slope = 1 is x − ½.
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and slope is
// in (0, 1]; else SmoothFloor panics.
func SmoothFloor[T Float](dst, x []T, slope T) {
	checkMap("SmoothFloor", dst, x)
	checkSlope("SmoothFloor", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothFloorF32(p32(dst), p32(x), len(x), &c)
	} else {
		smoothFloorF64(p64(dst), p64(x), len(x), &c)
	}
}

// SmoothFloorGrad is the vector-Jacobian product of SmoothFloor:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = SmoothRound′(x − ½).
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; slope is in (0, 1]. Else SmoothFloorGrad panics.
func SmoothFloorGrad[T Float](dst, dy, x []T, slope T) {
	checkMapGrad("SmoothFloorGrad", dst, dy, x)
	checkSlope("SmoothFloorGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothFloorGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		smoothFloorGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SmoothFloorValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SmoothFloor, and SmoothFloorGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; slope is in (0, 1]. Else SmoothFloorValueGrad panics.
func SmoothFloorValueGrad[T Float](dst, grad, x []T, slope T) {
	checkMapBoth("SmoothFloorValueGrad", dst, grad, x)
	checkSlope("SmoothFloorValueGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothFloorValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		smoothFloorValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}

// SmoothRound is an infinitely differentiable, monotone staircase with Round's
// plateaus and its steps half-way between the integers:
//
//	for i := range dst {
//		n := the integer nearest to x[i]
//		dst[i] = n + atan(slope·tan(π·(x[i] − n)))/π
//	}
//
// slope is the slope of the plateaus, 1/slope that of the risers. With
// r = (1 − slope)/(1 + slope) it is the Abel sum of round's Fourier series,
// x − atan2(r·sin 2πx, 1 + r·cos 2πx)/π, written without cancellation.
// Integers are fixed points; slope = 1 is the identity, slope → 0 is Round
// except half-way. It is odd: −0 gives −0.
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and slope is
// in (0, 1]; else SmoothRound panics.
func SmoothRound[T Float](dst, x []T, slope T) {
	checkMap("SmoothRound", dst, x)
	checkSlope("SmoothRound", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothRoundF32(p32(dst), p32(x), len(x), &c)
	} else {
		smoothRoundF64(p64(dst), p64(x), len(x), &c)
	}
}

// SmoothRoundGrad is the vector-Jacobian product of SmoothRound:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = slope/(cos²πx + slope²·sin²πx).
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; slope is in (0, 1]. Else SmoothRoundGrad panics.
func SmoothRoundGrad[T Float](dst, dy, x []T, slope T) {
	checkMapGrad("SmoothRoundGrad", dst, dy, x)
	checkSlope("SmoothRoundGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothRoundGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		smoothRoundGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SmoothRoundValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SmoothRound, and SmoothRoundGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; slope is in (0, 1]. Else SmoothRoundValueGrad panics.
func SmoothRoundValueGrad[T Float](dst, grad, x []T, slope T) {
	checkMapBoth("SmoothRoundValueGrad", dst, grad, x)
	checkSlope("SmoothRoundValueGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothRoundValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		smoothRoundValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}

// SmoothCeil is an infinitely differentiable, monotone staircase with Ceil's
// plateaus and its steps at the integers:
//
//	for i := range dst { dst[i] = −SmoothFloor(−x[i]) }
//
// At an integer the value is the middle of the step: SmoothCeil(3) = 3½. As
// slope → 0 it becomes Ceil everywhere else; slope = 1 is x + ½.
//
// ±Inf map to themselves, NaN gives NaN. There is no special case for large x:
// where every float is an integer, the same real function is rounded.
// The error is within the bound of the accuracy table in the package
// documentation, the same bits on every machine.
//
// dst and x have one length and are the same slice or disjoint, and slope is
// in (0, 1]; else SmoothCeil panics.
func SmoothCeil[T Float](dst, x []T, slope T) {
	checkMap("SmoothCeil", dst, x)
	checkSlope("SmoothCeil", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothCeilF32(p32(dst), p32(x), len(x), &c)
	} else {
		smoothCeilF64(p64(dst), p64(x), len(x), &c)
	}
}

// SmoothCeilGrad is the vector-Jacobian product of SmoothCeil:
//
//	for i := range dst { dst[i] = dy[i] · f′(x[i]) }
//
// with f′(x) = SmoothFloor′(−x).
// f′ is rounded to T before the product, which is one IEEE operation.
// f′(±Inf) = 0, NaN gives NaN; an f′ beyond the largest float is +Inf.
//
// dst, dy and x have one length; dst is the same slice as an operand or
// disjoint from it; slope is in (0, 1]. Else SmoothCeilGrad panics.
func SmoothCeilGrad[T Float](dst, dy, x []T, slope T) {
	checkMapGrad("SmoothCeilGrad", dst, dy, x)
	checkSlope("SmoothCeilGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothCeilGradF32(p32(dst), p32(dy), p32(x), len(x), &c)
	} else {
		smoothCeilGradF64(p64(dst), p64(dy), p64(x), len(x), &c)
	}
}

// SmoothCeilValueGrad computes value and derivative in one pass:
//
//	for i := range dst { dst[i], grad[i] = f(x[i]), f′(x[i]) }
//
// the same bits as SmoothCeil, and SmoothCeilGrad with dy = 1.
//
// dst, grad and x have one length; dst and grad are disjoint, each may be x or
// disjoint from it; slope is in (0, 1]. Else SmoothCeilValueGrad panics.
func SmoothCeilValueGrad[T Float](dst, grad, x []T, slope T) {
	checkMapBoth("SmoothCeilValueGrad", dst, grad, x)
	checkSlope("SmoothCeilValueGrad", slope)
	c := kernels.SmoothCoef(slope)
	if is32[T]() {
		smoothCeilValueGradF32(p32(dst), p32(grad), p32(x), len(x), &c)
	} else {
		smoothCeilValueGradF64(p64(dst), p64(grad), p64(x), len(x), &c)
	}
}
