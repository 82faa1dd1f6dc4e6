package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// Float is the element type of every function: float32, float64 and types
// defined as one of them.
type Float interface{ ~float32 | ~float64 }

// is32 is a constant in every instantiation.
func is32[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// p32 and p64 are what the kernels take, once the slices have been checked.
func p32[T Float](s []T) *float32 { return (*float32)(unsafe.Pointer(unsafe.SliceData(s))) }
func p64[T Float](s []T) *float64 { return (*float64)(unsafe.Pointer(unsafe.SliceData(s))) }
func pInt(s []int32) *int32        { return unsafe.SliceData(s) }
func pByte(s []byte) *byte         { return unsafe.SliceData(s) }

// overlap reports whether a and b share memory.
func overlap[A, B any](a []A, b []B) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	a0, b0 := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return a0 < b0+uintptr(len(b))*unsafe.Sizeof(b[0]) && b0 < a0+uintptr(len(a))*unsafe.Sizeof(a[0])
}

// partial reports whether a and b, of one length, overlap without being the
// same slice.
func partial[T Float](a, b []T) bool {
	return unsafe.SliceData(a) != unsafe.SliceData(b) && overlap(a, b)
}

// The checks below are one per shape of kernels.Shape. They run before
// anything is written, whatever the length.

func checkMap[T Float](name string, dst, x []T) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x differ in length")
	}
	if partial(dst, x) {
		panic("stepgrad: " + name + ": dst and x overlap without being the same slice")
	}
}

func checkMapInt[T Float](name string, dst []int32, x []T) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x differ in length")
	}
	if overlap(dst, x) {
		panic("stepgrad: " + name + ": dst and x overlap")
	}
}

func checkMapGrad[T Float](name string, dst, dy, x []T) {
	if len(dst) != len(x) || len(dy) != len(x) {
		panic("stepgrad: " + name + ": dst, dy and x differ in length")
	}
	if partial(dst, dy) {
		panic("stepgrad: " + name + ": dst and dy overlap without being the same slice")
	}
	if partial(dst, x) {
		panic("stepgrad: " + name + ": dst and x overlap without being the same slice")
	}
}

func checkMapBoth[T Float](name string, dst, grad, x []T) {
	if len(dst) != len(x) || len(grad) != len(x) {
		panic("stepgrad: " + name + ": dst, grad and x differ in length")
	}
	if overlap(dst, grad) {
		panic("stepgrad: " + name + ": dst and grad overlap")
	}
	if partial(dst, x) {
		panic("stepgrad: " + name + ": dst and x overlap without being the same slice")
	}
	if partial(grad, x) {
		panic("stepgrad: " + name + ": grad and x overlap without being the same slice")
	}
}

// checkMask serves both mask shapes: a is x or dy.
func checkMask[T Float](name, arg string, dst, a []T, mask []byte) {
	if len(dst) != len(a) {
		panic("stepgrad: " + name + ": dst and " + arg + " differ in length")
	}
	if len(mask) != (len(a)+7)/8 {
		panic("stepgrad: " + name + ": mask must have one bit per element, exactly (n+7)/8 bytes")
	}
	if partial(dst, a) {
		panic("stepgrad: " + name + ": dst and " + arg + " overlap without being the same slice")
	}
	if overlap(mask, dst) || overlap(mask, a) {
		panic("stepgrad: " + name + ": mask overlaps dst or " + arg)
	}
}

// The checks of parameters are one per kernels.Signature. x − x is 0 exactly
// for finite x.

func checkUlps(name string, ulps int) {
	if ulps < 0 {
		panic("stepgrad: " + name + ": ulps must be at least 0")
	}
}

func checkStep[T Float](name string, step T) {
	if step == 0 || step-step != 0 {
		panic("stepgrad: " + name + ": step must be finite and not 0")
	}
}

func checkAlpha[T Float](name string, alpha T) {
	if !(alpha > 0) || alpha-alpha != 0 {
		panic("stepgrad: " + name + ": alpha must be positive and finite")
	}
}

func checkSlope[T Float](name string, slope T) {
	if !(slope > 0 && slope <= 1) {
		panic("stepgrad: " + name + ": slope must be in (0, 1]")
	}
}

func checkClamp[T Float](name string, mode Mode, lo, hi T) {
	if !mode.Valid() {
		panic("stepgrad: " + name + ": mode must be Down, Up, TowardZero, NearestEven or NearestAway")
	}
	if !(lo <= hi) {
		panic("stepgrad: " + name + ": lo must be at most hi, neither NaN")
	}
	if kernels.Floor(lo) != lo || kernels.Floor(hi) != hi {
		panic("stepgrad: " + name + ": lo and hi must be integers or infinite")
	}
}
