package autograd_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
)

var updateBias = flag.Bool("bias.update", false, "write the tables of docs/STE_BIAS.md")

func huber(y V) V {
	a := ag.Abs(y)
	inside := make([]bool, y.Len())
	for i, v := range a.Data() {
		inside[i] = v <= 1
	}
	return ag.Where(inside, ag.Scale(ag.Square(y), 0.5), ag.Sub(a, ag.Const([]float64{0.5})))
}

// softplus is log(1 + e^−y), for moderate y.
func softplus(y V) V { return ag.Log(ag.Add(ag.Const([]float64{1}), ag.Exp(ag.Neg(y)))) }

var losses = []struct {
	name string
	f    func(y V) V
}{
	{"y", func(y V) V { return y }},
	{"y²", ag.Square[float64]},
	{"\\|y\\|", ag.Abs[float64]},
	{"Huber, δ = 1", huber},
	{"logistic, log(1 + e^−y)", softplus},
	{"tanh y", ag.Tanh[float64]},
	{"hinge, max(0, 1 − y)", func(y V) V { return ag.ReLU(ag.Sub(ag.Const([]float64{1}), y)) }},
}

// jointLosses are of several elements.
var jointLosses = []struct {
	name string
	x    []float64
	f    func(y V) V
}{
	{"y₀·y₁", []float64{1.3, 2.4}, func(y V) V { return ag.Mul(ag.Slice(y, 0, 0, 1), ag.Slice(y, 0, 1, 2)) }},
	{"(y₀ + y₁ + y₂ − 2)²", []float64{0.3, 0.7, 0.4}, func(y V) V { return ag.Square(ag.Sub(ag.Sum(y), ag.Const([]float64{2}, 1))) }},
	{"cross-entropy of 4 logits", []float64{1.3, -0.4, 0.2, 2.6}, func(y V) V { return ag.CrossEntropy(ag.Reshape(y, 1, 4), []int{0}) }},
}

// biasTables are the measured part of docs/STE_BIAS.md.
func biasTables() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	at := []float64{0.3, 1.3, 1.7}
	line("| L(y) | x = 0.3 | x = 1.3 | x = 1.7 | relative, step 1 | step ¼ | step 1/16 |")
	line("|---|---|---|---|---|---|---|")
	for _, l := range losses {
		row := "| " + l.name
		e := ag.Bias(func(x V) V { return l.f(ag.RoundSTE(x)) }, ag.Const(at), 0, 0)
		for i := range at {
			row += fmt.Sprintf(" | %.3f − %.3f = %.3f", e.Straight[i]+0, e.Expected[i]+0, math.Round(1000*e.Bias[i])/1000+0)
		}
		for _, step := range []float64{1, 0.25, 0.0625} {
			grid := make([]float64, 4000)
			for i := range grid {
				grid[i] = (float64(i) + 0.5 - 2000) / 500 / step
			}
			e := ag.Bias(func(x V) V { return l.f(ag.Scale(ag.RoundSTE(x), step)) }, ag.Const(grid), 0, 0)
			bias, size := 0.0, 0.0
			for i, v := range e.Bias {
				bias += math.Abs(v)
				size += math.Abs(e.Expected[i])
			}
			row += fmt.Sprintf(" | %.2f %%", 100*bias/size)
		}
		line("%s |", row)
	}
	line("")
	line("| L(y) | x | straight | expected | bias |")
	line("|---|---|---|---|---|")
	for _, l := range jointLosses {
		e := ag.Bias(func(x V) V { return l.f(ag.RoundSTE(x)) }, ag.Const(l.x), 4000, 1)
		for i, v := range l.x {
			line("| %s | x%d = %v | %.3f | %.3f ± %.3f | %.3f |", l.name, i, v, e.Straight[i], e.Expected[i], e.StdErr[i], e.Bias[i])
		}
	}
	return b.String()
}

// TestBiasTable: docs/STE_BIAS.md shows what is measured.
func TestBiasTable(t *testing.T) {
	const path, open, end = "../docs/STE_BIAS.md", "<!-- measured -->\n", "<!-- end -->"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Skip("the source is not here")
	}
	head, rest, ok := strings.Cut(string(doc), open)
	require.True(t, ok)
	shown, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *updateBias {
		require.NoError(t, os.WriteFile(path, []byte(head+open+biasTables()+end+tail), 0o644))
		return
	}
	require.Equal(t, biasTables(), shown, "go test ./autograd -run TestBiasTable -bias.update")
}

func TestBias(t *testing.T) {
	x := ag.Const([]float64{1.3, 1.7, -0.6, 0.5})
	e := ag.Bias(func(x V) V { return ag.Square(ag.RoundSTE(x)) }, x, 0, 0)
	require.Equal(t, []float64{2, 4, -2, 0}, e.Straight)
	require.Equal(t, []float64{3, 3, -1, 1}, e.Expected)
	require.Equal(t, []float64{-1, 1, -1, -1}, e.Bias)
	require.Equal(t, make([]float64, 4), e.StdErr)

	// Of a sum over the elements the sampled one is the same, exactly.
	s := ag.Bias(func(x V) V { return ag.Sum(ag.Square(ag.RoundSTE(x))) }, x, 20, 3)
	require.InDeltaSlice(t, e.Expected, s.Expected, 1e-12)
	require.InDeltaSlice(t, e.StdErr, s.StdErr, 1e-12)
	require.InDeltaSlice(t, e.Bias, s.Bias, 1e-12)

	// Of a product the other factor's mean is that factor before rounding.
	product := func(x V) V { return ag.Mul(ag.Slice(x, 0, 0, 1), ag.Slice(ag.RoundSTE(x), 0, 1, 2)) }
	within := 0
	for seed := range uint64(200) {
		p := ag.Bias(product, ag.Const([]float64{3, 2.4}), 400, seed)
		require.Equal(t, []float64{2, 3}, p.Straight)
		require.InDelta(t, 3, p.Expected[1], 5*p.StdErr[1]) // the mean of x₀ + u
		require.InDelta(t, math.Sqrt(0.24/400), p.StdErr[0], 0.003)
		if math.Abs(p.Expected[0]-2.4) <= p.StdErr[0] {
			within++
		}
	}
	require.InDelta(t, 0.683*200, float64(within), 20, "one standard error covers two thirds")

	// On a jump: the mean of both sides.
	j := ag.Bias(func(x V) V { return ag.Square(ag.RoundSTE(x)) }, ag.Const([]float64{0, 1, -2, 1e-17}), 0, 0)
	require.Equal(t, []float64{0, 2, -4, 0}, j.Expected)
	require.Equal(t, make([]float64, 4), j.Bias)

	// A smooth f has no steps: the derivative of its mean over a step.
	f := ag.Bias(func(x V) V { return ag.Square(x) }, ag.Param([]float64{1.25}), 0, 0)
	require.InDelta(t, 0, f.Bias[0], 1e-15)

	one := ag.Bias(func(x *ag.Var[float32]) *ag.Var[float32] { return ag.Sum(ag.Square(ag.FloorSTE(x))) }, ag.Const([]float32{1.3}), 2, 0)
	require.Equal(t, ag.BiasEstimate{Straight: []float64{2}, Expected: []float64{1}, Bias: []float64{1}, StdErr: []float64{0}}, one)

	require.PanicsWithValue(t, "autograd: Bias: samples must be 0 or at least 2, not 1", func() { ag.Bias(product, x, 1, 0) })
	require.PanicsWithValue(t, "autograd: Bias: samples must be 0 or at least 2, not -3", func() { ag.Bias(product, x, -3, 0) })
	require.PanicsWithValue(t, "autograd: Bias: without samples f must be elementwise, but y has shape [] and x has shape [4]",
		func() { ag.Bias(func(x V) V { return ag.Sum(x) }, x, 0, 0) })
}
