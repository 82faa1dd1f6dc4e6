package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// addLanes adds element i to the lane i modulo kernels.SumLanes.
func addLanes[T Float](lanes *[mostLanes]T, v []T) {
	full := len(v) / kernels.SumLanes[T]() * kernels.SumLanes[T]()
	if is32[T]() {
		totalF32(p32(v), full, p32(lanes[:]))
	} else {
		totalF64(p64(v), full, p64(lanes[:]))
	}
	for j, x := range v[full:] {
		lanes[j] += x
	}
}

func totalGeneric[T Float](x *T, n int, sums *T) {
	lanes := kernels.SumLanes[T]()
	sum := unsafe.Slice(sums, lanes)
	for i, v := range unsafe.Slice(x, n) {
		sum[i%lanes] += v
	}
}
