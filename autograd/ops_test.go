package autograd_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

type V = *ag.Var[float64]

// numbers returns a Param of random elements in ±(lo, hi), or in (lo, hi) for
// lo ≥ 0, each at least 0.02 from the next multiple of ½.
func numbers(lo, hi float64, shape ...int) V {
	rnd := rand.New(rand.NewPCG(uint64(len(shape)), 7))
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float64, n)
	for i := range data {
		for {
			data[i] = lo + (hi-lo)*rnd.Float64()
			if r := math.Mod(math.Abs(data[i]), 0.5); r > 0.02 && r < 0.48 {
				break
			}
		}
	}
	return ag.Reshape(ag.Param(data), shape...)
}

// derivatives lists every operation that has a true gradient, on operands
// away from kinks and steps, with an order to which it is differentiable there.
var derivatives = []struct {
	name  string
	order int
	f     func(xs ...V) V
	xs    []V
}{
	{"Neg", 2, func(xs ...V) V { return ag.Square(ag.Neg(xs[0])) }, []V{numbers(-2, 2, 3, 2)}},
	{"Exp", 3, func(xs ...V) V { return ag.Exp(xs[0]) }, []V{numbers(-2, 2, 3, 2)}},
	{"Log", 3, func(xs ...V) V { return ag.Log(xs[0]) }, []V{numbers(0.3, 3, 5)}},
	{"Sqrt", 3, func(xs ...V) V { return ag.Sqrt(xs[0]) }, []V{numbers(0.3, 3, 5)}},
	{"Abs", 2, func(xs ...V) V { return ag.Abs(xs[0]) }, []V{numbers(-2, 2, 5)}},
	{"AbsCubed", 3, func(xs ...V) V { return ag.Mul(ag.Abs(xs[0]), ag.Square(xs[0])) }, []V{numbers(-2, 2, 5)}},
	{"Tanh", 4, func(xs ...V) V { return ag.Tanh(xs[0]) }, []V{numbers(-3, 3, 5)}},
	{"Sigmoid", 4, func(xs ...V) V { return ag.Sigmoid(xs[0]) }, []V{numbers(-4, 4, 6)}},
	{"ReLU", 2, func(xs ...V) V { return ag.Square(ag.ReLU(xs[0])) }, []V{numbers(-2, 2, 6)}},
	{"Sin", 4, func(xs ...V) V { return ag.Sin(xs[0]) }, []V{numbers(-4, 4, 6)}},
	{"Cos", 4, func(xs ...V) V { return ag.Cos(xs[0]) }, []V{numbers(-4, 4, 6)}},
	{"Square", 3, func(xs ...V) V { return ag.Square(xs[0]) }, []V{numbers(-4, 4, 6)}},
	{"Scale", 2, func(xs ...V) V { return ag.Square(ag.Scale(xs[0], -2.5)) }, []V{numbers(-4, 4, 6)}},
	{"Clamp", 2, func(xs ...V) V { return ag.Square(ag.Clamp(xs[0], -1, 1.5)) }, []V{numbers(-3, 3, 9)}},

	{"Sum", 2, func(xs ...V) V { return ag.Square(ag.Sum(xs[0])) }, []V{numbers(-2, 2, 3, 2)}},
	{"SumAxis", 2, func(xs ...V) V { return ag.Square(ag.Sum(xs[0], 1)) }, []V{numbers(-2, 2, 3, 2, 4)}},
	{"SumAxes", 2, func(xs ...V) V { return ag.Square(ag.Sum(xs[0], -1, 0)) }, []V{numbers(-2, 2, 3, 2, 4)}},
	{"Mean", 2, func(xs ...V) V { return ag.Square(ag.Mean(xs[0])) }, []V{numbers(-2, 2, 3, 2)}},
	{"MeanAxis", 2, func(xs ...V) V { return ag.Square(ag.Mean(xs[0], -2)) }, []V{numbers(-2, 2, 3, 2)}},

	{"MatMul", 3, func(xs ...V) V { return ag.Square(ag.MatMul(xs[0], xs[1])) }, []V{numbers(-2, 2, 3, 4), numbers(-2, 2, 4, 2)}},
	{"MatMulSelf", 3, func(xs ...V) V { return ag.MatMul(ag.MatMul(xs[0], xs[0]), xs[0]) }, []V{numbers(-2, 2, 3, 3)}},
	{"Transpose", 2, func(xs ...V) V { return ag.Mul(ag.Transpose(xs[0]), xs[1]) }, []V{numbers(-2, 2, 2, 3, 4), numbers(-2, 2, 4, 3)}},
	{"Reshape", 2, func(xs ...V) V { return ag.Mul(ag.Reshape(xs[0], 4, 3), xs[1]) }, []V{numbers(-2, 2, 2, 6), numbers(-2, 2, 3)}},
	{"Concat", 2, func(xs ...V) V { return ag.Square(ag.Concat(-2, xs[0], xs[1], xs[0])) }, []V{numbers(-2, 2, 2, 1, 3), numbers(-1, 2, 2, 4, 3)}},
	{"Slice", 2, func(xs ...V) V { return ag.Square(ag.Slice(xs[0], 1, 1, 3)) }, []V{numbers(-2, 2, 2, 4, 3)}},
	{"SliceLast", 2, func(xs ...V) V { return ag.Square(ag.Slice(xs[0], -1, 0, 2)) }, []V{numbers(-2, 2, 2, 4, 3)}},
	{"Gather", 2, func(xs ...V) V { return ag.Square(ag.Gather(xs[0], 1, []int{3, 0, 3, 3})) }, []V{numbers(-2, 2, 2, 4, 3)}},
	{"Where", 2, func(xs ...V) V {
		return ag.Square(ag.Where([]bool{true, false, false, true, true, false}, xs[0], xs[1]))
	}, []V{numbers(-2, 2, 2, 3), numbers(-2, 2, 3)}},

	{"Softmax", 3, func(xs ...V) V { return ag.Softmax(xs[0]) }, []V{numbers(-2, 2, 2, 4)}},
	{"LogSoftmax", 3, func(xs ...V) V { return ag.LogSoftmax(xs[0]) }, []V{numbers(-2, 2, 2, 2, 4)}},
	{"GumbelSoftmax", 3, func(xs ...V) V { return ag.GumbelSoftmax(xs[0], 0.7, false, 5) }, []V{numbers(-2, 2, 2, 2, 4)}},
	{"GumbelSoftmaxOne", 2, func(xs ...V) V { return ag.GumbelSoftmax(xs[0], 1, false, 5) }, []V{numbers(-2, 2, 2, 4)}},
	{"CrossEntropy", 3, func(xs ...V) V { return ag.CrossEntropy(xs[0], []int{2, 0, 3}) }, []V{numbers(-2, 2, 3, 4)}},

	{"SoftHistogram", 3, func(xs ...V) V { return ag.SoftHistogram(xs[0], -1, 1, 4, 5) }, []V{numbers(-2, 2, 2, 3)}},
	{"SoftHistogramOpen", 3, func(xs ...V) V { return ag.SoftHistogramOpen(xs[0], -1, 1, 6, 5) }, []V{numbers(-2, 2, 2, 3)}},
	{"SampleBilinear", 3, func(xs ...V) V { return ag.SampleBilinear(xs[0], xs[1], stepgrad.SampleOptions{}) }, []V{numbers(-2, 2, 3, 2, 2), pointsFor(stepgrad.SampleOptions{}, 3, 2, 6, 2)}},
	{"SampleBilinearImage", 2, func(xs ...V) V {
		return ag.Square(ag.SampleBilinear(ag.Exp(xs[0]), ag.Const([]float64{0.3, 0.1, -0.8, 0.2}, 2, 2), stepgrad.SampleOptions{}))
	}, []V{numbers(-2, 2, 2, 1, 1)}}, // as many results as pixels
	{"SampleBilinearXY", 2, func(xs ...V) V {
		return ag.Square(ag.SampleBilinear(ag.Const([]float64{1, 2, 5, 3, 7, 4}, 3, 1, 2), ag.Scale(xs[0], 0.3), stepgrad.SampleOptions{}))
	}, []V{numbers(-1, 1, 3, 2)}}, // as many results as coordinates
	{"SampleNearest", 2, func(xs ...V) V {
		return ag.Square(ag.SampleNearest(ag.Exp(xs[0]), ag.Const([]float64{0.3, 0.1, -0.8, 0.2}, 2, 2), stepgrad.SampleOptions{}))
	}, []V{numbers(-2, 2, 2, 1, 1)}},
	{"Bucketize", 2, func(xs ...V) V {
		return ag.Mul(ag.Detach(ag.Bucketize(xs[0], []float64{-1, 0, 2})), ag.Square(xs[0]))
	}, []V{numbers(-4, 4, 9)}},

	{"Floor", 2, func(xs ...V) V { return ag.Mul(ag.Floor(xs[0]), xs[0]) }, []V{numbers(-4, 4, 9)}},
	{"Ceil", 2, func(xs ...V) V { return ag.Mul(ag.Ceil(xs[0]), xs[0]) }, []V{numbers(-4, 4, 9)}},
	{"Round", 2, func(xs ...V) V { return ag.Mul(ag.Round(xs[0]), xs[0]) }, []V{numbers(-4, 4, 9)}},
	{"RoundAway", 2, func(xs ...V) V { return ag.Mul(ag.RoundAway(xs[0]), xs[0]) }, []V{numbers(-4, 4, 9)}},
	{"Trunc", 2, func(xs ...V) V { return ag.Mul(ag.Trunc(xs[0]), xs[0]) }, []V{numbers(-4, 4, 9)}},

	{"SoftFloor", 2, func(xs ...V) V { return ag.SoftFloor(xs[0], 6) }, []V{numbers(-4, 4, 9)}},
	{"SoftRound", 2, func(xs ...V) V { return ag.SoftRound(xs[0], 6) }, []V{numbers(-4, 4, 9)}},
	{"SoftCeil", 2, func(xs ...V) V { return ag.SoftCeil(xs[0], 6) }, []V{numbers(-4, 4, 9)}},
	{"SoftFloorThird", 3, func(xs ...V) V { return ag.SoftFloor(xs[0], 2) }, []V{numbers(-4, 4, 9)}},
	{"SoftRoundThird", 3, func(xs ...V) V { return ag.SoftRound(xs[0], 2) }, []V{numbers(-4, 4, 9)}},
	{"SoftCeilThird", 3, func(xs ...V) V { return ag.SoftCeil(xs[0], 2) }, []V{numbers(-4, 4, 9)}},
	{"SmoothFloor", 4, func(xs ...V) V { return ag.SmoothFloor(xs[0], 0.3) }, []V{ag.Param([]float64{-2, -1.7, -0.5, 0, 0.01, 0.4, 0.6, 3, 3.5})}},
	{"SmoothRound", 4, func(xs ...V) V { return ag.SmoothRound(xs[0], 0.3) }, []V{ag.Param([]float64{-2, -1.7, -0.5, 0, 0.01, 0.4, 0.6, 3, 3.5})}},
	{"SmoothCeil", 4, func(xs ...V) V { return ag.SmoothCeil(xs[0], 0.3) }, []V{ag.Param([]float64{-2, -1.7, -0.5, 0, 0.01, 0.4, 0.6, 3, 3.5})}},
	{"SmoothProduct", 3, func(xs ...V) V { return ag.Mul(ag.SmoothFloor(xs[0], 0.3), ag.SmoothRound(xs[1], 0.9)) }, []V{numbers(-2, 2, 3, 1), numbers(-2, 2, 4)}},
}

func TestDerivatives(t *testing.T) {
	for _, c := range derivatives {
		t.Run(c.name, func(t *testing.T) { require.NoError(t, ag.Check(c.f, c.order, c.xs...)) })
	}
}

// Every operation on two operands, in every way that shapes can broadcast.
func TestBroadcastDerivatives(t *testing.T) {
	ops := map[string]func(xs ...V) V{
		"Add":     func(xs ...V) V { return ag.Square(ag.Add(xs[0], xs[1])) },
		"Sub":     func(xs ...V) V { return ag.Square(ag.Sub(xs[0], xs[1])) },
		"Mul":     func(xs ...V) V { return ag.Mul(xs[0], xs[1]) },
		"Div":     func(xs ...V) V { return ag.Div(xs[0], xs[1]) },
		"Maximum": func(xs ...V) V { return ag.Square(ag.Maximum(xs[0], xs[1])) },
		"Minimum": func(xs ...V) V { return ag.Square(ag.Minimum(xs[0], xs[1])) },
	}
	shapes := [][]int{{}, {1}, {4}, {3, 1}, {1, 4}, {3, 4}, {2, 1, 4}, {2, 3, 1}, {2, 3, 4}, {1, 1, 1}}
	for name, f := range ops {
		for _, a := range shapes {
			for _, b := range shapes {
				xa := numbers(0.5, 3, a...)
				xb := ag.Scale(numbers(0.5, 3, b...), 1.07) // no ties
				require.NoError(t, ag.Check(f, 2, xa, xb), "%s %v %v", name, a, b)
			}
		}
	}
}

// broadcast is the definition: the element of x that position i of shape sees.
func broadcast(x V, shape []int, i int) float64 {
	at, stride := 0, 1
	xs := x.Shape()
	for k := 1; k <= len(shape); k++ {
		d := shape[len(shape)-k]
		if k <= len(xs) {
			if xs[len(xs)-k] != 1 {
				at += i % d * stride
			}
			stride *= xs[len(xs)-k]
		}
		i /= d
	}
	return x.Data()[at]
}

func TestBroadcastValues(t *testing.T) {
	dims := []int{0, 1, 2, 3, 700}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		shape := make([]int, rnd.IntN(4))
		for i := range shape {
			shape[i] = dims[rnd.IntN(len(dims)-min(i, 1))]
		}
		narrow := func() []int {
			s := slices.Clone(shape)
			for i := range s {
				if rnd.IntN(3) == 0 {
					s[i] = 1
				}
			}
			return s[rnd.IntN(len(s)+1):]
		}
		a, b := numbers(-2, 2, narrow()...), numbers(-3, 3, narrow()...)
		y := ag.Sub(a, b)
		got := y.Shape()
		for k := 1; k <= len(got); k++ { // NumPy's rule
			want := 1
			for _, s := range [][]int{a.Shape(), b.Shape()} {
				if k <= len(s) && s[len(s)-k] != 1 {
					want = s[len(s)-k]
				}
			}
			require.Equal(t, want, got[len(got)-k])
		}
		require.Len(t, got, max(len(a.Shape()), len(b.Shape())))
		for i, v := range y.Data() {
			require.Equal(t, broadcast(a, got, i)-broadcast(b, got, i), v, "%v - %v", a.Shape(), b.Shape())
		}
		// The gradient of a sum counts how often each element was used.
		for k, g := range ag.Grad(ag.Sum(y), a, b) {
			x := []V{a, b}[k]
			require.Equal(t, x.Shape(), g.Shape())
			for _, v := range g.Data() {
				require.Equal(t, float64(1-2*k)*float64(y.Len()/max(x.Len(), 1)), v)
			}
		}
	}
}

func TestReductions(t *testing.T) {
	x := ag.Param([]float64{1, 2, 3, 4, 5, 6}, 1, 2, 3)
	for _, c := range []struct {
		axes  []int
		shape []int
		sum   []float64
	}{
		{nil, []int{}, []float64{21}},
		{[]int{0}, []int{2, 3}, []float64{1, 2, 3, 4, 5, 6}},
		{[]int{1}, []int{1, 3}, []float64{5, 7, 9}},
		{[]int{-1}, []int{1, 2}, []float64{6, 15}},
		{[]int{2, 0}, []int{2}, []float64{6, 15}},
		{[]int{0, -2, 2}, []int{}, []float64{21}},
	} {
		s, m := ag.Sum(x, c.axes...), ag.Mean(x, c.axes...)
		require.Equal(t, c.shape, s.Shape())
		require.Equal(t, c.shape, m.Shape())
		require.Equal(t, c.sum, s.Data())
		n := float64(6 / s.Len())
		for i, v := range m.Data() {
			require.Equal(t, c.sum[i]/n, v)
		}
	}
	// float32 sums are accumulated in float64.
	big := make([]float32, 1<<20)
	for i := range big {
		big[i] = 0.1
	}
	require.Equal(t, float32(float64(float32(0.1))*(1<<20)), ag.Sum(ag.Const(big)).Data()[0])
	half := float32(float64(float32(0.1)) * (1 << 19))
	require.Equal(t, []float32{half, half}, ag.Sum(ag.Const(big, 1<<19, 2), 0).Data())
	require.Equal(t, []float32{half, half}, ag.Sum(ag.Const(big, 1<<18, 2, 2), 0, 2).Data())
}

func TestEmpty(t *testing.T) {
	none := ag.Param([]float64{}, 0, 3)
	for name, y := range map[string]V{
		"Add": ag.Add(none, ag.Param([]float64{1})), "Floor": ag.Floor(none), "FloorSTE": ag.FloorSTE(none),
		"ClipSTE": ag.ClipSTE(none, stepgrad.Down, 0, 1), "SoftFloor": ag.SoftFloor(none, 1), "Softmax": ag.Softmax(none),
		"LogSoftmax": ag.LogSoftmax(none), "GumbelSoftmax": ag.GumbelSoftmax(none, 1, true, 1),
		"Transpose": ag.Transpose(none), "Reshape": ag.Reshape(none, 3, 0, 7), "Slice": ag.Slice(none, 0, 0, 0),
		"SliceInner": ag.Slice(none, 1, 1, 3), "Concat": ag.Concat(0, none, none), "Gather": ag.Gather(none, 0, nil),
		"GatherInner": ag.Gather(none, 1, []int{2}), "Where": ag.Where[float64](nil, none, none), "Maximum": ag.Maximum(none, none),
	} {
		require.Zero(t, y.Len(), name)
		require.Equal(t, []int{0, 3}, ag.Grad(ag.Sum(y), none)[0].Shape(), name)
		require.NotPanics(t, func() { _ = ag.Explain(y, none).String() }, name)
	}
	require.Zero(t, ag.Softmax(ag.Param([]float64{}, 3, 0)).Len())
	require.Equal(t, []float64{0}, ag.Sum(none).Data())
	require.Equal(t, []float64{0, 0, 0}, ag.Sum(none, 0).Data())
	require.True(t, math.IsNaN(ag.Mean(none).Data()[0]))
	require.True(t, math.IsNaN(ag.CrossEntropy(none, nil).Data()[0]))
	thin := ag.Param([]float64{}, 3, 0)
	y := ag.MatMul(thin, none)
	require.Equal(t, make([]float64, 9), y.Data())
	require.Equal(t, []int{3, 0}, ag.Grad(ag.Sum(y), thin)[0].Shape())
	require.Equal(t, []int{0}, ag.Param[float64](nil).Shape())
	require.Equal(t, []int{1, 0, 3}, ag.Add(none, ag.Param([]float64{1}, 1, 1, 1)).Shape())
}

var (
	inf  = math.Inf(1)
	nan  = math.NaN()
	zero = math.Copysign(0, -1)
)

// same compares bits, with all NaN alike.
func same(t *testing.T, want, got []float64, msg ...any) {
	t.Helper()
	require.Len(t, got, len(want), msg...)
	for i := range want {
		if !(math.IsNaN(want[i]) && math.IsNaN(got[i])) && math.Float64bits(want[i]) != math.Float64bits(got[i]) {
			require.Failf(t, "not the same", "element %d: want %v, got %v; %v", i, want, got, msg)
		}
	}
}

func TestSpecials(t *testing.T) {
	unary := func(f func(V) V) func(...V) V { return func(xs ...V) V { return f(xs[0]) } }
	for _, c := range []struct {
		name           string
		f              func(xs ...V) V
		x, y, dy, grad []float64
	}{
		{"Floor", unary(ag.Floor[float64]), []float64{zero, -inf, inf, nan, 1.5}, []float64{zero, -inf, inf, nan, 1}, []float64{nan, inf, nan, nan, nan}, []float64{0, 0, 0, 0, 0}},
		{"Ceil", unary(ag.Ceil[float64]), []float64{-0.3}, []float64{zero}, []float64{nan}, []float64{0}},
		{"Round", unary(ag.Round[float64]), []float64{-0.5, 2.5}, []float64{zero, 2}, []float64{nan, -1}, []float64{0, 0}},
		{"RoundAway", unary(ag.RoundAway[float64]), []float64{-0.5, 2.5}, []float64{-1, 3}, []float64{nan, -1}, []float64{0, 0}},
		{"Trunc", unary(ag.Trunc[float64]), []float64{-0.5, 2.5}, []float64{zero, 2}, []float64{nan, -1}, []float64{0, 0}},
		{"FloorSTE", unary(ag.FloorSTE[float64]), []float64{zero, -inf, nan, 1.5}, []float64{zero, -inf, nan, 1}, []float64{nan, inf, 3, zero}, []float64{nan, inf, 3, zero}},
		{"CeilSTE", unary(ag.CeilSTE[float64]), []float64{-0.3}, []float64{zero}, []float64{7}, []float64{7}},
		{"RoundSTE", unary(ag.RoundSTE[float64]), []float64{2.5}, []float64{2}, []float64{7}, []float64{7}},
		{"RoundAwaySTE", unary(ag.RoundAwaySTE[float64]), []float64{2.5}, []float64{3}, []float64{7}, []float64{7}},
		{"TruncSTE", unary(ag.TruncSTE[float64]), []float64{-2.5}, []float64{-2}, []float64{7}, []float64{7}},
		{"ClipSTE", func(xs ...V) V { return ag.ClipSTE(xs[0], stepgrad.NearestEven, -1, 2) },
			[]float64{-1.01, -1, -0.3, 2, 2.01, nan, inf, -inf, 0.5}, []float64{-1, -1, zero, 2, 2, nan, 2, -1, 0},
			[]float64{nan, 1, 2, 3, nan, nan, nan, nan, inf}, []float64{0, 1, 2, 3, 0, 0, 0, 0, inf}},
		{"Clamp", func(xs ...V) V { return ag.Clamp(xs[0], -1, 2) },
			[]float64{-1.01, -1, zero, 2, 2.01, nan, inf, -inf}, []float64{-1, -1, zero, 2, 2, nan, 2, -1},
			[]float64{nan, 1, 2, 3, nan, nan, nan, nan}, []float64{0, 1, 2, 3, 0, 0, 0, 0}},
		{"ReLU", unary(ag.ReLU[float64]), []float64{zero, 0, -1, 2, nan, inf, -inf}, []float64{0, 0, 0, 2, nan, inf, 0}, []float64{nan, 1, nan, 3, 5, 7, 9}, []float64{0, 0, 0, 3, 0, 7, 0}},
		{"Abs", unary(ag.Abs[float64]), []float64{zero, 0, -1, 2, nan, -inf}, []float64{0, 0, 1, 2, nan, inf}, []float64{nan, 1, 2, 3, 5, 7}, []float64{0, 0, -2, 3, 0, -7}},
		{"Sqrt", unary(ag.Sqrt[float64]), []float64{0, 0, -1, 4, inf}, []float64{0, 0, nan, 2, inf}, []float64{1, 0, 1, 1, 1}, []float64{inf, nan, nan, 0.25, 0}},
		{"Log", unary(ag.Log[float64]), []float64{0, zero, -1, 1, inf}, []float64{-inf, -inf, nan, 0, inf}, []float64{1, 1, 1, 1, 1}, []float64{inf, -inf, -1, 1, 0}},
		{"Exp", unary(ag.Exp[float64]), []float64{-inf, inf, nan, 0}, []float64{0, inf, nan, 1}, []float64{1, 1, 1, 1}, []float64{0, inf, nan, 1}},
		{"Tanh", unary(ag.Tanh[float64]), []float64{-inf, inf, nan, zero}, []float64{-1, 1, nan, zero}, []float64{1, 1, 1, 1}, []float64{0, 0, nan, 1}},
		{"Sigmoid", unary(ag.Sigmoid[float64]), []float64{-inf, inf, nan, 0, -800, 800}, []float64{0, 1, nan, 0.5, 0, 1}, []float64{1, 1, 1, 1, 1, 1}, []float64{0, 0, nan, 0.25, 0, 0}},
		{"Sin", unary(ag.Sin[float64]), []float64{inf, zero}, []float64{nan, zero}, []float64{1, 1}, []float64{nan, 1}},
		{"Neg", unary(ag.Neg[float64]), []float64{0, inf}, []float64{zero, -inf}, []float64{0, 1}, []float64{zero, -1}},
		{"Div", func(xs ...V) V { return ag.Div(xs[0], ag.Const([]float64{0, 0, 2, inf})) }, []float64{1, 0, 1, inf}, []float64{inf, nan, 0.5, nan}, []float64{1, 1, 1, 1}, []float64{inf, inf, 0.5, 0}},
		{"Maximum", func(xs ...V) V { return ag.Maximum(xs[0], ag.Const([]float64{1, 2, 3, 0, 1, nan})) },
			[]float64{2, 2, 2, zero, nan, 1}, []float64{2, 2, 3, 0, nan, nan}, []float64{8, 8, nan, 8, 8, 8}, []float64{8, 4, 0, 4, 8, 8}},
		{"MaximumRight", func(xs ...V) V { return ag.Maximum(ag.Const([]float64{1, 2, 3, 0, 1, nan}), xs[0]) },
			[]float64{2, 2, 2, zero, nan, 1}, []float64{2, 2, 3, 0, nan, nan}, []float64{8, 8, nan, 8, 8, 8}, []float64{8, 4, 0, 4, 8, 8}},
		{"Minimum", func(xs ...V) V { return ag.Minimum(xs[0], ag.Const([]float64{1, 2, 3, 0, 1, nan})) },
			[]float64{2, 2, 2, zero, nan, 1}, []float64{1, 2, 2, zero, nan, nan}, []float64{nan, 8, 8, 8, 8, 8}, []float64{0, 4, 8, 4, 8, 8}},
		{"Where", func(xs ...V) V { return ag.Where([]bool{true, false}, xs[0], ag.Const([]float64{5})) },
			[]float64{nan, nan}, []float64{nan, 5}, []float64{1, nan}, []float64{1, 0}},
		{"Softmax", unary(ag.Softmax[float64]), []float64{-inf, 800, 800, -800}, []float64{0, 0.5, 0.5, 0}, []float64{1, 1, 1, 1}, []float64{0, 0, 0, 0}},
		{"SoftmaxNone", unary(ag.Softmax[float64]), []float64{-inf, -inf}, []float64{0, 0}, []float64{1, 2}, []float64{0, 0}},
		{"SoftmaxShared", unary(ag.Softmax[float64]), []float64{inf, 1, inf, -inf}, []float64{0.5, 0, 0.5, 0}, []float64{4, 1, 2, 5}, []float64{0.5, zero, -0.5, 0}},
		{"SoftmaxNaN", unary(ag.Softmax[float64]), []float64{inf, nan, 0}, []float64{nan, nan, nan}, []float64{1, 1, 1}, []float64{nan, nan, nan}},
		{"LogSoftmaxNone", unary(ag.LogSoftmax[float64]), []float64{-inf, -inf}, []float64{-inf, -inf}, []float64{1, 2}, []float64{1, 2}},
		{"LogSoftmaxSure", unary(ag.LogSoftmax[float64]), []float64{7, inf, -inf}, []float64{-inf, 0, -inf}, []float64{1, 2, 4}, []float64{1, -5, 4}},
		{"LogSoftmax", unary(ag.LogSoftmax[float64]), []float64{-inf, 800, -800}, []float64{-inf, 0, -1600}, []float64{1, 0, 0}, []float64{1, -1, 0}},
	} {
		x := ag.Param(c.x)
		y := c.f(x)
		same(t, c.y, y.Data(), c.name)
		same(t, c.grad, ag.GradWith(y, ag.Const(c.dy), x)[0].Data(), c.name)
	}
}

// A NaN or Inf opposite a zero is not lost, and the product is right for every
// way in which the gradient rules transpose.
func TestMatMul(t *testing.T) {
	y := ag.MatMul(ag.Const([]float64{0, 0, 1, 0}, 2, 2), ag.Const([]float64{1, inf, nan, 2}, 2, 2))
	same(t, []float64{nan, nan, nan, inf}, y.Data())
	type named float32
	a := ag.Param([]named{1, 2, 3, 4, 5, 6}, 2, 3)
	b := ag.Param([]named{1, 0, 2, 1, 0, 3}, 3, 2)
	c := ag.MatMul(a, b)
	require.Equal(t, []named{5, 11, 14, 23}, c.Data())
	g := ag.Grad(ag.Sum(c), a, b)
	require.Equal(t, []named{1, 3, 3, 1, 3, 3}, g[0].Data())
	require.Equal(t, []named{5, 5, 7, 7, 9, 9}, g[1].Data())
	z := ag.Param([]float64{0, 0}, 1, 2)
	w := ag.Param([]float64{inf, 1}, 2, 1)
	gz := ag.GradWith(ag.MatMul(z, w), ag.Const([]float64{0}, 1, 1), z, w)
	same(t, []float64{nan, 0}, gz[0].Data())
	same(t, []float64{0, 0}, gz[1].Data())
}

func TestCrossEntropy(t *testing.T) {
	x := ag.Param([]float32{800, -800, 0, -800, 800, 0}, 2, 3)
	y := ag.CrossEntropy(x, []int{0, 0})
	require.Equal(t, []float32{800}, y.Data())
	require.Equal(t, []int{}, y.Shape())
	g := ag.Grad(y, x)[0]
	require.Equal(t, []float32{0, 0, 0, -0.5, 0.5, 0}, g.Data())
	h := ag.Grad(ag.Sum(ag.Mul(g, ag.Const([]float32{1, 2, 3}))), x)[0]
	require.Equal(t, make([]float32, 6), h.Data())
}
