package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// The portable kernels: loops over the definitions, on the operands the
// assembly takes.

func floorGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Floor(v)
	}
}

func ceilGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Ceil(v)
	}
}

func truncGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Trunc(v)
	}
}

func roundGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Round(v)
	}
}

func roundAwayGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.RoundAway(v)
	}
}

func floorSnapGeneric[T Float, I int32 | int64](dst, x *T, n int, ulps I) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.FloorSnap(v, int64(ulps))
	}
}

func floorDivGeneric[T Float](dst, x *T, n int, step T) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.FloorDiv(v, step)
	}
}

func floorDivSnapGeneric[T Float, I int32 | int64](dst, x *T, n int, step T, ulps I) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.FloorDivSnap(v, step, int64(ulps))
	}
}

func floorInt32Generic[T Float](dst *int32, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Int32(kernels.Floor(v))
	}
}

func ceilInt32Generic[T Float](dst *int32, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Int32(kernels.Ceil(v))
	}
}

func roundInt32Generic[T Float](dst *int32, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Int32(kernels.Round(v))
	}
}

func truncInt32Generic[T Float](dst *int32, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Int32(kernels.Trunc(v))
	}
}

func steForwardGeneric[T Float](dst *T, mask *byte, x *T, n int, mode Mode, lo, hi T) {
	d, m, s := unsafe.Slice(dst, n), unsafe.Slice(mask, (n+7)/8), unsafe.Slice(x, n)
	var bits byte
	for i, v := range s {
		y, in := kernels.STEForward(v, mode, lo, hi)
		d[i] = y
		if in {
			bits |= 1 << (i & 7)
		}
		if i&7 == 7 || i == n-1 {
			m[i>>3], bits = bits, 0
		}
	}
}

func steBackwardGeneric[T Float](dst, dy *T, mask *byte, n int) {
	d, s, m := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(mask, (n+7)/8)
	for i, v := range s {
		d[i] = kernels.STEBackward(v, m[i>>3]>>(i&7)&1 != 0)
	}
}

func addGeneric[T Float](dst, x, y *T, n int) {
	d, s, t := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.Add(v, t[i])
	}
}

func subGeneric[T Float](dst, x, y *T, n int) {
	d, s, t := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.Sub(v, t[i])
	}
}

func mulGeneric[T Float](dst, x, y *T, n int) {
	d, s, t := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.Mul(v, t[i])
	}
}

func divGeneric[T Float](dst, x, y *T, n int) {
	d, s, t := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.Div(v, t[i])
	}
}

func scaleGeneric[T Float](dst, x *T, n int, factor T) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Scale(v, factor)
	}
}

func sqrtGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Sqrt(v)
	}
}

func reLUGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.ReLU(v)
	}
}

func reLUGradGeneric[T Float](dst, dy, y *T, n int) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.ReLUGrad(g[i], v)
	}
}

func expGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Exp(v)
	}
}

func logGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Log(v)
	}
}

func tanhGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Tanh(v)
	}
}

func sigmoidGeneric[T Float](dst, x *T, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.Sigmoid(v)
	}
}

func tanhGradGeneric[T Float](dst, dy, y *T, n int) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.TanhGrad(g[i], v)
	}
}

func sigmoidGradGeneric[T Float](dst, dy, y *T, n int) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(y, n)
	for i, v := range s {
		d[i] = kernels.SigmoidGrad(g[i], v)
	}
}

// The staircases spell their loops out as well: through a function value the
// coefficients would escape to the heap.

func softFloorGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SoftFloor(v, c)
	}
}

func softFloorGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SoftFloorSlope(v, c)
	}
}

func softFloorValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SoftFloorBoth(v, c)
	}
}

func softRoundGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SoftRound(v, c)
	}
}

func softRoundGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SoftRoundSlope(v, c)
	}
}

func softRoundValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SoftRoundBoth(v, c)
	}
}

func softCeilGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SoftCeil(v, c)
	}
}

func softCeilGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SoftCeilSlope(v, c)
	}
}

func softCeilValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SoftCeilBoth(v, c)
	}
}

func smoothFloorGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SmoothFloor(v, c)
	}
}

func smoothFloorGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SmoothFloorSlope(v, c)
	}
}

func smoothFloorValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SmoothFloorBoth(v, c)
	}
}

func smoothRoundGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SmoothRound(v, c)
	}
}

func smoothRoundGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SmoothRoundSlope(v, c)
	}
}

func smoothRoundValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SmoothRoundBoth(v, c)
	}
}

func smoothCeilGeneric[T Float](dst, x *T, n int, c *kernels.Coef) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = kernels.SmoothCeil(v, c)
	}
}

func smoothCeilGradGeneric[T Float](dst, dy, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(dy, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i] = g[i] * kernels.SmoothCeilSlope(v, c)
	}
}

func smoothCeilValueGradGeneric[T Float](dst, grad, x *T, n int, c *kernels.Coef) {
	d, g, s := unsafe.Slice(dst, n), unsafe.Slice(grad, n), unsafe.Slice(x, n)
	for i, v := range s {
		d[i], g[i] = kernels.SmoothCeilBoth(v, c)
	}
}
