package stepgrad_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// fillers are the random functions and the definitions of their elements.
func fillers[T cases.Float]() map[string]struct {
	fill func(dst []T, seed, offset uint64)
	of   func(bits uint64) T
} {
	return map[string]struct {
		fill func(dst []T, seed, offset uint64)
		of   func(bits uint64) T
	}{
		"Uniform": {stepgrad.Uniform[T], kernels.Uniform[T]},
		"Normal":  {stepgrad.Normal[T], kernels.Normal[T]},
		"Gumbel":  {stepgrad.Gumbel[T], kernels.Gumbel[T]},
	}
}

// TestRandomPieces: any pieces of a stream have the bits of its elements, where
// offset + i wraps too.
func TestRandomPieces(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		testRandomPieces[float32](t)
		testRandomPieces[float64](t)
	})
}

func testRandomPieces[T cases.Float](t *testing.T) {
	const seed, n = 0x123456789abcdef0, 1300
	for name, f := range fillers[T]() {
		for _, offset := range []uint64{0, 1, 63, 64, 1<<32 - 70, 16<<32 - 5, math.MaxUint64 - 699, math.MaxUint64 - 63, math.MaxUint64} {
			at := fmt.Sprintf("%s of %s from %d", name, cases.TypeName[T](), offset)
			want := make([]T, n)
			for i := range want {
				want[i] = f.of(kernels.RandomElement[T](seed, offset+uint64(i)))
			}
			for _, piece := range []int{n, 1, 7, 31, 64, 65, 512, 600} {
				got := make([]T, n)
				for i := 0; i < n; i += piece {
					f.fill(got[i:min(i+piece, n)], seed, offset+uint64(i))
				}
				require.Equal(t, want, got, "%s in pieces of %d", at, piece)
			}
		}
	}
}

// TestRandomShape compares the empirical distribution of many elements with
// that of the function: the largest distance of the two (Kolmogorov-Smirnov),
// mean and variance, and the correlation of neighbours and of seeds.
func TestRandomShape(t *testing.T) {
	testRandomShape[float32](t)
	testRandomShape[float64](t)
}

func testRandomShape[T cases.Float](t *testing.T) {
	const euler = 0.5772156649015329
	shapes := map[string]struct {
		cdf            func(v float64) float64
		mean, variance float64
	}{
		"Uniform": {func(v float64) float64 { return v }, 0.5, 1. / 12},
		"Normal":  {func(v float64) float64 { return math.Erfc(-v/math.Sqrt2) / 2 }, 0, 1},
		"Gumbel":  {func(v float64) float64 { return math.Exp(-math.Exp(-v)) }, euler, math.Pi * math.Pi / 6},
	}
	const n = 200_000
	root := math.Sqrt(n)
	for name, f := range fillers[T]() {
		shape := shapes[name]
		for seed := range uint64(3) {
			at := fmt.Sprintf("%s of %s, seed %d", name, cases.TypeName[T](), seed)
			x, other := make([]T, n), make([]T, n)
			f.fill(x, seed<<40, 0)
			f.fill(other, (seed+1)<<40, 0)
			var sum, squares float64
			for _, v := range x {
				sum += float64(v) - shape.mean
				squares += (float64(v) - shape.mean) * (float64(v) - shape.mean)
			}
			assert.Less(t, math.Abs(sum)/root, 4.5*math.Sqrt(shape.variance), "%s: mean", at)
			assert.InDelta(t, 1, squares/n/shape.variance, 0.02, "%s: variance", at)
			for what, y := range map[string][]T{"the next element": x[1:], "the element 16 on": x[16:], "the element 64 on": x[64:], "another seed": other} {
				var c float64
				for i, v := range y {
					c += (float64(v) - shape.mean) * (float64(x[i]) - shape.mean)
				}
				assert.Less(t, math.Abs(c)/root, 4.5*shape.variance, "%s: correlation with %s", at, what)
			}
			slices.Sort(x)
			var distance float64
			for i, v := range x {
				p := shape.cdf(float64(v))
				distance = max(distance, p-float64(i)/n, float64(i+1)/n-p)
			}
			assert.Less(t, distance*root, 2.2, "%s: distance of the distributions", at) // once in 10^4
		}
	}
}

// TestRandomTails: how far the distributions reach.
func TestRandomTails(t *testing.T) {
	assert.InDelta(t, 22.87, kernels.Gumbel[float32](math.MaxUint32), 0.01)
	assert.InDelta(t, -3.13, kernels.Gumbel[float32](0), 0.01)
	assert.InDelta(t, 36.74, kernels.Gumbel[float64](math.MaxUint64), 0.01)
	assert.InDelta(t, -3.60, kernels.Gumbel[float64](0), 0.01)
	assert.InDelta(t, 6.34, kernels.Normal[float32](math.MaxUint32), 0.01)
	assert.InDelta(t, 8.21, kernels.Normal[float64](math.MaxUint64), 0.01)
	// Beyond the naive form's end there is one element in 16 million: of the
	// first 2^26, four, give or take two.
	if testing.Short() {
		return
	}
	beyond := 0
	x := make([]float32, 1<<16)
	for at := range uint64(1 << 10) {
		stepgrad.Gumbel(x, 1, at<<16)
		for _, v := range x {
			if v > 16.64 {
				beyond++
			}
		}
	}
	assert.InDelta(t, 4, beyond, 4)
	assert.NotZero(t, beyond)
}
