package autograd

import (
	"fmt"
	"unsafe"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/stepgrad/stepgrad"
)

// MatMul returns the matrix product of a, [m k], and b, [k n]: shape [m n]. It
// runs on gonum's BLAS, or on another that the program has registered with
// blas32.Use and blas64.Use. The gradients are dy·bᵀ and aᵀ·dy. NaN and ±Inf
// propagate as in the sum of products.
//
// It panics unless both are 2-D and the inner lengths agree.
func MatMul[T stepgrad.Float](a, b *Var[T]) *Var[T] {
	if len(a.shape) != 2 || len(b.shape) != 2 || a.shape[1] != b.shape[0] {
		panic(fmt.Sprintf("autograd: MatMul: shapes %v and %v are not [m k] and [k n]", a.shape, b.shape))
	}
	return matMul(a, b, false, false)
}

// matMul multiplies a and b, each transposed first if its flag says so.
func matMul[T stepgrad.Float](a, b *Var[T], ta, tb bool) *Var[T] {
	m, k, n := a.shape[0], a.shape[1], b.shape[1]
	if ta {
		m, k = k, m
	}
	if tb {
		n = b.shape[0]
	}
	dst := make([]T, m*n)
	if m*n*k > 0 {
		multiply(dst, a, b, ta, tb, m, n, k)
	}
	return result(dst, []int{m, n},
		via(a, func(dy *Var[T]) *Var[T] {
			if ta {
				return matMul(b, dy, tb, true)
			}
			return matMul(dy, b, false, !tb)
		}),
		via(b, func(dy *Var[T]) *Var[T] {
			if tb {
				return matMul(dy, a, true, ta)
			}
			return matMul(a, dy, !ta, false)
		}))
}

func multiply[T stepgrad.Float](dst []T, a, b *Var[T], ta, tb bool, m, n, k int) {
	lda, ldb := a.shape[1], b.shape[1]
	if (ta || !tb) && !finite(b.data) {
		// BLAS skips zeros of a, and would lose 0·NaN and 0·Inf.
		at := func(x []T, i, j, ld int, t bool) T {
			if t {
				i, j = j, i
			}
			return x[i*ld+j]
		}
		for i := range m {
			for j := range n {
				for l := range k {
					dst[i*n+j] += at(a.data, i, l, lda, ta) * at(b.data, l, j, ldb, tb)
				}
			}
		}
		return
	}
	trans := func(t bool) blas.Transpose {
		if t {
			return blas.Trans
		}
		return blas.NoTrans
	}
	if unsafe.Sizeof(dst[0]) == 4 {
		blas32.Implementation().Sgemm(trans(ta), trans(tb), m, n, k, 1,
			as[float32](a.data), lda, as[float32](b.data), ldb, 0, as[float32](dst), n)
	} else {
		blas64.Implementation().Dgemm(trans(ta), trans(tb), m, n, k, 1,
			as[float64](a.data), lda, as[float64](b.data), ldb, 0, as[float64](dst), n)
	}
}

// as views a slice as one of the type that T is defined as.
func as[F, T stepgrad.Float](x []T) []F {
	return unsafe.Slice((*F)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// finite reports whether x holds neither NaN nor ±Inf, whose product with zero is NaN.
func finite[T stepgrad.Float](x []T) bool {
	var a, b, c, d T
	for ; len(x) >= 4; x = x[4:] {
		a += x[0] * 0
		b += x[1] * 0
		c += x[2] * 0
		d += x[3] * 0
	}
	for _, v := range x {
		a += v * 0
	}
	return a+b+(c+d) == 0
}
