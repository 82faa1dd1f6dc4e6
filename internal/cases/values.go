// Package cases holds what the checks of a kernel have in common: the inputs
// and parameters they feed it, the ways its operands may lie in memory, and
// the comparison of a call with the definition, bit for bit. Conformance
// tests, fuzz targets, the digest and the exhaustive command share it.
package cases

import (
	"math"
	"math/rand/v2"
	"unsafe"
)

// Float is an element type; unlike stepgrad.Float it admits no named types.
type Float interface{ float32 | float64 }

// TypeName is "float32" or "float64".
func TypeName[T Float]() string {
	if is32[T]() {
		return "float32"
	}
	return "float64"
}

func is32[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// Bits is x's bit pattern.
func Bits[T Float](x T) uint64 {
	if is32[T]() {
		return uint64(*(*uint32)(unsafe.Pointer(&x)))
	}
	return *(*uint64)(unsafe.Pointer(&x))
}

// FromBits is the float with that pattern, signalling NaNs included; float32
// takes the low half.
func FromBits[T Float](u uint64) (x T) {
	if is32[T]() {
		*(*uint32)(unsafe.Pointer(&x)) = uint32(u)
	} else {
		*(*uint64)(unsafe.Pointer(&x)) = u
	}
	return x
}

// Same reports whether a and b have the same bits or are both NaN.
func Same[T Float](a, b T) bool { return Bits(a) == Bits(b) || a != a && b != b }

// format returns the bits of the mantissa that are stored, the largest
// exponent field and the sign bit.
func format[T Float]() (mantissa int, exponents, sign uint64) {
	if is32[T]() {
		return 23, 0xff, 1 << 31
	}
	return 52, 0x7ff, 1 << 63
}

// Specials lists the inputs where kernels go wrong, each with both signs.
func Specials[T Float]() []T {
	mantissa, exponents, sign := format[T]()
	inf := exponents << mantissa
	quiet := inf | 1<<(mantissa-1)
	patterns := []uint64{
		0, 1, 2, 1<<mantissa - 1, 1 << mantissa, 1<<mantissa + 1, // subnormals and the first normal
		inf - 1, inf, // the largest float, infinity
		inf + 1, inf | 1<<(mantissa-2), // signalling NaNs
		quiet, quiet | 12345, // quiet NaNs
	}
	whole := int64(1) << mantissa // from here on every float is an integer
	around := []T{
		0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4.5, 7, 8, 9.5, 10, 100, 127, 128, 255, 256, 1000.5,
		T(whole / 4), T(whole/4) + 0.5, T(whole / 2), T(whole/2) + 0.5, T(whole), T(2 * whole), T(4 * whole),
		1 << 22, 1 << 23, 1 << 24, 1 << 30, 1 << 31, 1 << 32, 1<<31 - 0.5, 1 << 63, 1e9, 1e30,
		0.1, 1. / 3, math.Pi, math.E, 16.625, 88.72283, 103.97208, 709.7827, 745.1332,
		1e-3, 1e-10, 1e-30, 1. / 4096,
	}
	for _, v := range around {
		u := Bits(v)
		patterns = append(patterns, u-1, u, u+1)
	}
	list := make([]T, 0, 2*len(patterns))
	for _, u := range patterns {
		list = append(list, FromBits[T](u), FromBits[T](u|sign))
	}
	return list
}

// Random returns one input: raw bits, a value of everyday size, or one within
// a few floats of an integer or half-integer. It composes bits, so that every
// machine draws the same.
func Random[T Float](r *rand.Rand) T {
	mantissa, exponents, _ := format[T]()
	u := r.Uint64()
	switch r.IntN(4) {
	case 0:
		return FromBits[T](u)
	case 1: // exponents from 2^-12 to 2^(mantissa+2)
		e := exponents/2 - 12 + r.Uint64N(uint64(mantissa)+15)
		return sign(FromBits[T](u&(1<<mantissa-1)|e<<mantissa), u>>63)
	case 2: // the unit cells around zero
		return sign(T(u>>40&0xfffff)/(1<<16), u>>63)
	default:
		v := T(u>>8&(1<<mantissa-1)>>(u>>56%uint64(mantissa))) / 2
		return sign(FromBits[T](Bits(v)+r.Uint64N(7)-3), u>>63) // from 0 it steps down to NaNs: also an input
	}
}

func sign[T Float](x T, negative uint64) T {
	if negative != 0 {
		return -x
	}
	return x
}

// Rand returns the generator of a fixed stream.
func Rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(0x57e96ad, stream)) }
