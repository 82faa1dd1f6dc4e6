package bench

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

const (
	someSizes = "1024,16384,262144"
	allSizes  = "8,16,32,64,256,1024,4096,16384,65536,262144,1048576,4194304,16777216"
)

var sizesFlag = flag.String("sizes", someSizes, "element counts, comma-separated, or all: "+allSizes)

func TestMain(m *testing.M) {
	_ = flag.Set("test.benchtime", "100ms") // a default: the catalogue is long
	flag.Parse()
	os.Exit(m.Run())
}

func sizes(b *testing.B) (list []int) {
	words := *sizesFlag
	if words == "all" {
		words = allSizes
	}
	for _, word := range strings.Split(words, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			b.Fatalf("-sizes: %q is not a number of elements", word)
		}
		list = append(list, n)
	}
	return list
}

// BenchmarkKernel is the catalogue × type × size × implementation.
func BenchmarkKernel(b *testing.B) {
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		for _, n := range sizes(b) {
			benchKernel[float32](b, k, "f32", n)
			benchKernel[float64](b, k, "f64", n)
		}
	}
}

func benchKernel[T cases.Float](b *testing.B, k *kernels.Kernel, typ string, n int) {
	p := cases.Params[T](k.Sig)[0]
	total := moved[T](k.Shape, n)
	bench := func(impl string, setup func() (f func())) {
		b.Run(fmt.Sprintf("op=%s/type=%s/n=%d/impl=%s", k.Name, typ, n, impl), func(b *testing.B) {
			b.SetBytes(int64(total))
			f := setup()
			for b.Loop() {
				f()
			}
		})
	}
	operands := func() *call.Buffers[T] {
		b := operands[T](n)
		if k.Name == "Log" || k.Name == "Sqrt" { // a NaN is no everyday result
			for i, v := range b.X {
				b.X[i] = max(v, -v)
			}
		}
		return b
	}
	for _, tier := range isa.Tiers() {
		restore := isa.Use(tier)
		bench(tier, func() func() {
			return call.Bound(k.Name, operands(), p)
		})
		restore()
	}
	bench("naive", func() func() {
		buf, f := operands(), naive(k, p)
		return func() { f(buf) }
	})
	bench("copy", func() func() {
		dst, src := apart[byte](0, total/2), apart[byte](1, total/2)
		for i := range src {
			src[i] = byte(i) // memory that was never written is one page, always cached
		}
		return func() { copy(dst, src) }
	})
}

// moved is how many bytes a kernel reads and writes.
func moved[T cases.Float](s kernels.Shape, n int) int {
	elem := int(unsafe.Sizeof(T(0)))
	return map[kernels.Shape]int{
		kernels.Map:      2 * n * elem,
		kernels.MapInt:   n * (elem + 4),
		kernels.MapGrad:  3 * n * elem,
		kernels.MapBoth:  3 * n * elem,
		kernels.ToMask:   2*n*elem + (n+7)/8,
		kernels.FromMask: 2*n*elem + (n+7)/8,
		kernels.Zip:      3 * n * elem,
		kernels.ZipGrad:  3 * n * elem,
	}[s]
}

// operands holds n elements of everyday data for every operand.
func operands[T cases.Float](n int) *call.Buffers[T] {
	b := &call.Buffers[T]{
		Dst: apart[T](0, n), X: apart[T](1, n), Dy: apart[T](2, n), Grad: apart[T](3, n),
		Int: apart[int32](4, n), Mask: apart[byte](5, (n+7)/8),
	}
	r := cases.Rand(21)
	for i := range n {
		b.X[i] = T(r.Float64()*24 - 12)
		b.Dy[i] = T(r.Float64()*2 - 1)
	}
	for i := range b.Mask {
		b.Mask[i] = byte(r.Uint32())
	}
	return b
}

// apart allocates n elements on a 64-byte boundary, those of different i at
// different places of a page: operands at the same place slow each other down.
func apart[E any](i, n int) []E {
	size := int(unsafe.Sizeof(*new(E)))
	mem := make([]byte, n*size+8192)
	start := 4096 - int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))&4095) + i*5*64
	return unsafe.Slice((*E)(unsafe.Pointer(&mem[start])), n)
}

// TestNaive keeps the baseline honest: on the data that is measured, the naive
// loop computes what the kernel does, up to rounding.
func TestNaive(t *testing.T) {
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		t.Run(k.Name, func(t *testing.T) {
			testNaive[float32](t, k, 1e-5)
			testNaive[float64](t, k, 1e-12)
		})
	}
}

func testNaive[T cases.Float](t *testing.T, k *kernels.Kernel, tolerance float64) {
	p := cases.Params[T](k.Sig)[0]
	got, want := operands[T](1000), operands[T](1000)
	naive(k, p)(got)
	call.Kernel(k.Name, want, p)
	for i := range want.Dst {
		require.InDelta(t, want.Dst[i], got.Dst[i], tolerance*max(1, math.Abs(float64(want.Dst[i]))))
		require.InDelta(t, want.Grad[i], got.Grad[i], tolerance*max(1, math.Abs(float64(want.Grad[i]))))
	}
	require.Equal(t, want.Int, got.Int)
	require.Equal(t, want.Mask, got.Mask)
}

// BenchmarkWhole is the kernels that are not elementwise, in their first way, on
// everyday data, beside a copy of as many bytes.
func BenchmarkWhole(b *testing.B) {
	for _, n := range sizes(b) {
		benchWholes[float32](b, "f32", n)
		benchWholes[float64](b, "f64", n)
	}
}

func benchWholes[T cases.Float](b *testing.B, typ string, n int) {
	in := make([]kernels.In[T], n)
	r := cases.Rand(22)
	for i := range in {
		in[i] = kernels.In[T]{X: T(r.Float64()*24 - 12), Dy: T(r.Float64()*2 - 1)}
	}
	for _, w := range cases.Wholes[T]() {
		c := cases.NewCall(new(cases.Heap), &w, 0, in)
		total := c.Size()
		bench := func(impl string, f func()) {
			b.Run(fmt.Sprintf("op=%s/type=%s/n=%d/impl=%s", w.Name, typ, n, impl), func(b *testing.B) {
				b.SetBytes(int64(total))
				for b.Loop() {
					f()
				}
			})
		}
		for _, tier := range isa.Tiers() {
			restore := isa.Use(tier)
			bench(tier, c.Run)
			restore()
		}
		dst, src := apart[byte](0, total/2), apart[byte](1, total/2)
		for i := range src {
			src[i] = byte(i)
		}
		bench("copy", func() { copy(dst, src) })
	}
}
