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

// SoftCoef prepares the Soft family's parameter.
func SoftCoef[T Float](alpha T) Coef {
	if is32[T]() {
		return SoftCoef32(float32(alpha))
	}
	return SoftCoef64(float64(alpha))
}

func SoftFloor[T Float](x T, c *Coef) T      { return pick(x, c, SoftFloor32, SoftFloor64) }
func SoftFloorSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftFloorSlope32, SoftFloorSlope64) }
func SoftFloorBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftFloorBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftFloorBoth64(float64(x), c)
	return T(y), T(g)
}

func SoftRound[T Float](x T, c *Coef) T      { return pick(x, c, SoftRound32, SoftRound64) }
func SoftRoundSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftRoundSlope32, SoftRoundSlope64) }
func SoftRoundBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftRoundBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftRoundBoth64(float64(x), c)
	return T(y), T(g)
}

func SoftCeil[T Float](x T, c *Coef) T      { return pick(x, c, SoftCeil32, SoftCeil64) }
func SoftCeilSlope[T Float](x T, c *Coef) T { return pick(x, c, SoftCeilSlope32, SoftCeilSlope64) }
func SoftCeilBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SoftCeilBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SoftCeilBoth64(float64(x), c)
	return T(y), T(g)
}

// SmoothCoef prepares the Smooth family's parameter.
func SmoothCoef[T Float](slope T) Coef {
	if is32[T]() {
		return SmoothCoef32(float32(slope))
	}
	return SmoothCoef64(float64(slope))
}

func SmoothFloor[T Float](x T, c *Coef) T { return pick(x, c, SmoothFloor32, SmoothFloor64) }
func SmoothFloorSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothFloorSlope32, SmoothFloorSlope64)
}
func SmoothFloorBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothFloorBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothFloorBoth64(float64(x), c)
	return T(y), T(g)
}

func SmoothRound[T Float](x T, c *Coef) T { return pick(x, c, SmoothRound32, SmoothRound64) }
func SmoothRoundSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothRoundSlope32, SmoothRoundSlope64)
}
func SmoothRoundBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothRoundBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothRoundBoth64(float64(x), c)
	return T(y), T(g)
}

func SmoothCeil[T Float](x T, c *Coef) T { return pick(x, c, SmoothCeil32, SmoothCeil64) }
func SmoothCeilSlope[T Float](x T, c *Coef) T {
	return pick(x, c, SmoothCeilSlope32, SmoothCeilSlope64)
}
func SmoothCeilBoth[T Float](x T, c *Coef) (T, T) {
	if is32[T]() {
		y, g := SmoothCeilBoth32(float32(x), c)
		return T(y), T(g)
	}
	y, g := SmoothCeilBoth64(float64(x), c)
	return T(y), T(g)
}

const (
	edgesStaircase = "±Inf map to themselves; NaN gives NaN"
	edgesOdd       = edgesStaircase + "; −0 gives −0"
)

func alphaOf[T Float](p Params[T]) Coef { return SoftCoef(p.Alpha) }
func slopeOf[T Float](p Params[T]) Coef { return SmoothCoef(p.Slope) }

var softKernels = concat(
	staircase(Kernel{Name: "SoftFloor", Family: "soft", Sig: Alpha, Wide: true, Formula: "SoftRound(x − ½)", Edges: edgesStaircase},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(alphaOf[float32], SoftFloor32, SoftFloorSlope32, SoftFloorBoth32),
		defs(alphaOf[float64], SoftFloor64, SoftFloorSlope64, SoftFloorBoth64)),
	staircase(Kernel{Name: "SoftRound", Family: "soft", Sig: Alpha, Wide: true, Formula: "m + tanh(α(x−m))/(2 tanh(α/2)), m = ⌊x⌋ + ½", Edges: edgesOdd},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(alphaOf[float32], SoftRound32, SoftRoundSlope32, SoftRoundBoth32),
		defs(alphaOf[float64], SoftRound64, SoftRoundSlope64, SoftRoundBoth64)),
	staircase(Kernel{Name: "SoftCeil", Family: "soft", Sig: Alpha, Wide: true, Formula: "−SoftFloor(−x)", Edges: edgesStaircase},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(alphaOf[float32], SoftCeil32, SoftCeilSlope32, SoftCeilBoth32),
		defs(alphaOf[float64], SoftCeil64, SoftCeilSlope64, SoftCeilBoth64)),
)

var smoothKernels = concat(
	staircase(Kernel{Name: "SmoothFloor", Family: "smooth", Sig: Slope, Wide: true, Formula: "SmoothRound(x − ½)", Edges: edgesStaircase},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(slopeOf[float32], SmoothFloor32, SmoothFloorSlope32, SmoothFloorBoth32),
		defs(slopeOf[float64], SmoothFloor64, SmoothFloorSlope64, SmoothFloorBoth64)),
	staircase(Kernel{Name: "SmoothRound", Family: "smooth", Sig: Slope, Wide: true, Formula: "n + atan(slope·tan(π(x−n)))/π, n = nearest integer", Edges: edgesOdd},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(slopeOf[float32], SmoothRound32, SmoothRoundSlope32, SmoothRoundBoth32),
		defs(slopeOf[float64], SmoothRound64, SmoothRoundSlope64, SmoothRoundBoth64)),
	staircase(Kernel{Name: "SmoothCeil", Family: "smooth", Sig: Slope, Wide: true, Formula: "−SmoothFloor(−x)", Edges: edgesStaircase},
		[2]float64{1, 4}, [2]float64{1, 6},
		defs(slopeOf[float32], SmoothCeil32, SmoothCeilSlope32, SmoothCeilBoth32),
		defs(slopeOf[float64], SmoothCeil64, SmoothCeilSlope64, SmoothCeilBoth64)),
)
