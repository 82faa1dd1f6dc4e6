package main

import "github.com/stepgrad/stepgrad/kernels"

var steBodies = bodies{
	"STEForward": func(b *Body, m kernels.Mode) Result {
		x, lo, hi := b.X(), b.Param(0), b.Param(1)
		y := b.Less(hi, b.Greater(lo, b.Round(x, m)))
		return Result{Y: y, Bit: b.Both(b.LE(lo, x), b.LE(x, hi))}
	},
	"STEBackward": func(b *Body, _ kernels.Mode) Result {
		return Result{Y: b.Select(b.Bit(), b.X(), b.Zero())}
	},
}
