package main

import (
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

const (
	log2e   = 1.4426950408889634
	ln2     = 0.6931471805599453
	ln2Tail = 2.3190468138462996e-17
	magic   = 3 << 51

	// The bits of some float64s; twoTo52 | e is those of 2^52 + e.
	sqrtHalf = 0x3fe6a09e667f3bcd
	one      = 0x3ff0000000000000
	twoTo52  = 0x4330000000000000
	mantissa = 1<<52 - 1
)

var elementaryBodies = bodies{
	"Exp":     elementary(exp32, exp64),
	"Log":     elementary(log32, log64),
	"Tanh":    elementary(tanh32, tanh64),
	"Sigmoid": elementary(sigmoid32, sigmoid64),
	"TanhGrad": func(b *Body, _ kernels.Mode) Result {
		return Result{Y: b.Mul(b.X(), b.FNMA(b.Y(), b.Y(), b.Float(1)))}
	},
	"SigmoidGrad": func(b *Body, _ kernels.Mode) Result {
		return Result{Y: b.Mul(b.X(), b.FNMA(b.Y(), b.Y(), b.Y()))}
	},
}

// elementary is f32 on float32 elements, f64 on float64; the lanes are float64.
func elementary(f32, f64 func(b *Body, x V) V) bodyFunc {
	return func(b *Body, _ kernels.Mode) Result {
		if b.Elem == 32 {
			return Result{Y: f32(b, b.X())}
		}
		return Result{Y: f64(b, b.X())}
	}
}

// atLeast and atMost keep a NaN.
func atLeast(b *Body, v V, lo float64) V { return b.Greater(b.Float(lo), v) }
func atMost(b *Body, v V, hi float64) V  { return b.Less(b.Float(hi), v) }

// wideSplit is 2^(v·rate) as s·2^f.
func wideSplit(b *Body, v V, rate float64) (s, f V) {
	bias := b.Float(magic + 1023)
	y := b.FMA(v, b.Float(rate), bias)
	return b.Shl(y, 52), b.FMA(v, b.Float(rate), b.Sub(bias, y))
}

func exp32(b *Body, x V) V {
	s, f := wideSplit(b, atMost(b, atLeast(b, x, -104.5), 89), log2e)
	return b.Mul(s, horner(b, f, floats(b, kernels.ExpWide[:])))
}

func sigmoid32(b *Body, x V) V {
	s, f := wideSplit(b, atMost(b, atLeast(b, x, -104.5), 104.5), -log2e)
	return b.Div(b.Float(1), b.FMA(s, horner(b, f, floats(b, kernels.ExpWide[:])), b.Float(1)))
}

// tanhOf is q/(q + 2) with x's sign, q = s·(1 + p) − 1.
func tanhOf(b *Body, s, p, x V) V {
	q := b.FMA(s, p, b.Sub(s, b.Float(1)))
	return b.WithSign(b.Div(q, b.Add(q, b.Float(2))), x)
}

func tanh32(b *Body, x V) V {
	s, f := wideSplit(b, atMost(b, b.Abs(x), 10), 2*log2e)
	return tanhOf(b, s, b.Mul(horner(b, f, floats(b, kernels.Exp2[:])), f), x)
}

// logSplit is x = 2^k·(1 + f): k + 1023 + 2^52, and f.
func logSplit(b *Body, x V) (k, f V) {
	i := b.IAdd(x, b.Bits(one-sqrtHalf))
	k = b.Or(b.Shr(i, 52), b.Bits(twoTo52))
	return k, b.Sub(b.IAdd(b.And(i, b.Bits(mantissa)), b.Bits(sqrtHalf)), b.Float(1))
}

// logEdges is y for 0 < x < ∞, else log x.
func logEdges(b *Body, x, y V) V {
	bad := b.Select(b.LT(x, b.Zero()), b.Float(math.NaN()), b.Float(math.Inf(-1)))
	y = b.Select(b.LE(x, b.Zero()), bad, y)
	return b.Select(b.LT(x, b.Float(math.Inf(1))), y, x)
}

func log32(b *Body, x V) V {
	k, f := logSplit(b, x)
	k = b.Sub(k, b.Float(1<<52+1023))
	s := b.Div(f, b.Add(f, b.Float(2)))
	return logEdges(b, x, b.FMA(k, b.Float(ln2), b.Mul(s, horner(b, b.Mul(s, s), floats(b, kernels.LogWide[:])))))
}

// expm1Parts is e^v as 2^k·(1 + z); y holds k + bias in its low bits.
func expm1Parts(b *Body, v V, bias float64) (y, z V) {
	c := b.Float(magic + bias)
	y = b.FMA(v, b.Float(log2e), c)
	k := b.Sub(c, y)
	r := b.FMA(k, b.Float(ln2Tail), b.FMA(k, b.Float(ln2), v))
	u := b.Mul(b.Float(0.25), r)
	return y, b.FMA(b.Mul(r, u), horner(b, u, floats(b, kernels.ExpTail[:])), r)
}

// scaledExp is e^v for v in [−746, 710].
func scaledExp(b *Body, v V) V {
	y, z := expm1Parts(b, v, 2046)
	half := b.FMA(b.Sub(y, b.Float(magic+2046)), b.Float(0.5), b.Float(magic+1023))
	s := b.Shl(half, 52)
	return b.Mul(b.FMA(s, z, s), b.Shl(b.ISub(y, half), 52))
}

func exp64(b *Body, x V) V { return scaledExp(b, atMost(b, atLeast(b, x, -746), 710)) }

func sigmoid64(b *Body, x V) V {
	e := scaledExp(b, atLeast(b, b.Or(x, b.SignBit()), -746))
	return b.Div(b.Select(b.LT(x, b.Zero()), e, b.Float(1)), b.Add(e, b.Float(1)))
}

func tanh64(b *Body, x V) V {
	v := atMost(b, b.Abs(x), 20)
	y, z := expm1Parts(b, b.Add(v, v), 1023)
	return tanhOf(b, b.Shl(y, 52), z, x)
}

func log64(b *Body, x V) V {
	small := b.LT(x, b.Float(0x1p-1022))
	k, f := logSplit(b, b.Select(small, b.Mul(x, b.Float(0x1p54)), x))
	k = b.Sub(k, b.Select(small, b.Float(1<<52+1077), b.Float(1<<52+1023)))
	s := b.Div(f, b.Add(f, b.Float(2)))
	z := b.Mul(s, s)
	h := b.Mul(b.Mul(f, b.Float(0.5)), f)
	t := b.FMA(s, b.FMA(z, horner(b, z, floats(b, kernels.LogTail[:])), h), b.Mul(k, b.Float(ln2Tail)))
	return logEdges(b, x, b.FMA(k, b.Float(ln2), b.Sub(f, b.Sub(h, t))))
}
