package autograd

import "github.com/stepgrad/stepgrad"

// The kernels that the operations of arith.go are still to call.
var _ = []func(dst, x, y []float64){
	stepgrad.Add[float64], stepgrad.Sub[float64], stepgrad.Mul[float64], stepgrad.Div[float64], stepgrad.ReLUGrad[float64],
	stepgrad.TanhGrad[float64], stepgrad.SigmoidGrad[float64],
}

var _ = []func(dst, x []float64){stepgrad.Sqrt[float64], stepgrad.ReLU[float64],
	stepgrad.Exp[float64], stepgrad.Log[float64], stepgrad.Tanh[float64], stepgrad.Sigmoid[float64]}

var _ = stepgrad.Scale[float64]
