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
	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// pace makes the first chunk as slow as f has to be for goroutines to be started.
func pace(lo int) {
	if lo == 0 {
		time.Sleep(5 * time.Millisecond)
	}
}

// tiling is how Parallel cuts n, sorted.
func tiling(n int, f func(lo int)) (chunks [][2]int) {
	var mu sync.Mutex
	stepgrad.Parallel(n, func(lo, hi int) {
		f(lo)
		mu.Lock()
		defer mu.Unlock()
		chunks = append(chunks, [2]int{lo, hi})
	})
	slices.SortFunc(chunks, func(a, b [2]int) int { return a[0] - b[0] })
	return chunks
}

// TestParallelTiles: the chunks tile [0, n), start at multiples of 64, and are
// the same whether they are shared or not.
func TestParallelTiles(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 8} {
		withProcs(procs, func() {
			for _, n := range []int{0, 1, 63, 64, 65, 1000, 65535, 65536, 65537, 100_000, 1<<20 - 1, 1 << 20, 1<<24 + 1, 1<<26 + 63} {
				chunks := tiling(n, func(int) {})
				at := fmt.Sprintf("n = %d, GOMAXPROCS = %d: %v", n, procs, chunks)
				next := 0
				for _, c := range chunks {
					require.Equal(t, next, c[0], at)
					require.Less(t, c[0], c[1], at)
					require.Zero(t, c[0]%64, at)
					next = c[1]
				}
				require.Equal(t, n, next, at)
				require.LessOrEqual(t, len(chunks), 4*procs+1, at)
				require.Equal(t, chunks, tiling(n, pace), "shared, "+at)
			}
		})
	}
}

// TestParallelShares: slow work runs on GOMAXPROCS goroutines at once, and on
// no more.
func TestParallelShares(t *testing.T) {
	const procs = 3
	withProcs(procs, func() {
		var mu sync.Mutex
		now, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		tiling(1<<20, func(lo int) {
			count(1)
			pace(lo)
			time.Sleep(5 * time.Millisecond)
			count(-1)
		})
		assert.Equal(t, procs, most)
	})
}

// TestParallelKernel: chunks share no byte of a mask, and any number of workers
// gives the same bits.
func TestParallelKernel(t *testing.T) {
	const n = 1<<20 + 7
	x, want, wantMask := make([]float32, n), make([]float32, n), make([]byte, (n+7)/8)
	for i := range x {
		x[i] = float32(i%31) - 15.5
	}
	stepgrad.STEForward(want, wantMask, x, stepgrad.Down, -8, 7)
	for _, procs := range []int{1, 2, 8} {
		dst, mask := make([]float32, n), make([]byte, (n+7)/8)
		withProcs(procs, func() {
			stepgrad.Parallel(n, func(lo, hi int) {
				pace(lo)
				stepgrad.STEForward(dst[lo:hi], mask[lo/8:(hi+7)/8], x[lo:hi], stepgrad.Down, -8, 7)
			})
		})
		assert.True(t, slices.Equal(want, dst), procs)
		assert.True(t, slices.Equal(wantMask, mask), procs)
	}
}

// TestParallelWorkers: the bits of every kernel are the same with any number of
// workers.
func TestParallelWorkers(t *testing.T) {
	eachKernel(t, testWorkers[float32], testWorkers[float64])
}

func testWorkers[T cases.Float](t *testing.T, k *kernels.Kernel) {
	const n = 1<<16 + 7
	p := cases.Params[T](k.Sig)[0]
	in := cases.Inputs[T](cases.Rand(6), 4000)
	fresh := func() *call.Buffers[T] {
		b := buffers[T](n)
		for i := range n {
			v := in[i%len(in)]
			b.X[i], b.Dy[i] = v.X, v.Dy
		}
		for i := range b.Mask {
			b.Mask[i] = byte(i * 151)
		}
		return b
	}
	want := fresh()
	call.Kernel(k.Name, want, p)
	for _, procs := range []int{1, 2, 5} {
		got := fresh()
		withProcs(procs, func() {
			stepgrad.Parallel(n, func(lo, hi int) {
				pace(lo)
				call.Kernel(k.Name, &call.Buffers[T]{
					Dst: got.Dst[lo:hi], Grad: got.Grad[lo:hi], Dy: got.Dy[lo:hi], X: got.X[lo:hi],
					Int: got.Int[lo:hi], Mask: got.Mask[lo/8 : (hi+7)/8],
				}, p)
			})
		})
		require.True(t, sameBits(want, got), "%s with %d workers", k.Name, procs)
	}
}

// sameBits compares results; any NaN equals any NaN.
func sameBits[T cases.Float](a, b *call.Buffers[T]) bool {
	same := func(x, y T) bool { return cases.Bits(x) == cases.Bits(y) || x != x && y != y }
	return slices.EqualFunc(a.Dst, b.Dst, same) && slices.EqualFunc(a.Grad, b.Grad, same) &&
		slices.Equal(a.Int, b.Int) && slices.Equal(a.Mask, b.Mask)
}

// TestParallelPanics: a panic in any chunk reaches the caller, with its value,
// when no chunk is running any more.
func TestParallelPanics(t *testing.T) {
	const n = 1 << 18
	cause := errors.New("a chunk failed")
	for _, procs := range []int{1, 4} {
		withProcs(procs, func() {
			chunks := tiling(n, func(int) {})
			for _, first := range []func(lo int){pace, func(int) {}} {
				for _, at := range chunks {
					var running atomic.Int32
					require.PanicsWithValue(t, cause, func() {
						stepgrad.Parallel(n, func(lo, _ int) {
							running.Add(1)
							defer running.Add(-1)
							if first(lo); lo == at[0] {
								panic(cause)
							}
							time.Sleep(100 * time.Microsecond)
						})
					})
					require.Zero(t, running.Load(), "the others were waited for")
				}
				require.PanicsWithValue(t, cause, func() { // of several, one
					stepgrad.Parallel(n, func(lo, _ int) {
						if first(lo); lo > 0 || procs == 1 {
							panic(cause)
						}
					})
				})
			}
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
	const n = 1 << 18
	withProcs(4, func() {
		for _, at := range append(tiling(n, func(int) {}), [2]int{-1, 0}) {
			done := make(chan bool)
			go func() {
				defer close(done)
				stepgrad.Parallel(n, func(lo, _ int) {
					pace(lo)
					if lo == at[0] || at[0] < 0 && lo > 0 { // one, or all that are shared
						runtime.Goexit()
					}
				})
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Fatalf("Parallel hangs when the chunk at %d ends its goroutine", at[0])
			}
		}
	})
}

// TestParallelOne: with one processor f runs on the caller's goroutine, once.
func TestParallelOne(t *testing.T) {
	withProcs(1, func() {
		calls := 0 // no lock: the race detector would tell
		stepgrad.Parallel(1<<20, func(lo, hi int) {
			assert.Equal(t, [2]int{0, 1 << 20}, [2]int{lo, hi})
			calls++
		})
		assert.Equal(t, 1, calls)
	})
}

// TestParallelNested: a chunk may itself run in parallel.
func TestParallelNested(t *testing.T) {
	var sum atomic.Int64
	withProcs(3, func() {
		stepgrad.Parallel(1<<18, func(lo, hi int) {
			pace(lo)
			stepgrad.Parallel(hi-lo, func(a, b int) { sum.Add(int64(b - a)) })
		})
	})
	assert.EqualValues(t, 1<<18, sum.Load())
}
