package autograd

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/stepgrad/stepgrad"
)

// Grad returns dy/dx for each x of xs, in the shape of x. y has one element,
// of any rank.
//
// An x may be a Param, an intermediate result, y itself (the gradient is one)
// or appear twice. An x that y does not depend on, a constant and a detached
// value get zeros: Explain tells why. Every result is a Var that can be
// differentiated again, to any order. Results may share storage with each
// other: only read them.
//
// Each operation on a path from y to an x is visited once, no other at all.
// It panics if y has not exactly one element.
func Grad[T stepgrad.Float](y *Var[T], xs ...*Var[T]) []*Var[T] {
	if len(y.data) != 1 {
		panic(fmt.Sprintf("autograd: Grad: y has shape %v, not one element; see GradWith", y.shape))
	}
	return GradWith(y, fill(T(1), y.shape), xs...)
}

// GradWith is Grad for y of any shape: it returns the vector-Jacobian product
// Σ dy·∂y/∂x for each x. dy may depend on Params itself, and the results can
// be differentiated with respect to them. Results may share storage with dy.
//
// It panics if dy does not have exactly the shape of y.
func GradWith[T stepgrad.Float](y, dy *Var[T], xs ...*Var[T]) []*Var[T] {
	if !slices.Equal(y.shape, dy.shape) {
		panic(fmt.Sprintf("autograd: GradWith: dy has shape %v and y has shape %v", dy.shape, y.shape))
	}
	g := trace(y, (*node[T]).open)
	if slices.ContainsFunc(g.nodes, func(n *node[T]) bool { return n.once }) {
		return recorded(g, dy, xs) // a user's rule runs once, and may keep what it is given
	}
	seed := Detach(dy)
	slots := plain(g, seed, xs)
	r := &replay[T]{g: g, dy: dy, xs: slices.Clone(xs)}
	grads := make([]*Var[T], len(xs))
	for k, x := range xs {
		i, ok := g.index[x.node]
		switch {
		case !ok || slots[i].sum == nil:
			grads[k] = fill(T(0), x.shape)
		case slots[i].sum == seed:
			grads[k] = dy
		case slots[i].varies || dy.node != nil:
			grads[k] = Detach(slots[i].sum)
			grads[k].node = &node[T]{later: r, result: k}
		default:
			grads[k] = slots[i].sum
		}
	}
	return grads
}

// A replay records what plain has computed, if anyone asks.
type replay[T stepgrad.Float] struct {
	once  sync.Once
	g     graph[T]
	dy    *Var[T]
	xs    []*Var[T]
	edges [][]edge[T] // of the results
}

func (r *replay[T]) of(k int) []edge[T] {
	r.once.Do(func() {
		edges := make([][]edge[T], len(r.xs))
		for k, v := range recorded(r.g, r.dy, r.xs) {
			if v.node != nil {
				edges[k] = []edge[T]{via(v, pass[T])}
			}
		}
		r.edges, r.g, r.dy, r.xs = edges, graph[T]{}, nil, nil // the edges hold what they need
	})
	return r.edges[k]
}

// A slot gathers the gradient of one node.
type slot[T stepgrad.Float] struct {
	sum   *Var[T]
	isX   bool
	leads bool // to an x

	own bool // in recorded: sum.data was made here, and nobody else has seen it

	mem    *memory[T] // in plain: what sum lies in, nil if it was not taken from spare
	varies bool       // in plain: recorded would find that sum depends on a Param
}

func slotsOf[T stepgrad.Float](g graph[T], dy *Var[T], xs []*Var[T]) []slot[T] {
	slots := make([]slot[T], len(g.nodes))
	for _, x := range xs {
		if i, ok := g.index[x.node]; ok {
			slots[i].isX, slots[i].leads = true, true
		}
	}
	for i := range slots {
		for _, to := range g.operands(i) {
			slots[i].leads = slots[i].leads || to >= 0 && slots[to].leads
		}
	}
	if len(slots) > 0 {
		slots[len(slots)-1].sum = dy
	}
	return slots
}

// recorded computes gradients that can be differentiated.
func recorded[T stepgrad.Float](g graph[T], dy *Var[T], xs []*Var[T]) []*Var[T] {
	slots := slotsOf(g, dy, xs)
	for i, n := range slices.Backward(g.nodes) {
		s := &slots[i]
		if s.sum == nil {
			continue
		}
		var joint []*Var[T]
		for k, to := range g.operands(i) {
			if to < 0 || !slots[to].leads {
				continue
			}
			e, next := &n.out()[k], &slots[to]
			switch {
			case n.joint != nil:
				if joint == nil {
					joint = n.joint(s.sum)
				}
				next.add(joint[k])
			case e.into != nil && next.own && s.sum.node == nil:
				e.into(next.sum.data, s.sum.data)
			default:
				next.add(e.rule(s.sum))
			}
		}
		if !s.isX {
			s.sum = nil // garbage from here on
		}
	}
	grads := make([]*Var[T], len(xs))
	for k, x := range xs {
		if i, ok := g.index[x.node]; ok && slots[i].sum != nil {
			grads[k] = slots[i].sum
		} else {
			grads[k] = fill(T(0), x.shape)
		}
	}
	return grads
}

func (s *slot[T]) add(g *Var[T]) {
	switch {
	case g == nil:
	case s.sum == nil:
		s.sum = g
	case s.own && g.node == nil:
		pairs(s.sum.data, s.sum.data, g.data, stepgrad.Add[T])
	default:
		s.sum, s.own = Add(s.sum, g), true
	}
}

// plain computes the same numbers, and uses the memory of a gradient again
// once it has been handed on: where recorded walks through main memory, plain
// stays in the cache.
func plain[T stepgrad.Float](g graph[T], dy *Var[T], xs []*Var[T]) []slot[T] {
	slots := slotsOf(g, dy, xs)
	spare := borrow[T]()
	defer giveBack(spare)
	for i, n := range slices.Backward(g.nodes) {
		s := &slots[i]
		if s.sum == nil {
			continue
		}
		operands := g.operands(i)
		last := len(operands) - 1
		for last >= 0 && (operands[last] < 0 || !slots[operands[last]].leads) {
			last--
		}
		var joint []*Var[T]
		for k, to := range operands[:last+1] {
			if to < 0 || !slots[to].leads {
				continue
			}
			e, next := &n.out()[k], &slots[to]
			next.varies = next.varies || s.varies || e.varies
			switch {
			case e.into != nil && next.mem.alone():
				e.into(next.sum.data, s.sum.data)
			case e.plain != nil:
				mem := s.mem
				if k == last && !s.isX && mem.alone() && len(mem.data) == size(e.shape) {
					s.mem = nil
				} else {
					mem = spare.get(size(e.shape))
				}
				e.plain(mem.data, s.sum.data)
				next.gather(&Var[T]{data: mem.data, shape: e.shape}, mem, spare)
			default:
				var dx *Var[T]
				var mem *memory[T]
				if n.joint == nil {
					dx = e.rule(s.sum)
				} else {
					if joint == nil {
						joint = n.joint(s.sum)
					}
					dx = joint[k]
				}
				if dx.node != nil {
					dx, next.varies = Detach(dx), true
				}
				if unsafe.SliceData(dx.data) == unsafe.SliceData(s.sum.data) {
					if mem = s.mem; mem != nil {
						mem.holders++
					}
				} else if n.joint != nil {
					mem = &memory[T]{dx.data, 1}
				}
				next.gather(dx, mem, spare)
			}
		}
		if !s.isX {
			s.sum = nil
			spare.put(s.mem)
		}
	}
	return slots
}

// gather adds dx, which lies in mem, or elsewhere if mem is nil.
func (s *slot[T]) gather(dx *Var[T], mem *memory[T], spare *memories[T]) {
	switch {
	case s.sum == nil:
		s.sum, s.mem = dx, mem
	case s.mem.alone():
		pairs(s.sum.data, s.sum.data, dx.data, stepgrad.Add[T])
		spare.put(mem)
	case mem.alone():
		pairs(dx.data, s.sum.data, dx.data, stepgrad.Add[T])
		spare.put(s.mem)
		s.sum, s.mem = dx, mem
	default:
		m := spare.get(len(dx.data))
		pairs(m.data, s.sum.data, dx.data, stepgrad.Add[T])
		spare.put(mem)
		spare.put(s.mem)
		s.sum, s.mem = &Var[T]{data: m.data, shape: dx.shape}, m
	}
}

// A memory holds one tensor, or the same one for several slots.
type memory[T stepgrad.Float] struct {
	data    []T
	holders int
}

func (m *memory[T]) alone() bool { return m != nil && m.holders == 1 }

// memories are free to be used.
type memories[T stepgrad.Float] struct{ free []*memory[T] }

// get returns n elements with anything in them, those last used if it can.
func (s *memories[T]) get(n int) *memory[T] {
	for i, m := range slices.Backward(s.free) {
		if len(m.data) == n {
			s.free = slices.Delete(s.free, i, i+1)
			m.holders = 1
			return m
		}
	}
	return &memory[T]{blank[T](n), 1}
}

func (s *memories[T]) put(m *memory[T]) {
	if m == nil {
		return
	}
	if m.holders--; m.holders == 0 {
		s.free = append(s.free, m)
	}
}

// Between calls of Grad memories wait here; the garbage collector takes those
// that nobody fetches.
var pools [2]sync.Pool // of float32 and of float64

func borrow[T stepgrad.Float]() *memories[T] {
	if s, ok := pools[unsafe.Sizeof(T(0))/8].Get().(*memories[T]); ok {
		return s
	}
	return new(memories[T])
}

func giveBack[T stepgrad.Float](s *memories[T]) {
	s.free = s.free[max(0, len(s.free)-16):]
	pools[unsafe.Sizeof(T(0))/8].Put(s)
}

// A graph lists the nodes behind a Var, operands before results.
type graph[T stepgrad.Float] struct {
	nodes []*node[T]
	index map[*node[T]]int // position in nodes
	links []int            // the positions of each node's operands, node after node; −1: not followed
	first []int            // where in links those of a node begin
}

func (g graph[T]) operands(i int) []int {
	if i+1 < len(g.first) {
		return g.links[g.first[i]:g.first[i+1]]
	}
	return g.links[g.first[i]:]
}

// trace is a depth-first search with its own stack, along the edges that
// follow admits.
func trace[T stepgrad.Float](y *Var[T], follow func(n *node[T], i int) bool) graph[T] {
	g := graph[T]{index: map[*node[T]]int{}}
	if y.node == nil {
		return g
	}
	type frame struct {
		n    *node[T]
		next int
	}
	stack := []frame{{n: y.node}}
	g.index[y.node] = -1
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		n, i := top.n, top.next
		edges := n.out()
		if i < len(edges) {
			top.next++
			to := edges[i].to
			if _, seen := g.index[to]; !seen && follow(n, i) {
				g.index[to] = -1
				stack = append(stack, frame{n: to})
			}
			continue
		}
		g.first = append(g.first, len(g.links))
		for i, e := range edges {
			to := -1
			if follow(n, i) {
				to = g.index[e.to]
			}
			g.links = append(g.links, to)
		}
		g.index[n] = len(g.nodes)
		g.nodes = append(g.nodes, n)
		stack = stack[:len(stack)-1]
	}
	return g
}
