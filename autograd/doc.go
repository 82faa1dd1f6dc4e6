// Package autograd is reverse-mode differentiation over slices, made for
// functions with steps in them: floor, round and their straight-through and
// soft surrogates, on the kernels of package stepgrad.
//
//	w := autograd.Param([]float32{0.3, 1.7, -0.6})
//	loss := autograd.Sum(autograd.Square(autograd.FloorSTE(w)))
//	grad := autograd.Grad(loss, w)[0] // 2·⌊w⌋, as if floor were the identity
//
// A Var holds data, shape, and the operation that made it. Operations are
// functions that compute at once; Grad walks back along the operations. There
// is no global state. Goroutines may share Vars.
//
// # Gradients of gradients
//
// Every gradient rule is made of operations of this package, so the result of
// Grad is a Var like any other: it can be differentiated, to any order. A
// derivative that is identically zero comes as zeros, never as an error.
//
// # Steps
//
// The derivative of floor is 0 wherever it exists, so nothing upstream of a
// Floor learns. What to put in its place:
//
//	Floor            gradient 0, declared: not even NaN passes
//	FloorSTE         gradient dy: the straight-through estimator
//	ClipSTE          gradient dy inside [lo, hi], 0 outside
//	SoftFloor        another function, close to floor, with its true gradient
//	SmoothFloor      another one, with derivatives of every order
//
// and likewise for Ceil and Round; RoundAway and Trunc have an STE. A choice among
// categories is a step too: GumbelSoftmax samples one, softly or exactly. If a model
// does not learn, Explain tells which line stands in the way.
//
// FakeQuantize is a quantiser with a scale and a zero point that may be
// learned, per tensor, channel or group. Where its gradient passes differs
// from framework to framework, so a QuantSpec is named after one: PyTorch, LSQ,
// Larq, TFC, Brevitas. The scale begins with LSQScale or with what an observer
// proposes: MinMaxObserver, MovingAverageObserver, PercentileObserver,
// MSEObserver. For fewer bits there are SignSTE, ApproxSign, SwishSign,
// TernarySTE and DoReFaWeights, PACT learns where to clip, and
// StochasticRoundSTE rounds right on average.
//
// A surrogate's rule is a function of dy and x (and scale and zero), and this function is what a
// second Grad differentiates; the hard functions and masks within it have
// derivative zero. That is a convention: FloorSTE behaves in every order as
// the identity plus a constant. x·RoundSTE(x) has gradient RoundSTE(x) + x and
// second derivative 2.
//
// # Shapes
//
// Data is in row-major order. A scalar has rank 0, shape []. Operations on two
// operands broadcast as NumPy does: shapes are aligned at their last axes, and
// an axis that is missing or of length 1 is repeated; the gradient is summed
// back to the operand's shape. An axis given as −1 is the last one. Tensors
// without elements are allowed.
//
// # Special values
//
// NaN in an element gives NaN there. Arithmetic follows IEEE 754, so a
// gradient that is 0 times an infinite dy is NaN, unless the documentation
// says that it is +0 whatever dy is: Floor and the like, ClipSTE and other
// masks of straight-through estimators, Clamp, ReLU,
// Abs at 0, Where, Maximum and Minimum choose, they do not multiply. Exp, Log,
// Tanh, Sigmoid, Sqrt, the softmax family and arithmetic are the kernels of
// package stepgrad, the same bits everywhere; Sin and Cos are computed in float64
// by package math and rounded to T, MatMul by BLAS. Sum, Mean and the
// gradients of broadcast operands are added up in float64, the gradients of
// several uses of one Var, and of Gather's repeated indices, in T.
//
// # Memory and cores
//
// Tensors of 65,536 elements and more are worked on by up to GOMAXPROCS
// goroutines (stepgrad.Parallel), to the same bits. Grad uses the memory of
// intermediate gradients again.
//
// A Var of which no operand depends on a Param keeps no reference to its
// operands, and neither does Detach, so a running average does not grow. The
// others keep what their gradient rule needs: FloorSTE nothing, ClipSTE and
// FakeQuantize with a constant scale a bit per element, with a learned one x, SoftFloor x, Mul the other operand if it needs the gradient,
// Exp its result. The gradients that Grad returns refer to the graph that they
// can be differentiated through; keep their Data, or Detach them, to let it
// go.
//
// # Panics
//
// A call that breaks a rule panics with a string such as
// "autograd: MatMul: shapes [2 3] and [4 5] are not [m k] and [k n]".
package autograd
