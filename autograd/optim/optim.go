// Package optim updates the Params of package autograd from their gradients.
//
//	opt := optim.NewAdam(0.001, w, b)
//	for range steps {
//		opt.Step(autograd.Grad(loss(), w, b)...)
//	}
//
// An optimiser writes into the slices that were given to autograd.Param, so
// that the next forward pass sees the new values, and the graph built before
// is of no more use. It keeps no reference to gradients. It is not safe for
// concurrent use. Graphs of other goroutines that share the Params must not be
// in use during a Step.
package optim

import (
	"fmt"
	"math"
	"slices"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/autograd"
)

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD:
//
//	v = Momentum·v + g
//	p = p − Rate·v
//
// Rate and Momentum may be changed between steps.
type SGD[T stepgrad.Float] struct {
	Rate, Momentum T
	params         []*autograd.Var[T]
	velocity       [][]T
}

// NewSGD returns an SGD over params. It panics unless rate is finite and not
// negative, momentum is in [0, 1), and all params were made by autograd.Param,
// each given once.
func NewSGD[T stepgrad.Float](rate, momentum T, params ...*autograd.Var[T]) *SGD[T] {
	check("NewSGD", rate, params)
	if !(momentum >= 0 && momentum < 1) {
		panic(fmt.Sprintf("optim: NewSGD: momentum %v is not in [0, 1)", momentum))
	}
	return &SGD[T]{Rate: rate, Momentum: momentum, params: slices.Clone(params), velocity: likes(params)}
}

// Step updates every Param; grads are the gradients in the order of the
// Params, as autograd.Grad returns them. It panics, before it changes
// anything, if their number or a shape differs.
func (o *SGD[T]) Step(grads ...*autograd.Var[T]) {
	match("SGD", o.params, grads)
	for k, p := range o.params {
		x, v := p.Data(), o.velocity[k]
		for i, g := range grads[k].Data() {
			v[i] = o.Momentum*v[i] + g
			x[i] -= o.Rate * v[i]
		}
	}
}

// Adam is the method of Kingma & Ba (2015), as torch.optim.Adam:
//
//	m = Beta1·m + (1−Beta1)·g
//	v = Beta2·v + (1−Beta2)·g²
//	p = p − Rate · m/(1−Beta1ᵗ) / (√(v/(1−Beta2ᵗ)) + Epsilon)
//
// at step t = 1, 2, …. The fields may be changed between steps.
type Adam[T stepgrad.Float] struct {
	Rate, Beta1, Beta2, Epsilon T
	params                      []*autograd.Var[T]
	mean, square                [][]T
	left1, left2                float64 // Beta1ᵗ and Beta2ᵗ
}

// NewAdam returns an Adam over params with Beta1 = 0.9, Beta2 = 0.999 and
// Epsilon = 1e-8. It panics unless rate is finite and not negative and all
// params were made by autograd.Param, each given once.
func NewAdam[T stepgrad.Float](rate T, params ...*autograd.Var[T]) *Adam[T] {
	check("NewAdam", rate, params)
	return &Adam[T]{
		Rate: rate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8,
		params: slices.Clone(params), mean: likes(params), square: likes(params), left1: 1, left2: 1,
	}
}

// Step updates every Param; grads are the gradients in the order of the
// Params, as autograd.Grad returns them. It panics, before it changes
// anything, if their number or a shape differs.
func (o *Adam[T]) Step(grads ...*autograd.Var[T]) {
	match("Adam", o.params, grads)
	o.left1 *= float64(o.Beta1)
	o.left2 *= float64(o.Beta2)
	rate := o.Rate / T(1-o.left1)
	spread := T(1 / math.Sqrt(1-o.left2))
	for k, p := range o.params {
		x, m, s := p.Data(), o.mean[k], o.square[k]
		for i, g := range grads[k].Data() {
			m[i] = o.Beta1*m[i] + (1-o.Beta1)*g
			s[i] = o.Beta2*s[i] + (1-o.Beta2)*g*g
			x[i] -= rate * m[i] / (T(math.Sqrt(float64(s[i])))*spread + o.Epsilon)
		}
	}
}

func check[T stepgrad.Float](op string, rate T, params []*autograd.Var[T]) {
	if !(rate >= 0) || rate-rate != 0 {
		panic(fmt.Sprintf("optim: %s: rate %v is negative or not finite", op, rate))
	}
	for i, p := range params {
		if !p.IsParam() {
			panic(fmt.Sprintf("optim: %s: argument %d, of shape %v, was not made by autograd.Param", op, i, p.Shape()))
		}
		if slices.Contains(params[:i], p) {
			panic(fmt.Sprintf("optim: %s: argument %d, of shape %v, is given twice", op, i, p.Shape()))
		}
	}
}

func likes[T stepgrad.Float](params []*autograd.Var[T]) [][]T {
	s := make([][]T, len(params))
	for i, p := range params {
		s[i] = make([]T, p.Len())
	}
	return s
}

func match[T stepgrad.Float](op string, params, grads []*autograd.Var[T]) {
	if len(grads) != len(params) {
		panic(fmt.Sprintf("optim: %s: Step: %d gradients for %d params", op, len(grads), len(params)))
	}
	for i, p := range params {
		if !slices.Equal(p.Shape(), grads[i].Shape()) {
			panic(fmt.Sprintf("optim: %s: Step: gradient %d has shape %v, its param %v", op, i, grads[i].Shape(), p.Shape()))
		}
	}
}
