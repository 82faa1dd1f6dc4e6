package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

func defaults() options {
	return options{bits: 14, alpha: floats{5}, slope: floats{0.1}, step: floats{0.1}, factor: floats{0.1}, lo: floats{-8}, hi: floats{7}, dy: floats{1, -0.3}, ulps: 1}
}

// TestSweep runs every kernel that has an input, on a sample.
func TestSweep(t *testing.T) {
	groups, tiers, err := plan(defaults())
	require.NoError(t, err)
	seen := map[string]bool{"STEBackward": true} // reads no float
	for _, g := range groups {
		done := 0
		for _, r := range g.sweep(14, tiers, func(n int) { done += n }) {
			require.Zero(t, r.failures, "%s: %v", r.tier, r.first)
			seen[r.run.kernel.Name] = true
		}
		require.Equal(t, 1<<14, done)
	}
	for _, k := range kernels.Elementwise {
		require.True(t, seen[k.Name], "%s was not swept", k.Name)
	}
}

// TestSweepFinds: a definition that is wrong for one input is told apart.
func TestSweepFinds(t *testing.T) {
	k := *kernels.ByName("Ceil")
	g := groupOf(&k, kernels.Params[float32]{}, nil)
	g.def = func(p kernels.Params[float32]) func(kernels.In[float32]) kernels.Out[float32] {
		f := k.Def32(p)
		return func(in kernels.In[float32]) kernels.Out[float32] {
			if in.X == input(77, 14) {
				in.X += 3
			}
			return f(in)
		}
	}
	for _, r := range g.sweep(14, isa.Tiers(), func(int) {}) {
		require.Equal(t, 1, r.failures, r.tier)
		require.Len(t, r.first, 1)
	}
}

// TestInputs: 2^32 inputs are all patterns in order, fewer lie one in every
// stretch of equal length.
func TestInputs(t *testing.T) {
	for i := uint64(0); i < 1<<32; i += 1<<20 + 7 {
		require.Equal(t, uint32(i), math.Float32bits(input(i, 32)))
		require.Equal(t, uint32(i>>20), math.Float32bits(input(i>>20, 12))>>20)
	}
}

func TestPlanErrors(t *testing.T) {
	for _, change := range []func(*options){
		func(o *options) { o.kernels = "Flor" },
		func(o *options) { o.tiers = "mmx" },
		func(o *options) { o.bits = 33 },
		func(o *options) { o.kernels, o.alpha = "SoftFloor", floats{-1} },
		func(o *options) { o.kernels, o.lo = "STEForward", floats{0.5} },
		func(o *options) { o.kernels, o.lo = "STEForward", floats{1, 2} },
	} {
		o := defaults()
		change(&o)
		_, _, err := plan(o)
		require.Error(t, err)
	}
}
