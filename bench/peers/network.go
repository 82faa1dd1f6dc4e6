package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
)

type tensor = *ag.Var[float32]

// A training is something that autograd and PyTorch both do: a forward pass
// and a backward pass, and for a network the optimiser's step.
type training struct {
	op       string
	title    string
	operands func(n int) []float32
	build    func(data []float32) func() []tensor // loss first, then the gradients
}

var trainings = []training{
	{"StepFloat", "one step of examples/qat: 64-32-10, 32 digits, Adam; in float", networkData, network(nil)},
	{"StepFloorSTE", "the same on three levels, by `FloorSTE`", networkData, network(floorSTE)},
	{"StepClipSTE", "the same, by `ClipSTE`", networkData, network(clipSTE)},
	{"Chain", "ten elementwise operations on 1M elements, forward and backward", chainData, chain},
}

const chainLength = 1 << 20

func chainData(n int) []float32 {
	data := make([]float32, 3*n)
	fill(data[:n], 1, -12, 12)
	fill(data[n:], 2, -1, 1)
	return data
}

// chain is Mul, Scale, FloorSTE, Add, SoftRound, Sigmoid, Neg, Exp, Tanh and
// Square, summed; workers/python.py has the same.
func chain(data []float32) func() []tensor {
	n := len(data) / 3
	x, w, b := ag.Param(data[:n]), ag.Param(data[n:2*n]), ag.Param(data[2*n:])
	return func() []tensor {
		y := ag.FloorSTE(ag.Scale(ag.Mul(x, w), 0.5))
		y = ag.SoftRound(ag.Add(y, b), alpha)
		y = ag.Sum(ag.Square(ag.Tanh(ag.Exp(ag.Neg(ag.Sigmoid(y))))))
		return append([]tensor{y}, ag.Grad(y, x, w, b)...)
	}
}

// The network of examples/qat.
const digits, pixels, hidden, classes = 32, 64, 32, 10

// networkData is a batch of images, the weights and biases of both layers and
// the labels, in a row.
func networkData(int) []float32 {
	r := rand.New(rand.NewPCG(1, 0))
	var data []float32
	add := func(n int, f func() float64) {
		for range n {
			data = append(data, float32(f()))
		}
	}
	normal := func(deviation float64) func() float64 { return func() float64 { return deviation * r.NormFloat64() } }
	add(digits*pixels, func() float64 { return float64(r.IntN(17)) / 16 })
	add(pixels*hidden, normal(math.Sqrt(2./pixels)))
	add(hidden, normal(0.1))
	add(hidden*classes, normal(math.Sqrt(2./hidden)))
	add(classes, normal(0.1))
	add(digits, func() float64 { return float64(r.IntN(classes)) })
	return data
}

// A staircase rounds u to the levels 0, 1 and 2, as in examples/qat.
type staircase func(u tensor) tensor

var half = ag.Const([]float32{0.5})

func floorSTE(u tensor) tensor { return ag.Clamp(ag.FloorSTE(ag.Add(u, half)), 0, 2) }
func clipSTE(u tensor) tensor  { return ag.ClipSTE(u, stepgrad.NearestEven, 0, 2) }

func quantised(x tensor, zero, step float32, round staircase) tensor {
	z := ag.Const([]float32{zero})
	return ag.Scale(ag.Sub(round(ag.Add(ag.Scale(x, 1/step), z)), z), step)
}

// network builds a training step; nil trains in float. The rate is 0, so that
// every step does the same.
func network(round staircase) func(data []float32) func() []tensor {
	return func(data []float32) func() []tensor {
		next := func(n int) []float32 {
			part := data[:n:n]
			data = data[n:]
			return part
		}
		images := ag.Const(next(digits*pixels), digits, pixels)
		w1, b1 := ag.Param(next(pixels*hidden), pixels, hidden), ag.Param(next(hidden))
		w2, b2 := ag.Param(next(hidden*classes), hidden, classes), ag.Param(next(classes))
		labels := make([]int, digits)
		for i, v := range next(digits) {
			labels[i] = int(v)
		}
		logits := func() tensor {
			if round == nil {
				return ag.Add(ag.MatMul(ag.ReLU(ag.Add(ag.MatMul(images, w1), b1)), w2), b2)
			}
			h := ag.Add(ag.MatMul(images, quantised(w1, 1, 0.2, round)), b1)
			return ag.Add(ag.MatMul(quantised(h, 0, 1, round), quantised(w2, 1, 0.3, round)), b2)
		}
		adam := optim.NewAdam[float32](0, w1, b1, w2, b2)
		return func() []tensor {
			loss := ag.CrossEntropy(logits(), labels)
			grads := ag.Grad(loss, w1, b1, w2, b2)
			adam.Step(grads...)
			return append([]tensor{loss}, grads...)
		}
	}
}

// An allocation is what one step costs the garbage collector.
type allocation struct {
	op           string
	count, bytes float64
}

// train races autograd with PyTorch.
func (p *program) train() error {
	n := chainLength
	if p.quick {
		n = 1 << 14
	}
	for _, t := range trainings {
		id := key{Table: "Autograd", Op: t.op, Type: "f32", N: n, Place: outOfPlace, Threads: 1, Impl: "autograd"}
		if t.op != "Chain" {
			id.N = digits
		}
		if !p.wanted(id) {
			continue
		}
		list, want, err := p.trainers(id, t)
		if err != nil {
			return err
		}
		if err := p.contest(list, map[string]answer{t.op: want}, p.effort(40, 10*time.Millisecond)); err != nil {
			return err
		}
		p.allocations = append(p.allocations, allocated(t, id.N))
	}
	return nil
}

func (p *program) trainers(id key, t training) (list []entrant, want answer, err error) {
	data := t.operands(id.N)
	step := t.build(data)
	numbers := func(ts []tensor) (out [][]float64) {
		for _, v := range ts {
			x := make([]float64, v.Len())
			for i, e := range v.Data() {
				x[i] = float64(e)
			}
			out = append(out, x)
		}
		return out
	}
	want = answer{numbers(step()), 1e-4}
	for _, threads := range p.threadCounts() {
		id.Threads = threads
		list = append(list, onProcs(threads, entrant{key: id, time: repeated(func() { step() })}))
	}
	if p.python == nil {
		return list, want, nil
	}
	x := make([]float64, len(data))
	for i, v := range data {
		x[i] = float64(v)
	}
	for _, threads := range p.threadCounts() {
		id.Threads, id.Impl = threads, "torch"
		torch, err := p.python.enter(id, x)
		if err != nil {
			return nil, want, err
		}
		list = append(list, torch...)
	}
	return list, want, nil
}

// allocated is what a step allocates once it is warm.
func allocated(t training, n int) allocation {
	step := t.build(t.operands(n))
	const steps = 20
	for range steps {
		step()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range steps {
		step()
	}
	runtime.ReadMemStats(&after)
	return allocation{t.op, float64(after.Mallocs-before.Mallocs) / steps, float64(after.TotalAlloc-before.TotalAlloc) / steps}
}
