package stepgrad_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
)

func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// TestParallelTiles: the chunks tile [0, n), start at multiples of 64 and are
// no more than GOMAXPROCS.
func TestParallelTiles(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 8} {
		withProcs(procs, func() {
			for _, n := range []int{0, 1, 63, 64, 65, 127, 128, 129, 191, 192, 500, 512, 1000, 64*8 + 1, 100_000} {
				var mu sync.Mutex
				var chunks [][2]int
				stepgrad.Parallel(n, func(lo, hi int) {
					mu.Lock()
					defer mu.Unlock()
					chunks = append(chunks, [2]int{lo, hi})
				})
				at := fmt.Sprintf("n = %d, GOMAXPROCS = %d: %v", n, procs, chunks)
				slices.SortFunc(chunks, func(a, b [2]int) int { return a[0] - b[0] })
				next := 0
				for _, c := range chunks {
					require.Equal(t, next, c[0], at)
					require.Less(t, c[0], c[1], at)
					require.Zero(t, c[0]%64, at)
					next = c[1]
				}
				require.Equal(t, n, next, at)
				require.LessOrEqual(t, len(chunks), procs, at)
			}
		})
	}
}

// TestParallelKernel: chunks share no byte of a mask.
func TestParallelKernel(t *testing.T) {
	const n = 10_007
	x, dst, mask := make([]float32, n), make([]float32, n), make([]byte, (n+7)/8)
	for i := range x {
		x[i] = float32(i%31) - 15.5
	}
	withProcs(8, func() {
		stepgrad.Parallel(n, func(lo, hi int) {
			stepgrad.STEForward(dst[lo:hi], mask[lo/8:(hi+7)/8], x[lo:hi], stepgrad.Down, -8, 7)
		})
	})
	want, wantMask := make([]float32, n), make([]byte, (n+7)/8)
	stepgrad.STEForward(want, wantMask, x, stepgrad.Down, -8, 7)
	assert.Equal(t, want, dst)
	assert.Equal(t, wantMask, mask)
}

// TestParallelPanics: a panic in any chunk reaches the caller, with its value,
// when the other chunks are done.
func TestParallelPanics(t *testing.T) {
	cause := errors.New("a chunk failed")
	for _, procs := range []int{1, 4} {
		withProcs(procs, func() {
			for at := range procs {
				var done atomic.Int32
				require.PanicsWithValue(t, cause, func() {
					stepgrad.Parallel(64*procs, func(lo, _ int) {
						if lo == at*64 {
							panic(cause)
						}
						time.Sleep(time.Millisecond)
						done.Add(1)
					})
				})
				require.EqualValues(t, procs-1, done.Load(), "the others were waited for")
			}
			require.PanicsWithValue(t, cause, func() { // of several, one
				stepgrad.Parallel(64*procs, func(_, _ int) { panic(cause) })
			})
		})
	}
}

func TestParallelBounds(t *testing.T) {
	never := func(_, _ int) { t.Error("f was called") }
	stepgrad.Parallel(0, never)
	for _, n := range []int{-1, -64, -1 << 31} {
		require.PanicsWithValue(t, "stepgrad: Parallel: n must be at least 0", func() { stepgrad.Parallel(n, never) })
	}
}

// TestParallelGoexit: f may end its goroutine (as t.FailNow does), the
// caller's included, without leaving anyone waiting.
func TestParallelGoexit(t *testing.T) {
	withProcs(4, func() {
		for at := range 4 {
			done := make(chan bool)
			go func() {
				defer close(done)
				stepgrad.Parallel(256, func(lo, _ int) {
					if lo == at*64 {
						runtime.Goexit()
					}
				})
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatalf("Parallel hangs when the chunk at %d ends its goroutine", at*64)
			}
		}
	})
}

// TestParallelOne: with one processor f runs on the caller's goroutine, once.
func TestParallelOne(t *testing.T) {
	withProcs(1, func() {
		calls := 0 // no lock: the race detector would tell
		stepgrad.Parallel(1000, func(lo, hi int) {
			assert.Equal(t, [2]int{0, 1000}, [2]int{lo, hi})
			calls++
		})
		assert.Equal(t, 1, calls)
	})
}

// TestParallelNested: a chunk may itself run in parallel.
func TestParallelNested(t *testing.T) {
	var sum atomic.Int64
	withProcs(3, func() {
		stepgrad.Parallel(1000, func(lo, hi int) {
			stepgrad.Parallel(hi-lo, func(a, b int) { sum.Add(int64(b - a)) })
		})
	})
	assert.EqualValues(t, 1000, sum.Load())
}
