package kernels

import "math"

// Add, Sub, Mul and Div are the operations of IEEE 754.
func Add[T Float](x, y T) T { return x + y }
func Sub[T Float](x, y T) T { return x - y }
func Mul[T Float](x, y T) T { return x * y }
func Div[T Float](x, y T) T { return x / y }

// Scale is x·factor.
func Scale[T Float](x, factor T) T { return x * factor }

// Sqrt is √x. Rounded to float64 first, a float32 root stays correctly rounded.
func Sqrt[T Float](x T) T { return T(math.Sqrt(float64(x))) }

// ReLU is x where x > 0, +0 where x ≤ 0.
func ReLU[T Float](x T) T {
	if x <= 0 {
		return 0
	}
	return x
}

// ReLUGrad is dy where y > 0, else +0, whatever dy is.
func ReLUGrad[T Float](dy, y T) T {
	if y > 0 {
		return dy
	}
	return 0
}

var arithKernels = []Kernel{
	zip("Add", "x + y", "dy and dy", Add[float32], Add[float64]),
	zip("Sub", "x − y", "dy and −dy", Sub[float32], Sub[float64]),
	zip("Mul", "x · y", "dy·y and dy·x", Mul[float32], Mul[float64]),
	zip("Div", "x / y", "dy/y and −dy·(x/y)/y", Div[float32], Div[float64]),
	{
		Name: "Scale", Family: "arith", Shape: Map, Sig: Factor,
		Formula: "x · factor", Gradient: "dy·factor", Edges: edgesIEEE,
		Def32: scaled[float32], Def64: scaled[float64],
	},
	{
		Name: "Sqrt", Family: "arith", Shape: Map,
		Formula: "√x", Gradient: "dy/(2√x)", Edges: "−0 gives −0, x < 0 gives NaN, +Inf and NaN map to themselves",
		Def32: value(Sqrt[float32]), Def64: value(Sqrt[float64]),
	},
	{
		Name: "ReLU", Family: "arith", Shape: Map,
		Formula: "x where x > 0, +0 where x ≤ 0", Gradient: "ReLUGrad", Edges: "−0 gives +0; NaN gives NaN",
		Def32: value(ReLU[float32]), Def64: value(ReLU[float64]),
	},
	{
		Name: "ReLUGrad", Family: "arith", Shape: ZipGrad,
		Formula: "dy where y > 0, else +0", Gradient: "ReLUGrad", Edges: "+0 where y ≤ 0 or y is NaN, whatever dy is",
		Def32: zippedGrad(ReLUGrad[float32]), Def64: zippedGrad(ReLUGrad[float64]),
	},
}

const edgesIEEE = "as IEEE 754"

func zip(name, formula, gradient string, f32 func(x, y float32) float32, f64 func(x, y float64) float64) Kernel {
	return Kernel{
		Name: name, Family: "arith", Shape: Zip, Formula: formula, Gradient: gradient, Edges: edgesIEEE,
		Def32: zipped(f32), Def64: zipped(f64),
	}
}

func zipped[T Float](f func(x, y T) T) Def[T] {
	return func(Params[T]) func(In[T]) Out[T] {
		return func(in In[T]) Out[T] { return Out[T]{Y: f(in.X, in.Dy)} }
	}
}

func zippedGrad[T Float](f func(dy, y T) T) Def[T] {
	return func(Params[T]) func(In[T]) Out[T] {
		return func(in In[T]) Out[T] { return Out[T]{Y: f(in.Dy, in.X)} }
	}
}

func scaled[T Float](p Params[T]) func(In[T]) Out[T] {
	return func(in In[T]) Out[T] { return Out[T]{Y: Scale(in.X, p.Factor)} }
}
