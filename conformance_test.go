package stepgrad_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

var wantISA = flag.String("isa", "", "fail unless stepgrad.ISA() is this: a leg of continuous integration asserts the tier it claims")

func TestMain(m *testing.M) {
	flag.Parse()
	if got := stepgrad.ISA(); *wantISA != "" && got != *wantISA {
		fmt.Fprintf(os.Stderr, "this run was to test %q, but stepgrad.ISA() is %q (this machine has %q)\n", *wantISA, got, isa.Tiers())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// eachTier runs f as a subtest on every implementation the machine has.
func eachTier(t *testing.T, f func(t *testing.T)) {
	for _, tier := range isa.Tiers() {
		t.Run(tier, func(t *testing.T) {
			defer isa.Use(tier)()
			f(t)
		})
	}
}

// eachKernel runs the two instantiations of f as subtests for every kernel.
func eachKernel(t *testing.T, f32, f64 func(t *testing.T, k *kernels.Kernel)) {
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		t.Run(k.Name+"/float32", func(t *testing.T) { f32(t, k) })
		t.Run(k.Name+"/float64", func(t *testing.T) { f64(t, k) })
	}
}

// leastStream is the smallest legal value of isa.Stream32 and Stream64.
const leastStream = 256

// streamFrom makes out-of-place kernels write around the caches from n elements
// on, and returns the way back.
func streamFrom(n int) (restore func()) {
	s32, s64 := isa.Stream32, isa.Stream64
	isa.Stream32, isa.Stream64 = n, n
	return func() { isa.Stream32, isa.Stream64 = s32, s64 }
}

// lengths are all of 0–300, or with -short those around the vector widths,
// their unrolled multiples and the mask bytes.
func lengths() (list []int) {
	const most = 300
	for n := 0; n <= most; n++ {
		if !testing.Short() || n <= 70 || n == most || (n+1)%32 < 3 {
			list = append(list, n)
		}
	}
	return list
}

// sample thins a list for -short.
func sample[E any](list []E, most int) []E {
	if testing.Short() && len(list) > most {
		return list[:most]
	}
	return list
}

func randoms() int {
	if testing.Short() {
		return 300
	}
	return 10_000
}

// TestConformance compares every kernel on every tier with its definition, bit
// for bit: every parameter on every input, and every length and offset in
// every layout on shifting windows of the inputs, and longer ones past the
// threshold from which stores go around the caches. Canaries surround the
// operands, which must not change.
func TestConformance(t *testing.T) { eachKernel(t, conformance[float32], conformance[float64]) }

func conformance[T cases.Float](t *testing.T, k *kernels.Kernel) {
	in := cases.Inputs[T](cases.Rand(1), randoms())
	var all []*cases.Case[T]
	for _, p := range sample(cases.HostParams[T](k.Sig), 8) {
		all = append(all, cases.New(k, p, in))
	}
	var arena cases.Arena
	eachTier(t, func(t *testing.T) {
		for _, c := range all {
			if err := c.Run(&arena, cases.Layouts(k.Shape)[0], 0, len(in)); err != nil {
				t.Error(err)
			}
		}
		offsets := 8
		if testing.Short() || isa.Name() == isa.NameGeneric { // alignment is nothing to portable Go
			offsets = 2
		}
		for _, layout := range cases.Layouts(k.Shape) {
			tied := make([]*cases.Case[T], len(all))
			for i, c := range all {
				tied[i] = c.Tie(layout.Dy)
			}
			turn := 0 // parameters take turns, so every rounding mode meets every length
			for _, n := range lengths() {
				for arena.Shift = range offsets {
					turn++
					at := (n*37 + arena.Shift*101) % (len(in) - n)
					if err := tied[turn%len(tied)].Run(&arena, layout, at, n); err != nil {
						t.Fatalf("offset %d: %v", arena.Shift, err)
					}
				}
			}
		}
		// The loops that write around the caches, at every alignment of dst; in
		// place they must not.
		defer streamFrom(leastStream)()
		for n := leastStream - 1; n < 2*leastStream; n += 1 + n%4 {
			for arena.Shift = range 16 {
				c := all[(n+arena.Shift)%len(all)]
				if err := c.Run(&arena, cases.Layouts(k.Shape)[0], n%97, n); err != nil {
					t.Fatalf("streaming, offset %d: %v", arena.Shift, err)
				}
			}
			arena.Shift = n % 16
			for _, layout := range cases.Layouts(k.Shape)[1:] {
				if err := all[0].Tie(layout.Dy).Run(&arena, layout, n%97, n); err != nil {
					t.Fatalf("streaming, offset %d: %v", arena.Shift, err)
				}
			}
		}
	})
}

// TestLong runs lengths at which an implementation may take another path,
// such as stores that bypass the caches.
func TestLong(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many elements")
	}
	if isa.Name() == isa.NameGeneric {
		t.Skip("portable Go has one path")
	}
	arena := cases.Arena{Shift: 3}
	eachKernel(t,
		func(t *testing.T, k *kernels.Kernel) { long[float32](t, k, &arena) },
		func(t *testing.T, k *kernels.Kernel) { long[float64](t, k, &arena) })
}

func long[T cases.Float](t *testing.T, k *kernels.Kernel, arena *cases.Arena) {
	c := cases.New(k, cases.Params[T](k.Sig)[0], cases.Inputs[T](cases.Rand(2), 1009))
	n := 2<<20/int(unsafe.Sizeof(T(0))) + 37
	if k.Shape == kernels.Map && k.Family == "round" {
		n *= 12 // source and destination exceed the caches
	}
	for _, tier := range isa.Tiers()[:len(isa.Tiers())-1] {
		restore := isa.Use(tier)
		for _, layout := range cases.Layouts(k.Shape) {
			if layout.Dy != cases.Own {
				continue
			}
			if err := c.Run(arena, layout, 0, n); err != nil {
				t.Error(err)
			}
		}
		restore()
	}
}

type (
	single float32
	double float64
)

// TestNamedTypes runs every kernel on types defined as a float.
func TestNamedTypes(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		eachKernel(t, named[float32, single], named[float64, double])
	})
}

func named[T cases.Float, N stepgrad.Float](t *testing.T, k *kernels.Kernel) {
	const n = 45
	p := cases.Params[T](k.Sig)[0]
	b, nb := buffers[T](n), buffers[N](n)
	for i, in := range cases.Inputs[T](cases.Rand(3), n)[:n] {
		b.X[i], b.Dy[i] = in.X, in.Dy
		nb.X[i], nb.Dy[i] = N(in.X), N(in.Dy)
	}
	call.Kernel(k.Name, b, p)
	call.Kernel(k.Name, nb, kernels.Params[N]{
		Ulps: p.Ulps, Step: N(p.Step), Mode: p.Mode, Lo: N(p.Lo), Hi: N(p.Hi), Alpha: N(p.Alpha), Slope: N(p.Slope), Factor: N(p.Factor),
	})
	for i := range n {
		assert.True(t, cases.Same(b.Dst[i], T(nb.Dst[i])), "dst[%d] differs", i)
		assert.True(t, cases.Same(b.Grad[i], T(nb.Grad[i])), "grad[%d] differs", i)
	}
	assert.Equal(t, b.Int, nb.Int)
	assert.Equal(t, b.Mask, nb.Mask)
}

// buffers has every operand a kernel may use, n elements each.
func buffers[T stepgrad.Float](n int) *call.Buffers[T] {
	return &call.Buffers[T]{
		Dst: make([]T, n), Grad: make([]T, n), Dy: make([]T, n), X: make([]T, n),
		Int: make([]int32, n), Mask: make([]byte, (n+7)/8),
	}
}

// TestISA checks the tier's name and that tests can reach the portable code.
func TestISA(t *testing.T) {
	tiers := isa.Tiers()
	assert.Equal(t, tiers[0], stepgrad.ISA(), "the best tier is in use")
	assert.Equal(t, isa.NameGeneric, tiers[len(tiers)-1])
	eachTier(t, func(t *testing.T) { assert.Contains(t, t.Name(), stepgrad.ISA()) })
	t.Log("tiers: ", tiers)
}

var raceBuild bool // set by race_test.go

// TestNoAllocations proves that no kernel allocates and that operands on the
// stack stay there.
func TestNoAllocations(t *testing.T) {
	if raceBuild {
		t.Skip("what the detector is told of goes to the heap")
	}
	eachTier(t, func(t *testing.T) { eachKernel(t, allocations[float32], allocations[float64]) })
}

func allocations[T cases.Float](t *testing.T, k *kernels.Kernel) {
	p := cases.Params[T](k.Sig)[0]
	got := testing.AllocsPerRun(10, func() {
		var dst, grad, dy, x [40]T
		var ints [40]int32
		var mask [5]byte
		b := call.Buffers[T]{Dst: dst[:], Grad: grad[:], Dy: dy[:], X: x[:], Int: ints[:], Mask: mask[:]}
		call.Kernel(k.Name, &b, p)
	})
	assert.Zero(t, got, "allocations in a call")
}
