package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// TestSTE checks the estimator's rules one by one.
func TestSTE(t *testing.T) {
	t.Run("float32", testSTE[float32])
	t.Run("float64", testSTE[float64])
}

func testSTE[T cases.Float](t *testing.T) {
	for _, p := range cases.Params[T](kernels.Clamp) {
		for _, x := range inputs[T](500) {
			at := fmt.Sprintf("%s of %s", cases.Show(kernels.Clamp, p), cases.Spell(x))
			y, in := kernels.STEForward(x, p.Mode, p.Lo, p.Hi)
			v := kernels.RoundMode(x, p.Mode)
			switch {
			case x != x:
				assert.True(t, y != y && !in, at)
				continue
			case v < p.Lo:
				assert.True(t, cases.Same(p.Lo, y), at)
			case v > p.Hi:
				assert.True(t, cases.Same(p.Hi, y), at)
			default:
				assert.True(t, cases.Same(v, y), at) // signed zeros survive
			}
			outside := x < p.Lo || x > p.Hi
			assert.Equal(t, !outside, in, at)

			assert.True(t, cases.Same(x, kernels.STEBackward(x, true)), at)
			assert.True(t, cases.Same(0, kernels.STEBackward(x, false)), at)
		}
	}
	nan := T(math.NaN())
	assert.True(t, cases.Same(0, kernels.STEBackward(nan, false)), "+0, whatever dy is")
}
