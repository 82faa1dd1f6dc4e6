//go:build unix

package stepgrad_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// A guarded is Memory between two pages that fault on any access, flush
// against one of them: assembly that reads or writes one byte too far is
// caught, which neither the race detector nor asan would see.
type guarded struct {
	page  int
	flush string     // "start" or "end"
	rooms [10][]byte // the pages between, per operand
}

const guardPages = 2 // 300 float64 fit in one page of 4 KB

func newGuarded(t *testing.T) *guarded {
	g := &guarded{page: os.Getpagesize()}
	for i := range g.rooms {
		mem, err := syscall.Mmap(-1, 0, (guardPages+2)*g.page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		require.NoError(t, err)
		t.Cleanup(func() { _ = syscall.Munmap(mem) })
		inner := mem[g.page : (guardPages+1)*g.page]
		require.NoError(t, syscall.Mprotect(mem[:g.page], syscall.PROT_NONE))
		require.NoError(t, syscall.Mprotect(mem[(guardPages+1)*g.page:], syscall.PROT_NONE))
		g.rooms[i] = inner
	}
	return g
}

// Take implements cases.Memory.
func (g *guarded) Take(i, size, _ int) []byte {
	r := g.rooms[i]
	if g.flush == "start" {
		return r[:size:size]
	}
	return r[len(r)-size:]
}

// Check implements cases.Memory: a fault has already said it.
func (g *guarded) Check() error { return nil }

// protected turns a fault in f into an error.
func protected(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
			if fault, ok := v.(interface{ Addr() uintptr }); ok {
				err = fmt.Errorf("%w, at %#x", err, fault.Addr())
			}
		}
	}()
	return f()
}

// TestGuardPages runs every kernel on every tier, at every length, against
// inaccessible pages on both sides.
func TestGuardPages(t *testing.T) {
	defer streamFrom(leastStream)() // so the longest ones take that path
	g := newGuarded(t)
	guard := func(t *testing.T, flush string) {
		g.flush = flush
		eachTier(t, func(t *testing.T) {
			eachKernel(t,
				func(t *testing.T, k *kernels.Kernel) { guardKernel[float32](t, g, k) },
				func(t *testing.T, k *kernels.Kernel) { guardKernel[float64](t, g, k) })
		})
	}
	t.Run("start", func(t *testing.T) { guard(t, "start") })
	t.Run("end", func(t *testing.T) { guard(t, "end") })
}

func guardKernel[T cases.Float](t *testing.T, g *guarded, k *kernels.Kernel) {
	params := cases.Params[T](k.Sig)
	if k.Sig == kernels.Clamp {
		params = params[:5] // each mode is a routine of its own
	} else {
		params = params[:1]
	}
	in := cases.Inputs[T](cases.Rand(4), 100)[:301]
	for _, p := range params {
		c := cases.New(k, p, in)
		for _, n := range lengths() {
			err := protected(func() error { return c.Run(g, cases.Layouts(k.Shape)[0], 0, n) })
			require.NoError(t, err, "n = %d, flush against the %s", n, g.flush)
		}
	}
}

// TestGuardWorks keeps the harness honest.
func TestGuardWorks(t *testing.T) {
	for _, room := range newGuarded(t).rooms {
		for _, at := range []int{-1, len(room)} {
			err := protected(func() error {
				return fmt.Errorf("read %d", *(*byte)(unsafe.Add(unsafe.Pointer(&room[0]), at)))
			})
			require.ErrorContains(t, err, "panic: ")
		}
	}
}
