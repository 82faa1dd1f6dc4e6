package stepgrad

import (
	"runtime"
	"sync"

	"github.com/stepgrad/stepgrad/internal/isa"
)

// ISA names the instruction set this process dispatches to: "avx512", "avx2",
// "neon" or "generic". It is always "generic" with -tags purego, and follows
// GODEBUG switches such as cpu.avx2=off.
func ISA() string { return isa.Name() }

// Parallel calls f(lo, hi) for consecutive chunks that tile [0, n), on up to
// GOMAXPROCS goroutines, the caller's included, and returns when all are done.
// Every chunk starts at a multiple of 64, so chunks share no byte of a mask.
//
//	stepgrad.Parallel(len(x), func(lo, hi int) { stepgrad.Floor(dst[lo:hi], x[lo:hi]) })
//
// A panic in f reaches the caller, with its value, after the other chunks are
// done; of several panics, one. n = 0 does nothing; n < 0 panics.
func Parallel(n int, f func(lo, hi int)) {
	const grain = 64
	if n < 0 {
		panic("stepgrad: Parallel: n must be at least 0")
	}
	if n == 0 {
		return
	}
	blocks := (n-1)/grain + 1
	workers := min(runtime.GOMAXPROCS(0), blocks)
	if workers == 1 {
		f(0, n)
		return
	}
	// start is the first block of worker w; the first blocks%workers get one more.
	start := func(w int) int { return w*(blocks/workers) + min(w, blocks%workers) }
	var (
		wait   sync.WaitGroup
		once   sync.Once
		failed bool
		cause  any
	)
	run := func(w int) {
		defer func() {
			if v := recover(); v != nil {
				once.Do(func() { failed, cause = true, v })
			}
		}()
		f(start(w)*grain, min(start(w+1)*grain, n))
	}
	for w := 1; w < workers; w++ {
		wait.Go(func() { run(w) })
	}
	func() {
		defer wait.Wait()
		run(0)
	}()
	if failed {
		panic(cause)
	}
}
