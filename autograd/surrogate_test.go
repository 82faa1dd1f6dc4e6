package autograd_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

func TestSurrogates(t *testing.T) {
	tiny := math.SmallestNonzeroFloat64
	above := math.Nextafter(1, 2)
	third := 2.0 / 3 // level 2 of 0 to 3
	third = 2*third - 1
	for _, c := range []struct {
		name           string
		f              func(x V) V
		x, y, dy, grad []float64
	}{
		{"SignSTE", func(x V) V { return ag.SignSTE(x, 1) },
			[]float64{zero, 0, tiny, -tiny, 1, -1, above, -above, inf, -inf, nan}, []float64{1, 1, 1, -1, 1, -1, 1, -1, 1, -1, nan},
			[]float64{1, 2, 3, 4, 5, 6, nan, inf, nan, nan, nan}, []float64{1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0}},
		{"SignSTE unclipped", func(x V) V { return ag.SignSTE(x, inf) },
			[]float64{9, -inf, nan}, []float64{1, -1, nan}, []float64{1, 2, 3}, []float64{1, 2, 0}},
		{"ApproxSign", ag.ApproxSign[float64],
			[]float64{zero, 0, 0.25, -0.75, 1, -1, above, -inf, nan}, []float64{1, 1, 1, -1, 1, -1, 1, -1, nan},
			[]float64{1, 2, 2, 2, 5, 5, nan, nan, nan}, []float64{2, 4, 3, 1, 0, 0, 0, 0, 0}},
		{"SwishSign", func(x V) V { return ag.SwishSign(x, 5) },
			[]float64{zero, 0, 1e300, -1e300, inf, -inf, nan}, []float64{1, 1, 1, -1, 1, -1, nan},
			[]float64{1, 2, 1, 1, 1, 1, 1}, []float64{5, 10, zero, zero, zero, zero, nan}},
		{"TernarySTE", func(x V) V { return ag.TernarySTE(x, 0.5, 1) },
			[]float64{zero, 0.5, -0.5, 0.49, -0.49, 1, above, -above, inf, -inf, nan}, []float64{0, 1, -1, 0, 0, 1, 1, -1, 1, -1, nan},
			[]float64{1, 2, 3, 4, 5, 6, nan, nan, nan, nan, nan}, []float64{1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0}},
		{"TernarySTE at 0", func(x V) V { return ag.TernarySTE(x, 0, 1) },
			[]float64{zero, 0, tiny, -tiny}, []float64{0, 0, 1, -1}, []float64{1, 1, 1, 1}, []float64{1, 1, 1, 1}},
		{"PACT", func(x V) V { return ag.PACT(x, ag.Const([]float64{3}), 2) },
			[]float64{-1, zero, 0, 0.5, 1.5, 2.9, 3, 9, inf, -inf, nan}, []float64{0, 0, 0, 0, 2, 3, 3, 3, 3, 0, nan},
			[]float64{nan, 1, 2, 3, 4, 5, nan, nan, nan, nan, nan}, []float64{0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0}},
		{"DoReFaWeights", func(x V) V { return ag.DoReFaWeights(x, 2) },
			[]float64{0, zero, 0, 0}, []float64{third, third, third, third}, []float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}},
	} {
		x := ag.Param(c.x)
		y := c.f(x)
		same(t, c.y, y.Data(), c.name)
		same(t, c.grad, ag.GradWith(y, ag.Const(c.dy), x)[0].Data(), c.name)
		same(t, c.y, c.f(ag.Const(c.x)).Data(), c.name)
		same(t, c.grad, ag.GradWith(recorded(y), ag.Const(c.dy), x)[0].Data(), c.name)
	}
}

// The gradient of PACT's clip, by alpha, and twice.
func TestPACT(t *testing.T) {
	x, alpha := ag.Param([]float64{-1, 1.4, 3, 7}), ag.Param([]float64{3}, 1, 1)
	dy := ag.Param([]float64{10, 20, 30, 40})
	y := ag.PACT(x, alpha, 4)
	require.InDeltaSlice(t, []float64{0, 1.4, 3, 3}, y.Data(), 1e-12)
	g := ag.GradWith(y, dy, x, alpha)
	require.Equal(t, [][]float64{{0, 20, 0, 0}, {70}}, values(g))
	require.Equal(t, []int{1, 1}, g[1].Shape())
	require.Equal(t, [][]float64{{0, 0, 1, 1}, {0, 0, 0, 0}, {0}}, grad(g[1], dy, x, alpha))
	// By x alone and by alpha alone.
	require.Equal(t, [][]float64{{0, 20, 0, 0}}, values(ag.GradWith(ag.PACT(x, ag.Detach(alpha), 4), dy, x)))
	require.Equal(t, [][]float64{{70}}, values(ag.GradWith(ag.PACT(ag.Detach(x), alpha, 4), dy, alpha)))
	// The gradients are those of the clip, by other operations.
	clip := func(xs ...V) V { return ag.Minimum(ag.ReLU(xs[0]), xs[1]) }
	x = numbers(-2, 8, 3, 5)
	weights := ag.Const(numbers(0.5, 2, 3, 5).Data(), 3, 5)
	require.Equal(t, grad(ag.Sum(ag.Mul(weights, clip(x, alpha))), x, alpha), grad(ag.Sum(ag.Mul(weights, ag.PACT(x, alpha, 16))), x, alpha))
}

// SwishSign's gradient is the formula of Larq where that does not overflow, and
// its derivatives are those of differences.
func TestSwishSign(t *testing.T) {
	for _, beta := range []float64{1, 5, 20} {
		var data []float64
		for x := -30.0; x <= 30; x += 0.37 {
			data = append(data, x/beta)
		}
		x := ag.Param(data)
		slope := ag.Grad(ag.Sum(ag.SwishSign(x, beta)), x)[0]
		for i, v := range data {
			z := beta * v
			want := beta * (2 - z*math.Tanh(z/2)) / (1 + math.Cosh(z))
			require.InDelta(t, want, slope.Data()[i], 1e-13*beta+1e-12*math.Abs(want))
		}
		require.NoError(t, ag.Check(func(xs ...V) V { return ag.Grad(ag.Sum(ag.SwishSign(xs[0], beta)), xs[0])[0] }, 2, x))
	}
	// float32 neither overflows nor ends in NaN.
	x := ag.Param([]float32{100, -100, 1e38, -3e38})
	g := ag.Grad(ag.Sum(ag.SwishSign(x, 1e4)), x)[0]
	for _, v := range ag.Grad(ag.Sum(g), x)[0].Data() {
		require.Zero(t, v)
	}
}

func TestSurrogateSecond(t *testing.T) {
	x := ag.Param([]float64{-2, -0.75, -0.25, 0.25, 0.75, 2})
	second := func(y V) []float64 {
		g := ag.Grad(ag.Sum(y), x)[0]
		return ag.Grad(ag.Sum(g), x)[0].Data()
	}
	for name, y := range map[string]V{
		"SignSTE": ag.SignSTE(x, 1), "TernarySTE": ag.TernarySTE(x, 0.5, 1), "PACT": ag.PACT(x, ag.Const([]float64{1}), 3),
	} {
		require.Equal(t, make([]float64, 6), second(y), name)
	}
	require.Equal(t, []float64{0, 2, 2, 2, 2, 0}, second(ag.Mul(x, ag.SignSTE(x, 1))))
	require.Equal(t, []float64{0, 2, 2, -2, -2, 0}, second(ag.ApproxSign(x)))
}

// DoReFa's weights by its formula; the gradient is tanh's.
func TestDoReFaWeights(t *testing.T) {
	x := numbers(-3, 3, 4, 5)
	for _, bits := range []int{1, 2, 4, 8, 16} {
		n := math.Exp2(float64(bits)) - 1
		most := 0.0
		for _, v := range x.Data() {
			most = max(most, math.Abs(math.Tanh(v)))
		}
		y := ag.DoReFaWeights(x, bits)
		g := ag.Grad(ag.Sum(y), x)[0].Data()
		extreme := 0.0
		for i, v := range x.Data() {
			want := 2*math.RoundToEven((math.Tanh(v)/(2*most)+0.5)*n)/n - 1
			require.InDelta(t, want, y.Data()[i], 1e-12)
			extreme = max(extreme, math.Abs(want))
			require.InDelta(t, (1-math.Tanh(v)*math.Tanh(v))/most, g[i], 1e-12)
		}
		require.Equal(t, 1.0, extreme)
	}
}

func TestTernaryThreshold(t *testing.T) {
	require.InDelta(t, 0.7*2, ag.TernaryThreshold([]float64{-1, 2, 3, -2}), 1e-15)
	require.Equal(t, float32(0.7*2), ag.TernaryThreshold([]float32{-1, 2, 3, -2}))
	require.True(t, math.IsNaN(ag.TernaryThreshold[float64](nil)))
}

func TestLSQScale(t *testing.T) {
	require.InDelta(t, 2*2/math.Sqrt(7), ag.LSQScale([]float64{-1, 2, 3, -2}, 7), 1e-15)
	require.Equal(t, 1.0, ag.LSQScale([]float64{0, 0}, 7))
	require.Equal(t, 1.0, ag.LSQScale[float64](nil, 7))
	require.True(t, math.IsNaN(ag.LSQScale([]float64{nan}, 7)))
}

func TestStochasticRoundSTE(t *testing.T) {
	const n = 100_000
	data := make([]float64, n)
	for i := range data {
		data[i] = -1.25
	}
	x := ag.Param(data)
	y := ag.StochasticRoundSTE(x, 1, 0)
	up := 0
	for _, v := range y.Data() {
		require.True(t, v == -1 || v == -2)
		if v == -1 {
			up++
		}
	}
	require.InDelta(t, 0.75, float64(up)/n, 5*math.Sqrt(0.75*0.25/n), "five standard errors")
	require.Equal(t, data, ag.GradWith(y, x, x)[0].Data())

	// The decision is that of the documented random number, in any piece.
	u := make([]float64, n)
	stepgrad.Uniform(u, 1, 0)
	for i, v := range y.Data() {
		require.Equal(t, u[i] < 0.75, v == -1)
	}
	for _, from := range []int{1, 511, 512, 70_000} {
		require.Equal(t, y.Data()[from:], ag.StochasticRoundSTE(ag.Const(data[from:]), 1, uint64(from)).Data())
	}
	require.NotEqual(t, y.Data(), ag.StochasticRoundSTE(x, 2, 0).Data())

	same(t, []float64{zero, 0, 3, -3, inf, -inf, nan, 1e300}, ag.StochasticRoundSTE(ag.Const([]float64{zero, 0, 3, -3, inf, -inf, nan, 1e300}), 1, 2).Data())
	for seed := range uint64(20) {
		v := ag.StochasticRoundSTE(ag.Const([]float64{-0.3, -1e-30}), seed, 0).Data()
		require.True(t, math.Signbit(v[0]) && math.Signbit(v[1]))
		require.Zero(t, v[1])
	}
}
