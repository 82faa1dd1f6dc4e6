package main

import (
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/digits"
)

func nothing() {}

func everyDigit() dataset {
	images, labels, err := digits.Load()
	if err != nil {
		panic(err)
	}
	return dataset{images, labels}
}

// What the README compares.
var theProblem = sync.OnceValue(func() *problem {
	in, out := everyDigit().split(splitting(0))
	return newProblem(methods[1].train(in, out, 8, 1500, 0, nothing).early, in.first(batch))
})

func TestExactGradient(t *testing.T) {
	q := theProblem()
	logits := ag.Param(slices.Clone(q.logits[:pixels]))
	losses := make([]float32, pixels)
	for i, v := range q.losses {
		losses[i] = float32(v)
	}
	got := ag.Grad(ag.Sum(ag.Mul(ag.Softmax(logits), ag.Const(losses))), logits)[0].Data()
	for j, want := range q.exact {
		require.InDelta(t, want, got[j], 1e-6)
	}
}

// One-hot rows of the relaxed loss are the losses of the pixels.
func TestLossOfAChoice(t *testing.T) {
	q := theProblem()
	for _, i := range []int{0, 21, 63} {
		seen := look(q.some, append([]int{i}, q.others...))
		want := ag.Mean(q.net.losses(seen, q.some.labels)).Data()[0]
		require.InDelta(t, float64(want), q.losses[i], 1e-5)
	}
	logits := q.net.logits(look(q.some, append([]int{9}, q.others...)))
	assert.InDelta(t, float64(ag.CrossEntropy(logits, q.some.labels).Data()[0]), q.losses[9], 1e-5)
}

// REINFORCE has no bias, whatever the baseline; its samples agree with the
// enumeration of all choices.
func TestReinforce(t *testing.T) {
	q := theProblem()
	for _, baseline := range []float64{0, 1, -3, q.expected()} {
		assert.Less(t, q.enumerated(baseline).bias, 1e-6)
	}
	for i, baseline := range []float64{0, q.expected()} {
		want, got := q.enumerated(baseline), q.sampled(methods[2+i], 1, 4000, 1)
		assert.InEpsilon(t, want.spread, got.spread, 0.1)
		assert.Less(t, got.bias, 2*got.noise)
	}
	assert.Less(t, 5*q.enumerated(q.expected()).spread, q.enumerated(0).spread, "the baseline")
}

// As τ falls the bias goes and the spread comes.
func TestTemperatures(t *testing.T) {
	q := theProblem()
	for _, m := range methods[:2] {
		cool, warm, hot := q.sampled(m, 0.2, 4000, 1), q.sampled(m, 1, 2000, 2), q.sampled(m, 5, 2000, 3)
		assert.Less(t, cool.bias, 0.2, m.name)
		assert.InDelta(t, 0.42, warm.bias, 0.1, m.name)
		assert.Greater(t, hot.bias, 0.9, m.name)
		assert.Greater(t, cool.spread, 3*warm.spread, m.name)
		assert.Greater(t, warm.spread, 5*hot.spread, m.name)
		assert.Greater(t, warm.bias, 10*warm.noise, "not the noise of the measurement")
	}
}

// Estimates of known bias and spread are measured as such, also where the bias
// is no larger than its noise.
func TestMeasure(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	exact, g := make([]float64, pixels), make([]float32, pixels)
	exact[0], exact[2] = 3, 4 // of length 5
	const times, samples = 200, 100
	bias, spread := 0.0, 0.0
	for range times {
		var m measure
		for range samples {
			for j, e := range exact {
				g[j] = float32(e + 5.0/8*rng.NormFloat64()) // together 5
			}
			g[1] += 0.5
			m.add(g)
		}
		e := m.against(exact)
		bias, spread = bias+e.bias*e.bias/times, spread+e.spread/times
		require.InEpsilon(t, e.spread/10, e.noise, 1e-9)
	}
	assert.InDelta(t, 0.1*0.1, bias, 0.001)
	assert.InDelta(t, 1, spread, 0.01)
}

func TestSurrogate(t *testing.T) {
	w := ag.Param([]float32{2, 3})
	logits := ag.Param([]float32{1, 0, -1, 0.5}, 2, 2)
	p := ag.Softmax(logits).Data()
	choice := ag.Const([]float32{0, 1, 1, 0}, 2, 2)
	grads := ag.Grad(ag.Sum(surrogate(ag.Scale(w, 2), choice, logits, 1)), w, logits)
	assert.Equal(t, []float32{0, 0}, grads[0].Data(), "the loss counts as a number")
	want := []float32{3 * (0 - p[0]), 3 * (1 - p[1]), 5 * (1 - p[2]), 5 * (0 - p[3])} // (loss − 1)·(choice − p)
	assert.InDeltaSlice(t, want, grads[1].Data(), 1e-5)
}

func TestLearns(t *testing.T) {
	in, out := everyDigit().split(splitting(1))
	ticks := 0
	hard := methods[1].train(in, out, 8, 500, 1, func() { ticks++ })
	score := methods[2].train(in, out, 8, 500, 1, nothing)
	assert.Equal(t, looks, ticks)
	assert.Len(t, hard.accuracy, looks)
	assert.Greater(t, hard.accuracy[looks-1], 0.7)
	assert.Less(t, hard.accuracy[0], 0.5)
	assert.Greater(t, hard.accuracy[looks-1], score.accuracy[looks-1]+0.05)
	assert.Greater(t, hard.again, 0.7)
	again := methods[1].train(in, out, 8, 500, 1, nothing)
	assert.Equal(t, hard.accuracy, again.accuracy, "the seed decides everything")
	assert.Len(t, hard.chosen(), 8)
}

func TestDigits(t *testing.T) {
	all := everyDigit()
	in, out := all.split(rand.New(rand.NewPCG(3, 4)))
	assert.Equal(t, []int{1348, 449}, []int{in.len(), out.len()})
	var counts [classes]int
	for _, c := range append(slices.Clone(in.labels), out.labels...) {
		counts[c]++
	}
	assert.Equal(t, [classes]int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, counts)
	at := mostVarying(all, 64)
	assert.NotContains(t, at[:40], 0, "the corner is always white")
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(at))), 64)
	assert.Equal(t, all.images[64+21], look(all.first(2), []int{3, 21}).Data()[3])
	assert.Equal(t, float32(2), tau(0, 100))
	assert.InDelta(t, 0.2, tau(99, 100), 1e-6)
}

func TestCommand(t *testing.T) {
	o, _, err := parse([]string{"-steps", "50", "-seeds", "2", "-samples", "100", "-slots", "5", "-out", filepath.Join(t.TempDir(), "out")})
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, categorical(o, &text))
	f, err := os.Open(filepath.Join(o.out, "categorical.png"))
	require.NoError(t, err)
	defer f.Close()
	m, err := png.Decode(f)
	require.NoError(t, err)
	assert.Equal(t, 900, m.Bounds().Dx())
	for _, want := range []string{"5 pixels, 2 seeds", "REINFORCE, baseline", "that vary most", "categorical.png"} {
		assert.Contains(t, text.String(), want)
	}
}

func TestFlags(t *testing.T) {
	o, _, err := parse(strings.Fields("-slots 3 -steps 40 -seeds 5 -samples 200 -out there"))
	require.NoError(t, err)
	assert.Equal(t, options{3, 40, 5, 200, "there"}, o)
	_, help, err := parse([]string{"-h"})
	require.NoError(t, err)
	assert.Contains(t, help, "-slots n")
	for _, args := range []string{"-slots 1", "-slots 65", "-steps 24", "-seeds 0", "-samples 99", "-out=", "-nonsense", "more"} {
		_, _, err := parse(strings.Fields(args))
		assert.Error(t, err, args)
	}
}
