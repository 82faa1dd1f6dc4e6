package main

import (
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/viterin/vek/vek32"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
)

// The parameters of every measurement; the workers have the same.
const (
	alpha  = 5
	slope  = 0.1
	lo, hi = -8, 7
)

// A batch is what an operation works on.
type batch struct {
	x, dy  []float32 // operands
	y, dx  []float32 // results; dx where the operation is trained
	x8, y8 []int8    // x or y where that is of int8: the same memory
	mask   []byte
	sums   *[2]float32 // dscale and dzero
	xv, dv tensor

	at        int       // of the first element, in the whole batch
	image, xy []float32 // of sampling
}

// part is the batch from lo to hi; lo is a multiple of 64.
func (b *batch) part(lo, hi int) batch {
	p := batch{x: b.x[lo:hi], dy: b.dy[lo:hi], y: b.y[lo:hi], dx: b.dx[lo:hi], x8: b.x8[lo:hi], y8: b.y8[lo:hi],
		mask: b.mask[lo/8 : (hi+7)/8], sums: b.sums, at: lo, image: b.image}
	if b.xy != nil {
		p.xy = b.xy[lo*2/channels : hi*2/channels]
	}
	return p
}

// An operation is what all peers are asked for. What a peer cannot do is nil.
type operation struct {
	name    string
	title   string
	trained bool // dx is a result, too
	ints    bool // x is of int8
	bits    int  // read and written for an element: the moves of as many are in the race; or 0
	largest int  // number of elements, if that is limited

	reference func(x, dy float64) (y, dx float64)
	tolerance float64

	// Of an operation that is no function of one element, or has other results.
	whole    bool                          // checked on a batch of its own, of wholeSample elements
	serial   bool                          // Parallel would have to add up
	prepare  func(b *batch)                // makes operands
	expected func(b *batch) [][]float64    // nil: by the reference
	results  func(b *batch) [][]float64    // nil: y, and dx if trained
	compared func(y []float64) [][]float64 // what of the result can be, of those that are random

	kernels  func(b batch) // ours
	naive    func(b batch)
	vek      func(b batch)
	archsimd func(b batch)
	autograd func(x tensor) tensor
	params   []tensor // what autograd differentiates by besides x
}

var operations = slices.Concat(elementwise, quantisation, discrete)

var elementwise = []operation{
	{
		name: "Floor", title: "`floor`", bits: 64, reference: func(x, _ float64) (float64, float64) { return math.Floor(x), 0 },
		kernels:  func(b batch) { stepgrad.Floor(b.y, b.x) },
		naive:    func(b batch) { naiveFloor(b.y, b.x) },
		vek:      func(b batch) { vek32.Floor_Into(b.y, b.x) },
		archsimd: archsimdFloor(),
	}, {
		name: "DetachSTE", title: "`x + (floor(x) − x).detach()`, forward and backward", trained: true, tolerance: 1e-6,
		reference: func(x, dy float64) (float64, float64) { return math.Floor(x), dy },
		kernels: func(b batch) {
			inf := float32(math.Inf(1))
			stepgrad.STEForward(b.y, b.mask, b.x, stepgrad.Down, -inf, inf)
			stepgrad.STEBackward(b.dx, b.dy, b.mask)
		},
		naive: func(b batch) {
			naiveFloor(b.y, b.x)
			copy(b.dx, b.dy)
		},
		autograd: ag.FloorSTE[float32],
	}, {
		name: "ClipSTE", title: "`hardtanh`, then the detach form of `round`, forward and backward", trained: true, tolerance: 1e-6,
		reference: func(x, dy float64) (float64, float64) {
			if x < lo || x > hi {
				dy = 0
			}
			return math.RoundToEven(min(max(x, lo), hi)), dy
		},
		kernels: func(b batch) {
			stepgrad.STEForward(b.y, b.mask, b.x, stepgrad.NearestEven, lo, hi)
			stepgrad.STEBackward(b.dx, b.dy, b.mask)
		},
		naive: func(b batch) { naiveClip(b.y, b.dx, b.dy, b.x) },
		autograd: func(x tensor) tensor {
			return ag.ClipSTE(x, stepgrad.NearestEven, lo, hi)
		},
	}, {
		name: "SoftRound", title: "`soft_round`, forward", tolerance: 1e-5,
		reference: softRound,
		kernels:   func(b batch) { stepgrad.SoftRound(b.y, b.x, alpha) },
		naive:     func(b batch) { naiveSoftRound(b.y, b.x) },
	}, {
		name: "SoftRoundTrain", title: "`soft_round`, forward and backward", trained: true, tolerance: 1e-4,
		reference: softRound,
		kernels: func(b batch) {
			stepgrad.SoftRound(b.y, b.x, alpha)
			stepgrad.SoftRoundGrad(b.dx, b.dy, b.x, alpha)
		},
		naive: func(b batch) {
			naiveSoftRound(b.y, b.x)
			naiveSoftRoundGrad(b.dx, b.dy, b.x)
		},
		autograd: func(x tensor) tensor { return ag.SoftRound(x, alpha) },
	}, {
		name: "Exp", title: "`exp`", tolerance: 1e-5,
		reference: func(x, _ float64) (float64, float64) { return math.Exp(x), 0 },
		kernels:   func(b batch) { stepgrad.Exp(b.y, b.x) },
		naive: func(b batch) {
			for i, v := range b.x {
				b.y[i] = float32(math.Exp(float64(v)))
			}
		},
		vek: func(b batch) { vek32.Exp_Into(b.y, b.x) },
	}, {
		name: "Sin", title: "`sin`, a yardstick", tolerance: 1e-5,
		reference: func(x, _ float64) (float64, float64) { return math.Sin(x), 0 },
		naive: func(b batch) {
			for i, v := range b.x {
				b.y[i] = float32(math.Sin(float64(v)))
			}
		},
		vek: func(b batch) { vek32.Sin_Into(b.y, b.x) },
	},
}

// softScale is what does not depend on x in soft_round, computed beforehand as
// everybody does.
var softScale = 1 / (2 * math.Tanh(alpha/2.))

func softRound(x, dy float64) (y, dx float64) {
	m := math.Floor(x) + 0.5
	t := math.Tanh(alpha * (x - m))
	return m + t*softScale, dy * alpha * (1 - t*t) * softScale
}

func naiveFloor(y, x []float32) {
	for i, v := range x {
		y[i] = float32(math.Floor(float64(v)))
	}
}

func naiveClip(y, dx, dy, x []float32) {
	for i, v := range x {
		y[i] = float32(math.RoundToEven(float64(min(max(v, lo), hi))))
	}
	for i, v := range x {
		dx[i] = 0
		if lo <= v && v <= hi {
			dx[i] = dy[i]
		}
	}
}

func naiveSoftRound(y, x []float32) {
	for i, v := range x {
		m := math.Floor(float64(v)) + 0.5
		y[i] = float32(m + math.Tanh(alpha*(float64(v)-m))*softScale)
	}
}

func naiveSoftRoundGrad(dx, dy, x []float32) {
	scale := alpha * softScale
	for i, v := range x {
		t := math.Tanh(alpha * (float64(v) - math.Floor(float64(v)) - 0.5))
		dx[i] = dy[i] * float32((1-t*t)*scale)
	}
}

// sample is how many results are compared, of each element alone; of others,
// wholeSample.
const sample, wholeSample = 4096, 1 << 16

func newBatch(op *operation, m *memory, n int) *batch {
	m.reset()
	b := &batch{
		// The moves go on from y to dx and from x to dy.
		y: take[float32](m, n, 0), dx: take[float32](m, n, 0), x: take[float32](m, n, 0), dy: take[float32](m, n, 0),
		mask: take[byte](m, (n+7)/8, 0), sums: new([2]float32),
	}
	b.x8, b.y8 = int8s(b.x), int8s(b.y)
	fill(b.x, 1, -12, 12)
	fill(b.dy, 2, -1, 1)
	fill(b.y, 3, -1, 1)
	fill(b.dx, 3, -1, 1)
	fillBits(b.mask)
	b.xv, b.dv = ag.Param(b.x), ag.Const(b.dy)
	if op.prepare != nil {
		op.prepare(b)
	}
	return b
}

// peers are all who can do op, on n elements, as entrants of one race.
func (p *program) peers(op *operation, n int) (list []entrant, want answer, err error) {
	b := newBatch(op, p.memory, n)
	checked := b // on what results are compared
	if op.whole {
		checked = newBatch(op, newMemory(wholeSample), wholeSample)
	}
	want = op.answer(checked)
	id := func(impl string, threads int) key {
		return key{Table: "Peer", Op: op.name, Type: "f32", N: n, Place: outOfPlace, Threads: threads, Impl: impl}
	}
	// Scalar loops take as long per element in far memory as near, and minutes.
	scalar := func(impl string) bool { return impl == isa.NameGeneric && len(isa.Tiers()) > 1 || impl == "naive" }
	enter := func(impl string, threads int, f func(b batch)) {
		if f == nil || n > far && scalar(impl) && op.name != "Floor" || threads > 1 && op.serial {
			return
		}
		on := func(b *batch) func() {
			if threads == 1 {
				return func() { f(*b) }
			}
			part := func(lo, hi int) { f(b.part(lo, hi)) } // allocated once, not per call
			return func() { stepgrad.Parallel(len(b.x), part) }
		}
		list = append(list, entrant{key: id(impl, threads), time: repeated(on(b)), output: func() ([][]float64, error) {
			clear(checked.y)
			clear(checked.dx)
			on(checked)()
			return op.found(checked), nil
		}})
	}
	if op.bits > 0 {
		half := (op.bits*n/16 + 63) &^ 63
		list = append(list, movers(id("", 1), bytesFrom(b.y, half), bytesFrom(b.x, half))...)
		if p.threads > 1 {
			list = append(list, movers(id("", p.threads), bytesFrom(b.y, half), bytesFrom(b.x, half))...)
		}
	}
	if op.kernels != nil {
		for _, tier := range isa.Tiers() {
			before := len(list)
			enter(tier, 1, op.kernels)
			for i := range list[before:] {
				list[before+i] = onTier(tier, list[before+i])
			}
		}
		if p.threads > 1 {
			enter("parallel", p.threads, op.kernels)
		}
	}
	enter("naive", 1, op.naive)
	enter("vek", 1, op.vek)
	enter("archsimd", 1, op.archsimd)
	if op.autograd != nil {
		run := func(b *batch) []tensor {
			y := op.autograd(b.xv)
			return append([]tensor{y}, ag.GradWith(y, b.dv, append([]tensor{b.xv}, op.params...)...)...)
		}
		for _, threads := range p.threadCounts() {
			list = append(list, onProcs(threads, entrant{
				key: id("autograd", threads), time: repeated(func() { run(b) }),
				output: func() (out [][]float64, err error) {
					for _, v := range run(checked) {
						out = append(out, float64s(v.Data()))
					}
					return out, nil
				},
			}))
		}
	}
	gomlx, err := enterGoMLX(id("gomlx", 1), op, b)
	if err != nil {
		return nil, want, err
	}
	list = append(list, gomlx...)
	if p.python != nil {
		x, dy := float64s(b.x), float64s(b.dy)
		switch {
		case op.whole:
			x, dy = numbers(checked.x), numbers(checked.dy)
		case op.ints:
			x = float64s(b.x8)
		}
		for _, impl := range []string{"numpy", "torch"} {
			for _, threads := range p.threadCounts() {
				if impl == "numpy" && threads > 1 {
					continue
				}
				python, err := p.python.enter(id(impl, threads), x, dy)
				if err != nil {
					return nil, want, err
				}
				if op.compared != nil {
					for i, e := range python {
						python[i].output = func() ([][]float64, error) {
							raw, err := e.output()
							return op.compared(raw[0]), err
						}
					}
				}
				list = append(list, python...)
			}
		}
	}
	return list, want, nil
}

func (op *operation) answer(b *batch) answer {
	if op.expected != nil {
		return answer{op.expected(b), op.tolerance}
	}
	n := min(len(b.x), sample)
	y, dx := make([]float64, n), make([]float64, n)
	for i := range n {
		y[i], dx[i] = op.reference(float64(b.x[i]), float64(b.dy[i]))
	}
	if op.trained {
		return answer{[][]float64{y, dx}, op.tolerance}
	}
	return answer{[][]float64{y}, op.tolerance}
}

// found is what is compared of what the batch holds.
func (op *operation) found(b *batch) [][]float64 {
	switch {
	case op.results != nil:
		return op.results(b)
	case op.compared != nil:
		return op.compared(numbers(b.y))
	case op.trained:
		return [][]float64{float64s(b.y), float64s(b.dx)}
	}
	return [][]float64{float64s(b.y)}
}

// float64s is the beginning of x: what is compared.
func float64s[T cases.Float | int8](x []T) []float64 { return numbers(x[:min(len(x), sample)]) }

func numbers[T cases.Float | int8](x []T) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		out[i] = float64(x[i])
	}
	return out
}

// onTier makes e run on one instruction set.
func onTier(tier string, e entrant) entrant {
	run, output := e.time, e.output
	e.time = func(calls int) (time.Duration, error) {
		defer isa.Use(tier)()
		return run(calls)
	}
	if output != nil {
		e.output = func() ([][]float64, error) {
			defer isa.Use(tier)()
			return output()
		}
	}
	return e
}

// onProcs makes e run with GOMAXPROCS threads, the garbage collector's included.
func onProcs(threads int, e entrant) entrant {
	run := e.time
	e.time = func(calls int) (time.Duration, error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		return run(calls)
	}
	return e
}
