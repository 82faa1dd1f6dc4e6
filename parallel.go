package stepgrad

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stepgrad/stepgrad/internal/isa"
)

// ISA names the instruction set this process dispatches to: "avx512", "avx2",
// "neon" or "generic". It is always "generic" with -tags purego, and follows
// GODEBUG switches such as cpu.avx2=off.
func ISA() string { return isa.Name() }

const (
	// firstChunk is done by the caller alone, a microsecond for a floor. Reading
	// the clock costs a tenth of that: too much unless three more chunks follow.
	firstChunk = 16384

	// A goroutine that has to be woken comes ten to a hundred microseconds later.
	// Shorter work would pay for it and not notice its help.
	worthSharing = 100 * time.Microsecond
)

// Parallel calls f(lo, hi) for chunks that tile [0, n), on up to GOMAXPROCS
// goroutines, the caller's included, and returns when all are done. Every
// chunk starts at a multiple of 64, so chunks share no byte of a mask.
//
//	stepgrad.Parallel(len(x), func(lo, hi int) { stepgrad.Floor(dst[lo:hi], x[lo:hi]) })
//
// The tiling depends on the machine, n and GOMAXPROCS alone: one chunk for
// fewer than 65,536 elements, else one of 16,384 and up to four for each
// goroutine. The caller runs the first, and starts goroutines only if the rest,
// at that pace, takes longer than 100 µs.
//
// A panic in f reaches the caller, with its value; of several panics, one.
// Chunks that were running are completed, chunks not yet begun are left out.
// n = 0 does nothing; n < 0 panics.
func Parallel(n int, f func(lo, hi int)) {
	if n < 0 {
		panic("stepgrad: Parallel: n must be at least 0")
	}
	if n == 0 {
		return
	}
	workers := 1
	if n >= 4*firstChunk {
		workers = runtime.GOMAXPROCS(0)
	}
	if workers == 1 {
		f(0, n)
		return
	}
	start := time.Now()
	f(0, firstChunk)
	pace := time.Since(start).Seconds() / firstChunk
	size := chunkSize(n-firstChunk, workers)
	if pace*float64(n-firstChunk) < worthSharing.Seconds() {
		for lo := firstChunk; lo < n; lo += size {
			f(lo, min(lo+size, n))
		}
		return
	}
	t := &team{f: f, n: n, size: size, chunks: (n-firstChunk-1)/size + 1}
	t.running.Add(t.chunks)
	for range min(workers, t.chunks) - 1 {
		go t.work()
	}
	func() {
		defer t.running.Wait() // also where f ends the caller's goroutine
		t.work()
	}()
	if t.cause != nil {
		panic(t.cause)
	}
}

// chunkSize gives each worker four chunks, so that one that is held up does not
// hold up the others; fewer where shorter ones would lose the stores around the
// caches, of float32 or at least of float64.
func chunkSize(n, workers int) int {
	share := (n-1)/workers + 1
	parts := 4
	for _, long := range []int{isa.Stream32, isa.Stream64} {
		if share >= long {
			parts = min(parts, share/long)
			break
		}
	}
	return max(firstChunk, (share-1)/parts+64) &^ 63
}

// A team runs chunks, each member the next that is left: nobody waits for one
// that starts late.
type team struct {
	f               func(lo, hi int)
	n, size, chunks int

	taken    atomic.Int64
	running  sync.WaitGroup // counts the chunks that are not done
	panicked sync.Once
	cause    any
}

func (t *team) work() {
	for k := t.taken.Add(1); k <= int64(t.chunks); k = t.taken.Add(1) {
		t.chunk(firstChunk + (int(k)-1)*t.size)
	}
}

func (t *team) chunk(lo int) {
	returned := false
	defer func() {
		if !returned { // f panicked, or ended its goroutine
			if v := recover(); v != nil {
				t.panicked.Do(func() { t.cause = v })
			}
			all := int64(t.chunks)
			left := all - min(t.taken.Swap(all), all)
			t.running.Add(-int(left))
		}
		t.running.Done()
	}()
	t.f(lo, min(lo+t.size, t.n))
	returned = true
}
