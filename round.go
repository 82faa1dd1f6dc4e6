package stepgrad

import "github.com/stepgrad/stepgrad/kernels"

// Floor computes
//
//	for i := range dst { dst[i] = ⌊x[i]⌋ }
//
// exactly, as math.Floor. ±0, ±Inf and NaN map to themselves. Its derivative
// is 0 wherever it has one; see STEForward and SoftFloor for gradients.
//
// dst and x have one length and are the same slice or disjoint; else Floor
// panics.
func Floor[T Float](dst, x []T) {
	checkMap("Floor", dst, x)
	if is32[T]() {
		floorF32(p32(dst), p32(x), len(x))
	} else {
		floorF64(p64(dst), p64(x), len(x))
	}
}

// Ceil computes
//
//	for i := range dst { dst[i] = ⌈x[i]⌉ }
//
// exactly, as math.Ceil. ±0, ±Inf and NaN map to themselves; x in (−1, 0)
// gives −0.
//
// dst and x have one length and are the same slice or disjoint; else Ceil
// panics.
func Ceil[T Float](dst, x []T) {
	checkMap("Ceil", dst, x)
	if is32[T]() {
		ceilF32(p32(dst), p32(x), len(x))
	} else {
		ceilF64(p64(dst), p64(x), len(x))
	}
}

// Trunc computes
//
//	for i := range dst { dst[i] = x[i] without its fraction }
//
// exactly, as math.Trunc. ±0, ±Inf and NaN map to themselves; x in (−1, 0)
// gives −0.
//
// dst and x have one length and are the same slice or disjoint; else Trunc
// panics.
func Trunc[T Float](dst, x []T) {
	checkMap("Trunc", dst, x)
	if is32[T]() {
		truncF32(p32(dst), p32(x), len(x))
	} else {
		truncF64(p64(dst), p64(x), len(x))
	}
}

// Round computes
//
//	for i := range dst { dst[i] = the integer nearest to x[i], ties to even }
//
// exactly, as IEEE 754 roundToIntegralTiesToEven, math.RoundToEven, torch.round
// and numpy.rint: 0.5 → 0, 1.5 → 2, 2.5 → 2. ±0, ±Inf and NaN map to
// themselves; x in [−½, 0) gives −0. RoundAway is math.Round.
//
// dst and x have one length and are the same slice or disjoint; else Round
// panics.
func Round[T Float](dst, x []T) {
	checkMap("Round", dst, x)
	if is32[T]() {
		roundF32(p32(dst), p32(x), len(x))
	} else {
		roundF64(p64(dst), p64(x), len(x))
	}
}

// RoundAway computes
//
//	for i := range dst { dst[i] = the integer nearest to x[i], ties away from zero }
//
// exactly, as math.Round and C's round: 0.5 → 1, −2.5 → −3. ±0, ±Inf and NaN
// map to themselves; x in (−½, 0) gives −0.
//
// dst and x have one length and are the same slice or disjoint; else RoundAway
// panics.
func RoundAway[T Float](dst, x []T) {
	checkMap("RoundAway", dst, x)
	if is32[T]() {
		roundAwayF32(p32(dst), p32(x), len(x))
	} else {
		roundAwayF64(p64(dst), p64(x), len(x))
	}
}

// FloorSnap is Floor for values that were meant to be integers and came out a
// little below:
//
//	for i := range dst {
//		if at most ulps steps up through the floats lead from x[i] to ⌈x[i]⌉ {
//			dst[i] = ⌈x[i]⌉
//		} else {
//			dst[i] = ⌊x[i]⌋
//		}
//	}
//
// In float32 the largest value below 3 is 2.9999998: Floor makes it 2,
// FloorSnap with ulps = 1 makes it 3. ulps = 0 is Floor. From −tiny, one step
// below zero, ulps = 1 reaches −0. ±Inf and NaN map to themselves.
//
// dst and x have one length and are the same slice or disjoint, and ulps is at
// least 0; else FloorSnap panics.
func FloorSnap[T Float](dst, x []T, ulps int) {
	checkMap("FloorSnap", dst, x)
	checkUlps("FloorSnap", ulps)
	u := kernels.ClampUlps[T](ulps)
	if is32[T]() {
		floorSnapF32(p32(dst), p32(x), len(x), int32(u))
	} else {
		floorSnapF64(p64(dst), p64(x), len(x), u)
	}
}

// FloorDiv computes the bin of x on a grid of the given step,
//
//	for i := range dst { dst[i] = ⌊x[i]/step⌋ }
//
// of the exact real quotient. math.Floor(x/step) is that of the rounded one,
// which is an integer too large where the division rounds up to it.
//
// Where the rounded quotient is at least 2^24 in size (2^53 for float64), the
// result is that quotient. ±0 and ±Inf give the IEEE quotient, NaN gives NaN,
// a negative quotient that underflows gives −1.
//
// FloorDiv takes x at its word: a product k·step that was rounded down lies, in
// exact arithmetic, in the bin below k. To recover k from it, use FloorDivSnap.
//
// dst and x have one length and are the same slice or disjoint, and step is
// finite and not 0; else FloorDiv panics.
func FloorDiv[T Float](dst, x []T, step T) {
	checkMap("FloorDiv", dst, x)
	checkStep("FloorDiv", step)
	if is32[T]() {
		floorDivF32(p32(dst), p32(x), len(x), float32(step))
	} else {
		floorDivF64(p64(dst), p64(x), len(x), float64(step))
	}
}

// FloorDivSnap is FloorSnap of the correctly rounded quotient:
//
//	for i := range dst { dst[i] = FloorSnap(x[i]/step, ulps) }
//
// With ulps = 1 it recovers every integer |k| < 2^22 (2^51 for float64) from
// x = k·step rounded, which neither Floor of the quotient nor FloorDiv does:
// k·step as rounded may lie below its bin's edge.
//
// dst and x have one length and are the same slice or disjoint, step is finite
// and not 0, and ulps is at least 0; else FloorDivSnap panics.
func FloorDivSnap[T Float](dst, x []T, step T, ulps int) {
	checkMap("FloorDivSnap", dst, x)
	checkStep("FloorDivSnap", step)
	checkUlps("FloorDivSnap", ulps)
	u := kernels.ClampUlps[T](ulps)
	if is32[T]() {
		floorDivSnapF32(p32(dst), p32(x), len(x), float32(step), int32(u))
	} else {
		floorDivSnapF64(p64(dst), p64(x), len(x), float64(step), u)
	}
}

// FloorInt32 computes
//
//	for i := range dst { dst[i] = int32(⌊x[i]⌋) }
//
// for coordinates and bin numbers. It saturates: what is below −2^31 gives
// −2^31, what is above 2^31−1 gives 2^31−1, on every processor. NaN gives 0.
//
// dst and x have one length and are disjoint; else FloorInt32 panics.
func FloorInt32[T Float](dst []int32, x []T) {
	checkMapInt("FloorInt32", dst, x)
	if is32[T]() {
		floorInt32F32(pInt(dst), p32(x), len(x))
	} else {
		floorInt32F64(pInt(dst), p64(x), len(x))
	}
}

// CeilInt32 computes
//
//	for i := range dst { dst[i] = int32(⌈x[i]⌉) }
//
// saturating; NaN gives 0. See FloorInt32.
//
// dst and x have one length and are disjoint; else CeilInt32 panics.
func CeilInt32[T Float](dst []int32, x []T) {
	checkMapInt("CeilInt32", dst, x)
	if is32[T]() {
		ceilInt32F32(pInt(dst), p32(x), len(x))
	} else {
		ceilInt32F64(pInt(dst), p64(x), len(x))
	}
}

// RoundInt32 computes
//
//	for i := range dst { dst[i] = int32(the integer nearest to x[i], ties to even) }
//
// saturating; NaN gives 0. See FloorInt32.
//
// dst and x have one length and are disjoint; else RoundInt32 panics.
func RoundInt32[T Float](dst []int32, x []T) {
	checkMapInt("RoundInt32", dst, x)
	if is32[T]() {
		roundInt32F32(pInt(dst), p32(x), len(x))
	} else {
		roundInt32F64(pInt(dst), p64(x), len(x))
	}
}

// TruncInt32 computes
//
//	for i := range dst { dst[i] = int32(x[i] without its fraction) }
//
// as Go's conversion where that is defined; saturating, NaN gives 0. See
// FloorInt32.
//
// dst and x have one length and are disjoint; else TruncInt32 panics.
func TruncInt32[T Float](dst []int32, x []T) {
	checkMapInt("TruncInt32", dst, x)
	if is32[T]() {
		truncInt32F32(pInt(dst), p32(x), len(x))
	} else {
		truncInt32F64(pInt(dst), p64(x), len(x))
	}
}
