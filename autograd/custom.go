package autograd

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// Custom returns the result of an operation of your own: its value, which you
// have computed, and its gradient rule. vjp turns dy, the gradient of the
// result, into one gradient per operand, each in that operand's shape; a nil
// entry is zero. It is called at most once per Grad, and never if all operands
// are constants. Written with operations of this package, it can be
// differentiated again; a rule that computes by hand must return a Const, and
// its second derivative is then zero. A nil vjp declares all gradients zero,
// and Explain reports the operation by its name.
//
// Custom keeps data and copies shape; an empty shape is rank 0 for one element
// and a vector otherwise. It panics if the product of shape is not len(data);
// Grad panics if vjp returns a wrong number of gradients or a wrong shape.
func Custom[T stepgrad.Float](name string, data []T, shape []int, vjp func(dy *Var[T]) []*Var[T], operands ...*Var[T]) *Var[T] {
	shape = append([]int{}, shape...)
	if len(shape) == 0 && len(data) != 1 {
		shape = append(shape, len(data))
	}
	if !fits(shape, len(data)) {
		panic(fmt.Sprintf("autograd: Custom: %s: shape %v does not hold %d elements", name, shape, len(data)))
	}
	if vjp == nil {
		return blocked(name, data, shape, operands...)
	}
	edges := make([]edge[T], len(operands))
	shapes := make([][]int, len(operands))
	varying := make([]bool, len(operands))
	for i, x := range operands {
		edges[i], shapes[i], varying[i] = edge[T]{to: x.node}, x.shape, x.node != nil
	}
	y := result(data, shape, edges...)
	if y.node == nil {
		return y
	}
	y.node.once = true
	y.node.joint = func(dy *Var[T]) []*Var[T] {
		grads := vjp(dy)
		if grads == nil {
			grads = make([]*Var[T], len(shapes))
		}
		if len(grads) != len(shapes) {
			panic(fmt.Sprintf("autograd: Custom: %s: the rule returned %d gradients for %d operands", name, len(grads), len(shapes)))
		}
		kept := make([]*Var[T], 0, len(grads))
		for i, g := range grads {
			if g != nil && !slices.Equal(g.shape, shapes[i]) {
				panic(fmt.Sprintf("autograd: Custom: %s: the gradient of operand %d has shape %v, the operand %v", name, i, g.shape, shapes[i]))
			}
			if varying[i] {
				kept = append(kept, g)
			}
		}
		return kept
	}
	return y
}
