// Package kernels is the leaf of stepgrad: the scalar definition of every
// kernel, and the catalogue that names them all.
//
// A definition is what a kernel means. The portable loops of the root package
// call it, the vector code that asm/ generates is compared with it bit for bit,
// and it is itself compared with math and math/big. So it fixes the order of
// every operation and uses only correctly rounded ones: + − × ÷ √ fma, the
// roundings and bit operations. Where two roundings are meant the product is
// converted first, T(x*y)+z, because Go fuses x*y+z on several processors.
package kernels

import (
	"math"
	"strings"
	"unsafe"
)

// Float is the element type of every kernel.
type Float interface{ ~float32 | ~float64 }

// Mode selects a rounding.
type Mode uint8

// The roundings, in the order of the public constants.
const (
	Down Mode = iota
	Up
	TowardZero
	NearestEven
	NearestAway
	modes // how many there are
)

// Valid reports whether m is one of the five roundings.
func (m Mode) Valid() bool { return m < modes }

// String is the name of the public constant.
func (m Mode) String() string {
	return [...]string{"Down", "Up", "TowardZero", "NearestEven", "NearestAway"}[m]
}

// A Shape says which operands a kernel has, in the order of the call.
type Shape uint8

const (
	Map      Shape = iota // (dst, x []T)
	MapInt                // (dst []int32, x []T)
	MapGrad               // (dst, dy, x []T): dst = dy · f′(x)
	MapBoth               // (dst, grad, x []T): f(x) and f′(x)
	ToMask                // (dst []T, mask []byte, x []T)
	FromMask              // (dst, dy []T, mask []byte)
	Zip                   // (dst, x, y []T)
	ZipGrad               // (dst, dy, y []T): the gradient by the result y of a Map
	Whole                 // anything else; Args names the parameters
)

// Signature is a kernel's parameter list after its operands.
type Signature uint8

const (
	None     Signature = iota
	Ulps               // ulps int, ≥ 0
	Step               // step T, finite and not 0
	StepUlps           // step T, ulps int
	Clamp              // mode Mode, lo, hi T: lo ≤ hi, each an integer or ±Inf
	Alpha              // alpha T, positive and finite
	Slope              // slope T in (0, 1]
	Factor             // factor T, any value
)

// Params holds one call's parameters; a kernel reads those of its Signature.
type Params[T Float] struct {
	Ulps         int
	Step         T
	Mode         Mode
	Lo, Hi       T
	Alpha, Slope T
	Factor       T
}

// In is what one element of a call reads: Dy is also the second operand of a
// Zip, X the y of a ZipGrad.
type In[T Float] struct {
	X, Dy T
	Bit   bool
}

// Out is what one element of a call writes.
type Out[T Float] struct {
	Y, Grad T
	Int     int32
	Bit     bool
}

// Def is a kernel's scalar definition for one element type: it prepares the
// parameters once and returns the function of one element.
type Def[T Float] func(Params[T]) func(In[T]) Out[T]

// Coef holds what a transcendental kernel prepares from its parameter, once a
// call; the vector loops read it too.
type Coef [16]float64

// A Kernel is one entry of the catalogue.
type Kernel struct {
	Name   string // the exported function of the root package
	Family string // the file that holds it in every room: round, ste, soft, …
	Shape  Shape
	Sig    Signature
	Args   []string // of a Whole

	Formula  string // what one element becomes
	Gradient string // the derivative that autograd declares for it
	Edges    string // ±0, ±Inf, NaN and parameter limits

	// ULP is the largest error measured against the exact real result for
	// float32 and float64; zero means exact.
	ULP [2]float64
	// Wide kernels evaluate float32 in float64 lanes and round once at the end.
	Wide bool

	Def32 Def[float32]
	Def64 Def[float64]
}

// All is the catalogue, in the order of the documentation. Tests, fuzz
// targets, benchmarks, documentation tables and the generator iterate it.
var All = concat(roundKernels, steKernels, softKernels, smoothKernels, arithKernels, elementaryKernels, quantKernels, randomKernels, categoricalKernels, binKernels, sampleKernels)

// Elementwise are the entries that have a definition of one element; the others
// are Wholes, and come last.
var Elementwise = All[:len(All)-len(quantKernels)-len(randomKernels)-len(categoricalKernels)-len(binKernels)-len(sampleKernels)]

// ByName returns the kernel with that name, or nil.
func ByName(name string) *Kernel {
	for i := range All {
		if All[i].Name == name {
			return &All[i]
		}
	}
	return nil
}

// whole is an entry that is not elementwise; args are separated by spaces.
func whole(name, family, args, formula, gradient, edges string) Kernel {
	return Kernel{
		Name: name, Family: family, Shape: Whole, Args: strings.Fields(args),
		Formula: formula, Gradient: gradient, Edges: edges,
	}
}

func concat(families ...[]Kernel) (all []Kernel) {
	for _, f := range families {
		all = append(all, f...)
	}
	return all
}

// is32 is a constant in every instantiation.
func is32[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// FMA is x·y + z rounded once to T.
func FMA[T Float](x, y, z T) T {
	if is32[T]() {
		return T(fma32(float32(x), float32(y), float32(z)))
	}
	return T(math.FMA(float64(x), float64(y), float64(z)))
}

// fma32 rounds once: the product is exact in float64, and the sum is rounded
// to odd there, which the second rounding cannot mistake for a tie.
func fma32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	// TwoSum: e is the exact error of s.
	t := s - p
	e := (p - (s - t)) + (c - t)
	b := math.Float64bits(s)
	if b&1 == 0 && e != 0 && !math.IsInf(s, 0) { // e is NaN only where s is
		if (e > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

// bits is x's bit pattern as a signed integer: for one sign, steps through the
// floats are steps through the integers.
func bits[T Float](x T) int64 {
	if is32[T]() {
		return int64(int32(math.Float32bits(float32(x))))
	}
	return int64(math.Float64bits(float64(x)))
}

// wholes is the size from which a rounded quotient stands for itself; below
// it every integer of T has both its neighbours.
func wholes[T Float]() T {
	if is32[T]() {
		return 1 << 24
	}
	return 1 << 53
}
