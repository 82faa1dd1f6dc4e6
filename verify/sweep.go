package main

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

const (
	block = 1 << 20 // inputs between two changes of tier: the switch is global
	tile  = 1 << 13 // inputs of one call
	keep  = 5       // mismatches shown per tier and run
)

// A run is one kernel as it is called; those with a second operand run once per
// dy.
type run struct {
	kernel *kernels.Kernel
	dy     float32
}

// A group is the runs that one evaluation of a definition serves: a kernel, or
// the value, gradient and both of one staircase.
type group struct {
	params kernels.Params[float32]
	runs   []run
	def    kernels.Def[float32] // of the kernel that has every result
	dy     float32              // what it gets as second operand; 1 makes of a gradient f′
}

// A result is what one tier made of one run.
type result struct {
	tier     string
	run      run
	failures int
	first    []*cases.Mismatch // the first few, in the order of the inputs
}

// sweep feeds a group 2^bits float32 inputs, spread over all bit patterns, on
// every tier, on all cores, and compares every result with the definition.
// step is told how many inputs are done.
func (g *group) sweep(bits int, tiers []string, step func(int)) []result {
	results := make([]result, 0, len(tiers)*len(g.runs))
	for _, tier := range tiers {
		for _, r := range g.runs {
			results = append(results, result{tier: tier, run: r})
		}
	}
	f := g.def(g.params)
	total := uint64(1) << bits
	size := min(block, int(total))
	in, want := make([]kernels.In[float32], size), make([]kernels.Out[float32], size)
	scratch := make([]call.Buffers[float32], runtime.GOMAXPROCS(0))
	for i := range scratch {
		scratch[i] = call.Buffers[float32]{
			Dst: make([]float32, tile), Grad: make([]float32, tile), Dy: make([]float32, tile), X: make([]float32, tile),
			Int: make([]int32, tile), Mask: make([]byte, tile/8),
		}
	}
	for at := uint64(0); at < total; at += uint64(size) {
		eachTile(size, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				in[i] = kernels.In[float32]{X: input(at+uint64(i), bits), Dy: g.dy}
				want[i] = f(in[i])
			}
		})
		for t, tier := range tiers {
			restore := isa.Use(tier)
			var mu sync.Mutex
			eachTile(size, func(worker, lo, hi int) {
				for r, run := range g.runs {
					bad, count := compare(run, g.params, in[lo:hi], want[lo:hi], &scratch[worker])
					if count > 0 {
						mu.Lock()
						results[t*len(g.runs)+r].add(bad, count)
						mu.Unlock()
					}
				}
			})
			restore()
		}
		step(size)
	}
	return results
}

func (r *result) add(bad []*cases.Mismatch, count int) {
	r.failures += count
	if len(r.first) < keep {
		r.first = append(r.first, bad...)
		r.first = r.first[:min(keep, len(r.first))]
	}
}

// input is the i-th of 2^bits bit patterns: one in every stretch of equal
// length, at a place that varies.
func input(i uint64, bits int) float32 {
	spread := uint32(i) << (32 - bits)
	hash := uint32(i*0x9e3779b97f4a7c15>>32) & (1<<(32-bits) - 1)
	return math.Float32frombits(spread | hash)
}

// compare calls one run on a tile and returns how many elements differ, and
// the first few of them.
func compare(r run, p kernels.Params[float32], in []kernels.In[float32], want []kernels.Out[float32], b *call.Buffers[float32]) (bad []*cases.Mismatch, count int) {
	n := len(in)
	c := cases.Case[float32]{Kernel: r.kernel, Params: p, In: in, Want: want}
	view := call.Buffers[float32]{Dst: b.Dst[:n], Grad: b.Grad[:n], Dy: b.Dy[:n], X: b.X[:n], Int: b.Int[:n], Mask: b.Mask[:(n+7)/8]}
	for i := range in {
		view.X[i], view.Dy[i] = in[i].X, r.dy
	}
	call.Kernel(r.kernel.Name, &view, p)
	if r.kernel.Shape == kernels.MapGrad {
		c.Want, c.In = slices.Clone(want), slices.Clone(in)
		for i := range want {
			c.Want[i].Y = r.dy * want[i].Grad
			c.In[i].Dy = r.dy
		}
	}
	for i := range c.Want {
		w := &c.Want[i]
		switch r.kernel.Shape { // the usual case, fast
		case kernels.Map, kernels.MapGrad, kernels.Zip, kernels.ZipGrad:
			if math.Float32bits(view.Dst[i]) == math.Float32bits(w.Y) {
				continue
			}
		case kernels.MapInt:
			if view.Int[i] == w.Int {
				continue
			}
		}
		got := kernels.Out[float32]{Y: view.Dst[i], Grad: view.Grad[i], Int: view.Int[i], Bit: view.Mask[i>>3]>>(i&7)&1 != 0}
		if m := c.Compare(i, got); m != nil {
			if count++; len(bad) < keep {
				bad = append(bad, m)
			}
		}
	}
	return bad, count
}

// eachTile runs f over tiles of [0, n) on all cores.
func eachTile(n int, f func(worker, lo, hi int)) {
	var wait sync.WaitGroup
	var next atomic.Int64
	for w := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for {
				lo := int(next.Add(tile)) - tile
				if lo >= n {
					return
				}
				f(w, lo, min(lo+tile, n))
			}
		})
	}
	wait.Wait()
}
