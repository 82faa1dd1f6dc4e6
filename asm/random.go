package main

import (
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// Lanes of 64 bits, a counter each: the low halves are Philox's words, the high
// ones what was left there.
var randomPrimitives = []primitive{
	{kernel: kernels.Kernel{Name: "UniformWords", Shape: counted, Sig: keys, Wide: true}, only: 32, body: func(b *Body, _ variant) Result {
		return each(philox(b), func(r V) V { return cell(b, b.And(b.Shr(r, 9), b.Bits(1<<23-1)), 23) })
	}},
	{kernel: kernels.Kernel{Name: "CellWords", Shape: counted, Sig: keys}, only: 64, body: func(b *Body, _ variant) Result {
		return each(philox(b), func(r V) V { return cell(b, b.And(r, b.Bits(1<<32-1)), 32) })
	}},
	{kernel: kernels.Kernel{Name: "CellPairs", Shape: counted, Sig: keys}, only: 64, body: func(b *Body, _ variant) Result {
		r := philox(b)
		pair := func(low, high V) V {
			w := b.Or(b.Shr(b.And(low, b.Bits(1<<32-1)), 12), b.Shl(high, 20)) // the bits from 12 on
			w = b.Or(b.And(w, b.Bits(1<<52-1)), b.Bits(math.Float64bits(1)))
			return b.Sub(w, b.Float(1-0x1p-53))
		}
		return Result{Words: []V{pair(r[0], r[1]), pair(r[2], r[3])}}
	}},
	{kernel: kernels.Kernel{Name: "NormalQuantile", Shape: kernels.Zip}, only: 64, body: func(b *Body, _ variant) Result {
		u, r := b.X(), b.Y()
		q := b.Sub(u, b.Float(0.5))
		z := b.FNMA(q, q, b.Float(0.180625))
		ratio := func(z V, c *[2][8]float64) (num, den V) {
			return horner(b, z, floats(b, c[0][:])), horner(b, z, floats(b, c[1][:]))
		}
		num, den := ratio(b.Sub(r, b.Float(1.6)), &kernels.NormalTail)
		farNum, farDen := ratio(b.Sub(r, b.Float(5)), &kernels.NormalFar)
		far := b.LT(b.Float(5), r)
		tail := b.WithSign(b.Div(b.Select(far, farNum, num), b.Select(far, farDen, den)), q)
		num, den = ratio(z, &kernels.NormalCentre)
		return Result{Y: b.Select(b.LE(b.Abs(q), b.Float(0.425)), b.Div(b.Mul(q, num), den), tail)}
	}},
}

// philox is kernels.Philox of the counter; the words of it that start as 0 are
// left out until they are something.
func philox(b *Body) [4]V {
	low, high := b.Bits(0xd2511f53), b.Bits(0xcd9e8d57)
	x := b.X()
	key := func(round, i int) V { return b.Param(2*round + i) }
	c := [4]V{x, b.Shr(x, 32), {none}, {none}}
	xor := func(x, y V) V {
		switch none {
		case x.id:
			return y
		case y.id:
			return x
		}
		return b.Xor(x, y)
	}
	for round := range 10 {
		p, q, hi := b.IMul(c[0], low), V{none}, V{none}
		if c[2].id != none {
			q = b.IMul(c[2], high)
			hi = b.Shr(q, 32)
		}
		c = [4]V{xor(xor(hi, c[1]), key(round, 0)), q, xor(xor(b.Shr(p, 32), c[3]), key(round, 1)), p}
	}
	return c
}

func each(words [4]V, f func(V) V) (r Result) {
	for _, w := range words {
		r.Words = append(r.Words, f(w))
	}
	return r
}

// cell is the middle of the k-th of 2^n cells of (0, 1).
func cell(b *Body, k V, n int) V {
	const magic = 1 << 52
	k = b.Sub(b.Or(k, b.Float(magic)), b.Float(magic))
	return b.FMA(k, b.Float(math.Ldexp(1, -n)), b.Float(math.Ldexp(1, -n-1)))
}
