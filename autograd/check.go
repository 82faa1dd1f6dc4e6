package autograd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"unsafe"

	"github.com/stepgrad/stepgrad"
)

// Check compares the derivatives of f at xs, of every order from 1 to order,
// with central differences along random directions, the same in every run. It
// returns an error that names the first disagreement, or nil.
//
// Every x counts as variable, whatever it is: f is called with Params that
// hold nearby values, and must use those and not change between calls. y may
// have any shape; it is contracted with random weights. For order k the
// derivative of order k−1 that Grad gives is itself differenced.
//
// The arithmetic is that of T, and tolerances follow: about 1e-6 for float64
// and 1e-2 for float32, of the sum of the absolute terms. Use float64 for
// order 2 and more, and SmoothFloor and the like rather than SoftFloor, whose
// second derivative has jumps. A step function passes where no jump is near.
// FloorSTE and the like, ClipSTE and Detach fail, as they should: their
// gradient is not the derivative of their value.
//
// The error also tells of an order below 1. A panic in f reaches the caller.
func Check[T stepgrad.Float](f func(xs ...*Var[T]) *Var[T], order int, xs ...*Var[T]) error {
	if order < 1 {
		return fmt.Errorf("autograd: Check: order %d is less than 1", order)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	c := checker[T]{f: f, eps: 0x1p-52, rel: 1e-6, steps: []float64{0x1p-6, 0x1p-8, 0x1p-10, 0x1p-12, 0x1p-14}}
	if unsafe.Sizeof(T(0)) == 4 {
		c.eps, c.rel, c.steps = 0x1p-23, 1e-2, []float64{0x1p-3, 0x1p-5, 0x1p-7, 0x1p-9}
	}
	at := make([][]T, len(xs))
	for i, x := range xs {
		at[i] = x.data
	}
	c.fix(f(params(xs, at)...).shape, rnd)
	for k := 1; k <= order; k++ {
		grads := c.derivatives(k-1, params(xs, at))
		for n := range len(xs) + 2 {
			only, where := -1, "in all operands"
			if n < len(xs) {
				only, where = n, fmt.Sprintf("in operand %d alone", n)
			}
			got, want, tol := c.compare(k-1, xs, grads, direction(xs, only, rnd))
			if !(math.Abs(got-want) <= tol) {
				return fmt.Errorf("autograd: Check: order %d, direction %d (%s): Grad gives %.9g, differences give %.9g (tolerance %.2g)",
					k, n, where, got, want, tol)
			}
		}
		c.along = append(c.along, direction(xs, -1, rnd))
	}
	return nil
}

// A checker contracts f with weights and its derivatives with directions, so
// that every order is a number.
type checker[T stepgrad.Float] struct {
	f       func(xs ...*Var[T]) *Var[T]
	eps     float64
	rel     float64
	steps   []float64 // each a quarter of the one before
	weights *Var[T]
	along   [][]float64 // the direction of each lower order, all operands in one
}

func (c *checker[T]) fix(shape []int, rnd *rand.Rand) {
	w := make([]T, size(shape))
	for i := range w {
		w[i] = T(unit(rnd))
	}
	c.weights = Const(w, shape...)
	c.weights.shape = shape // also of rank 0
}

// terms returns Vars and weights whose products add up to the derivative of
// the given order.
func (c *checker[T]) terms(order int, ps []*Var[T]) (vs, weights []*Var[T]) {
	if order == 0 {
		return []*Var[T]{c.f(ps...)}, []*Var[T]{c.weights}
	}
	d := c.along[order-1]
	for _, p := range ps {
		w := make([]T, len(p.data))
		for i := range w {
			w[i] = T(d[i])
		}
		d = d[len(w):]
		weights = append(weights, &Var[T]{data: w, shape: p.shape})
	}
	return c.derivatives(order-1, ps), weights
}

// derivatives returns the gradient of the derivative of the given order.
func (c *checker[T]) derivatives(order int, ps []*Var[T]) []*Var[T] {
	total := scalar(T(0))
	vs, weights := c.terms(order, ps)
	for i, v := range vs {
		total = Add(total, Sum(Mul(v, weights[i])))
	}
	return Grad(total, ps...)
}

// value returns the derivative of the given order, added up in float64, and
// the sum of the absolute values.
func (c *checker[T]) value(order int, ps []*Var[T]) (total, size float64) {
	vs, weights := c.terms(order, ps)
	for k, v := range vs {
		for i, w := range weights[k].data {
			term := float64(v.data[i]) * float64(w)
			total += term
			size += math.Abs(term)
		}
	}
	return total, size
}

// compare returns the change of the derivative of the given order along d as
// grads has it and as differences have it, both extrapolated from two steps:
// those two that agree best, so that a jump near by spoils only large steps.
func (c *checker[T]) compare(order int, xs, grads []*Var[T], d []float64) (got, want, tol float64) {
	best := math.Inf(1)
	got, want = math.NaN(), math.NaN()
	var lastGot, lastWant float64
	for j, h := range c.steps {
		up, down := shift(xs, d, h), shift(xs, d, -h)
		newGot, size := 0.0, 0.0
		for k, g := range grads {
			for i, g := range g.data {
				term := float64(g) * (float64(up[k][i]) - float64(down[k][i])) / (2 * h)
				newGot += term
				size += math.Abs(term)
			}
		}
		hi, above := c.value(order, params(xs, up))
		lo, below := c.value(order, params(xs, down))
		newWant := (hi - lo) / (2 * h)
		if spread := math.Abs(newWant - lastWant); j > 0 && spread < best {
			best = spread
			got, want = (16*newGot-lastGot)/15, (16*newWant-lastWant)/15
			scale := max(size, math.Abs(want))
			// The spread is what a jump in the next derivative costs.
			tol = c.rel*scale + min(spread, 1e-3*scale) + 32*c.eps*(above+below)/h
		}
		lastGot, lastWant = newGot, newWant
	}
	return got, want, tol
}

// params returns Params with the shapes of xs and copies of the data given.
func params[T stepgrad.Float](xs []*Var[T], data [][]T) []*Var[T] {
	ps := make([]*Var[T], len(xs))
	for i, x := range xs {
		ps[i] = &Var[T]{data: append([]T{}, data[i]...), shape: x.shape, node: new(node[T])}
	}
	return ps
}

func shift[T stepgrad.Float](xs []*Var[T], d []float64, h float64) [][]T {
	to := make([][]T, len(xs))
	for k, x := range xs {
		to[k] = make([]T, len(x.data))
		for i, v := range x.data {
			to[k][i] = T(float64(v) + h*d[i])
		}
		d = d[len(x.data):]
	}
	return to
}

// direction is random in one operand, or in all for −1. Small elements move
// less, so as to stay on their side of zero.
func direction[T stepgrad.Float](xs []*Var[T], only int, rnd *rand.Rand) []float64 {
	var d []float64
	for k, x := range xs {
		for _, v := range x.data {
			u := unit(rnd)
			if s := math.Abs(float64(v)); s > 0 && s < 1 {
				u *= max(s, 0x1p-10)
			}
			if only >= 0 && only != k {
				u = 0
			}
			d = append(d, u)
		}
	}
	return d
}

// unit is between ½ and 1 in size.
func unit(rnd *rand.Rand) float64 {
	u := 0.5 + rnd.Float64()/2
	if rnd.IntN(2) == 0 {
		return -u
	}
	return u
}
