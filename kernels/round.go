package kernels

import "math"

// Floor is ⌊x⌋.
func Floor[T Float](x T) T { return T(math.Floor(float64(x))) }

// Ceil is ⌈x⌉.
func Ceil[T Float](x T) T { return T(math.Ceil(float64(x))) }

// Trunc is x without its fraction.
func Trunc[T Float](x T) T { return T(math.Trunc(float64(x))) }

// Round is the integer nearest to x, ties to even.
func Round[T Float](x T) T { return T(math.RoundToEven(float64(x))) }

// RoundAway is the integer nearest to x, ties away from zero.
func RoundAway[T Float](x T) T { return T(math.Round(float64(x))) }

// RoundMode is the rounding that m names.
func RoundMode[T Float](x T, m Mode) T {
	switch m {
	case Down:
		return Floor(x)
	case Up:
		return Ceil(x)
	case TowardZero:
		return Trunc(x)
	case NearestEven:
		return Round(x)
	default:
		return RoundAway(x)
	}
}

// FloorSnap is ⌈x⌉ where at most ulps steps up through the floats lead from x
// to it, else ⌊x⌋.
func FloorSnap[T Float](x T, ulps int64) T {
	c := Ceil(x)
	steps := bits(c) - bits(x)
	if x < 0 {
		steps = -steps
	}
	if steps <= ulps {
		return c
	}
	return Floor(x)
}

// ClampUlps is ulps as the vector lanes of T hold it; no two floats of one
// sign are further apart than the largest lane.
func ClampUlps[T Float](ulps int) int64 {
	if is32[T]() {
		return min(int64(ulps), math.MaxInt32)
	}
	return int64(ulps)
}

// FloorDiv is ⌊x/step⌋ of the exact quotient. Rounding the quotient can only
// carry it up to an integer k that the exact one does not reach; the sign of
// x − k·step, which one fused operation gives exactly, tells.
func FloorDiv[T Float](x, step T) T {
	q := x / step
	k := Floor(q)
	r := FMA(-k, step, x)
	if step < 0 {
		r = -r
	}
	if r < 0 {
		k--
	}
	if abs(q) >= wholes[T]() {
		k = q
	}
	return k
}

// FloorDivSnap is FloorSnap of the rounded quotient.
func FloorDivSnap[T Float](x, step T, ulps int64) T { return FloorSnap(x/step, ulps) }

// Int32 is an integral v as an int32: saturating, NaN gives 0.
func Int32[T Float](v T) int32 {
	switch {
	case v >= 1<<31:
		return math.MaxInt32
	case v <= -1<<31:
		return math.MinInt32
	case v != v:
		return 0
	}
	return int32(v)
}

func abs[T Float](x T) T { return T(math.Abs(float64(x))) }

const (
	edgesExact = "±0, ±Inf and NaN map to themselves; a result that rounds to zero keeps the sign of x"
	edgesInt   = "saturates; NaN gives 0"
)

var roundKernels = []Kernel{
	rounding("Floor", "⌊x⌋", Floor[float32], Floor[float64]),
	rounding("Ceil", "⌈x⌉", Ceil[float32], Ceil[float64]),
	rounding("Trunc", "x without its fraction", Trunc[float32], Trunc[float64]),
	rounding("Round", "nearest integer, ties to even", Round[float32], Round[float64]),
	rounding("RoundAway", "nearest integer, ties away from zero", RoundAway[float32], RoundAway[float64]),
	{
		Name: "FloorSnap", Family: "round", Shape: Map, Sig: Ulps,
		Formula:  "⌈x⌉ where at most ulps steps up through the floats reach it, else ⌊x⌋",
		Gradient: "none", Edges: "−tiny reaches −0; ±Inf and NaN map to themselves; ulps = 0 is Floor",
		Def32: snap[float32], Def64: snap[float64],
	},
	{
		Name: "FloorDiv", Family: "round", Shape: Map, Sig: Step,
		Formula:  "⌊x/step⌋ of the exact quotient",
		Gradient: "none", Edges: "the rounded quotient where it is at least 2^24 (2^53) in size, and for ±0, ±Inf, NaN; a negative quotient that underflows gives −1",
		Def32: div[float32], Def64: div[float64],
	},
	{
		Name: "FloorDivSnap", Family: "round", Shape: Map, Sig: StepUlps,
		Formula:  "FloorSnap(x/step, ulps)",
		Gradient: "none", Edges: "as FloorSnap of the rounded quotient",
		Def32: divSnap[float32], Def64: divSnap[float64],
	},
	roundingInt("FloorInt32", "⌊x⌋", Floor[float32], Floor[float64]),
	roundingInt("CeilInt32", "⌈x⌉", Ceil[float32], Ceil[float64]),
	roundingInt("RoundInt32", "nearest integer, ties to even", Round[float32], Round[float64]),
	roundingInt("TruncInt32", "x without its fraction", Trunc[float32], Trunc[float64]),
}

func rounding(name, formula string, f32 func(float32) float32, f64 func(float64) float64) Kernel {
	return Kernel{
		Name: name, Family: "round", Shape: Map, Formula: formula, Gradient: "0", Edges: edgesExact,
		Def32: value(f32), Def64: value(f64),
	}
}

func roundingInt(name, formula string, f32 func(float32) float32, f64 func(float64) float64) Kernel {
	return Kernel{
		Name: name, Family: "round", Shape: MapInt, Formula: formula + " as int32", Gradient: "none", Edges: edgesInt,
		Def32: integer(f32), Def64: integer(f64),
	}
}

func value[T Float](f func(T) T) Def[T] {
	return func(Params[T]) func(In[T]) Out[T] {
		return func(in In[T]) Out[T] { return Out[T]{Y: f(in.X)} }
	}
}

func integer[T Float](f func(T) T) Def[T] {
	return func(Params[T]) func(In[T]) Out[T] {
		return func(in In[T]) Out[T] { return Out[T]{Int: Int32(f(in.X))} }
	}
}

func snap[T Float](p Params[T]) func(In[T]) Out[T] {
	ulps := ClampUlps[T](p.Ulps)
	return func(in In[T]) Out[T] { return Out[T]{Y: FloorSnap(in.X, ulps)} }
}

func div[T Float](p Params[T]) func(In[T]) Out[T] {
	return func(in In[T]) Out[T] { return Out[T]{Y: FloorDiv(in.X, p.Step)} }
}

func divSnap[T Float](p Params[T]) func(In[T]) Out[T] {
	ulps := ClampUlps[T](p.Ulps)
	return func(in In[T]) Out[T] { return Out[T]{Y: FloorDivSnap(in.X, p.Step, ulps)} }
}
