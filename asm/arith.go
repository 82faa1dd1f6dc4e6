package main

import "github.com/stepgrad/stepgrad/kernels"

var arithBodies = bodies{
	"Add":   zipped((*Body).Add),
	"Sub":   zipped((*Body).Sub),
	"Mul":   zipped((*Body).Mul),
	"Div":   zipped((*Body).Div),
	"Scale": func(b *Body, _ kernels.Mode) Result { return Result{Y: b.Mul(b.X(), b.Param(0))} },
	"Sqrt":  func(b *Body, _ kernels.Mode) Result { return Result{Y: b.Sqrt(b.X())} },
	// The maximum keeps a −0; the sum makes it +0.
	"ReLU": func(b *Body, _ kernels.Mode) Result {
		return Result{Y: b.Add(b.Greater(b.Zero(), b.X()), b.Zero())}
	},
	"ReLUGrad": func(b *Body, _ kernels.Mode) Result {
		return Result{Y: b.Select(b.LT(b.Zero(), b.Y()), b.X(), b.Zero())}
	},
}

func zipped(f func(b *Body, x, y V) V) bodyFunc {
	return func(b *Body, _ kernels.Mode) Result { return Result{Y: f(b, b.X(), b.Y())} }
}
