package autograd

import (
	"fmt"

	"github.com/stepgrad/stepgrad"
)

// SignSTE returns −1 for x < 0, else 1, so 1 for both zeros; NaN gives NaN. The
// gradient is dy where |x| ≤ clip and +0 elsewhere and at NaN: ste_sign of Larq
// (Courbariaux & Hubara 2016), where clip is 1. Infinity clips nothing. One bit
// per element is kept. The derivative of the mask is zero.
//
// It panics unless clip is at least 0.
func SignSTE[T stepgrad.Float](x *Var[T], clip T) *Var[T] {
	return clippedSTE("SignSTE", x, clip, signOf[T])
}

// ApproxSign is SignSTE with the gradient dy·2(1 − |x|) where |x| ≤ 1: a
// triangle (Liu et al. 2018, approx_sign of Larq). Only x is kept. Its second
// derivative is −2·dy·sign(x) inside, and 0 at 0.
func ApproxSign[T stepgrad.Float](x *Var[T]) *Var[T] {
	return result(mapped(x, scalars(signOf[T])), x.shape, via(x, func(dy *Var[T]) *Var[T] {
		slope := Scale(Sub(scalar(T(1)), Abs(x)), 2)
		return diagonal(Mul(dy, slope), keep[T](within(x.data, 1)))
	}))
}

// SwishSign is SignSTE with the gradient dy·f′(x) of a smooth f close to it
// (Darabi et al. 2018, swish_sign of Larq), with z = beta·x
//
//	f′ = beta·(2 − z·tanh(z/2)) / (1 + cosh z)
//
// in a form that does not overflow; f′ is negative for |z| > 2.4. ±Inf has
// f′ = 0. Only x is kept; higher derivatives are those of f.
//
// It panics unless beta is positive and finite.
func SwishSign[T stepgrad.Float](x *Var[T], beta T) *Var[T] {
	if !(beta > 0) || beta-beta != 0 {
		panic(fmt.Sprintf("autograd: SwishSign: beta must be positive and finite, not %v", beta))
	}
	return result(mapped(x, scalars(signOf[T])), x.shape, via(x, func(dy *Var[T]) *Var[T] {
		z := Clamp(Scale(x, beta), -2000, 2000) // beyond, f′ is 0 in T
		// 1 + cosh z is 1/(2·σ(z)·σ(−z)).
		slope := Mul(Sub(scalar(T(2)), Mul(z, Tanh(Scale(z, 0.5)))), Mul(Sigmoid(z), Sigmoid(Neg(z))))
		return Mul(dy, Scale(slope, 2*beta))
	}))
}

// TernarySTE returns −1, 0 or 1: the sign of x where |x| ≥ threshold, and 0
// where it is less or x is 0; NaN gives NaN. The gradient is dy where
// |x| ≤ clip and +0 elsewhere and at NaN: ste_tern of Larq, where clip is 1 and
// the threshold 0.05, or TernaryThreshold. One bit per element is kept.
//
// It panics unless threshold and clip are at least 0.
func TernarySTE[T stepgrad.Float](x *Var[T], threshold, clip T) *Var[T] {
	if !(threshold >= 0) {
		panic(fmt.Sprintf("autograd: TernarySTE: threshold must be at least 0, not %v", threshold))
	}
	return clippedSTE("TernarySTE", x, clip, func(v T) T {
		switch {
		case v != v:
			return v
		case v > 0 && v >= threshold:
			return 1
		case v < 0 && -v >= threshold:
			return -1
		}
		return 0
	})
}

// TernaryThreshold returns the threshold of ternary weight networks,
// 0.7·mean|x| (Li, Zhang & Liu 2016), for TernarySTE. The sum is accumulated in
// float64; of no elements it is NaN.
func TernaryThreshold[T stepgrad.Float](x []T) T { return T(0.7 * meanAbs(x)) }

func clippedSTE[T stepgrad.Float](op string, x *Var[T], clip T, f func(v T) T) *Var[T] {
	if !(clip >= 0) {
		panic(fmt.Sprintf("autograd: %s: clip must be at least 0, not %v", op, clip))
	}
	dst := mapped(x, scalars(f))
	if x.node == nil {
		return result[T](dst, x.shape)
	}
	return result(dst, x.shape, byDiagonal(x, keep[T](within(x.data, clip))))
}

func signOf[T stepgrad.Float](v T) T {
	switch {
	case v < 0:
		return -1
	case v >= 0:
		return 1
	}
	return v
}

// within has a bit for every |x| ≤ clip.
func within[T stepgrad.Float](x []T, clip T) []byte {
	return bitsOf(x, func(v T) bool { return -clip <= v && v <= clip })
}

func bitsOf[T stepgrad.Float](x []T, f func(v T) bool) []byte {
	bits := make([]byte, (len(x)+7)/8)
	stepgrad.Parallel(len(x), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if f(x[i]) {
				bits[i>>3] |= 1 << (i & 7)
			}
		}
	})
	return bits
}

// DoReFaWeights quantises weights to 2^bits levels from −1 to 1 (Zhou et al.
// 2016): with t = tanh(x), n = 2^bits − 1 and the largest |t| of the tensor, a
// constant for the gradient,
//
//	y = 2·round((t/(2·max|t|) + ½)·n)/n − 1
//
// rounded to even. The gradient passes the rounding straight: it is
// dy·(1 − t²)/max|t|. Where all of x is 0, max|t| counts as 1.
//
// It panics unless bits is in [1, 16].
func DoReFaWeights[T stepgrad.Float](x *Var[T], bits int) *Var[T] {
	n := levels[T]("DoReFaWeights", bits)
	t := Tanh(x)
	lo, hi := stepgrad.MinMax(t.data)
	most := max(-lo, hi)
	if !(most > 0) {
		most = 1
	}
	h := Add(Div(t, scalar(2*most)), scalar(T(0.5)))
	q := Div(RoundSTE(Scale(h, n)), scalar(n))
	return Sub(Scale(q, 2), scalar(T(1)))
}

// levels is 2^bits − 1.
func levels[T stepgrad.Float](op string, bits int) T {
	if bits < 1 || bits > 16 {
		panic(fmt.Sprintf("autograd: %s: bits must be in [1, 16], not %d", op, bits))
	}
	return T(int(1)<<bits - 1)
}

// PACT clips activations to [0, alpha], alpha being learned, and quantises them
// to 2^bits levels (Choi et al. 2018): with scale = alpha/(2^bits − 1)
//
//	y = clamp(round(x/scale), 0, 2^bits − 1)·scale
//
// ties to even. The gradients are those of the clip: dx is dy where
// 0 ≤ x < alpha and +0 elsewhere, dalpha is the sum of dy where x ≥ alpha, in
// float64. NaN gives NaN, and no gradient. Two bits per element are kept, and
// the derivatives of the masks are zero.
//
// It panics unless alpha is one element, positive and finite, whose scale is not
// 0, or unless bits is in [1, 16].
func PACT[T stepgrad.Float](x, alpha *Var[T], bits int) *Var[T] {
	n := levels[T]("PACT", bits)
	if len(alpha.data) != 1 {
		panic(fmt.Sprintf("autograd: PACT: alpha has shape %v, not one element", alpha.shape))
	}
	a := alpha.data[0]
	q, err := stepgrad.NewQuant(a/n, 0, 0, int(n), stepgrad.WithRule(stepgrad.Divide))
	if err != nil {
		panic(fmt.Sprintf("autograd: PACT: alpha must be positive and finite, and so alpha/%v, not %v", n, a))
	}
	dst := mapped(x, func(dst, x []T) { stepgrad.FakeQuantize(dst, nil, x, q) })
	var edges []edge[T]
	if x.node != nil {
		edges = append(edges, byDiagonal(x, keep[T](bitsOf(x.data, func(v T) bool { return 0 <= v && v < a }))))
	}
	if alpha.node != nil {
		above := keep[T](bitsOf(x.data, func(v T) bool { return v >= a }))
		shape := alpha.shape
		edges = append(edges, via(alpha, func(dy *Var[T]) *Var[T] { return reshape(sumAll(diagonal(dy, above)), shape) }))
	}
	return result(dst, x.shape, edges...)
}

func sumAll[T stepgrad.Float](x *Var[T]) *Var[T] {
	return sumTo(reshape(x, []int{len(x.data)}), []int{1})
}

// StochasticRoundSTE returns ⌊x⌋ or ⌈x⌉, the latter with probability x − ⌊x⌋,
// so x on average (Gupta et al. 2015). Element i takes its decision by element
// i of stepgrad.Uniform(…, seed, offset): the same seed and offset give the same
// result on every machine, in any number of goroutines; let offset advance by
// Len from one call to the next. An integer stays, and so do ±Inf and NaN. The
// gradient is the identity's; nothing is kept.
func StochasticRoundSTE[T stepgrad.Float](x *Var[T], seed, offset uint64) *Var[T] {
	dst := blank[T](len(x.data))
	stepgrad.Parallel(len(dst), func(lo, hi int) {
		var chance, down [512]T
		for lo < hi {
			end := min(hi, lo+len(chance))
			u, f, to, v := chance[:end-lo], down[:end-lo], dst[lo:end], x.data[lo:end]
			stepgrad.Uniform(u, seed, offset+uint64(lo))
			stepgrad.Floor(f, v)
			stepgrad.Ceil(to, v)
			for i, w := range v {
				if !(u[i] < w-f[i]) {
					to[i] = f[i]
				}
			}
			lo = end
		}
	})
	return result(dst, x.shape, via(x, pass[T]))
}
