package autograd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// A quantCase is one way to share scales, with the group of each element.
type quantCase struct {
	name   string
	shape  []int
	groups int
	of     func(s ag.QuantSpec) ag.QuantSpec
	group  func(i int) int
}

var quantCases = []quantCase{
	{"tensor", []int{3, 7}, 1, func(s ag.QuantSpec) ag.QuantSpec { return s }, func(int) int { return 0 }},
	{"scalar", []int{}, 1, func(s ag.QuantSpec) ag.QuantSpec { return s }, func(int) int { return 0 }},
	{"first channel", []int{3, 7}, 3, func(s ag.QuantSpec) ag.QuantSpec { return s.PerChannel(0) }, func(i int) int { return i / 7 }},
	{"middle channel", []int{2, 3, 5}, 3, func(s ag.QuantSpec) ag.QuantSpec { return s.PerChannel(-2) }, func(i int) int { return i / 5 % 3 }},
	{"last channel", []int{5, 3}, 3, func(s ag.QuantSpec) ag.QuantSpec { return s.PerChannel(1) }, func(i int) int { return i % 3 }},
	{"groups", []int{2, 6}, 4, func(s ag.QuantSpec) ag.QuantSpec { return s.PerGroup(3) }, func(i int) int { return i / 3 }},
	{"ragged groups", []int{3, 5}, 6, func(s ag.QuantSpec) ag.QuantSpec { return s.PerGroup(4) }, func(i int) int { return i/5*2 + i%5/4 }},
	{"one group a row", []int{3, 5}, 3, func(s ag.QuantSpec) ag.QuantSpec { return s.PerGroup(math.MaxInt) }, func(i int) int { return i / 5 }},
}

// A quantRule is a preset, with its m written out: u is x/scale, k the level
// before clamping, both with the zero point.
type quantRule struct {
	name   string
	spec   ag.QuantSpec
	passes func(x, dy, u, k float64) bool
}

const quantMin, quantMax = -4, 3

var quantRules = []quantRule{
	{"PyTorch", ag.PyTorch(quantMin, quantMax), func(_, _, _, k float64) bool { return quantMin <= k && k <= quantMax }},
	{"LSQ", ag.LSQ(quantMin, quantMax), func(_, _, u, _ float64) bool { return quantMin <= u && u <= quantMax }},
	{"Larq", ag.Larq(quantMin, quantMax, 1.25), func(x, _, _, _ float64) bool { return math.Abs(x) <= 1.25 }},
	{"TFC", ag.TFC(quantMin, quantMax), func(_, dy, u, _ float64) bool {
		return quantMin <= u && u <= quantMax || u < quantMin && dy < 0 || u > quantMax && dy > 0
	}},
	{"Brevitas", ag.Brevitas(quantMin, quantMax), func(_, _, _, _ float64) bool { return true }},
}

// quantInput has values in and out of range, some of them ties and ends: with
// scales that are powers of two everything is exact.
func quantInput(c quantCase, seed uint64) (x, dy, scale, zero []float64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range c.groups {
		scale = append(scale, math.Ldexp(1, rnd.IntN(3)-2))
		zero = append(zero, float64(rnd.IntN(5)-2))
	}
	n := 1
	for _, d := range c.shape {
		n *= d
	}
	for i := range n {
		g := c.group(i)
		x = append(x, (float64(rnd.IntN(57)-28)/4-zero[g])*scale[g])
		dy = append(dy, float64(rnd.IntN(17)-8))
	}
	return x, dy, scale, zero
}

func of(data []float64, shape ...int) V { return ag.Reshape(ag.Param(data), shape...) }

// Values and gradients, of all rules and layouts, are those of a loop.
func TestFakeQuantize(t *testing.T) {
	for _, r := range quantRules {
		for _, c := range quantCases {
			for seed := range uint64(20) {
				name := fmt.Sprint(r.name, " ", c.name, " ", seed)
				data, dys, scales, zeros := quantInput(c, seed)
				x, scale, zero := of(data, c.shape...), ag.Param(scales), ag.Param(zeros, len(zeros), 1)
				wantY, wantX := make([]float64, len(data)), make([]float64, len(data))
				wantS, wantZ := make([]float64, c.groups), make([]float64, c.groups)
				spec := c.of(r.spec)
				if seed%2 == 1 {
					spec = spec.WithRule(stepgrad.ReciprocalZero)
				}
				for i, v := range data {
					g := c.group(i)
					s, z, d := scales[g], zeros[g], dys[i]
					k := math.RoundToEven(v/s) + z
					if seed%2 == 1 {
						k = math.RoundToEven(v/s + z)
					}
					clamped := min(max(k, quantMin), quantMax)
					wantY[i] = (clamped - z) * s
					if r.passes(v, d, v/s+z, k) {
						wantX[i] = d
						wantS[g] += d * (clamped - z - v/s)
					} else {
						wantS[g] += d * (clamped - z)
						wantZ[g] -= d * s
					}
				}
				dy := ag.Reshape(ag.Const(dys), c.shape...)
				y := ag.FakeQuantize(x, scale, zero, spec)
				require.Equal(t, wantY, y.Data(), name)
				require.Equal(t, c.shape, y.Shape(), name)
				got := ag.GradWith(y, dy, x, scale, zero)
				require.Equal(t, [][]float64{wantX, wantS, wantZ}, values(got), name)
				require.Equal(t, [][]int{c.shape, {c.groups}, {c.groups, 1}}, [][]int{got[0].Shape(), got[1].Shape(), got[2].Shape()})

				// The same where less needs a gradient.
				for _, y := range []V{
					ag.FakeQuantize(x, ag.Detach(scale), ag.Detach(zero), spec),
					ag.FakeQuantize(x, ag.Detach(scale), zero, spec),
					ag.FakeQuantize(x, scale, ag.Detach(zero), spec),
					ag.FakeQuantize(ag.Detach(x), scale, zero, spec),
					ag.FakeQuantize(ag.Detach(x), ag.Detach(scale), zero, spec),
				} {
					require.Equal(t, wantY, y.Data(), name)
					for k, g := range values(ag.GradWith(y, dy, x, scale, zero)) {
						if !slices.Equal(g, make([]float64, len(g))) {
							require.Equal(t, [][]float64{wantX, wantS, wantZ}[k], g, name)
						}
					}
				}
				constant := ag.FakeQuantize(x, ag.Detach(scale), ag.Detach(zero), spec)
				require.Equal(t, wantX, ag.GradWith(constant, dy, x)[0].Data(), name)
				onlyX := ag.FakeQuantize(ag.Detach(x), scale, zero, spec)
				require.Equal(t, wantS, ag.GradWith(onlyX, dy, scale)[0].Data(), name)
				require.Equal(t, wantZ, ag.GradWith(onlyX, dy, zero)[0].Data(), name)

				factor := func(g int) float64 {
					n := 0
					for i := range data {
						if c.group(i) == g {
							n++
						}
					}
					return 1 / math.Sqrt(float64(n)*quantMax)
				}
				got = ag.GradWith(ag.FakeQuantize(x, scale, zero, spec.WithGradScale()), dy, x, scale, zero)
				require.Equal(t, wantX, got[0].Data(), name)
				for g := range c.groups {
					require.Equal(t, wantS[g]*factor(g), got[1].Data()[g], name)
					require.Equal(t, wantZ[g]*factor(g), got[2].Data()[g], name)
				}
			}
		}
	}
}

// The zero point is rounded to a level, ties to even; nil is 0.
func TestFakeQuantizeZero(t *testing.T) {
	x, scale := ag.Param([]float64{-9, 9}), ag.Param([]float64{1})
	for zero, want := range map[float64][]float64{
		0.5: {-4, 3}, 1.5: {-6, 1}, 1.4: {-5, 2}, -0.5: {-4, 3}, -1.5: {-2, 5}, 99: {-7, 0}, -99: {0, 7}, inf: {-7, 0}, -inf: {0, 7},
	} {
		require.Equal(t, want, ag.FakeQuantize(x, scale, ag.Param([]float64{zero}), ag.PyTorch(-4, 3)).Data(), zero)
	}
	require.Equal(t, []float64{-4, 3}, ag.FakeQuantize(x, scale, nil, ag.PyTorch(-4, 3)).Data())
}

func TestFakeQuantizeModes(t *testing.T) {
	x := ag.Param([]float64{-1.5, -0.5, 0.5, 1.5, 0.7})
	one := ag.Const([]float64{1})
	for mode, want := range map[stepgrad.Mode][]float64{
		stepgrad.Down: {-2, -1, 0, 1, 0}, stepgrad.Up: {-1, 0, 1, 2, 1}, stepgrad.TowardZero: {-1, 0, 0, 1, 0},
		stepgrad.NearestEven: {-2, 0, 0, 2, 1}, stepgrad.NearestAway: {-2, -1, 1, 2, 1},
	} {
		require.Equal(t, want, ag.FakeQuantize(x, one, nil, ag.LSQ(-4, 3).WithMode(mode)).Data(), mode)
	}
	odd := ag.Const([]float64{1})
	require.Equal(t, []float64{-1, -1, 1, 1, 1}, ag.FakeQuantize(x, one, odd, ag.PyTorch(-4, 3).WithRule(stepgrad.ReciprocalZero)).Data())
	// 49·(1/49) is less than 1.
	scale49 := ag.Const([]float64{49})
	require.Equal(t, 49.0, ag.FakeQuantize(ag.Const([]float64{49}), scale49, nil, ag.LSQ(-4, 3).WithMode(stepgrad.Down)).Data()[0])
	require.Equal(t, 0.0, ag.FakeQuantize(ag.Const([]float64{49}), scale49, nil, ag.PyTorch(-4, 3).WithMode(stepgrad.Down)).Data()[0])
}

// Large tensors, all layouts: the same bits for any number of workers, and
// those of one call of the kernel.
func TestFakeQuantizeWorkers(t *testing.T) {
	const n = 1<<18 + 4096*3
	rnd := rand.New(rand.NewPCG(5, 6))
	x, dy := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], dy[i] = rnd.Float32()*20-10, rnd.Float32()-0.5
	}
	type shaped struct {
		spec   ag.QuantSpec
		scales int
		cols   int
	}
	run := func(s shaped, workers int) (bits [][]float32) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
		scales := make([]float32, s.scales)
		for i := range scales {
			scales[i] = 0.1 + float32(i%7)/100
		}
		p, scale, zero := ag.Param(x, n/s.cols, s.cols), ag.Param(scales), ag.Param(make([]float32, s.scales))
		y := ag.FakeQuantize(p, scale, zero, s.spec)
		bits = append(bits, y.Data())
		for _, g := range ag.GradWith(y, ag.Const(dy, n/s.cols, s.cols), p, scale, zero) {
			bits = append(bits, g.Data())
		}
		y = ag.FakeQuantize(p, ag.Detach(scale), nil, s.spec)
		return append(bits, ag.GradWith(y, ag.Const(dy, n/s.cols, s.cols), p)[0].Data())
	}
	for _, spec := range []ag.QuantSpec{ag.PyTorch(-60, 60), ag.LSQ(-60, 60), ag.TFC(-60, 60).WithEWGS(0.1)} {
		for _, s := range []shaped{
			{spec, 1, 256}, {spec.PerChannel(0), n / 256, 256}, {spec.PerChannel(1), 256, 256}, {spec.PerGroup(32), n / 32, 256},
			{spec.PerGroup(100), n / 256 * 3, 256}, {spec.PerChannel(0), 2048, 134}, // rows of which two share a byte of the mask
			{spec.PerChannel(0), 2, n / 2}, // longer than a piece of the sums
		} {
			want := run(s, 1)
			for _, workers := range []int{2, 3, 8} {
				for i, got := range run(s, workers) {
					require.True(t, slices.Equal(want[i], got), "%v, %d workers, result %d", s, workers, i)
				}
			}
			require.Equal(t, want[1], want[4], "the mask and the gradient kernel agree")
		}
	}
	q, err := stepgrad.NewQuant[float32](0.1, 0, -60, 60)
	require.NoError(t, err)
	dx := make([]float32, n)
	s, z := stepgrad.FakeQuantizeGrad(dx, dy, x, q)
	got := run(shaped{ag.PyTorch(-60, 60), 1, 256}, 8)
	require.Equal(t, [][]float32{dx, {s}, {z}}, got[1:4])
}

// quantGradients is what the documentation says of the gradients, made of
// other operations: dx, dscale and dzero as functions of dy, x, scale and zero.
func quantGradients(r quantRule, c quantCase, delta float64, gradScale bool, dy, x, scale, zero V) []V {
	n := x.Len()
	index, inside, m := make([]int, n), make([]bool, n), make([]bool, n)
	hard, slope, onehot := make([]float64, n), make([]float64, n), make([]float64, c.groups*n)
	counts := make([]float64, c.groups)
	for i, v := range x.Data() {
		g := c.group(i)
		index[i] = g
		counts[g]++
		onehot[g*n+i] = 1
		s, z := scale.Data()[g], zero.Data()[g]
		k := math.RoundToEven(v/s) + z
		hard[i] = min(max(k, quantMin), quantMax) - z
		inside[i] = quantMin <= v/s+z && v/s+z <= quantMax
		m[i] = r.passes(v, dy.Data()[i], v/s+z, k)
		slope[i] = delta / (quantMax - quantMin)
		if dy.Data()[i] < 0 {
			slope[i] = -slope[i]
		} else if dy.Data()[i] == 0 {
			slope[i] = 0
		}
	}
	nothing := ag.Const([]float64{0})
	keep := func(a V) V { return ag.Where(m, a, nothing) }
	flat := func(a V) V { return ag.Reshape(a, n) }
	s, z := ag.Gather(scale, 0, index), ag.Gather(flat2(zero), 0, index)
	v := ag.Div(flat(x), s)
	at := make([]float64, n)
	for i, u := range v.Data() {
		at[i] = min(max(u, quantMin-z.Data()[i]), quantMax-z.Data()[i])
	}
	w := ag.Add(ag.Const([]float64{1}), ag.Mul(ag.Const(slope), ag.Sub(ag.Where(inside, v, ag.Const(at)), ag.Const(hard))))
	level := ag.Sub(ag.Const(hard), ag.Where(m, nothing, ag.Sub(z, ag.Detach(z))))
	for g := range counts {
		counts[g] = 1 / math.Sqrt(counts[g]*quantMax)
		if !gradScale {
			counts[g] = 1
		}
	}
	total := func(a V) V {
		sums := ag.MatMul(ag.Const(onehot, c.groups, n), ag.Reshape(a, n, 1))
		return ag.Mul(ag.Reshape(sums, c.groups), ag.Const(counts))
	}
	d := flat(dy)
	return []V{
		ag.Reshape(keep(ag.Mul(d, w)), x.Shape()...),
		total(ag.Mul(d, ag.Sub(level, keep(ag.Mul(w, v))))),
		ag.Reshape(total(ag.Neg(ag.Where(m, nothing, ag.Mul(d, s)))), zero.Shape()...),
	}
}

func flat2(x V) V { return ag.Reshape(x, x.Len()) }

func closeTo(t *testing.T, want, got []V, msg string) {
	t.Helper()
	for k := range want {
		require.Equal(t, want[k].Shape(), got[k].Shape(), msg)
		require.InDeltaSlice(t, want[k].Data(), got[k].Data(), 1e-9, "%s: %d: want %v, got %v", msg, k, want[k].Data(), got[k].Data())
	}
}

// Gradients of gradients, to the third order, are those of the formulas.
func TestFakeQuantizeHigher(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 9))
	random := func(shape []int) V {
		n := 1
		for _, d := range shape {
			n *= d
		}
		data := make([]float64, n)
		for i := range data {
			data[i] = rnd.Float64()*2 - 1
		}
		return ag.Reshape(ag.Param(data), shape...)
	}
	nonzero := map[string]bool{}
	for _, r := range quantRules {
		for _, c := range quantCases {
			for _, delta := range []float64{0, 0.3} {
				for _, gradScale := range []bool{false, true} {
					name := fmt.Sprint(r.name, " ", c.name, " ", delta, " ", gradScale)
					data, _, scales, zeros := quantInput(c, 7)
					for i := range data {
						data[i] += rnd.Float64()/8 - 1.0/16
					}
					x, scale, zero, dy := of(data, c.shape...), ag.Param(scales), ag.Param(zeros, len(zeros), 1), random(c.shape)
					if len(data) > 1 {
						dy.Data()[1] = 0 // has no sign
					}
					spec := c.of(r.spec).WithEWGS(delta)
					if gradScale {
						spec = spec.WithGradScale()
					}
					got := ag.GradWith(ag.FakeQuantize(x, scale, zero, spec), dy, x, scale, zero)
					want := quantGradients(r, c, delta, gradScale, dy, x, scale, zero)
					closeTo(t, want, got, name)
					operands := []V{dy, x, scale, zero}
					for k := range got {
						d := random(got[k].Shape())
						want2 := ag.GradWith(want[k], d, operands...)
						got2 := ag.GradWith(got[k], d, operands...)
						closeTo(t, want2, got2, fmt.Sprint(name, ": derivative of gradient ", k))
						for j := range got2 {
							e := random(got2[j].Shape())
							all := append(slices.Clone(operands), d)
							closeTo(t, ag.GradWith(want2[j], e, all...), ag.GradWith(got2[j], e, all...), fmt.Sprint(name, ": third, ", k, j))
							for _, v := range got2[j].Data() {
								if v != 0 {
									nonzero[fmt.Sprintf("%d%d%v", k, j, delta != 0)] = true
								}
							}
						}
					}
				}
			}
		}
	}
	for _, which := range []string{"00", "10", "11", "12", "13", "20", "22"} {
		require.True(t, nonzero[which+"false"], "%s is never tried", which)
	}
	require.True(t, nonzero["01true"] && nonzero["02true"] && !nonzero["01false"] && !nonzero["23false"])
}

// NaN, infinities and the ends of the range, by rule.
func TestFakeQuantizeSpecials(t *testing.T) {
	x := []float64{nan, inf, -inf, 1e300, 1.5, -2, 1.75, 1.5001, -2.25, -2.2501, zero, -0.1}
	y := []float64{nan, 1.5, -2, 1.5, 1.5, -2, 1.5, 1.5, -2, -2, 0, 0}
	dy := []float64{-1, -1, 1, -1, -1, -1, nan, inf, 1, nan, zero, 2}
	for name, c := range map[string]struct {
		spec ag.QuantSpec
		dx   []float64
	}{
		"PyTorch":  {ag.PyTorch(quantMin, quantMax), []float64{0, 0, 0, 0, -1, -1, 0, inf, 1, 0, zero, 2}}, // 1.75/0.5 rounds to 4, -2.25/0.5 to -4
		"LSQ":      {ag.LSQ(quantMin, quantMax), []float64{0, 0, 0, 0, -1, -1, 0, 0, 0, 0, zero, 2}},
		"Larq":     {ag.Larq(quantMin, quantMax, 2), []float64{0, 0, 0, 0, -1, -1, nan, inf, 0, 0, zero, 2}},
		"Larq inf": {ag.Larq(quantMin, quantMax, inf), []float64{0, -1, 1, -1, -1, -1, nan, inf, 1, nan, zero, 2}},
		"TFC":      {ag.TFC(quantMin, quantMax), []float64{0, 0, 0, 0, -1, -1, 0, inf, 0, 0, zero, 2}},
		"Brevitas": {ag.Brevitas(quantMin, quantMax), dy},
	} {
		for _, learn := range []bool{false, true} {
			scale := ag.Const([]float64{0.5})
			if learn {
				scale = ag.Param([]float64{0.5})
			}
			p := ag.Param(x)
			q := ag.FakeQuantize(p, scale, nil, c.spec)
			same(t, y, q.Data(), name)
			same(t, c.dx, ag.GradWith(q, ag.Const(dy), p)[0].Data(), name, learn)
			same(t, c.dx, ag.GradWith(recorded(q), ag.Const(dy), p)[0].Data(), name, learn)
		}
	}
	// TFC, toward the range and away from it.
	p := ag.Param([]float64{9, 9, 9, -9, -9, -9, nan, nan, 0})
	for _, scale := range []V{ag.Const([]float64{1}), ag.Param([]float64{1})} {
		g := ag.GradWith(ag.FakeQuantize(p, scale, nil, ag.TFC(-4, 3)), ag.Const([]float64{1, -1, nan, 1, -1, nan, 1, -1, nan}), p)[0]
		same(t, []float64{1, 0, 0, 0, -1, 0, 0, 0, nan}, g.Data())
	}
	// A scale learns nothing from NaN but NaN; infinities saturate.
	scale := ag.Param([]float64{0.5})
	for _, spec := range []ag.QuantSpec{ag.PyTorch(-4, 3), ag.LSQ(-4, 3), ag.Larq(-4, 3, 1), ag.TFC(-4, 3), ag.Brevitas(-4, 3)} {
		x := ag.Const([]float64{1, nan})
		same(t, []float64{nan}, ag.Grad(ag.Sum(ag.FakeQuantize(x, scale, nil, spec)), scale)[0].Data())
	}
	for _, spec := range []ag.QuantSpec{ag.PyTorch(-4, 3), ag.LSQ(-4, 3), ag.Larq(-4, 3, 1)} {
		x := ag.Param([]float64{1, inf, -inf, -inf})
		g := ag.Grad(ag.Sum(ag.FakeQuantize(x, scale, nil, spec)), x, scale)
		same(t, []float64{-5}, g[1].Data())
		h := ag.Grad(g[1], x, scale)
		require.Equal(t, [][]float64{{-2, 0, 0, 0}, {4}}, values(h))
	}
}

// Recorded or not, gradients and their gradients are the same bits.
func TestFakeQuantizeRecorded(t *testing.T) {
	for _, r := range quantRules {
		for _, c := range quantCases {
			for _, delta := range []float64{0, 0.3} {
				data, dys, scales, zeros := quantInput(c, 3)
				for i := range scales {
					scales[i] *= 1.1
				}
				xs := []V{of(data, c.shape...), ag.Param(scales), ag.Param(zeros)}
				h := ag.Scale(xs[0], 1.3)
				y := ag.FakeQuantize(h, xs[1], xs[2], c.of(r.spec).WithEWGS(delta))
				y = ag.Mul(ag.Add(y, h), y) // y is used twice, and so is what leads to it
				more := append([]V{ag.Reshape(ag.Param(dys), c.shape...), h, y}, xs...)
				lean, full := ag.GradWith(y, more[0], more...), ag.GradWith(recorded(y), more[0], more...)
				require.Equal(t, values(full)[3:], values(lean)[3:])
				for k := range lean {
					w := of(numbers(0.5, 2, max(lean[k].Len(), 1)).Data(), lean[k].Shape()...)
					require.Equal(t, values(ag.GradWith(full[k], w, more...)), values(ag.GradWith(lean[k], w, more...)), "%s %s %v", r.name, c.name, k)
				}
			}
		}
	}
}

// What the backward pass keeps, in bytes per element, beside the result and x.
func TestFakeQuantizeBytes(t *testing.T) {
	const n, rounds = 1 << 16, 20
	x, one := ag.Param(make([]float64, n), n/256, 256), ag.Const([]float64{1})
	hold := func(f func() V) (kept, made float64) {
		var before, after runtime.MemStats
		keep := make([]V, rounds)
		f()
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range keep {
			keep[i] = f()
		}
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(keep)
		return float64(after.HeapAlloc-before.HeapAlloc)/rounds/n - 8, float64(after.TotalAlloc-before.TotalAlloc)/rounds/n - 8
	}
	rows := ag.Const(slices.Repeat([]float64{1}, n/256))
	for name, c := range map[string]struct {
		bytes float64
		f     func() V
	}{
		"PyTorch":  {1.0 / 8, func() V { return ag.FakeQuantize(x, one, nil, ag.PyTorch(-8, 7)) }},
		"rows":     {1.0 / 8, func() V { return ag.FakeQuantize(x, rows, nil, ag.PyTorch(-8, 7).PerChannel(0)) }},
		"columns":  {1.0 / 8, func() V { return ag.FakeQuantize(x, rows, nil, ag.PyTorch(-8, 7).PerChannel(1)) }},
		"LSQ":      {1.0 / 8, func() V { return ag.FakeQuantize(x, one, nil, ag.LSQ(-8, 7)) }},
		"TFC":      {2.0 / 8, func() V { return ag.FakeQuantize(x, one, nil, ag.TFC(-8, 7)) }},
		"Brevitas": {0, func() V { return ag.FakeQuantize(x, one, nil, ag.Brevitas(-8, 7)) }},
		"constant": {0, func() V { return ag.FakeQuantize(ag.Detach(x), one, nil, ag.TFC(-8, 7)) }},
		"learned":  {0, func() V { return ag.FakeQuantize(x, ag.Param([]float64{1}), nil, ag.PyTorch(-8, 7)) }},
		"groups": {8.0 / 32, func() V {
			return ag.FakeQuantize(x, ag.Param(slices.Repeat([]float64{1}, n/32)), nil, ag.PyTorch(-8, 7).PerGroup(32))
		}},
		"SignSTE":    {1.0 / 8, func() V { return ag.SignSTE(x, 1) }},
		"TernarySTE": {1.0 / 8, func() V { return ag.TernarySTE(x, 0.05, 1) }},
		"ApproxSign": {0, func() V { return ag.ApproxSign(x) }},
		"PACT":       {2.0 / 8, func() V { return ag.PACT(x, ag.Param([]float64{1}), 4) }},
	} {
		kept, made := hold(c.f)
		require.InDelta(t, c.bytes, kept, 0.02, name)
		if name != "columns" && name != "groups" { // another order, and a quant for every 32 elements
			require.Less(t, made, c.bytes+4, "%s: half a tensor of garbage", name)
		}
	}
	// The gradients of a learned scale cost one tensor, which is used again.
	y := ag.FakeQuantize(ag.Scale(x, 2), ag.Param([]float64{1}), nil, ag.PyTorch(-8, 7))
	dy := ag.Const(make([]float64, n), n/256, 256)
	require.Less(t, allocated(func() { ag.GradWith(y, dy, x) }), uint64(9*n))
}

func TestFakeQuantizeExplain(t *testing.T) {
	x, scale, zero := ag.Param([]float64{-9, 0.4, 9, 10}), ag.Param([]float64{1}), ag.Param([]float64{0})
	y := ag.FakeQuantize(x, scale, zero, ag.LSQ(-4, 3))
	r := ag.Explain(y, x, scale, zero)
	require.Empty(t, r.Blocks)
	require.Empty(t, r.Independent)
	require.Equal(t, []float64{0.75, 0, 0}, r.ZeroShare)
	r = ag.Explain(ag.Floor(y), x, scale)
	require.Len(t, r.Blocks, 2)
	require.Equal(t, []int{0, 1}, ag.Explain(ag.FakeQuantize(ag.Detach(x), ag.Detach(scale), zero, ag.LSQ(-4, 3)), x, scale).Independent)
}

func TestFakeQuantizeEmpty(t *testing.T) {
	for _, r := range quantRules {
		for _, c := range []struct {
			shape  []int
			scales int
			spec   ag.QuantSpec
		}{
			{[]int{0}, 1, r.spec}, {[]int{0, 3}, 3, r.spec.PerChannel(1)}, {[]int{0, 3}, 0, r.spec.PerChannel(0)},
			{[]int{2, 0, 3}, 0, r.spec.PerChannel(1)}, {[]int{2, 0}, 0, r.spec.PerGroup(4)}, {[]int{0, 2}, 0, r.spec.PerGroup(4)},
		} {
			x, scale := ag.Param([]float64{}, c.shape...), ag.Param(slices.Repeat([]float64{1}, c.scales))
			for _, s := range []V{scale, ag.Detach(scale)} {
				y := ag.FakeQuantize(x, s, nil, c.spec.WithGradScale())
				require.Equal(t, c.shape, y.Shape())
				g := ag.Grad(ag.Sum(y), x, scale)
				require.Equal(t, [][]float64{{}, make([]float64, c.scales)}, [][]float64{g[0].Data(), g[1].Data()})
				require.Equal(t, make([]float64, c.scales), ag.Grad(ag.Sum(g[1]), scale)[0].Data())
			}
		}
	}
}

func TestQuantPanics(t *testing.T) {
	x, one := ag.Param(make([]float64, 6), 2, 3), ag.Param([]float64{1})
	two, zero := ag.Param([]float64{1, 1}), ag.Const([]float64{0})
	fq := func(scale, zero V, spec ag.QuantSpec) func() {
		return func() { ag.FakeQuantize(x, scale, zero, spec) }
	}
	one64 := func(v ...float64) V { return ag.Param(v) }
	for want, f := range map[string]func(){
		"FakeQuantize: the zero QuantSpec: begin with PyTorch, LSQ, Larq, TFC or Brevitas": fq(one, nil, ag.QuantSpec{}),
		"FakeQuantize: scale has shape [2], but x of shape [2 3] wants 1 elements":         fq(two, nil, ag.LSQ(-4, 3)),
		"FakeQuantize: scale has shape [1], but x of shape [2 3] wants 2 elements":         fq(one, nil, ag.LSQ(-4, 3).PerChannel(0)),
		"FakeQuantize: scale has shape [2], but x of shape [2 3] wants 3 elements":         fq(two, nil, ag.LSQ(-4, 3).PerChannel(-1)),
		"FakeQuantize: scale has shape [2], but x of shape [2 3] wants 4 elements":         fq(two, nil, ag.LSQ(-4, 3).PerGroup(2)),
		"FakeQuantize: zero has shape [1], but x of shape [2 3] wants 2 elements":          fq(two, zero, ag.LSQ(-4, 3).PerChannel(0)),
		"FakeQuantize: scale[0] must be positive and finite, not 0":                        fq(one64(0), nil, ag.LSQ(-4, 3)),
		"FakeQuantize: scale[1] must be positive and finite, not -0.5":                     fq(one64(1, -0.5), nil, ag.LSQ(-4, 3).PerChannel(0)),
		"FakeQuantize: scale[0] must be positive and finite, not NaN":                      fq(one64(nan), nil, ag.LSQ(-4, 3)),
		"FakeQuantize: scale[0] must be positive and finite, not +Inf":                     fq(one64(inf), nil, ag.LSQ(-4, 3)),
		"FakeQuantize: the reciprocal of scale 1e-310 is infinite; use WithRule(Divide)":   fq(one64(1e-310), nil, ag.PyTorch(-4, 3)),
		"FakeQuantize: zero[0] must not be NaN":                                            fq(one, one64(nan), ag.LSQ(-4, 3)),
		"FakeQuantize: zero must be in [min, max] = [1, 3], not 0":                         fq(one, nil, ag.LSQ(1, 3)),
		"FakeQuantize: min must be less than max, not 3 and 3":                             fq(one, nil, ag.LSQ(3, 3)),
		"FakeQuantize: the range from min 0 to max 65536 must be within 16 bits":           fq(one, nil, ag.LSQ(0, 65536)),
		"FakeQuantize: mode must be Down, Up, TowardZero, NearestEven or NearestAway":      fq(one, nil, ag.LSQ(-4, 3).WithMode(9)),
		"FakeQuantize: rule must be Reciprocal, Divide or ReciprocalZero":                  fq(one, nil, ag.LSQ(-4, 3).WithRule(9)),
		"FakeQuantize: axis 2 out of range for shape [2 3]":                                fq(one, nil, ag.LSQ(-4, 3).PerChannel(2)),
		"FakeQuantize: axis -1 out of range for shape []":                                  func() { ag.FakeQuantize(ag.Sum(x), one, nil, ag.LSQ(-4, 3).PerGroup(2)) },
		"FakeQuantize: a group of 0 elements must be at least 1":                           fq(one, nil, ag.LSQ(-4, 3).PerGroup(0)),
		"FakeQuantize: bound must be at least 0, not -1":                                   fq(one, nil, ag.Larq(-4, 3, -1)),
		"FakeQuantize: bound must be at least 0, not NaN":                                  fq(one, nil, ag.Larq(-4, 3, nan)),
		"FakeQuantize: delta must be finite, not +Inf":                                     fq(one, nil, ag.LSQ(-4, 3).WithEWGS(inf)),
		"FakeQuantize: WithGradScale wants max > 0, not 0":                                 fq(one, nil, ag.LSQ(-4, 0).WithGradScale()),
		"LSQScale: max must be at least 1, not 0":                                          func() { ag.LSQScale([]float64{1}, 0) },
		"SignSTE: clip must be at least 0, not -1":                                         func() { ag.SignSTE(x, -1) },
		"SignSTE: clip must be at least 0, not NaN":                                        func() { ag.SignSTE(x, nan) },
		"TernarySTE: clip must be at least 0, not -1":                                      func() { ag.TernarySTE(x, 0.1, -1) },
		"TernarySTE: threshold must be at least 0, not NaN":                                func() { ag.TernarySTE(x, nan, 1) },
		"SwishSign: beta must be positive and finite, not 0":                               func() { ag.SwishSign(x, 0) },
		"SwishSign: beta must be positive and finite, not +Inf":                            func() { ag.SwishSign(x, inf) },
		"DoReFaWeights: bits must be in [1, 16], not 0":                                    func() { ag.DoReFaWeights(x, 0) },
		"PACT: bits must be in [1, 16], not 17":                                            func() { ag.PACT(x, one, 17) },
		"PACT: alpha has shape [2], not one element":                                       func() { ag.PACT(x, two, 4) },
		"PACT: alpha must be positive and finite, and so alpha/15, not 0":                  func() { ag.PACT(x, zero, 4) },
		"PACT: alpha must be positive and finite, and so alpha/15, not NaN":                func() { ag.PACT(x, one64(nan), 4) },
	} {
		require.PanicsWithValue(t, "autograd: "+want, f)
	}
}
