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
	switch k.Name {
	case "Floor":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Floor(float64(v)))
			}
		}
	case "Ceil":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Ceil(float64(v)))
			}
		}
	case "Trunc":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Trunc(float64(v)))
			}
		}
	case "Round":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.RoundToEven(float64(v)))
			}
		}
	case "RoundAway":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Round(float64(v)))
			}
		}
	case "FloorSnap": // what people write: add a hair, then floor
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Floor(math.Nextafter(float64(v), math.Inf(1))))
			}
		}
	case "FloorDiv", "FloorDivSnap":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(math.Floor(float64(v / p.Step)))
			}
		}
	case "FloorInt32":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Int[i] = int32(math.Floor(float64(v)))
			}
		}
	case "CeilInt32":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Int[i] = int32(math.Ceil(float64(v)))
			}
		}
	case "RoundInt32":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Int[i] = int32(math.RoundToEven(float64(v)))
			}
		}
	case "TruncInt32":
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Int[i] = int32(v)
			}
		}
	case "STEForward": // the first parameters round down
		return func(b *call.Buffers[T]) {
			clear(b.Mask)
			for i, v := range b.X {
				b.Dst[i] = min(max(T(math.Floor(float64(v))), p.Lo), p.Hi)
				if p.Lo <= v && v <= p.Hi {
					b.Mask[i>>3] |= 1 << (i & 7)
				}
			}
		}
	case "STEBackward":
		return func(b *call.Buffers[T]) {
			for i, v := range b.Dy {
				b.Dst[i] = 0
				if b.Mask[i>>3]>>(i&7)&1 != 0 {
					b.Dst[i] = v
				}
			}
		}
	}

	f, slope := staircase(strings.TrimSuffix(strings.TrimSuffix(k.Name, "Grad"), "Value"), float64(p.Alpha), float64(p.Slope))
	switch k.Shape {
	case kernels.MapGrad:
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = b.Dy[i] * T(slope(float64(v)))
			}
		}
	case kernels.MapBoth:
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i], b.Grad[i] = T(f(float64(v))), T(slope(float64(v)))
			}
		}
	default:
		return func(b *call.Buffers[T]) {
			for i, v := range b.X {
				b.Dst[i] = T(f(float64(v)))
			}
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
