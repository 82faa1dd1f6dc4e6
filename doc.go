// Package stepgrad makes step functions fast and trainable.
//
// It holds Floor, Ceil, Trunc and Round over slices, the surrogates that let a
// gradient past them (straight-through estimators, soft and smooth
// staircases), and the gradients of those, as SIMD kernels for float32 and
// float64: AVX-512, AVX2, NEON and portable Go, chosen at run time. Package
// stepgrad/autograd builds differentiable programs on them.
//
// # The contract
//
// The same bits everywhere. Every kernel gives identical bits on every
// instruction set, in every vector lane and every tail, gradients included;
// any NaN counts as any other. What a kernel computes is its scalar definition
// in stepgrad/kernels.
//
// Accurate. Roundings are exact. The transcendental kernels are within the
// errors of the table below for alpha in [1e-3, 200] and slope in [1e-4, 1],
// small results included, except where the result is subnormal. ULP is the
// spacing of floats in the binade of the exact result. Outside those ranges
// results stay finite for finite x, and between the limits alpha → 0 and ∞.
//
// Total. NaN gives NaN, ±Inf, −0, subnormals and huge values have the result
// that each function documents, and zeros keep the sign that IEEE 754 gives
// them: Ceil, Trunc and Round of −0.3 are −0.
//
// In place or disjoint. A float destination is exactly an operand or does not
// overlap it; two results of one call are disjoint; a mask or an integer slice
// is disjoint from every other slice. Operands may overlap each other.
//
// Checked first. Lengths, overlap and parameters are checked before anything
// is written, also when the length is zero; a violation panics with a string
// "stepgrad: Floor: …" that names the function, the argument and the rule.
//
// No surprises. Nothing allocates or starts a goroutine (Parallel does), there
// is no work at start-up beyond feature detection and no environment variable.
// GODEBUG=cpu.avx2=off and the build tag purego select portable code.
//
// # Why the gradient of floor is zero
//
// ⌊x⌋ is constant between integers, so its derivative is 0 there and undefined
// at them. Backpropagation multiplies by it: whatever lies upstream of a floor
// receives zeros and stops learning, without any error. autograd.Explain finds
// such a floor and names its line. The ways past it: keep the hard value and
// pass the gradient straight through (STEForward, autograd.FloorSTE), or
// replace the step by a staircase with a slope (SoftFloor, SmoothFloor).
//
// # When the straight-through estimator is biased
//
// It answers for the identity, not for the function. With y = ⌊x⌋ and a loss
// L(y), it gives L′(⌊x⌋); the derivative of E[L(⌊x + u⌋)] over noise u uniform
// on a step is L(⌊x⌋ + 1) − L(⌊x⌋). The two agree when L is linear; for L = y²
// they differ by 1, for a curved loss by about L″/2 (autograd.Bias measures it,
// and docs/STE_BIAS.md shows it for the usual losses). Clipping (STEForward's lo
// and hi) matters as much: without it the gradient keeps pushing values that
// have long left the range. SoftFloor with alpha rising during training has no
// such bias, but trains another function until alpha is large.
//
// # Why 2.9999998 floors to 2
//
// Because it is below 3. In float32 it is the neighbour of 3, and what a
// computation meant to give 3 often returns. FloorSnap(x, 1) takes an x that
// is at most one float below an integer as that integer. FloorDiv is the floor
// of an exact quotient, where Floor(x/step) is that of a rounded one and can
// be one too large. FloorDivSnap(x, step, 1) recovers k from x = k·step as
// rounded, where FloorDiv may rightly answer k − 1.
//
// # Random numbers
//
// Uniform, Normal and Gumbel are pure: element i of a call depends on seed and
// offset + i alone, which wraps modulo 2^64, and has the same bits on every
// machine. A slice may be filled in any pieces, by any number of goroutines, and
// the next call goes on where offset says. The same seed and offset give the
// same randomness to all of them: an element of Gumbel is a function of the
// same bits as that of Uniform. float32 and float64 are different streams.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", 2011), keyed by seed. It is made for
// simulation, not for secrets. Of float32 e, word e/16%4 of the block whose
// counter is e/64·16 + e%16; of float64 e, words 0 and 1 or, where e/16 is odd,
// 2 and 3, the low one first, of counter e/32·16 + e%16.
//
// # Gradients of gradients
//
// A surrogate's gradient rule is a function of (dy, x); differentiating again
// differentiates that function, in which the hard functions have derivative
// zero. So the straight-through estimator has second derivative 0 of its own,
// and x·RoundSTE(x) has 2. SoftRound is once continuously differentiable: its
// second derivative jumps at the integers (SoftFloor's half-way between them).
// SmoothRound has derivatives of every order.
package stepgrad
