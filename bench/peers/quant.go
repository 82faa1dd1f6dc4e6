package main

import (
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/kernels"
)

// The quantiser of every measurement; the workers have the same. One in seven
// elements is out of its range.
const (
	quantStep          = 0.08
	quantZero          = 10
	quantMin, quantMax = -128, 127
)

var (
	quant        = newQuant()
	quantDefined = kernels.NewQuant[float32](quantStep, quantZero, quantMin, quantMax, stepgrad.NearestEven, stepgrad.Reciprocal)
	quantSpec    = ag.PyTorch(quantMin, quantMax)
	quantScales  = []float32{quantStep}
	quantZeros   = []float32{quantZero}
	learnedStep  = ag.Param(quantScales)
	learnedZero  = ag.Param(quantZeros)
	fixedStep    = ag.Const(quantScales)
	fixedZero    = ag.Const(quantZeros)
)

func newQuant() stepgrad.Quant[float32] {
	q, err := stepgrad.NewQuant[float32](quantStep, quantZero, quantMin, quantMax)
	if err != nil {
		panic(err)
	}
	return q
}

var quantisation = []operation{
	{
		name: "Quantize", title: "`quantize`, float32 to int8", bits: 40,
		reference: func(x, _ float64) (float64, float64) { return float64(quantDefined.Int(float32(x))), 0 },
		results:   func(b *batch) [][]float64 { return [][]float64{float64s(b.y8)} },
		kernels:   func(b batch) { stepgrad.Quantize(b.y8, b.x, quant) },
		naive:     func(b batch) { naiveQuantize(b.y8, b.x) },
	}, {
		name: "Dequantize", title: "`dequantize`, int8 to float32", ints: true, bits: 40,
		expected: func(b *batch) [][]float64 {
			want := float64s(b.x8)
			for i, k := range want {
				want[i] = float64(quantDefined.Float(int32(k)))
			}
			return [][]float64{want}
		},
		kernels: func(b batch) { stepgrad.Dequantize(b.y, b.x8, quant) },
		naive: func(b batch) {
			for i, k := range b.x8 {
				b.y[i] = (float32(k) - quantZero) * quantStep
			}
		},
	}, {
		name: "FakeQuantize", title: "`fake_quantize`, forward, without a mask (PyTorch always makes one)", bits: 64,
		reference: fakeQuantize,
		kernels:   func(b batch) { stepgrad.FakeQuantize(b.y, nil, b.x, quant) },
		naive:     func(b batch) { naiveFakeQuantize(b.y, b.x) },
	}, {
		name: "FakeQuantizeMask", title: "`fake_quantize`, forward, with the mask", bits: 65, largest: 1 << 22,
		expected: func(b *batch) [][]float64 {
			y, bits := float64s(b.x), float64s(b.x)
			for i, x := range y {
				y[i], bits[i] = fakeQuantize(x, 1)
			}
			return [][]float64{y, bits}
		},
		results: func(b *batch) [][]float64 {
			y := float64s(b.y)
			bits := make([]float64, len(y))
			for i := range bits {
				bits[i] = float64(b.mask[i>>3] >> (i & 7) & 1)
			}
			return [][]float64{y, bits}
		},
		kernels: func(b batch) { stepgrad.FakeQuantize(b.y, b.mask, b.x, quant) },
		naive:   func(b batch) { naiveFakeQuantizeMask(b.y, b.mask, b.x) },
	}, {
		name: "FakeQuantizeTrain", title: "`fake_quantize`, forward and backward", trained: true, largest: 1 << 22,
		reference: fakeQuantize,
		kernels: func(b batch) {
			stepgrad.FakeQuantize(b.y, b.mask, b.x, quant)
			stepgrad.STEBackward(b.dx, b.dy, b.mask)
		},
		naive: func(b batch) {
			naiveFakeQuantize(b.y, b.x)
			for i, v := range b.x {
				k := naiveLevel(v)
				b.dx[i] = 0
				if quantMin <= k && k <= quantMax {
					b.dx[i] = b.dy[i]
				}
			}
		},
		autograd: func(x tensor) tensor { return ag.FakeQuantize(x, fixedStep, fixedZero, quantSpec) },
	}, {
		name: "FakeQuantizeGrad", title: "`fake_quantize` with a learned scale and zero point, backward alone", bits: 96,
		whole: true, serial: true, tolerance: 1e-4,
		expected: func(b *batch) [][]float64 { return learned(b)[1:] },
		results: func(b *batch) [][]float64 {
			return [][]float64{numbers(b.dx), numbers(b.sums[:1]), numbers(b.sums[1:])}
		},
		kernels: func(b batch) { b.sums[0], b.sums[1] = stepgrad.FakeQuantizeGrad(b.dx, b.dy, b.x, quant) },
		naive:   func(b batch) { b.sums[0], b.sums[1] = naiveFakeQuantizeGrad(b.dx, b.dy, b.x) },
	}, {
		name: "FakeQuantizeLearn", title: "`fake_quantize` with a learned scale and zero point, forward and backward", largest: 1 << 22,
		whole: true, serial: true, tolerance: 1e-4,
		expected: learned,
		results: func(b *batch) [][]float64 {
			return [][]float64{numbers(b.y), numbers(b.dx), numbers(b.sums[:1]), numbers(b.sums[1:])}
		},
		kernels: func(b batch) {
			stepgrad.FakeQuantize(b.y, nil, b.x, quant)
			b.sums[0], b.sums[1] = stepgrad.FakeQuantizeGrad(b.dx, b.dy, b.x, quant)
		},
		naive: func(b batch) {
			naiveFakeQuantize(b.y, b.x)
			b.sums[0], b.sums[1] = naiveFakeQuantizeGrad(b.dx, b.dy, b.x)
		},
		autograd: func(x tensor) tensor { return ag.FakeQuantize(x, learnedStep, learnedZero, quantSpec) },
		params:   []tensor{learnedStep, learnedZero},
	},
}

func fakeQuantize(x, dy float64) (y, dx float64) {
	v, in := quantDefined.Fake(float32(x))
	if !in {
		dy = 0
	}
	return float64(v), dy
}

// learned is y, dx, dscale and dzero.
func learned(b *batch) [][]float64 {
	y, dx := numbers(b.x), numbers(b.dy)
	dscale, dzero := 0., 0.
	for i, x := range b.x {
		y[i], dx[i] = fakeQuantize(y[i], dx[i])
		_, scale, out := quantDefined.Grad(b.dy[i], x)
		dscale += float64(b.dy[i]) * float64(scale)
		dzero -= float64(out) * float64(quantDefined.Scale)
	}
	return [][]float64{y, dx, {dscale}, {dzero}}
}

// naiveLevel is inlined.
func naiveLevel(x float32) float32 {
	const inverse = 1 / float32(quantStep)
	return float32(math.RoundToEven(float64(x*inverse))) + quantZero
}

func naiveQuantize(y []int8, x []float32) {
	for i, v := range x {
		y[i] = int8(min(max(naiveLevel(v), quantMin), quantMax))
	}
}

func naiveFakeQuantize(y, x []float32) {
	for i, v := range x {
		y[i] = (min(max(naiveLevel(v), quantMin), quantMax) - quantZero) * quantStep
	}
}

func naiveFakeQuantizeMask(y []float32, mask []byte, x []float32) {
	clear(mask)
	for i, v := range x {
		k := naiveLevel(v)
		y[i] = (min(max(k, quantMin), quantMax) - quantZero) * quantStep
		if quantMin <= k && k <= quantMax {
			mask[i>>3] |= 1 << (i & 7)
		}
	}
}

func naiveFakeQuantizeGrad(dx, dy, x []float32) (dscale, dzero float32) {
	const inverse = 1 / float32(quantStep)
	for i, v := range x {
		k := naiveLevel(v)
		if quantMin <= k && k <= quantMax {
			dx[i] = dy[i]
			dscale += dy[i] * (k - quantZero - v*inverse)
		} else {
			dx[i] = 0
			dscale += dy[i] * (min(max(k, quantMin), quantMax) - quantZero)
			dzero -= dy[i] * quantStep
		}
	}
	return dscale, dzero
}
