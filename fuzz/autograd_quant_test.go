package fuzz

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// A quantRule is a preset of FakeQuantize with its mask: where the gradient
// passes, given x, dy, x/scale, the levels' ends less the zero point, and
// whether the rounded level is between them.
type quantRule[T cases.Float] struct {
	name   string
	spec   func(min, max int) ag.QuantSpec
	passes func(x, dy, u, lo, hi T, in bool) bool
}

func quantRules[T cases.Float]() []quantRule[T] {
	return []quantRule[T]{
		{"PyTorch", ag.PyTorch, func(_, _, _, _, _ T, in bool) bool { return in }},
		{"LSQ", ag.LSQ, func(_, _, u, lo, hi T, _ bool) bool { return lo <= u && u <= hi }},
		{"Larq", func(min, max int) ag.QuantSpec { return ag.Larq(min, max, 1.5) }, func(x, _, _, _, _ T, _ bool) bool { return -1.5 <= x && x <= 1.5 }},
		{"TFC", ag.TFC, func(_, dy, u, lo, hi T, _ bool) bool {
			return lo <= u && u <= hi || u < lo && dy < 0 || u > hi && dy > 0
		}},
		{"Brevitas", ag.Brevitas, func(_, _, _, _, _ T, _ bool) bool { return true }},
	}
}

// FuzzAutogradQuant runs FakeQuantize on raw bits, with every rule and layout,
// against the scalar definition: values and gradients of x bit for bit, the sums
// of PyTorch's rule too, those of the others to rounding errors.
func FuzzAutogradQuant(f *testing.F) {
	for which := range uint8(5) {
		for layout := range uint8(4) {
			in := cases.Inputs[float32](cases.Rand(uint64(which)), 8)[int(layout)*20:][:30]
			f.Add(which, false, layout, encode(in), uint64(cases.Bits(float32(0.3)))<<layout, int8(layout)-2, uint8(7), uint8(3), uint8(layout))
		}
		f.Add(which, true, which, encode(cases.Inputs[float64](cases.Rand(3), 40)[:20]), cases.Bits(0.07), int8(0), uint8(255), uint8(4), uint8(3))
	}
	f.Fuzz(func(t *testing.T, which uint8, double bool, layout uint8, data []byte, scale uint64, zero int8, width, cols, mode uint8) {
		if double {
			checkQuant[float64](t, which, layout, data, scale, zero, width, cols, mode)
		} else {
			checkQuant[float32](t, which, layout, data, scale, zero, width, cols, mode)
		}
	})
}

func checkQuant[T cases.Float](t *testing.T, which, layout uint8, data []byte, bits uint64, zero int8, width, columns, how uint8) {
	rules := quantRules[T]()
	r := rules[int(which)%len(rules)]
	cols := int(columns%9) + 1
	rows := min(len(data)/8, most) / cols
	in := elements[T](data, rows*cols)
	if len(in) == 0 {
		t.Skip("no data")
	}
	x, dy := make([]T, len(in)), make([]T, len(in))
	for i := range in {
		x[i], dy[i] = in[i].X, in[i].Dy
	}
	scale := cases.FromBits[T](bits)
	if scale < 0 {
		scale = -scale
	}
	if !(scale > 0) || scale-scale != 0 || 1/scale-1/scale != 0 {
		scale = 0.25
	}
	least := -int(width) / 2
	greatest := least + int(width) + 1
	mode, rule := stepgrad.Mode(how%5), stepgrad.Rule(how/5%3)
	spec := r.spec(least, greatest).WithMode(mode).WithRule(rule)
	groups, group := 1, func(int) int { return 0 }
	switch size := int(how/15) + 1; layout % 4 {
	case 1:
		spec, groups, group = spec.PerChannel(0), rows, func(i int) int { return i / cols }
	case 2:
		spec, groups, group = spec.PerChannel(-1), cols, func(i int) int { return i % cols }
	case 3:
		perRow := (cols + size - 1) / size
		spec, groups, group = spec.PerGroup(size), rows*perRow, func(i int) int { return i/cols*perRow + i%cols/size }
	}
	// Neighbouring groups have different scales and zero points.
	scales, zeros := make([]T, groups), make([]T, groups)
	qs, defs := make([]stepgrad.Quant[T], groups), make([]kernels.Quant[T], groups)
	for g := range groups {
		scales[g], zeros[g] = scale, T(zero)
		if g%2 == 1 && scale < 1e30 {
			scales[g], zeros[g] = scale*1.5, T(zero)+1
		}
		k := min(max(int(zeros[g]), least), greatest)
		q, err := stepgrad.NewQuant(scales[g], k, least, greatest, stepgrad.WithMode(mode), stepgrad.WithRule(rule))
		if err != nil {
			t.Skip(err)
		}
		qs[g], defs[g] = q, kernels.NewQuant(scales[g], k, least, greatest, mode, rule)
	}

	leaf, s, z := ag.Param(x, rows, cols), ag.Param(scales), ag.Param(zeros)
	y := ag.FakeQuantize(leaf, s, z, spec)
	d := ag.Const(dy, rows, cols)
	got := ag.GradWith(y, d, leaf, s, z)
	still := ag.GradWith(ag.FakeQuantize(leaf, ag.Detach(s), ag.Detach(z), spec), d, leaf)[0]
	same := ag.Custom("Same", y.Data(), y.Shape(), func(dy *ag.Var[T]) []*ag.Var[T] { return []*ag.Var[T]{dy} }, y)
	for k, v := range ag.GradWith(same, d, leaf, s, z) {
		require.True(t, slices.EqualFunc(got[k].Data(), v.Data(), cases.Same[T]), "%s: recorded, gradient %d is %v, else %v", r.name, k, v.Data(), got[k].Data())
	}
	sums, sizes := make([][2]float64, groups), make([][2]float64, groups)
	for i, v := range x {
		g := group(i)
		def := &defs[g]
		want, inside := def.Fake(v)
		u := def.Quotient(v)
		pass := r.passes(v, dy[i], u, def.Min-def.Zero, def.Max-def.Zero, inside)
		dx, by := T(0), float64(0)
		level, _ := def.Nearest(v)
		if pass {
			dx, by = dy[i], float64(level-def.Zero-u)
		} else {
			by = float64(level - def.Zero)
			sums[g][1] -= float64(dy[i]) * float64(def.Scale)
			sizes[g][1] += math.Abs(float64(dy[i]) * float64(def.Scale))
		}
		sums[g][0] += float64(dy[i]) * by
		sizes[g][0] += math.Abs(float64(dy[i]) * by)
		require.True(t, cases.Same(want, y.Data()[i]), "%s %v of %s: %s, want %s", r.name, qs[g], cases.Spell(v), cases.Spell(y.Data()[i]), cases.Spell(want))
		for _, dst := range [][]T{got[0].Data(), still.Data()} {
			require.True(t, cases.Same(dx, dst[i]), "%s: gradient of %v at %s, dy = %s: %s, want %s", r.name, qs[g], cases.Spell(v), cases.Spell(dy[i]), cases.Spell(dst[i]), cases.Spell(dx))
		}
	}
	for g := range groups {
		gotSums := [2]T{got[1].Data()[g], got[2].Data()[g]}
		if r.name == "PyTorch" {
			var gx, gdy []T
			for i := range x {
				if group(i) == g {
					gx, gdy = append(gx, x[i]), append(gdy, dy[i])
				}
			}
			ds, dz := stepgrad.FakeQuantizeGrad(make([]T, len(gx)), gdy, gx, qs[g])
			require.True(t, cases.Same(ds, gotSums[0]) && cases.Same(dz, gotSums[1]), "%s %v: sums %v, want %v and %v", r.name, qs[g], gotSums, ds, dz)
			continue
		}
		for k, want := range sums[g] {
			size, limit := sizes[g][k], 1e300
			eps := 1e-12
			if cases.TypeName[T]() == "float32" {
				limit, eps = 1e37, 1e-5
			}
			if size < limit { // else a partial sum may overflow
				require.InDelta(t, want, float64(gotSums[k]), eps*size+1e-37, "%s %v: sum %d", r.name, qs[g], k)
			}
		}
	}
}

// FuzzSurrogates compares value and gradient of sign, ternary and PACT with
// their definitions, on raw bits, and holds stochastic rounding to floor or ceil.
func FuzzSurrogates(f *testing.F) {
	for j := range 5 {
		f.Add(encode(cases.Inputs[float32](cases.Rand(9), 30)[j*20:][:20]), 1.0, 0.05, uint64(j))
	}
	f.Fuzz(func(t *testing.T, data []byte, clip, threshold float64, seed uint64) {
		if !(clip >= 0x1p-100 && clip < 1e30) || !(threshold >= 0) {
			t.Skip("not legal")
		}
		in := elements[float32](data, min(len(data)/8, most))
		x, dy := make([]float32, len(in)), make([]float32, len(in))
		for i := range in {
			x[i], dy[i] = in[i].X, in[i].Dy
		}
		c, d := float32(clip), float32(threshold)
		leaf, alpha := ag.Param(x), ag.Param([]float32{c})
		type V = *ag.Var[float32]
		for name, y := range map[string]V{
			"SignSTE": ag.SignSTE(leaf, c), "TernarySTE": ag.TernarySTE(leaf, d, c), "PACT": ag.PACT(leaf, alpha, 3), "StochasticRoundSTE": ag.StochasticRoundSTE(leaf, seed, seed),
		} {
			dx := ag.GradWith(y, ag.Const(dy), leaf)[0].Data()
			for i, v := range x {
				got, pass := y.Data()[i], -c <= v && v <= c
				var want float32
				switch {
				case v != v:
					want = v
				case name == "SignSTE":
					want = 1
					if v < 0 {
						want = -1
					}
				case name == "TernarySTE":
					if v != 0 && float32(math.Abs(float64(v))) >= d {
						want = float32(math.Copysign(1, float64(v)))
					}
				case name == "PACT":
					step := c / 7
					want = float32(math.RoundToEven(float64(min(max(v/step, 0), 7)))) * step
				default:
					want = float32(math.Floor(float64(v)))
					if got != want {
						want = float32(math.Ceil(float64(v)))
					}
				}
				switch name {
				case "PACT":
					pass = 0 <= v && v < c
				case "StochasticRoundSTE":
					pass = true
				}
				var slope float32
				if pass {
					slope = dy[i]
				}
				require.True(t, cases.Same(want, got) || want == 0 && got == 0, "%s of %s: %v, want %v", name, cases.Spell(v), got, want)
				require.True(t, cases.Same(slope, dx[i]), "%s: gradient at %s: %v, want %v", name, cases.Spell(v), dx[i], slope)
			}
		}
	})
}

// FuzzObservers: no observer panics, and a quantiser that is proposed without
// an error holds the values that it should.
func FuzzObservers(f *testing.F) {
	for j := range 5 {
		f.Add(encode(cases.Inputs[float32](cases.Rand(9), 30)[j*20:][:20]), uint8(8), j%2 == 0, 99.0)
	}
	f.Add(encode([]kernels.In[float32]{{X: 1, Dy: -3}, {X: 0.5, Dy: 100}}), uint8(4), false, 60.0)
	f.Fuzz(func(t *testing.T, data []byte, bits uint8, symmetric bool, percent float64) {
		var x []float32
		for _, v := range elements[float32](data, min(len(data)/8, most)) {
			x = append(x, v.X, v.Dy)
		}
		all := map[string]interface {
			Observe(x []float32)
			Quant() (stepgrad.Quant[float32], error)
		}{
			"min-max":    &ag.MinMaxObserver[float32]{Bits: int(bits), Symmetric: symmetric},
			"average":    &ag.MovingAverageObserver[float32]{Bits: int(bits), Symmetric: symmetric, Rate: 1},
			"percentile": &ag.PercentileObserver[float32]{Bits: int(bits), Symmetric: symmetric, Percent: percent},
			"mse":        &ag.MSEObserver[float32]{Bits: int(bits), Symmetric: symmetric},
		}
		quants := map[string]stepgrad.Quant[float32]{}
		for name, o := range all {
			o.Observe(x)
			if q, err := o.Quant(); err == nil {
				quants[name] = q
			}
		}
		full, ok := quants["min-max"]
		if !ok {
			return
		}
		require.Equal(t, full, quants["average"], "of one call")
		require.LessOrEqual(t, quants["mse"].Scale(), full.Scale())
		require.LessOrEqual(t, squaredError(x, quants["mse"]), squaredError(x, full))
		q, ok := quants["percentile"]
		if !ok || symmetric {
			return
		}
		require.LessOrEqual(t, q.Scale(), full.Scale())
		if percent == 0 {
			percent = 99.99
		}
		x = slices.DeleteFunc(x, func(v float32) bool { return v != v })
		slices.Sort(x)
		left := int((100 - percent) / 100 * float64(len(x)) * (1 + 1e-12))
		lo, hi := float64(min(x[left], 0)), float64(max(x[len(x)-1-left], 0))
		width := float64(q.Scale()) * float64(int(1)<<bits-1)
		if hi-lo > 1e-30 { // else the smallest scale
			require.GreaterOrEqual(t, width, (hi-lo)*(1-1e-6))
			require.LessOrEqual(t, width, (hi-lo)*(1+1.0/256+1e-6))
		}
	})
}

func squaredError(x []float32, q stepgrad.Quant[float32]) (total float64) {
	y := make([]float32, len(x))
	stepgrad.FakeQuantize(y, nil, x, q)
	for i, v := range x {
		if d := float64(v) - float64(y[i]); d == d {
			total += d * d
		}
	}
	return total
}
