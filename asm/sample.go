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
}
