package stepgrad_test

import (
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

func mustQuant[T stepgrad.Float](t testing.TB, scale T, zero, min, max int, opts ...stepgrad.QuantOption) stepgrad.Quant[T] {
	t.Helper()
	q, err := stepgrad.NewQuant(scale, zero, min, max, opts...)
	require.NoError(t, err)
	return q
}

func TestNewQuant(t *testing.T) {
	q := mustQuant(t, float32(0.5), 3, -8, 7, stepgrad.WithMode(stepgrad.NearestAway), stepgrad.WithRule(stepgrad.Divide))
	lo, hi := q.Range()
	assert.Equal(t, []any{float32(0.5), 3, -8, 7, stepgrad.NearestAway, stepgrad.Divide}, []any{q.Scale(), q.Zero(), lo, hi, q.Mode(), q.Rule()})
	assert.Equal(t, "Quant(scale 0.5, zero 3, [-8, 7], NearestAway, Divide)", q.String())
	assert.Equal(t, "Quant(zero)", stepgrad.Quant[float32]{}.String())
	plain := mustQuant(t, 1., 0, 0, 65535)
	assert.Equal(t, stepgrad.NearestEven, plain.Mode())
	assert.Equal(t, stepgrad.Reciprocal, plain.Rule())

	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, bad := range []struct {
		scale          float32
		zero, min, max int
		opts           []stepgrad.QuantOption
		rule           string
	}{
		{0, 0, -8, 7, nil, "scale must be positive and finite"},
		{-1, 0, -8, 7, nil, "scale must be positive and finite"},
		{inf, 0, -8, 7, nil, "scale must be positive and finite"},
		{nan, 0, -8, 7, nil, "scale must be positive and finite"},
		{1, 0, 7, 7, nil, "min must be less than max"},
		{1, 0, 8, 7, nil, "min must be less than max"},
		{1, -9, -8, 7, nil, "zero must be in [min, max]"},
		{1, 8, -8, 7, nil, "zero must be in [min, max]"},
		{1, 0, 0, 65536, nil, "within 16 bits"},
		{1, 0, -32768, 32768, nil, "within 16 bits"},
		{1, 100000, 99990, 100010, nil, "within 16 bits"},
		{1, 0, math.MinInt, math.MaxInt, nil, "within 16 bits"},
		{1, 0, -8, 7, []stepgrad.QuantOption{stepgrad.WithMode(5)}, "mode must be"},
		{1, 0, -8, 7, []stepgrad.QuantOption{stepgrad.WithRule(3)}, "rule must be"},
		{1e-45, 0, -8, 7, nil, "use WithRule(Divide)"},
	} {
		q, err := stepgrad.NewQuant(bad.scale, bad.zero, bad.min, bad.max, bad.opts...)
		assert.ErrorContains(t, err, "stepgrad: NewQuant: ")
		assert.ErrorContains(t, err, bad.rule)
		assert.Zero(t, q)
	}
	_, err := stepgrad.NewQuant[float32](1e-45, 0, -8, 7, stepgrad.WithRule(stepgrad.Divide))
	assert.NoError(t, err)
}

func TestQuantFromRange(t *testing.T) {
	quantFromRange[float32](t)
	quantFromRange[float64](t)
}

func quantFromRange[T cases.Float](t *testing.T) {
	huge, tiny := T(math.MaxFloat32), T(1e-42)
	for _, r := range [][2]T{{-1, 2}, {0, 1}, {-3, 0}, {2, 5}, {-7, -3}, {0, 0}, {-huge / 2, huge / 2}, {-tiny, tiny}, {0, tiny}, {-0.1, 1000}} {
		for bits := 2; bits <= 16; bits++ {
			for _, symmetric := range []bool{false, true} {
				q, err := stepgrad.QuantFromRange(r[0], r[1], bits, symmetric)
				require.NoError(t, err, r)
				lo, hi := q.Range()
				if symmetric {
					assert.Equal(t, [3]int{-(1<<(bits-1) - 1), 0, 1<<(bits-1) - 1}, [3]int{lo, q.Zero(), hi})
				} else {
					assert.Equal(t, [2]int{0, 1<<bits - 1}, [2]int{lo, hi})
				}
				x := []T{r[0], r[1], 0}
				y := make([]T, 3)
				stepgrad.FakeQuantize(y, nil, x, q)
				assert.Zero(t, y[2], "0 is a value of %v", q)
				for i := range x {
					// Half a step, another half where the zero point was rounded, and what T can say.
					slack := float64(q.Scale()) * (1 + 1e-3)
					assert.InDelta(t, float64(x[i]), float64(y[i]), slack, "%v of %v", x[i], q)
				}
			}
		}
	}
	inf, nan := T(math.Inf(1)), T(math.NaN())
	most := cases.FromBits[T](cases.Bits(inf) - 1)
	for _, bad := range []struct {
		lo, hi T
		bits   int
		rule   string
	}{
		{1, 0, 8, "lo at most hi"}, {nan, 1, 8, "finite"}, {0, nan, 8, "finite"}, {-inf, 0, 8, "finite"}, {0, inf, 8, "finite"},
		{inf, -inf, 8, "finite"}, {0, 1, 1, "bits must be in [2, 16]"}, {0, 1, 17, "bits must be in [2, 16]"},
		{-most, most, 8, "too wide"},
	} {
		_, err := stepgrad.QuantFromRange(bad.lo, bad.hi, bad.bits, false)
		assert.ErrorContains(t, err, "stepgrad: QuantFromRange: ")
		assert.ErrorContains(t, err, bad.rule)
	}
}

// TestQuantEdges spells out what the definitions say, by hand.
func TestQuantEdges(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		inf, nan, negZero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
		q := mustQuant(t, float32(0.5), 3, -8, 7)
		x := []float32{nan, inf, -inf, negZero, -0.1, 0.25, 0.75, 2, 2.2, 2.25, -5.5, -5.75, -5.8, 1e30}
		dst, mask, ints := make([]float32, len(x)), make([]byte, 2), make([]int8, len(x))
		stepgrad.FakeQuantize(dst, mask, x, q)
		stepgrad.Quantize(ints, x, q)
		// 2.25 is 4.5 steps, even 4: in range. −5.75 is −11.5 steps, −12: out.
		assert.Equal(t, []int8{3, 7, -8, 3, 3, 3, 5, 7, 7, 7, -8, -8, -8, 7}, ints)
		assert.True(t, dst[0] != dst[0])
		assert.Equal(t, []float32{2, -5.5, 0, 0, 0, 1, 2, 2, 2, -5.5, -5.5, -5.5, 2}, dst[1:])
		for _, v := range dst[3:6] {
			assert.False(t, math.Signbit(float64(v)), "a zero is +0")
		}
		assert.Equal(t, []byte{0b11111000, 0b00000111}, mask)

		dy := []float32{1, 1, 1, inf, nan, 1, 1, 1, 1, 1, 1, 10, 100, 1000}
		dx := make([]float32, len(x))
		dy[3], dy[4] = 1, 1
		scale, zero := stepgrad.FakeQuantizeGrad(dx, dy, x, q)
		assert.True(t, scale != scale, "NaN in x")
		assert.Equal(t, []float32{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, dx)
		assert.Equal(t, float32(-0.5*(1+1+1+10+100+1000)), zero)
		scale, _ = stepgrad.FakeQuantizeGrad(dx[1:], dy[1:], x[1:], q)
		in := 0.2 - 0.5 + 0.5 + 0 - 0.4 - 0.5 // v − x/scale, from −0.1 to 2.25
		assert.InDelta(t, 4-11+in-11*110+4*1000, scale, 1e-3)
	})
}

// TestQuantRoundTrip: Dequantize of Quantize is FakeQuantize, and each nibble
// order is its own way back.
func TestQuantRoundTrip(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		for _, q := range []stepgrad.Quant[float32]{mustQuant(t, float32(0.1), 0, -8, 7), mustQuant(t, float32(0.1), 8, 0, 15)} {
			const n = 96
			x, fake, back := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(i-48) / 37
			}
			stepgrad.FakeQuantize(fake, nil, x, q)
			ints := make([]int16, n)
			stepgrad.Quantize(ints, x, q)
			stepgrad.Dequantize(back, ints, q)
			assert.Equal(t, fake, back)
			packed := make([]byte, n/2)
			for order := stepgrad.LowFirst; order <= stepgrad.SplitHalf; order++ {
				clear(back)
				stepgrad.Quantize4(packed, x, q, order)
				stepgrad.Dequantize4(back, packed, n, q, order)
				assert.Equal(t, fake, back, "order %d", order)
			}
		}
	})
}

// TestGradPieces: pieces of 4096·2^k elements, added up by the tree, give the
// bits of one call.
func TestGradPieces(t *testing.T) {
	q := mustQuant(t, float32(0.37), 2, -8, 7)
	const n = 7*4096 + 100
	x, dy, dx := make([]float32, n), make([]float32, n), make([]float32, n)
	r := cases.Rand(3)
	for i := range x {
		x[i], dy[i] = float32(r.NormFloat64()*3), float32(r.NormFloat64())
	}
	scale, zero := stepgrad.FakeQuantizeGrad(dx, dy, x, q)
	for _, piece := range []int{4096, 8192, 16384} {
		var scales, zeros kernels.Tree[float32]
		for at := 0; at < n; at += piece {
			to := min(n, at+piece)
			s, z := stepgrad.FakeQuantizeGrad(dx[at:to], dy[at:to], x[at:to], q)
			scales.Add(s)
			zeros.Add(z)
		}
		assert.Equal(t, scale, scales.Sum(), "pieces of %d", piece)
		assert.Equal(t, zero, zeros.Sum(), "pieces of %d", piece)
	}
}

// TestQuantContract: every rule whose violation panics, before anything is
// written.
func TestQuantContract(t *testing.T) {
	const n = 64
	q, wide := mustQuant(t, float32(0.1), 0, -8, 7), mustQuant(t, float32(0.1), 0, -128, 127)
	f := make([]float32, 4*n)
	i8, u8 := make([]int8, n), make([]byte, n)
	x, dst := f[:n], f[n:2*n]
	over := unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), n) // lies in x
	over8 := unsafe.Slice((*int8)(unsafe.Pointer(&f[0])), n)
	mask := make([]byte, n/8)
	var none stepgrad.Quant[float32]
	two := []stepgrad.Quant[float32]{q, q}
	sums := f[3*n:]
	for name, list := range map[string][]func(){
		"FakeQuantize": {
			func() { stepgrad.FakeQuantize(dst[1:], nil, x, q) },
			func() { stepgrad.FakeQuantize(f[1:n+1], nil, x, q) },
			func() { stepgrad.FakeQuantize(dst, mask[1:], x, q) },
			func() { stepgrad.FakeQuantize(dst, []byte{}, x, q) },
			func() { stepgrad.FakeQuantize(dst, over[:n/8], x, q) },
			func() { stepgrad.FakeQuantize(dst, nil, x, none) },
			func() { stepgrad.FakeQuantize(nil, nil, nil, none) },
		},
		"FakeQuantizeGrad": {
			func() { stepgrad.FakeQuantizeGrad(dst, x[1:], x, q) },
			func() { stepgrad.FakeQuantizeGrad(dst[1:], x, x, q) },
			func() { stepgrad.FakeQuantizeGrad(f[1:n+1], dst, x, q) },
			func() { stepgrad.FakeQuantizeGrad(f[1:n+1], x, f[2*n:3*n], q) },
			func() { stepgrad.FakeQuantizeGrad(dst, x, x, none) },
		},
		"Quantize": {
			func() { stepgrad.Quantize(i8[1:], x, q) },
			func() { stepgrad.Quantize(over8, x, q) },
			func() { stepgrad.Quantize(u8, x, q) }, // negative levels
			func() { stepgrad.Quantize(i8, x, mustQuant(t, float32(1), 0, 0, 128)) },
			func() { stepgrad.Quantize(i8, x, mustQuant(t, float32(1), 0, -129, 100)) },
			func() { stepgrad.Quantize(u8, x, mustQuant(t, float32(1), 0, 0, 256)) },
			func() { stepgrad.Quantize([]int16{}, []float32{}, mustQuant(t, float32(1), 0, 0, 32768)) },
			func() { stepgrad.Quantize([]uint16{}, []float32{}, q) },
			func() { stepgrad.Quantize(i8, x, none) },
		},
		"Dequantize": {
			func() { stepgrad.Dequantize(dst, i8[1:], q) },
			func() { stepgrad.Dequantize(x, over8, q) },
			func() { stepgrad.Dequantize(dst, u8, q) },
			func() { stepgrad.Dequantize(dst, i8, none) },
		},
		"Quantize4": {
			func() { stepgrad.Quantize4(u8, x, q, stepgrad.LowFirst) },
			func() { stepgrad.Quantize4(u8[:n/2-1], x, q, stepgrad.LowFirst) },
			func() { stepgrad.Quantize4(over[:n/2], x, q, stepgrad.LowFirst) },
			func() { stepgrad.Quantize4(u8[:n/2], x, q, 3) },
			func() { stepgrad.Quantize4(u8[:24], x[:48], q, stepgrad.SplitHalf) },
			func() { stepgrad.Quantize4(u8[:n/2], x, wide, stepgrad.LowFirst) },
			func() { stepgrad.Quantize4(u8[:n/2], x, mustQuant(t, float32(1), 0, -1, 8), stepgrad.LowFirst) },
			func() { stepgrad.Quantize4(u8[:n/2], x, none, stepgrad.LowFirst) },
		},
		"Dequantize4": {
			func() { stepgrad.Dequantize4(dst, u8[:n/2], n-1, q, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4(dst, u8, n, q, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4(x, over[:n/2], n, q, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4(dst, u8[:n/2], n, q, 3) },
			func() { stepgrad.Dequantize4(dst[:48], u8[:24], 48, q, stepgrad.SplitHalf) },
			func() { stepgrad.Dequantize4(dst, u8[:n/2], n, wide, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4(dst, u8[:n/2], n, none, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4(dst[:0], u8[:0], -1, q, stepgrad.LowFirst) },
		},
		"FakeQuantizeRows": {
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, 0, 1, two) },
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, n/2, 0, two) },
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, n/2, n, two) },
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, n/2+1, 1, two) },
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, n/2, 8, two) },
			func() { stepgrad.FakeQuantizeRows(dst, nil, x, n/2, n/2, []stepgrad.Quant[float32]{q, none}) },
			func() { stepgrad.FakeQuantizeRows(dst, mask[1:], x, n/2, n/2, two) },
			func() { stepgrad.FakeQuantizeRows(dst[1:], nil, x, n/2, n/2, two) },
		},
		"FakeQuantizeGradRows": {
			func() { stepgrad.FakeQuantizeGradRows(dst, x, x, n/2, n/2, two, sums[:1], sums[2:4]) },
			func() { stepgrad.FakeQuantizeGradRows(dst, x, x, n/2, n/2, two, sums[:2], sums[1:3]) },
			func() { stepgrad.FakeQuantizeGradRows(dst, x, x, n/2, n/2, two, sums[:2], dst[:2]) },
			func() { stepgrad.FakeQuantizeGradRows(dst, x, x, n/2, n/2, two, x[:2], sums[:2]) },
		},
		"QuantizeRows": {
			func() { stepgrad.QuantizeRows(u8, x, n/2, n/2, two) },
			func() { stepgrad.QuantizeRows(i8, x, n/2, n/2, two[:1]) },
			func() { stepgrad.QuantizeRows(over8, x, n/2, n/2, two) },
		},
		"Quantize4Rows": {
			func() { stepgrad.Quantize4Rows(u8[:n/2], x, n/2, n/2, two[:1], stepgrad.LowFirst) },
			func() { stepgrad.Quantize4Rows(u8[:n/2], x, 1, 1, two, stepgrad.LowFirst) },
			func() {
				stepgrad.Quantize4Rows(u8[:n/2], x, n, n/2-1, []stepgrad.Quant[float32]{q, q, q}, stepgrad.LowFirst)
			},
			func() {
				stepgrad.Quantize4Rows(u8[:n/2], x, n/2, 16, []stepgrad.Quant[float32]{q, q, q, q}, stepgrad.SplitHalf)
			},
			func() {
				stepgrad.Quantize4Rows(u8[:n/2], x, n/2, n/2, []stepgrad.Quant[float32]{q, wide}, stepgrad.LowFirst)
			},
			func() { stepgrad.Quantize4Rows(over[:n/2], x, n/2, n/2, two, stepgrad.LowFirst) },
			func() { stepgrad.Quantize4Rows(u8, x, n/2, n/2, two, stepgrad.LowFirst) },
		},
		"Dequantize4Rows": {
			func() { stepgrad.Dequantize4Rows(dst, u8[:n/2], n/2, n/2, two[:1], stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4Rows(x, over[:n/2], n/2, n/2, two, stepgrad.LowFirst) },
			func() { stepgrad.Dequantize4Rows(dst, u8, n/2, n/2, two, stepgrad.LowFirst) },
			func() {
				stepgrad.Dequantize4Rows(dst, u8[:n/2], n/2, n/2, []stepgrad.Quant[float32]{q, wide}, stepgrad.LowFirst)
			},
		},
		"DequantizeRows": {
			func() { stepgrad.DequantizeRows(dst, u8, n/2, n/2, two) },
			func() { stepgrad.DequantizeRows(dst, i8, n/2, n/2, two[:1]) },
			func() { stepgrad.DequantizeRows(x, over8, n/2, n/2, two) },
		},
	} {
		for i, call := range list {
			for k := range f {
				f[k] = float32(k)
			}
			cause := func() (v any) {
				defer func() { v = recover() }()
				call()
				return nil
			}()
			message, ok := cause.(string)
			assert.True(t, ok && strings.HasPrefix(message, "stepgrad: "+name+": "), "%s, case %d: %v", name, i, cause)
			for k := range f {
				require.Equal(t, float32(k), f[k], "%s, case %d: written before the panic", name, i)
			}
			for k := range n {
				require.Zero(t, int(i8[k])+int(u8[k])+int(mask[k/8]), "%s, case %d: written before the panic", name, i)
			}
		}
	}
}

// TestQuantNamed: types defined as a float.
func TestQuantNamed(t *testing.T) {
	q := mustQuant(t, single(0.5), 0, -8, 7)
	x, dst := []single{0.3, 9}, make([]single, 2)
	stepgrad.FakeQuantize(dst, nil, x, q)
	assert.Equal(t, []single{0.5, 3.5}, dst)
	lo, hi := stepgrad.MinMax([]double{2, -1, double(math.NaN())})
	assert.Equal(t, [2]double{-1, 2}, [2]double{lo, hi})
	lo, hi = stepgrad.MinMax([]double(nil))
	assert.Equal(t, [2]double{double(math.Inf(1)), double(math.Inf(-1))}, [2]double{lo, hi})
}

// TestNewQuantAllocates nothing, with options or without.
func TestNewQuantAllocates(t *testing.T) {
	if raceBuild {
		t.Skip("the detector allocates")
	}
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		_, _ = stepgrad.NewQuant(0.1, 0, -8, 7, stepgrad.WithMode(stepgrad.Down), stepgrad.WithRule(stepgrad.Divide))
	}))
}
