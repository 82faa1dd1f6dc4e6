package autograd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// A rule that is wrong by a factor, in one of several operands, at one order.
func wrong(name string, x V, factor float64) V {
	return ag.Custom(name, ag.Square(x).Data(), x.Shape(), func(dy V) []V {
		return []V{ag.Mul(dy, ag.Scale(x, 2*factor))}
	}, x)
}

func TestCheckFinds(t *testing.T) {
	x, y := numbers(0.5, 2, 3), numbers(0.5, 2, 3)
	for name, c := range map[string]struct {
		order int
		f     func(xs ...V) V
		says  string
	}{
		"FloorSTE":     {1, func(xs ...V) V { return ag.FloorSTE(xs[0]) }, "order 1, direction 0 (in operand 0 alone)"},
		"RoundSTE":     {1, func(xs ...V) V { return ag.Mul(xs[1], ag.RoundSTE(xs[0])) }, "order 1, direction 0 (in operand 0 alone)"},
		"ClipSTE":      {1, func(xs ...V) V { return ag.ClipSTE(xs[0], stepgrad.Down, -4, 4) }, "order 1"},
		"Detach":       {1, func(xs ...V) V { return ag.Detach(xs[0]) }, "order 1"},
		"DetachSTE":    {1, func(xs ...V) V { return ag.Add(xs[0], ag.Detach(ag.Sub(ag.Floor(xs[0]), xs[0]))) }, "order 1"},
		"half":         {1, func(xs ...V) V { return wrong("Half", xs[0], 0.5) }, "order 1"},
		"sign":         {1, func(xs ...V) V { return wrong("Sign", xs[0], -1) }, "order 1"},
		"slightly":     {1, func(xs ...V) V { return wrong("Slightly", xs[0], 1+1e-5) }, "order 1"},
		"small":        {1, func(xs ...V) V { return ag.Add(ag.Scale(xs[0], 1e6), wrong("Small", xs[1], 1.1)) }, "order 1, direction 1 (in operand 1 alone)"},
		"second":       {2, func(xs ...V) V { return secondWrong(xs[0]) }, "order 2"},
		"SoftFloor":    {2, func(xs ...V) V { return ag.SoftFloor(ag.Add(xs[0], ag.Const([]float64{0.5 - x.Data()[0]})), 3) }, "order 2"},
		"at a jump":    {1, func(xs ...V) V { return ag.Floor(ag.Sub(xs[0], ag.Const(x.Data()))) }, "order 1"},
		"too fast":     {1, func(xs ...V) V { return ag.Detach(ag.Sin(ag.Scale(xs[0], 1e7))) }, "order 1"},
		"too fast 2":   {1, func(xs ...V) V { return ag.Detach(ag.Sin(ag.Scale(xs[0], 3e6))) }, "order 1"},
		"too fast 3":   {1, func(xs ...V) V { return ag.Detach(ag.Sin(ag.Scale(xs[1], 4e5))) }, "order 1"},
		"order 0":      {0, func(xs ...V) V { return xs[0] }, "order 0 is less than 1"},
		"not a number": {1, func(xs ...V) V { return ag.Log(ag.Neg(xs[0])) }, "order 1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ag.Check(c.f, c.order, x, y)
			require.ErrorContains(t, err, "autograd: Check: "+c.says)
			if c.order == 2 {
				require.NoError(t, ag.Check(c.f, 1, x, y))
			}
		})
	}
}

// secondWrong is a square whose first derivative is right; a rule that
// computes by hand loses the second.
func secondWrong(x V) V {
	return ag.Custom("Once", ag.Square(x).Data(), x.Shape(), func(dy V) []V {
		return []V{ag.Mul(dy, ag.Detach(ag.Scale(x, 2)))}
	}, x)
}

func TestCheckPasses(t *testing.T) {
	scalar := ag.Reshape(ag.Param([]float64{1.5}))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Exp(xs[0]) }, 4, scalar))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Exp(xs[0]) }, 1, ag.Const([]float64{-30, 0, 5})))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Log(xs[0]) }, 2, ag.Const([]float64{1e-3, 1e3})))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Floor(xs[0]) }, 3, ag.Param([]float64{0.999, 1.001, 1000.5, -7.3})))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Const([]float64{1}) }, 1))
	require.NoError(t, ag.Check(func(xs ...V) V { return ag.Sum(xs[0]) }, 1, ag.Param([]float64{})))
	require.PanicsWithValue(t, "mine", func() { _ = ag.Check(func(...V) V { panic("mine") }, 1, scalar) })
}

func TestCheckFloat32(t *testing.T) {
	type W = *ag.Var[float32]
	w, x := ag.Param([]float32{0.3, -1.2, 0.8, 0.4, 1.7, -0.6}, 3, 2), ag.Param([]float32{1, -2, 3, 0.5, 1.5, 2.5}, 2, 3)
	net := func(xs ...W) W {
		return ag.CrossEntropy(ag.SmoothRound(ag.Tanh(ag.MatMul(xs[1], xs[0])), 0.4), []int{1, 0})
	}
	require.NoError(t, ag.Check(net, 2, w, x))
	require.Error(t, ag.Check(func(xs ...W) W { return ag.RoundSTE(xs[0]) }, 1, w))
	require.Error(t, ag.Check(func(xs ...W) W { return ag.Mul(ag.Detach(xs[0]), ag.Scale(xs[0], 2)) }, 1, w))
	require.NoError(t, ag.Check(func(xs ...W) W { return ag.Round(xs[0]) }, 1, w))
}
