package kernels

// The definitions by element type; an instantiation is one of the two.

func pick[T Float](x T, c *Coef, f32 func(float32, *Coef) float32, f64 func(float64, *Coef) float64) T {
	if is32[T]() {
		return T(f32(float32(x), c))
	}
	return T(f64(float64(x), c))
}

// staircase is the three entries of one staircase f: value, gradient and both.
// coef, f and slope are the definitions for float32 and float64.
func staircase(k Kernel, f, slope [2]float64,
	def32 [3]Def[float32], def64 [3]Def[float64]) []Kernel {
	v, g, b := k, k, k
	v.Shape, v.ULP, v.Def32, v.Def64 = Map, f, def32[0], def64[0]
	v.Gradient = k.Name + "Grad"
	g.Name, g.Shape, g.ULP, g.Def32, g.Def64 = k.Name+"Grad", MapGrad, slope, def32[1], def64[1]
	g.Formula, g.Edges = "dy · f′(x), f = "+k.Name, "f′(±Inf) = 0; NaN gives NaN; f′ beyond the largest float is +Inf"
	g.Gradient = "composed of other operations"
	b.Name, b.Shape, b.Def32, b.Def64 = k.Name+"ValueGrad", MapBoth, def32[2], def64[2]
	b.ULP = [2]float64{max(f[0], slope[0]), max(f[1], slope[1])}
	b.Formula, b.Edges = "f(x) and f′(x), f = "+k.Name, "as the two apart"
	b.Gradient = "none"
	return []Kernel{v, g, b}
}

// defs are the three definitions of a staircase for one element type.
func defs[T Float](coef func(Params[T]) Coef, f, slope func(T, *Coef) T, both func(T, *Coef) (T, T)) [3]Def[T] {
	return [3]Def[T]{
		func(p Params[T]) func(In[T]) Out[T] {
			c := coef(p)
			return func(in In[T]) Out[T] { return Out[T]{Y: f(in.X, &c)} }
		},
		func(p Params[T]) func(In[T]) Out[T] {
			c := coef(p)
			return func(in In[T]) Out[T] { return Out[T]{Y: in.Dy * slope(in.X, &c)} }
		},
		func(p Params[T]) func(In[T]) Out[T] {
			c := coef(p)
			return func(in In[T]) Out[T] { y, g := both(in.X, &c); return Out[T]{Y: y, Grad: g} }
		},
	}
}

const (
	edgesStaircase = "±Inf map to themselves; NaN gives NaN"
	edgesOdd       = edgesStaircase + "; −0 gives −0"
)
