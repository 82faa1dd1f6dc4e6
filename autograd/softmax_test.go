package autograd_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

// A torchCase is one of testdata/categorical/torch.json; README.md there says
// what is in it.
type torchCase struct {
	Op, Name, Dtype     string
	Rows, Cols          int
	X, Y, Dy, Dx, V, Hv string
	Labels              []int
	Tau                 float64
	Hard                bool
	Noise               string
}

// TestTorch compares values, gradients and the gradients of gradients with
// those of PyTorch, where it has any.
func TestTorch(t *testing.T) {
	text, err := os.ReadFile("../testdata/categorical/torch.json")
	if err != nil {
		t.Skip("the source is not here")
	}
	var file struct{ Cases []torchCase }
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Cases)
	for _, c := range file.Cases {
		if c.Dtype == "float32" {
			testTorch[float32](t, c, 32, 1e-6)
		} else {
			testTorch[float64](t, c, 64, 5e-15)
		}
	}
}

func testTorch[T stepgrad.Float](t *testing.T, c torchCase, bits int, tol float64) {
	parse := func(s string) (x []T) {
		for _, word := range strings.Fields(s) {
			v, err := strconv.ParseFloat(word, bits)
			require.NoError(t, err)
			x = append(x, T(v))
		}
		return x
	}
	data := parse(c.X)
	if c.Op == "gumbel_softmax" {
		// Logits whose sum with our noise is that with theirs.
		const seed = 1
		ours := make([]T, len(data))
		stepgrad.Gumbel(ours, seed, 0)
		for i, g := range parse(c.Noise) {
			data[i] = T(float64(data[i]) + float64(g) - float64(ours[i]))
		}
	}
	x := ag.Param(data, c.Rows, c.Cols)
	var y *ag.Var[T]
	switch c.Op {
	case "softmax":
		y = ag.Softmax(x)
	case "log_softmax":
		y = ag.LogSoftmax(x)
	case "cross_entropy":
		y = ag.CrossEntropy(x, c.Labels)
	case "gumbel_softmax":
		y = ag.GumbelSoftmax(x, T(c.Tau), c.Hard, 1)
		tol *= 100 // of the sums, over tau
	default:
		t.Fatal(c.Op)
	}
	dx := ag.GradWith(y, ag.Reshape(ag.Const(parse(c.Dy)), y.Shape()...), x)[0]
	hv := ag.GradWith(dx, ag.Const(parse(c.V), c.Rows, c.Cols), x)[0]
	for what, pair := range map[string][2][]T{
		"y": {parse(c.Y), y.Data()}, "dx": {parse(c.Dx), dx.Data()}, "hv": {parse(c.Hv), hv.Data()},
	} {
		want, got := pair[0], pair[1]
		require.Len(t, got, len(want))
		for i, w := range want {
			w, g := float64(w), float64(got[i])
			at := []any{"%s %s of %s, tau %v: %s[%d]", c.Op, c.Name, c.Dtype, c.Tau, what, i}
			switch {
			case math.IsNaN(w):
				// Ours are defined, unless there is NaN in the row.
				if what == "y" && c.Op != "cross_entropy" {
					row := data[i/c.Cols*c.Cols:][:c.Cols]
					assert.Equal(t, slices.ContainsFunc(row, func(v T) bool { return v != v }), math.IsNaN(g), at...)
				}
			case math.IsInf(w, 0):
				assert.Equal(t, w, g, at...)
			default:
				assert.InDelta(t, w, g, tol*max(1, math.Abs(w)), at...)
			}
		}
	}
}
