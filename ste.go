package stepgrad

import "github.com/stepgrad/stepgrad/kernels"

// Mode selects the rounding of STEForward.
type Mode = kernels.Mode

// The roundings: those of Floor, Ceil, Trunc, Round and RoundAway.
const (
	Down        = kernels.Down
	Up          = kernels.Up
	TowardZero  = kernels.TowardZero
	NearestEven = kernels.NearestEven
	NearestAway = kernels.NearestAway
)

// STEForward is the forward pass of the clipped straight-through estimator
// (Bengio, Léonard & Courville 2013; the clip as in Hubara et al. 2016), in
// one pass over x:
//
//	for i := range dst {
//		dst[i] = clamp(round(x[i]), lo, hi) // round as mode says
//		bit i&7 of mask[i>>3] = lo ≤ x[i] && x[i] ≤ hi
//	}
//
// The bits are all that STEBackward needs. They follow the value before
// rounding, and both bounds count as inside. clamp(v, lo, hi) is lo where
// v < lo, hi where v > hi, else v, so signed zeros survive. NaN gives NaN and
// bit 0; ±Inf gives the bound, and bit 0 unless that bound is infinite. Unused
// bits of the last byte are 0.
//
// dst and x have one length n and are the same slice or disjoint; mask has
// exactly (n+7)/8 bytes and is disjoint from both; mode is one of the five
// constants; lo ≤ hi, each an integer or ±Inf. Else STEForward panics.
func STEForward[T Float](dst []T, mask []byte, x []T, mode Mode, lo, hi T) {
	checkToMask("STEForward", dst, mask, x)
	checkMask("STEForward", addr(mask), bytes(mask), len(x), addr(dst), addr(x), bytes(x))
	checkClamp("STEForward", mode, lo, hi)
	if is32[T]() {
		steForwardF32(p32(dst), pByte(mask), p32(x), len(x), mode, float32(lo), float32(hi))
	} else {
		steForwardF64(p64(dst), pByte(mask), p64(x), len(x), mode, float64(lo), float64(hi))
	}
}

// STEBackward is the gradient of STEForward: that of the identity inside
// [lo, hi], zero outside:
//
//	for i := range dst {
//		if bit i&7 of mask[i>>3] is set { dst[i] = dy[i] } else { dst[i] = +0 }
//	}
//
// Where the bit is clear the result is +0 whatever dy is, NaN included. Unused
// bits of the last byte are ignored.
//
// dst and dy have one length n and are the same slice or disjoint; mask has
// exactly (n+7)/8 bytes and is disjoint from both. Else STEBackward panics.
func STEBackward[T Float](dst, dy []T, mask []byte) {
	checkFromMask("STEBackward", dst, dy, mask)
	checkMask("STEBackward", addr(mask), bytes(mask), len(dy), addr(dst), addr(dy), bytes(dy))
	if is32[T]() {
		steBackwardF32(p32(dst), p32(dy), pByte(mask), len(dy))
	} else {
		steBackwardF64(p64(dst), p64(dy), pByte(mask), len(dy))
	}
}
