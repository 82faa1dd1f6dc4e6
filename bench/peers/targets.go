package main

import (
	"fmt"
	"math"
	"slices"
)

// A target is a promise beside what was measured.
type target struct {
	what     string
	limit    float64
	atLeast  bool // else at most
	measured float64
	where    string // the worst case, where there are several
}

func (t target) met() bool {
	if t.atLeast {
		return t.measured >= t.limit
	}
	return t.measured <= t.limit
}

func (t target) verdict() string {
	if t.met() {
		return "met"
	}
	return fmt.Sprintf("**missed** by %s", digits3(math.Abs(t.measured-t.limit)))
}

// worst looks at one case after another and keeps the one farthest from the
// limit.
type worst struct {
	target
	any bool
}

func (w *worst) see(measured float64, where string) {
	if !w.any || w.atLeast == (measured < w.measured) && measured != w.measured {
		w.any, w.measured, w.where = true, measured, where
	}
}

const noise = 0.03 // what two runs of the same code differ by, on a quiet machine

// targets judges everything that was measured; what was not is left out.
func (r *report) targets() (list []target) {
	add := func(t target, see func(w *worst)) {
		w := &worst{target: t}
		if see(w); w.any {
			list = append(list, w.target)
		}
	}
	for _, place := range []string{outOfPlace, inPlace} {
		for _, typ := range []string{"f32", "f64"} {
			for _, n := range r.sizes("Share") {
				what := fmt.Sprintf("roundings, %s, %s, %s: share of the best copy", typ, placeName(place), size(n))
				add(target{what: what, limit: shareGoal, atLeast: true}, func(w *worst) {
					for _, op := range roundings {
						if s, ok := r.share(key{"Share", op, typ, n, place, 1, r.tier}); ok {
							w.see(s, op)
						}
					}
				})
			}
		}
	}
	for _, q := range []struct {
		what  string
		ops   []string
		limit float64
	}{
		{"Quantize, f32 to int8", []string{"Quantize"}, 0.9},
		{"FakeQuantize, f32", []string{"FakeQuantize", "FakeQuantizeMask"}, 0.9},
		{"FakeQuantizeGrad, f32", []string{"FakeQuantizeGrad"}, 0.8},
	} {
		for _, n := range []int{1 << 14, 1 << 18} {
			what := fmt.Sprintf("%s, %s: share of the best copy of as many bytes", q.what, size(n))
			add(target{what: what, limit: q.limit, atLeast: true}, func(w *worst) {
				for _, op := range q.ops {
					if s, ok := r.share(key{"Peer", op, "f32", n, outOfPlace, 1, r.tier}); ok {
						w.see(s, map[string]string{"FakeQuantize": "without mask", "FakeQuantizeMask": "with mask"}[op])
					}
				}
			})
		}
	}
	for _, typ := range []string{"f32", "f64"} {
		add(target{what: "Parallel Floor, " + typ + ", 64M: share of the best copy by as many threads", limit: shareGoal, atLeast: true}, func(w *worst) {
			if all, c, ok := r.parallelShare(typ, 1<<26); ok {
				w.see(c.typical()/all.typical(), "")
			}
		})
		add(target{what: "Parallel Floor, " + typ + ", every size: time against one thread", limit: 1 + noise}, func(w *worst) {
			for _, n := range r.sizes("Parallel") {
				if one, all, ok := r.parallel(typ, n); ok {
					w.see(all.typical()/one.typical(), size(n))
				}
			}
		})
	}
	for _, c := range shortCalls {
		add(target{what: c.op + ", 8 to 32 elements: time against the loop in its place", limit: 1}, func(w *worst) {
			for n := 8; n <= 32; n++ {
				if ours, loop, ok := r.short(c.op, outOfPlace, n); ok {
					w.see(ours.typical()/loop.typical(), fmt.Sprint("n = ", n))
				}
			}
		})
		add(target{what: c.op + ", 1 to 7 elements: ns more than the loop in its place", limit: 4}, func(w *worst) {
			for n := 1; n < 8; n++ {
				if ours, loop, ok := r.short(c.op, outOfPlace, n); ok {
					w.see(ours.typical()-loop.typical(), fmt.Sprint("n = ", n))
				}
			}
		})
	}
	ratio := func(what string, limit float64, typ, op, impl, toOp, toImpl string) {
		add(target{what: what, limit: limit}, func(w *worst) {
			a, okA := r.transcendental(op, typ, impl)
			b, okB := r.transcendental(toOp, typ, toImpl)
			if okA && okB {
				w.see(a.typical()/b.typical(), "")
			}
		})
	}
	ratio("SoftRound, f32, 16K: time against vek32.Exp_Into", 2.5, "f32", "SoftRound", r.tier, "Exp", "vek")
	ratio("SmoothRound, f32, 16K: time against vek32.Sin_Into", 2.5, "f32", "SmoothRound", r.tier, "Sin", "vek")
	for _, op := range []string{"SoftRound", "SmoothRound"} {
		ratio(op+", f32, 16K: time against PyTorch's chain of operations (well below: half)", 0.5, "f32", op, r.tier, op, "torch")
	}
	for _, op := range staircases {
		ratio(op+"ValueGrad, f32, 16K: time against "+op, 1.3, "f32", op+"ValueGrad", r.tier, op, r.tier)
	}
	for _, t := range trainings {
		for _, threads := range r.threads {
			add(target{what: fmt.Sprintf("autograd, %s, %s: time against PyTorch", t.op, threadsName(threads)), limit: 1}, func(w *worst) {
				ours, okA := r.training(t.op, "autograd", threads)
				theirs, okB := r.training(t.op, "torch", threads)
				if okA && okB {
					w.see(ours.typical()/theirs.typical(), "")
				}
			})
		}
	}
	return list
}

const shareGoal = 0.95

// A loss is a case in which a peer is faster than what stepgrad dispatches to.
type loss struct {
	ours, theirs record
}

func (l loss) factor() float64 { return l.ours.typical() / l.theirs.typical() }

// losses compares kernels with every peer, and autograd with those that
// compute gradients; threads with as many threads.
func (r *report) losses() (list []loss) {
	for _, theirs := range r.records {
		k := theirs.key
		var ours []string
		switch {
		case isMove(k.Impl) || slices.Contains(r.tiers, k.Impl):
			continue
		case k.Table == "Short":
			ours = []string{r.tier}
		case k.Table == "Autograd" && k.Impl != "autograd":
			ours = []string{"autograd"}
		case k.Table == "Transcendental" || k.Table == "Peer" && k.Impl != "autograd" && k.Impl != "parallel":
			ours = []string{r.tier}
			if k.Threads > 1 {
				ours = []string{"parallel"}
			}
			if k.Impl == "torch" || k.Impl == "gomlx" {
				ours = append(ours, "autograd")
			}
		}
		for _, impl := range ours {
			k.Impl = impl
			if o, ok := r.find(k); ok && o.typical() > (1+noise)*theirs.typical() {
				list = append(list, loss{o, theirs})
			}
		}
	}
	return list
}
