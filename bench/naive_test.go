package bench

import (
	"math"
	"strings"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// naive is the loop that a kernel replaces, as one writes it over package
// math. Cheap operations have loops of their own, because a call per element
// would burden them; the others share one.
func naive[T cases.Float](k *kernels.Kernel, p kernels.Params[T]) func(*call.Buffers[T]) {
	if f := naiveMap(k.Name, p); f != nil {
		return func(b *call.Buffers[T]) { f(b.Dst, b.X) }
	}
	if f := naiveInt[T](k.Name); f != nil {
		return func(b *call.Buffers[T]) { f(b.Int, b.X) }
	}
	if f := naiveZip[T](k.Name); f != nil {
		if k.Shape == kernels.ZipGrad {
			return func(b *call.Buffers[T]) { f(b.Dst, b.Dy, b.X) }
		}
		return func(b *call.Buffers[T]) { f(b.Dst, b.X, b.Dy) }
	}
	switch k.Name {
	case "STEForward":
		return func(b *call.Buffers[T]) { naiveForward(b.Dst, b.Mask, b.X, p.Lo, p.Hi) }
	case "STEBackward":
		return func(b *call.Buffers[T]) { naiveBackward(b.Dst, b.Dy, b.Mask) }
	}

	f, slope := staircase(strings.TrimSuffix(strings.TrimSuffix(k.Name, "Grad"), "Value"), float64(p.Alpha), float64(p.Slope))
	switch k.Shape {
	case kernels.MapGrad:
		return func(b *call.Buffers[T]) {
			dst, dy := b.Dst, b.Dy
			for i, v := range b.X {
				dst[i] = dy[i] * T(slope(float64(v)))
			}
		}
	case kernels.MapBoth:
		return func(b *call.Buffers[T]) {
			dst, grad := b.Dst, b.Grad
			for i, v := range b.X {
				dst[i], grad[i] = T(f(float64(v))), T(slope(float64(v)))
			}
		}
	default:
		return func(b *call.Buffers[T]) {
			dst := b.Dst
			for i, v := range b.X {
				dst[i] = T(f(float64(v)))
			}
		}
	}
}

func naiveMap[T cases.Float](name string, p kernels.Params[T]) func(dst, x []T) {
	divide := func(dst, x []T) {
		for i, v := range x {
			dst[i] = T(math.Floor(float64(v / p.Step)))
		}
	}
	return map[string]func(dst, x []T){
		"Floor": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.Floor(float64(v)))
			}
		},
		"Ceil": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.Ceil(float64(v)))
			}
		},
		"Trunc": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.Trunc(float64(v)))
			}
		},
		"Round": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.RoundToEven(float64(v)))
			}
		},
		"RoundAway": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.Round(float64(v)))
			}
		},
		"FloorSnap": func(dst, x []T) { // a step up, then down
			for i, v := range x {
				dst[i] = T(math.Floor(math.Nextafter(float64(v), math.Inf(1))))
			}
		},
		"FloorDiv": divide, "FloorDivSnap": divide,
		"Scale": func(dst, x []T) {
			for i, v := range x {
				dst[i] = v * p.Factor
			}
		},
		"Sqrt": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(math.Sqrt(float64(v)))
			}
		},
		"ReLU": func(dst, x []T) {
			for i, v := range x {
				dst[i] = max(v, 0)
			}
		},
		"Exp":  each[T](math.Exp),
		"Log":  each[T](math.Log),
		"Tanh": each[T](math.Tanh),
		"Sigmoid": func(dst, x []T) {
			for i, v := range x {
				dst[i] = T(1 / (1 + math.Exp(-float64(v))))
			}
		},
	}[name]
}

func each[T cases.Float](f func(float64) float64) func(dst, x []T) {
	return func(dst, x []T) {
		for i, v := range x {
			dst[i] = T(f(float64(v)))
		}
	}
}

func naiveInt[T cases.Float](name string) func(dst []int32, x []T) {
	return map[string]func(dst []int32, x []T){
		"FloorInt32": func(dst []int32, x []T) {
			for i, v := range x {
				dst[i] = int32(math.Floor(float64(v)))
			}
		},
		"CeilInt32": func(dst []int32, x []T) {
			for i, v := range x {
				dst[i] = int32(math.Ceil(float64(v)))
			}
		},
		"RoundInt32": func(dst []int32, x []T) {
			for i, v := range x {
				dst[i] = int32(math.RoundToEven(float64(v)))
			}
		},
		"TruncInt32": func(dst []int32, x []T) {
			for i, v := range x {
				dst[i] = int32(v)
			}
		},
	}[name]
}

func naiveZip[T cases.Float](name string) func(dst, x, y []T) {
	return map[string]func(dst, x, y []T){
		"Add": func(dst, x, y []T) {
			for i, v := range x {
				dst[i] = v + y[i]
			}
		},
		"Sub": func(dst, x, y []T) {
			for i, v := range x {
				dst[i] = v - y[i]
			}
		},
		"Mul": func(dst, x, y []T) {
			for i, v := range x {
				dst[i] = v * y[i]
			}
		},
		"Div": func(dst, x, y []T) {
			for i, v := range x {
				dst[i] = v / y[i]
			}
		},
		"TanhGrad": func(dst, dy, y []T) {
			for i, v := range dy {
				dst[i] = v * (1 - y[i]*y[i])
			}
		},
		"SigmoidGrad": func(dst, dy, y []T) {
			for i, v := range dy {
				dst[i] = v * (y[i] * (1 - y[i]))
			}
		},
		"ReLUGrad": func(dst, dy, y []T) {
			for i, v := range dy {
				dst[i] = 0
				if y[i] > 0 {
					dst[i] = v
				}
			}
		},
	}[name]
}

// naiveForward rounds down, as the first parameters do.
func naiveForward[T cases.Float](dst []T, mask []byte, x []T, lo, hi T) {
	clear(mask)
	for i, v := range x {
		dst[i] = min(max(T(math.Floor(float64(v))), lo), hi)
		if lo <= v && v <= hi {
			mask[i>>3] |= 1 << (i & 7)
		}
	}
}

func naiveBackward[T cases.Float](dst, dy []T, mask []byte) {
	for i, v := range dy {
		dst[i] = 0
		if mask[i>>3]>>(i&7)&1 != 0 {
			dst[i] = v
		}
	}
}

// staircase is the textbook formula of a SoftX or SmoothX and its derivative;
// what does not depend on x is computed once.
func staircase(name string, alpha, s float64) (f, slope func(float64) float64) {
	scale := 1 / (2 * math.Tanh(alpha/2))
	f = func(x float64) float64 {
		m := math.Floor(x) + 0.5
		return m + math.Tanh(alpha*(x-m))*scale
	}
	slope = func(x float64) float64 {
		t := math.Tanh(alpha * (x - math.Floor(x) - 0.5))
		return alpha * (1 - t*t) * scale
	}
	base, smooth := strings.CutPrefix(name, "Smooth")
	if smooth {
		f = func(x float64) float64 {
			n := math.RoundToEven(x)
			return n + math.Atan(s*math.Tan(math.Pi*(x-n)))/math.Pi
		}
		slope = func(x float64) float64 {
			sin, cos := math.Sincos(math.Pi * x)
			return s / (cos*cos + s*s*sin*sin)
		}
	}
	shift := map[string]float64{"Floor": -0.5, "Ceil": 0.5}[strings.TrimPrefix(base, "Soft")]
	if shift == 0 {
		return f, slope
	}
	f0, slope0 := f, slope
	return func(x float64) float64 { return f0(x + shift) }, func(x float64) float64 { return slope0(x + shift) }
}
