package bench

import (
	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// direct returns the call of a kernel without the look-up by name, whose 6 ns
// would be a quarter of what the cheap ones take for 1024 elements. A kernel
// that is not listed is called by name.
func direct[T cases.Float](k *kernels.Kernel, p kernels.Params[T]) func(*call.Buffers[T]) {
	type B = *call.Buffers[T]
	f := map[string]func(B){
		"Floor":        func(b B) { stepgrad.Floor(b.Dst, b.X) },
		"Ceil":         func(b B) { stepgrad.Ceil(b.Dst, b.X) },
		"Trunc":        func(b B) { stepgrad.Trunc(b.Dst, b.X) },
		"Round":        func(b B) { stepgrad.Round(b.Dst, b.X) },
		"RoundAway":    func(b B) { stepgrad.RoundAway(b.Dst, b.X) },
		"FloorSnap":    func(b B) { stepgrad.FloorSnap(b.Dst, b.X, p.Ulps) },
		"FloorDiv":     func(b B) { stepgrad.FloorDiv(b.Dst, b.X, p.Step) },
		"FloorDivSnap": func(b B) { stepgrad.FloorDivSnap(b.Dst, b.X, p.Step, p.Ulps) },
		"FloorInt32":   func(b B) { stepgrad.FloorInt32(b.Int, b.X) },
		"CeilInt32":    func(b B) { stepgrad.CeilInt32(b.Int, b.X) },
		"RoundInt32":   func(b B) { stepgrad.RoundInt32(b.Int, b.X) },
		"TruncInt32":   func(b B) { stepgrad.TruncInt32(b.Int, b.X) },
		"STEForward":   func(b B) { stepgrad.STEForward(b.Dst, b.Mask, b.X, p.Mode, p.Lo, p.Hi) },
		"STEBackward":  func(b B) { stepgrad.STEBackward(b.Dst, b.Dy, b.Mask) },
		"SoftFloor":    func(b B) { stepgrad.SoftFloor(b.Dst, b.X, p.Alpha) },
		"SoftRound":    func(b B) { stepgrad.SoftRound(b.Dst, b.X, p.Alpha) },
		"SmoothFloor":  func(b B) { stepgrad.SmoothFloor(b.Dst, b.X, p.Slope) },
		"SmoothRound":  func(b B) { stepgrad.SmoothRound(b.Dst, b.X, p.Slope) },
	}[k.Name]
	if f == nil {
		return func(b B) { call.Kernel(k.Name, b, p) }
	}
	return f
}
