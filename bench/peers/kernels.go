package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/viterin/vek/vek32"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

var (
	roundings   = []string{"Floor", "Ceil", "Trunc", "Round", "RoundAway"}
	memoryBound = append(slices.Clone(roundings), "FloorSnap", "FloorDiv", "FloorInt32", "STEForward", "STEBackward")
	staircases  = []string{"SoftFloor", "SoftRound", "SoftCeil", "SmoothFloor", "SmoothRound", "SmoothCeil"}
)

func typeName[T cases.Float]() string { return fmt.Sprintf("f%d", 8*unsafe.Sizeof(T(0))) }

// params are everyday parameters. In place, dividing by −1 keeps the data what
// they are, whatever the number of calls.
func params[T cases.Float](k *kernels.Kernel, place string) kernels.Params[T] {
	p := cases.Params[T](k.Sig)[0]
	if k.Sig == kernels.Step && place == inPlace {
		p.Step = -1
	}
	return p
}

// kernel makes entrants of one kernel on every tier.
func kernel[T cases.Float](id key, b *operands[T], p kernels.Params[T]) (list []entrant) {
	f := call.Bound(id.Op, &b.Buffers, p)
	for _, tier := range isa.Tiers() {
		id.Impl = tier
		list = append(list, onTier(tier, entrant{key: id, time: repeated(f), output: func() ([][]float64, error) {
			f()
			return outputs(kernels.ByName(id.Op).Shape, &b.Buffers), nil
		}}))
	}
	return list
}

// outputs are the beginnings of a kernel's results.
func outputs[T cases.Float](s kernels.Shape, b *call.Buffers[T]) [][]float64 {
	switch s {
	case kernels.MapInt:
		out := make([]float64, min(len(b.Int), sample))
		for i := range out {
			out[i] = float64(b.Int[i])
		}
		return [][]float64{out}
	case kernels.MapBoth:
		return [][]float64{float64s(b.Dst), float64s(b.Grad)}
	}
	return [][]float64{float64s(b.Dst)}
}

// defined is what the kernel's definition makes of the operands.
func defined[T cases.Float](k *kernels.Kernel, b *call.Buffers[T], p kernels.Params[T]) answer {
	n := min(max(len(b.Dst), len(b.Int)), sample)
	y, grad := make([]float64, n), make([]float64, n)
	f := cases.Def[T](k)(p)
	for i := range n {
		var in kernels.In[T]
		if b.X != nil {
			in.X = b.X[i]
		}
		if b.Dy != nil {
			in.Dy = b.Dy[i]
		}
		if k.Shape == kernels.FromMask {
			in.Bit = b.Mask[i>>3]>>(i&7)&1 != 0
		}
		out := f(in)
		y[i], grad[i] = float64(out.Y), float64(out.Grad)
		if k.Shape == kernels.MapInt {
			y[i] = float64(out.Int)
		}
	}
	if k.Shape == kernels.MapBoth {
		return answer{results: [][]float64{y, grad}}
	}
	return answer{results: [][]float64{y}}
}

// shares races every memory-bound kernel against the moves of its bytes.
func (p *program) shares() error {
	for _, n := range p.sizes(1<<14, 1<<18, 1<<22, 1<<26) {
		for _, name := range memoryBound {
			for _, place := range []string{outOfPlace, inPlace} {
				if kernels.ByName(name).Shape == kernels.MapInt && place == inPlace {
					continue
				}
				if err := share[float32](p, name, n, place); err != nil {
					return err
				}
				if err := share[float64](p, name, n, place); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func share[T cases.Float](p *program, name string, n int, place string) error {
	id := key{Table: "Share", Op: name, Type: typeName[T](), N: n, Place: place, Threads: 1}
	if !p.wanted(id) {
		return nil
	}
	k := kernels.ByName(name)
	b := newOperands[T](p.memory, k.Shape, n, place)
	entrants := kernel(id, b, params[T](k, place))
	if place == outOfPlace {
		if err := check(entrants, map[string]answer{name: defined(k, &b.Buffers, params[T](k, place))}); err != nil {
			return err
		}
	}
	// The portable loops are no news here and would take most of the time.
	entrants = slices.DeleteFunc(entrants, func(e entrant) bool { return e.Impl == isa.NameGeneric && len(isa.Tiers()) > 1 })
	return p.race(append(movers(id, b.dst, b.src), entrants...), p.copying(n))
}

// copying is the effort for what memory bounds; far away, noise wants more.
func (p *program) copying(n int) effort {
	if n >= far {
		return p.effort(20, 15*time.Millisecond)
	}
	return p.effort(50, time.Millisecond)
}

// ceilings measures the moves at every size, of one thread and of all.
func (p *program) ceilings() error {
	for _, n := range p.sizes(64, 256, 1<<10, 1<<12, 1<<14, 1<<16, 1<<18, 1<<20, 1<<22, 1<<24, 1<<26) {
		for _, place := range []string{outOfPlace, inPlace} {
			if err := ceilingOf[float32](p, n, place); err != nil {
				return err
			}
			if err := ceilingOf[float64](p, n, place); err != nil {
				return err
			}
		}
	}
	return nil
}

func ceilingOf[T cases.Float](p *program, n int, place string) error {
	b := newOperands[T](p.memory, kernels.Map, n, place)
	var list []entrant
	for _, threads := range p.threadCounts() {
		id := key{Table: "Ceiling", Op: "Move", Type: typeName[T](), N: n, Place: place, Threads: threads}
		if p.wanted(id) {
			list = append(list, movers(id, b.dst, b.src)...)
		}
	}
	return p.race(list, p.copying(n))
}

// parallel races Floor with one thread and with Parallel.
func (p *program) parallel() error {
	if p.threads == 1 {
		return nil
	}
	for _, n := range p.sizes(1<<10, 1<<12, 1<<14, 1<<16, 1<<18, 1<<20, 1<<22, 1<<24, 1<<26) {
		if err := parallelOf[float32](p, n); err != nil {
			return err
		}
		if err := parallelOf[float64](p, n); err != nil {
			return err
		}
	}
	return nil
}

func parallelOf[T cases.Float](p *program, n int) error {
	b := newOperands[T](p.memory, kernels.Map, n, outOfPlace)
	one := key{Table: "Parallel", Op: "Floor", Type: typeName[T](), N: n, Place: outOfPlace, Threads: 1, Impl: "stepgrad"}
	all := one
	all.Threads = p.threads
	if !p.wanted(one) {
		return nil
	}
	list := movers(all, b.dst, b.src)
	part := func(lo, hi int) { stepgrad.Floor(b.Dst[lo:hi], b.X[lo:hi]) } // allocated once, not per call
	list = append(list,
		entrant{key: one, time: repeated(func() { stepgrad.Floor(b.Dst, b.X) })},
		entrant{key: all, time: repeated(func() { stepgrad.Parallel(n, part) })})
	return p.race(list, p.copying(n))
}

// transcendental races the staircases, their gradients, and what they are
// measured by, on the same elements.
func (p *program) transcendental() error {
	if err := transcendentalOf[float32](p); err != nil {
		return err
	}
	return transcendentalOf[float64](p)
}

func transcendentalOf[T cases.Float](p *program) error {
	const n = 1 << 14
	p.memory.reset()
	b := &operands[T]{}
	b.Dst, b.X, b.Dy, b.Grad = take[T](p.memory, n, 0), take[T](p.memory, n, 0), take[T](p.memory, n, 0), take[T](p.memory, n, 0)
	for i, x := range [][]T{b.X, b.Dy, b.Dst, b.Grad} {
		fill(x, uint64(i), -12, 12)
	}
	id := key{Table: "Transcendental", Type: typeName[T](), N: n, Place: outOfPlace, Threads: 1}
	answers := map[string]answer{}
	var list []entrant
	for _, name := range staircases {
		for _, form := range []string{"", "Grad", "ValueGrad"} {
			id.Op = name + form
			if !p.wanted(id) {
				continue
			}
			k := kernels.ByName(id.Op)
			list = append(list, kernel(id, b, params[T](k, outOfPlace))...)
			answers[id.Op] = defined(k, &b.Buffers, params[T](k, outOfPlace))
		}
	}
	yardsticks := map[string]func(float64) float64{
		"Exp": math.Exp, "Expm1": math.Expm1, "Tanh": math.Tanh, "Sin": math.Sin, "Atan": math.Atan,
		"SoftRound": func(x float64) float64 { y, _ := softRound(x, 0); return y },
		"SmoothRound": func(x float64) float64 {
			n := math.RoundToEven(x)
			return n + math.Atan(slope*math.Tan(math.Pi*(x-n)))/math.Pi
		},
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(b.X[i])
	}
	for _, op := range slices.Sorted(maps.Keys(yardsticks)) {
		id.Op = op
		if !p.wanted(id) {
			continue
		}
		want := answer{[][]float64{slices.Clone(x)}, 1e-5}
		for i, v := range want.results[0] {
			want.results[0][i] = yardsticks[op](v)
		}
		answers[op] = want
		if dst, ok := any(b.Dst).([]float32); ok {
			x := any(b.X).([]float32)
			vek := map[string]func(dst, x []float32) []float32{"Exp": vek32.Exp_Into, "Sin": vek32.Sin_Into}[op]
			if vek != nil {
				id.Impl = "vek"
				list = append(list, entrant{key: id, time: repeated(func() { vek(dst, x) }), output: func() ([][]float64, error) {
					return [][]float64{float64s(vek(dst, x))}, nil
				}})
			}
		}
		for _, peer := range []struct {
			impl string
			*worker
		}{{"sleef-avx512", p.sleef}, {"sleef-avx2", p.sleef}, {"numpy", p.python}, {"torch", p.python}} {
			if peer.worker == nil {
				continue
			}
			id.Impl = peer.impl
			data := [][]float64{x}
			if peer.worker == p.python {
				data = [][]float64{float64s(x), float64s(x)}
			}
			entered, err := peer.enter(id, data...)
			if err != nil {
				return err
			}
			list = append(list, entered...)
		}
	}
	return p.contest(list, answers, p.effort(60, time.Millisecond))
}
