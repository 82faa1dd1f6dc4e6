package autograd

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/stepgrad/stepgrad"
)

// SoftHistogram returns the soft histogram of all elements of x, as
// stepgrad.SoftHistogram: shape [bins]. An element is shared among the bins of
// [lo, hi] by sigmoids at their edges, of the given sharpness in units of 1/x.
// The gradient is that of stepgrad.SoftHistogramGrad, and has derivatives of
// every order; NaN and ±Inf in x count nothing and get +0.
//
// It panics unless bins ≥ 1, lo < hi, both and hi − lo finite, and sharpness is
// positive and finite. Only x is kept for the backward pass; the memory is of
// the order of the elements and bins, in every derivative.
func SoftHistogram[T stepgrad.Float](x *Var[T], lo, hi T, bins int, sharpness T) *Var[T] {
	return softBins[T]{lo, hi, sharpness, bins, false}.histogram("SoftHistogram", x)
}

// SoftHistogramOpen is SoftHistogram with the outer bins open, as
// stepgrad.SoftHistogramOpen: every element that is not NaN counts 1 in all.
func SoftHistogramOpen[T stepgrad.Float](x *Var[T], lo, hi T, bins int, sharpness T) *Var[T] {
	return softBins[T]{lo, hi, sharpness, bins, true}.histogram("SoftHistogramOpen", x)
}

type softBins[T stepgrad.Float] struct {
	lo, hi, sharpness T
	bins              int
	open              bool
}

func (b softBins[T]) histogram(op string, x *Var[T]) *Var[T] {
	if b.bins < 1 {
		panic(fmt.Sprintf("autograd: %s: bins must be at least 1, not %d", op, b.bins))
	}
	obey(op, func() { b.count(make([]T, 1), nil) })
	return result(b.counts(x.data), []int{b.bins}, viaPlain(x,
		func(dy *Var[T]) *Var[T] { return b.grad(dy, x) },
		func(dst, dy []T) { b.slope(dst, apart(dst, dy), x.data) }, x))
}

func (b softBins[T]) count(counts, x []T) {
	if b.open {
		stepgrad.SoftHistogramOpen(counts, x, b.lo, b.hi, b.sharpness)
	} else {
		stepgrad.SoftHistogram(counts, x, b.lo, b.hi, b.sharpness)
	}
}

// counts gives what one call of the kernel gives, to the bit: pieces of so many
// of its blocks that their counts take no more memory than x, added up by its
// tree.
func (b softBins[T]) counts(x []T) []T {
	piece := 4096
	for piece < b.bins {
		piece *= 2
	}
	if len(x) < large || len(x) <= piece {
		dst := make([]T, b.bins)
		b.count(dst, x)
		return dst
	}
	n := (len(x)-1)/piece + 1
	parts := make([]T, n*b.bins)
	stepgrad.Parallel(len(x), func(lo, hi int) {
		for i := (lo + piece - 1) / piece; i*piece < hi; i++ {
			b.count(parts[i*b.bins:][:b.bins], x[i*piece:min((i+1)*piece, len(x))])
		}
	})
	b.add(parts, n)
	return slices.Clone(parts[:b.bins])
}

// add adds up the counts of n pieces into those of the first.
func (b softBins[T]) add(parts []T, n int) {
	if n == 1 {
		return
	}
	half := 1
	for 2*half < n {
		half *= 2
	}
	right := parts[half*b.bins:]
	b.add(parts, half)
	b.add(right, n-half)
	stepgrad.Add(parts[:b.bins], parts[:b.bins], right[:b.bins])
}

func (b softBins[T]) slope(dx, dcounts, x []T) {
	each(dx, x, func(dx, x []T) {
		if b.open {
			stepgrad.SoftHistogramOpenGrad(dx, dcounts, x, b.lo, b.hi, b.sharpness)
		} else {
			stepgrad.SoftHistogramGrad(dx, dcounts, x, b.lo, b.hi, b.sharpness)
		}
	})
}

// apart is dy, or a copy where dst is dy, for a kernel that does not allow that.
func apart[T stepgrad.Float](dst, dy []T) []T {
	if unsafe.SliceData(dst) == unsafe.SliceData(dy) {
		return slices.Clone(dy)
	}
	return dy
}

// grad is the gradient by x, an operation on dy and x.
func (b softBins[T]) grad(dy, x *Var[T]) *Var[T] {
	dst := blank[T](len(x.data))
	b.slope(dst, dy.data, x.data)
	k := b.sharpness
	return result(dst, x.shape,
		via(dy, func(d *Var[T]) *Var[T] { return Scale(b.fall(b.atEdges(1, d, x)), k) }),
		via(x, func(d *Var[T]) *Var[T] { return Mul(d, Scale(Scale(b.overEdges(2, b.rise(dy), x), k), k)) }))
}

// rise is what g, of bins, rises by at every edge; fall is its gradient: what
// g, of edges, falls by across every bin.

func (b softBins[T]) rise(g *Var[T]) *Var[T] {
	if b.open {
		return Sub(Slice(g, 0, 1, b.bins), Slice(g, 0, 0, b.bins-1))
	}
	zero := fill(T(0), []int{1})
	return Sub(Concat(0, g, zero), Concat(0, zero, g))
}

func (b softBins[T]) fall(g *Var[T]) *Var[T] {
	if b.open {
		zero := fill(T(0), []int{1})
		return Sub(Concat(0, zero, g), Concat(0, g, zero))
	}
	return Sub(Slice(g, 0, 0, b.bins), Slice(g, 0, 1, b.bins+1))
}

// overEdges is Σ g·σ⁽ⁿ⁾(k·(x − edge)) over the edges, for every x; atEdges is Σ w·σ⁽ⁿ⁾
// over x, for every edge. They are each other's gradient.

func (b softBins[T]) overEdges(order int, g, x *Var[T]) *Var[T] {
	dst := blank[T](len(x.data))
	each(dst, x.data, func(dst, x []T) {
		sum := 0.0
		b.visit(order, x, func(_, edge int, s float64) { sum += float64(g.data[edge]) * s }, func(i int) {
			dst[i], sum = T(sum), 0
		})
	})
	return result(dst, x.shape,
		via(g, func(d *Var[T]) *Var[T] { return b.atEdges(order, d, x) }),
		via(x, func(d *Var[T]) *Var[T] { return Scale(Mul(d, b.overEdges(order+1, g, x)), b.sharpness) }))
}

func (b softBins[T]) atEdges(order int, w, x *Var[T]) *Var[T] {
	sums := make([]float64, b.edges())
	b.visit(order, x.data, func(i, edge int, s float64) { sums[edge] += float64(w.data[i]) * s }, func(int) {})
	dst := make([]T, len(sums))
	for i, s := range sums {
		dst[i] = T(s)
	}
	return result(dst, []int{len(dst)},
		via(w, func(d *Var[T]) *Var[T] { return b.overEdges(order, d, x) }),
		via(x, func(d *Var[T]) *Var[T] { return Scale(Mul(w, b.overEdges(order+1, d, x)), b.sharpness) }))
}

func (b softBins[T]) edges() int {
	if b.open {
		return b.bins - 1
	}
	return b.bins + 1
}

// visit calls f for every x and every edge in its reach, with σ⁽ⁿ⁾ there, and
// done after each x.
func (b softBins[T]) visit(order int, x []T, f func(i, edge int, s float64), done func(i int)) {
	const reach = 88 // as the kernel
	factor := sigmoidFactor(order)
	lo, k := float64(b.lo), float64(b.sharpness)
	width := (float64(b.hi) - lo) / float64(b.bins)
	first := 0 // the index of the edge that is counted as 0
	if b.open {
		first = 1
	}
	last := float64(first + b.edges() - 1)
	for i, v := range x {
		v := float64(v)
		if v-v != 0 {
			done(i)
			continue
		}
		from := max(math.Ceil((v-lo-reach/k)/width), float64(first))
		to := min(math.Floor((v-lo+reach/k)/width), last)
		for e := from; e <= to; e++ {
			a := k * (v - (lo + e*width))
			u := math.Exp(-math.Abs(a))
			q := 1 / (1 + u)
			s := q
			if a < 0 {
				s = u * q
			}
			p := 0.0
			for _, c := range slices.Backward(factor) {
				p = p*s + c
			}
			f(i, int(e)-first, u*q*q*p)
		}
		done(i)
	}
}

// sigmoidFactor is the polynomial in s = σ that σ⁽ⁿ⁾ is times σ′ = s − s².
func sigmoidFactor(n int) []float64 {
	p := []float64{1}
	for range n - 1 {
		next := make([]float64, len(p)+1) // (1 − 2s)·p + (s − s²)·p′
		for i, c := range p {
			next[i] += float64(i+1) * c
			next[i+1] -= float64(i+2) * c
		}
		p = next
	}
	return p
}

// Bucketize returns how many of the edges are at most x, element by element: 0
// below the first edge, i between edges[i−1] and edges[i], len(edges) from the
// last one on, as numpy.digitize and torch.bucketize with right=True. NaN gives
// NaN.
//
// The gradient is a straight-through estimator: the slope of the line through
// the points (edges[i], i+1), so that it answers for the position among the
// edges: dy/(edges[i] − edges[i−1]) between two edges, dy divided by the bins'
// width where they are equal. It is +0 below the first edge, from the last one
// on, and at NaN, whatever dy is; its derivative by x is zero.
//
// It panics unless edges are finite and each greater than the one before. They
// are copied.
func Bucketize[T stepgrad.Float](x *Var[T], edges []T) *Var[T] {
	for i, e := range edges {
		if e-e != 0 || i > 0 && e <= edges[i-1] {
			panic(fmt.Sprintf("autograd: Bucketize: edge %d, %v, must be finite and greater than the one before", i, e))
		}
	}
	edges = slices.Clone(edges)
	y := mapped(x, scalars(func(v T) T {
		if v != v {
			return v
		}
		return T(sort.Search(len(edges), func(i int) bool { return edges[i] > v }))
	}))
	return result(y, x.shape, byDiagonal(x, func(dst, dy []T) {
		pairs(dst, dy, y, func(dst, dy, y []T) {
			for i, n := range y {
				if n >= 1 && int(n) < len(edges) {
					dst[i] = dy[i] / (edges[int(n)] - edges[int(n)-1])
				} else {
					dst[i] = 0
				}
			}
		})
	}))
}
