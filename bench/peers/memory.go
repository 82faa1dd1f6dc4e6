package main

import (
	"math/rand/v2"
	"unsafe"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// memory lends all races the same bytes, so that none has luckier pages.
type memory struct {
	bytes []byte
	used  int
	taken int
}

// newMemory holds the operands of a kernel over n elements: two of float64, or
// four of float32, and a mask.
func newMemory(n int) *memory {
	return &memory{bytes: make([]byte, 18*n+64<<10)} // with the gaps between them
}

func (m *memory) reset() { m.used, m.taken = 0, 0 }

// take lends n elements on a 64-byte boundary, with room for some bytes at least,
// each operand at another place of a page: at the same place they slow each
// other down, by a multiple where they are some MiB long.
func take[E any](m *memory, n, room int) []E {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(m.bytes)))
	page := (base + uintptr(m.used) + 4095) &^ 4095
	start := int(page-base) + m.taken*5*64
	m.used = start + max(room, n*int(unsafe.Sizeof(*new(E))))
	m.taken++
	_ = m.bytes[:m.used]
	return unsafe.Slice((*E)(unsafe.Pointer(&m.bytes[start])), n)
}

// bytesFrom is the memory from x[0] on.
func bytesFrom[E any](x []E, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// int8s is the memory of x's beginning, as many elements of a byte.
func int8s(x []float32) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// fill writes values in [lo, hi). Beyond a million they repeat: no branch
// predictor remembers so many.
func fill[T cases.Float](x []T, seed uint64, lo, hi float64) {
	r := rand.New(rand.NewPCG(seed, 0))
	head := x[:min(len(x), 1<<20)]
	for i := range head {
		head[i] = T(lo + r.Float64()*(hi-lo))
	}
	for done := len(head); done < len(x); done *= 2 {
		copy(x[done:], x[:done])
	}
}

func fillBits(mask []byte) {
	r := rand.New(rand.NewPCG(3, 0))
	for i := range mask {
		mask[i] = byte(r.Uint32())
	}
}

// operands are those of a kernel, and half of its bytes twice, in the same
// memory, for the moves.
type operands[T cases.Float] struct {
	call.Buffers[T]
	dst, src []byte
}

// newOperands lends and fills what a kernel of shape s needs; every result is
// written to, for memory that never was is one page, always cached.
func newOperands[T cases.Float](m *memory, s kernels.Shape, n int, place string) *operands[T] {
	m.reset()
	b := new(operands[T])
	half := (moved[T](s, n)/2 + 63) &^ 63
	if s == kernels.MapInt {
		b.Int = take[int32](m, n, half)
		b.dst = bytesFrom(b.Int, half)
	} else {
		b.Dst = take[T](m, n, half)
		b.dst = bytesFrom(b.Dst, half)
	}
	fill(bytesAs[T](b.dst), 1, -12, 12)
	x := b.Dst
	b.src = b.dst
	if place == outOfPlace {
		x = take[T](m, n, half)
		fill(x, 2, -12, 12)
		b.src = bytesFrom(x, half)
	}
	if s == kernels.FromMask {
		b.Dy = x
	} else {
		b.X = x
	}
	switch s {
	case kernels.MapGrad:
		b.Dy = take[T](m, n, 0)
		fill(b.Dy, 3, -1, 1)
	case kernels.MapBoth:
		b.Grad = take[T](m, n, 0)
		fill(b.Grad, 3, -1, 1)
	case kernels.ToMask, kernels.FromMask:
		b.Mask = take[byte](m, (n+7)/8, 0)
		fillBits(b.Mask)
	}
	return b
}

func bytesAs[T cases.Float](b []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(T(0))))
}

// moved is how many bytes a kernel reads and writes.
func moved[T cases.Float](s kernels.Shape, n int) int {
	elem := int(unsafe.Sizeof(T(0)))
	switch s {
	case kernels.MapInt:
		return n * (elem + 4)
	case kernels.MapGrad, kernels.MapBoth:
		return 3 * n * elem
	case kernels.ToMask, kernels.FromMask:
		return 2*n*elem + (n+7)/8
	}
	return 2 * n * elem
}
