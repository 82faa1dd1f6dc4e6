package autograd_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// nth differentiates the sum of f n times.
func nth[T stepgrad.Float](n int, f func(*ag.Var[T]) *ag.Var[T], x []T) []T {
	p := ag.Param(x)
	y := f(p)
	for range n {
		y = ag.Grad(ag.Sum(y), p)[0]
	}
	return y.Data()
}

// The second and third derivative of tanh(αr)/(2·tanh(α/2)), with sech² kept
// from cancelling.
func tanhDerivatives(r, alpha float64) (first, second, third float64) {
	e := math.Exp(-2 * alpha * math.Abs(r))
	sech2, tanh := 4*e/((1+e)*(1+e)), math.Tanh(alpha*r)
	k := alpha / (2 * math.Tanh(alpha/2))
	return k * sech2, -2 * k * alpha * tanh * sech2, -2 * k * alpha * alpha * sech2 * (sech2 - 2*tanh*tanh)
}

// The derivatives of atan(slope·tan(πd))/π.
func sineDerivatives(r, s float64) (first, second, third float64) {
	sin, cos := math.Sincos(math.Pi * r) // r = d ± ½
	den := sin*sin + s*s*cos*cos
	den1 := math.Pi * (1 - s*s) * 2 * sin * cos
	den2 := 2 * math.Pi * math.Pi * (1 - s*s) * (cos*cos - sin*sin)
	return s / den, -s * den1 / (den * den), s * (2*den1*den1/(den*den*den) - den2/(den*den))
}

func testSoft[T stepgrad.Float](t *testing.T, rel float64) {
	type op = func(x *ag.Var[T], p T) *ag.Var[T]
	integer := func(x float64) float64 { return x - math.Round(x) }
	half := func(x float64) float64 { return x - math.Floor(x) - 0.5 }
	for _, c := range []struct {
		name   string
		f      op
		from   func(float64) float64
		exact  func(r, p float64) (first, second, third float64)
		params []T
	}{
		{"SoftFloor", ag.SoftFloor[T], integer, tanhDerivatives, []T{0.01, 1, 10, 50, 200}},
		{"SoftRound", ag.SoftRound[T], half, tanhDerivatives, []T{0.01, 1, 10, 50, 200}},
		{"SoftCeil", ag.SoftCeil[T], integer, tanhDerivatives, []T{0.01, 1, 10, 50, 200}},
		{"SmoothFloor", ag.SmoothFloor[T], integer, sineDerivatives, []T{1, 0.5, 0.1, 0.01, 1e-4}},
		{"SmoothRound", ag.SmoothRound[T], half, sineDerivatives, []T{1, 0.5, 0.1, 0.01, 1e-4}},
		{"SmoothCeil", ag.SmoothCeil[T], integer, sineDerivatives, []T{1, 0.5, 0.1, 0.01, 1e-4}},
	} {
		var x []T
		for i := -64; i <= 64; i++ {
			for _, off := range []T{0, 1e-4, -1e-3, 0.01} {
				x = append(x, T(i)/16+off)
			}
		}
		for _, p := range c.params {
			f := func(x *ag.Var[T]) *ag.Var[T] { return c.f(x, p) }
			var all [3][]T
			for n := range all {
				all[n] = nth(n+1, f, x)
			}
			top, _, largest := c.exact(0, float64(p))
			for i, v := range x {
				r := c.from(float64(v))
				if math.Abs(r) == 0.5 {
					continue // SoftX: the second derivative jumps
				}
				want := [3]float64{}
				want[0], want[1], want[2] = c.exact(r, float64(p))
				// Relative, or, as sin(2πr) and 1 − tanh² cancel, to the scale
				// of the derivative there.
				near := [3]float64{0, 0, want[0] * math.Abs(largest) / top}
				if strings.HasPrefix(c.name, "Smooth") {
					near[1] = math.Pi * want[0] * want[0] / float64(p)
				}
				for n, w := range want {
					require.InDelta(t, w, float64(all[n][i]), rel*(math.Abs(w)+near[n])+1e-37, "%s(%v, %v), derivative %d", c.name, v, p, n+1)
				}
			}
			same(t, make([]float64, 2), abs(nth(1, f, []T{T(inf), T(-inf)})), c.name)
			same(t, make([]float64, 2), abs(nth(2, f, []T{T(inf), T(-inf)})), c.name)
			same(t, make([]float64, 2), abs(nth(3, f, []T{T(inf), T(-inf)})), c.name)
			same(t, []float64{nan}, abs(nth(2, f, []T{T(nan)})), c.name)
			// Where all floats are integers: a step, or the middle of a plateau.
			for n := 1; n <= 3; n++ {
				for i, v := range nth(n, f, []T{1 << 24, -1 << 30, 1e30}) {
					require.False(t, math.IsNaN(float64(v)) || math.IsInf(float64(v), 0), "%s: derivative %d at large %d: %v", c.name, n, i, v)
				}
			}
		}
	}
}

func abs[T stepgrad.Float](x []T) []float64 {
	a := make([]float64, len(x))
	for i, v := range x {
		a[i] = math.Abs(float64(v))
	}
	return a
}

func TestSoftDerivatives(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testSoft[float64](t, 1e-12) })
	t.Run("float32", func(t *testing.T) { testSoft[float32](t, 3e-5) })
}
