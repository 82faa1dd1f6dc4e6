package main

import "github.com/stepgrad/stepgrad/kernels"

var samplePrimitives = []primitive{
	{kernel: kernels.Kernel{Name: "Split", Shape: kernels.MapBoth, Sig: axis}, only: 64, body: func(b *Body, _ variant) Result {
		const add, mul, sub, half, first, last = 0, 1, 2, 3, 4, 5 // of a kernels.Axis
		at := b.Mul(b.Add(b.X(), b.Param(add)), b.Param(mul))
		at = b.Mul(b.Sub(at, b.Param(sub)), b.Param(half))
		at = b.Less(b.Param(last), b.Greater(b.Param(first), at)) // NaN stays
		pixel := b.Round(at, kernels.Down)
		return Result{Y: pixel, Grad: b.Sub(at, pixel)}
	}},
	{kernel: kernels.Kernel{Name: "Blend", Shape: columns, Wide: true}, only: 32, body: func(b *Body, _ variant) Result {
		fx, fy, upper, lower := b.Column(0), b.Column(1), b.Column(2), b.Column(3)
		wx, wy := b.Sub(b.Float(1), fx), b.Sub(b.Float(1), fy)
		sum := b.Add(b.Mul(b.Mul(wx, wy), b.Widen(upper)), b.Zero())
		sum = b.Add(sum, b.Mul(b.Mul(fx, wy), b.Widen(b.Shr(upper, 32))))
		sum = b.Add(sum, b.Mul(b.Mul(wx, fy), b.Widen(lower)))
		return Result{Y: b.Add(sum, b.Mul(b.Mul(fx, fy), b.Widen(b.Shr(lower, 32))))}
	}},
}
