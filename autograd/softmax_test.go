package autograd_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// hard is exactly one-hot, at the largest of logits + noise, and has the
// gradients of the relaxed sample.
func TestGumbelSoftmax(t *testing.T) {
	const seed, tau = 9, 0.7
	x := numbers(-2, 2, 5, 7)
	noise := make([]float64, 35)
	stepgrad.Gumbel(noise, seed, 0)
	perturbed := ag.Add(x, ag.Const(noise, 5, 7))
	soft, hard := ag.GumbelSoftmax(x, tau, false, seed), ag.GumbelSoftmax(x, tau, true, seed)
	require.InDeltaSlice(t, ag.Softmax(ag.Div(perturbed, ag.Const([]float64{tau}))).Data(), soft.Data(), 1e-15)
	want := make([]float64, 35)
	stepgrad.ArgmaxOneHot(want, perturbed.Data(), 7)
	require.Equal(t, want, hard.Data())
	require.Equal(t, want, ag.GumbelSoftmax(ag.Detach(x), tau, true, seed).Data())
	require.Equal(t, want, ag.GumbelSoftmax(x, 0, false, seed).Data())
	dy := numbers(0.5, 2, 5, 7)
	gs, gh := ag.GradWith(soft, dy, x)[0], ag.GradWith(hard, dy, x)[0]
	require.Equal(t, gs.Data(), gh.Data())
	w := numbers(0.5, 2, 5, 7)
	require.Equal(t, values(ag.GradWith(gs, w, x, dy)), values(ag.GradWith(gh, w, x, dy)))
	require.NotEqual(t, want, ag.GumbelSoftmax(x, tau, true, seed+1).Data())

	// However small or large tau is.
	for _, tau := range []float64{math.SmallestNonzeroFloat64, 1e-300, math.MaxFloat64, inf} {
		y := ag.GumbelSoftmax(ag.Param([]float64{1, 5, -inf, 3}), tau, false, 1)
		if tau < 1 {
			require.Contains(t, y.Data(), 1.0)
		} else {
			require.InDeltaSlice(t, []float64{1. / 3, 1. / 3, 0, 1. / 3}, y.Data(), 1e-15)
		}
	}
}

// Samples are chosen with the probabilities that softmax tells.
func TestGumbelSoftmaxChooses(t *testing.T) {
	const n = 20_000
	logits := []float64{0.5, -1, math.Inf(-1), 2, 0}
	p := ag.Softmax(ag.Const(logits)).Data()
	counts := ag.Sum(ag.GumbelSoftmax(ag.Const(slices.Repeat(logits, n), n, 5), 1, true, 77), 0).Data()
	for i, c := range counts {
		require.InDelta(t, p[i]*n, c, 4*math.Sqrt(n*p[i]*(1-p[i])), "category %d", i)
	}
}

// Large matrices are worked on by several goroutines, by whole rows.
func TestSoftmaxWorkers(t *testing.T) {
	for _, cols := range []int{1, 37, 5000, 70_000} {
		testSoftmaxWorkers(t, 280_000/cols, cols)
	}
}

func testSoftmaxWorkers(t *testing.T, n, cols int) {
	data := make([]float32, n*cols)
	stepgrad.Normal(data, 1, 0)
	x, dy := ag.Param(data, n, cols), ag.Const(slices.Clone(data), n, cols)
	want := make([]float32, n*cols)
	stepgrad.GumbelSoftmax(want, data, cols, 0.5, 3, 0)
	y := ag.GumbelSoftmax(x, 0.5, false, 3)
	require.Equal(t, want, y.Data())
	stepgrad.SoftmaxGrad(want, data, want, cols)
	stepgrad.Scale(want, want, 2)
	require.Equal(t, want, ag.GradWith(y, dy, x)[0].Data())
	stepgrad.Softmax(want, data, cols)
	require.Equal(t, want, ag.Softmax(x).Data())
	stepgrad.LogSoftmax(want, data, cols)
	require.Equal(t, want, ag.LogSoftmax(x).Data())
}
