package main

import "github.com/stepgrad/stepgrad/kernels"

var roundBodies = bodies{
	"Floor":        rounded(kernels.Down),
	"Ceil":         rounded(kernels.Up),
	"Trunc":        rounded(kernels.TowardZero),
	"Round":        rounded(kernels.NearestEven),
	"RoundAway":    rounded(kernels.NearestAway),
	"FloorInt32":   rounded(kernels.Down),
	"CeilInt32":    rounded(kernels.Up),
	"RoundInt32":   rounded(kernels.NearestEven),
	"TruncInt32":   rounded(kernels.TowardZero),
	"FloorSnap":    func(b *Body, _ kernels.Mode) Result { return Result{Y: snap(b, b.X(), b.Param(0))} },
	"FloorDivSnap": func(b *Body, _ kernels.Mode) Result { return Result{Y: snap(b, b.Div(b.X(), b.Param(0)), b.Param(1))} },
	"FloorDiv":     floorDiv,
}

func rounded(m kernels.Mode) bodyFunc {
	return func(b *Body, _ kernels.Mode) Result { return Result{Y: b.Round(b.X(), m)} }
}

// snap counts the steps from x up to ⌈x⌉ in the bit patterns, which run
// downwards below zero.
func snap(b *Body, x, ulps V) V {
	c := b.Round(x, kernels.Up)
	steps := b.Select(b.LT(x, b.Zero()), b.ISub(x, c), b.ISub(c, x))
	return b.Select(b.IGT(steps, ulps), b.Round(x, kernels.Down), c)
}

func floorDiv(b *Body, _ kernels.Mode) Result {
	x, step := b.X(), b.Param(0)
	q := b.Div(x, step)
	k := b.Round(q, kernels.Down)
	r := b.Xor(b.FNMA(k, step, x), b.SignOf(step))
	k = b.Sub(k, b.Select(b.LT(r, b.Zero()), b.Float(1), b.Zero()))
	wholes := b.Float(1 << 53)
	if b.Lane == 32 {
		wholes = b.Float(1 << 24)
	}
	return Result{Y: b.Select(b.LE(wholes, b.Abs(q)), q, k)}
}
