package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
)

func ExampleNewSGD() {
	x := ag.Param([]float64{4})
	opt := optim.NewSGD(0.1, 0, x)
	for range 100 {
		opt.Step(ag.Grad(ag.Sum(ag.Square(x)), x)...)
	}
	fmt.Printf("%.3f\n", x.Data())
	// Output: [0.000]
}

func ExampleSGD_Step() {
	x := ag.Param([]float64{1, 2})
	opt := optim.NewSGD(0.5, 0.9, x)
	opt.Step(ag.Const([]float64{1, 1}))
	opt.Step(ag.Const([]float64{1, 1}))
	fmt.Printf("%.2f\n", x.Data())
	// Output: [-0.45 0.55]
}

func ExampleNewAdam() {
	x := ag.Param([]float32{4, -3})
	opt := optim.NewAdam(0.1, x)
	for range 500 {
		opt.Step(ag.Grad(ag.Sum(ag.Square(x)), x)...)
	}
	fmt.Println(math.Abs(float64(x.Data()[0])) < 0.01, math.Abs(float64(x.Data()[1])) < 0.01)
	// Output: true true
}

func ExampleAdam_Step() {
	x := ag.Param([]float64{1})
	opt := optim.NewAdam(0.25, x)
	opt.Step(ag.Const([]float64{8}))
	fmt.Printf("%.4f\n", x.Data())
	// Output: [0.7500]
}

// The formulas of the documentation, in float64 and one step at a time.
func TestAdam(t *testing.T) {
	x := ag.Param([]float64{0.3, -2})
	opt := optim.NewAdam(0.01, x)
	want := []float64{0.3, -2}
	var m, v [2]float64
	for step := 1; step <= 50; step++ {
		g := []float64{math.Sin(float64(step)), 3 * math.Cos(float64(step*step))}
		opt.Step(ag.Const(g))
		for i := range want {
			m[i] = 0.9*m[i] + 0.1*g[i]
			v[i] = 0.999*v[i] + 0.001*g[i]*g[i]
			mHat, vHat := m[i]/(1-math.Pow(0.9, float64(step))), v[i]/(1-math.Pow(0.999, float64(step)))
			want[i] -= 0.01 * mHat / (math.Sqrt(vHat) + 1e-8)
		}
		require.InDeltaSlice(t, want, x.Data(), 1e-12)
	}
}

func TestPanics(t *testing.T) {
	x, y := ag.Param([]float64{1, 2}), ag.Param([]float64{1, 2, 3})
	g := ag.Const([]float64{1, 1})
	for want, f := range map[string]func(){
		"optim: NewSGD: rate -1 is negative or not finite":                         func() { optim.NewSGD(-1, 0, x) },
		"optim: NewSGD: rate NaN is negative or not finite":                        func() { optim.NewSGD(math.NaN(), 0, x) },
		"optim: NewAdam: rate +Inf is negative or not finite":                      func() { optim.NewAdam(math.Inf(1), x) },
		"optim: NewSGD: momentum 1 is not in [0, 1)":                               func() { optim.NewSGD(1, 1, x) },
		"optim: NewAdam: argument 1, of shape [2], was not made by autograd.Param": func() { optim.NewAdam(1, x, g) },
		"optim: NewAdam: argument 0, of shape [2], was not made by autograd.Param": func() { optim.NewAdam(1, ag.Neg(x)) },
		"optim: NewSGD: argument 1, of shape [2], is given twice":                  func() { optim.NewSGD(1, 0, x, x) },
		"optim: SGD: Step: 1 gradients for 2 params":                               func() { optim.NewSGD(1, 0, x, y).Step(g) },
		"optim: Adam: Step: gradient 1 has shape [2], its param [3]":               func() { optim.NewAdam(1, x, y).Step(g, g) },
	} {
		require.PanicsWithValue(t, want, f)
	}
	require.Equal(t, []float64{1, 2}, x.Data(), "changed by a Step that panicked")
}
