package kernels

// STEForward is clamp(round_mode(x), lo, hi), and whether x lay in [lo, hi].
func STEForward[T Float](x T, m Mode, lo, hi T) (y T, in bool) {
	return STEClamp(RoundMode(x, m), lo, hi), lo <= x && x <= hi
}

// STEClamp is v inside [lo, hi], else the nearer bound; signed zeros and NaN
// pass, because no comparison holds for them.
func STEClamp[T Float](v, lo, hi T) T {
	if v < lo {
		v = lo
	}
	if v > hi {
		v = hi
	}
	return v
}

// STEBackward is dy where the bit is set, else +0, whatever dy is.
func STEBackward[T Float](dy T, in bool) T {
	if in {
		return dy
	}
	return 0
}

var steKernels = []Kernel{
	{
		Name: "STEForward", Family: "ste", Shape: ToMask, Sig: Clamp,
		Formula:  "clamp(round_mode(x), lo, hi); bit = lo ≤ x ≤ hi",
		Gradient: "STEBackward", Edges: "NaN gives NaN and bit 0; signed zeros survive; unused bits of the last byte are 0",
		Def32: steForward[float32], Def64: steForward[float64],
	},
	{
		Name: "STEBackward", Family: "ste", Shape: FromMask,
		Formula:  "dy where the bit is set, else +0",
		Gradient: "STEBackward", Edges: "+0 even where dy is NaN or ±Inf; unused bits of the last byte are ignored",
		Def32: steBackward[float32], Def64: steBackward[float64],
	},
}

func steForward[T Float](p Params[T]) func(In[T]) Out[T] {
	return func(in In[T]) Out[T] {
		y, bit := STEForward(in.X, p.Mode, p.Lo, p.Hi)
		return Out[T]{Y: y, Bit: bit}
	}
}

func steBackward[T Float](Params[T]) func(In[T]) Out[T] {
	return func(in In[T]) Out[T] { return Out[T]{Y: STEBackward(in.Dy, in.Bit)} }
}
