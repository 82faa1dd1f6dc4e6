package stepgrad

import (
	"math"
	"slices"

	"github.com/stepgrad/stepgrad/kernels"
)

// Softmax computes, for every row of cols elements,
//
//	for i := range dst { dst[i] = e^x[i] / Σ e^x }
//
// with the row's maximum subtracted first, so that nothing overflows. The
// difference, its exponential, their sum and the quotient are each rounded to T:
// the relative error of a normal result is at most (|x − max| + 5)·2^−24 (2^−53),
// measured on rows of up to 600.
//
// −Inf is a category that cannot be chosen: it gives 0. A row of nothing else
// gives zeros. +Inf is chosen for certain: k of them give 1/k each, and the
// others of the row 0. A row with NaN gives NaN everywhere.
//
// dst and x have one length, a multiple of cols ≥ 1, and are the same slice or
// disjoint; else Softmax panics.
func Softmax[T Float](dst, x []T, cols int) {
	checkMap("Softmax", dst, x)
	checkCols("Softmax", len(x), cols)
	softmax(dst, x, cols, 1)
}

// LogSoftmax computes, for every row of cols elements,
//
//	for i := range dst { dst[i] = x[i] − log Σ e^x }
//
// with the row's maximum subtracted first, so that it is the logarithm of
// Softmax also where that underflows, and keeps its digits where that is next to
// 1: the relative error is at most (d + 4)·2^−24 (2^−53), d being how far the
// second largest of the row is from the largest; measured on rows of up to 600.
//
// Where Softmax is 0 by its rules, for −Inf and beside +Inf, it gives −Inf, also
// in a row of nothing but −Inf. k times +Inf give −log k. A row with NaN gives NaN
// everywhere.
//
// dst and x have one length, a multiple of cols ≥ 1, and are the same slice or
// disjoint; else LogSoftmax panics.
func LogSoftmax[T Float](dst, x []T, cols int) {
	checkMap("LogSoftmax", dst, x)
	checkCols("LogSoftmax", len(x), cols)
	var each, e [rowScratch]T
	var rest rowSum[T] // of the exponentials but that of the first maximum, 1
	for len(x) > 0 {
		n := rowsAtOnce(len(x), cols)
		d := dst[:n]
		subtractMax(d, x[:n], cols, &each)
		for at := 0; at < n; at += cols {
			row := d[at : at+cols]
			whole := true
			for i := 0; i < cols; i += rowScratch {
				part := row[i:min(i+rowScratch, cols)]
				Exp(e[:len(part)], part)
				if whole {
					if j := slices.Index(part, 0); j >= 0 {
						e[j], whole = 0, false
					}
				}
				rest.add(e[:len(part)])
			}
			fill(rowOf(&each, at, cols), kernels.Log1p(rest.total()))
		}
		for at := 0; at < n; at += rowScratch {
			part := d[at:min(at+rowScratch, n)]
			Sub(part, part, each[:len(part)])
		}
		dst, x = dst[n:], x[n:]
	}
}

// SoftmaxGrad is the vector-Jacobian product of Softmax, by its result y. For
// every row of cols elements,
//
//	for i := range dst { dst[i] = y[i] · (dy[i] − Σ dy·y) }
//
// all operations rounded as IEEE 754 does, with its edge cases. So the
// gradient is 0 where y is 0, as long as dy is finite.
//
// dst, dy and y have one length, a multiple of cols ≥ 1; dst is the same slice as
// an operand or disjoint from it. Else SoftmaxGrad panics.
func SoftmaxGrad[T Float](dst, dy, y []T, cols int) {
	checkZip("SoftmaxGrad", addr(dst), addr(dy), addr(y), bytes(dst), bytes(dy), bytes(y))
	raceZip(dst, dy, y)
	checkCols("SoftmaxGrad", len(y), cols)
	var each, p [rowScratch]T
	var sum rowSum[T]
	for len(y) > 0 {
		n := rowsAtOnce(len(y), cols)
		for at := 0; at < n; at += cols {
			for i := at; i < at+cols; i += rowScratch {
				to := min(i+rowScratch, at+cols)
				Mul(p[:to-i], dy[i:to], y[i:to])
				sum.add(p[:to-i])
			}
			fill(rowOf(&each, at, cols), sum.total())
		}
		for at := 0; at < n; at += rowScratch {
			to := min(at+rowScratch, n)
			Sub(p[:to-at], dy[at:to], each[:to-at])
			Mul(dst[at:to], p[:to-at], y[at:to])
		}
		dst, dy, y = dst[n:], dy[n:], y[n:]
	}
}

// GumbelSoftmax computes, for every row of cols logits with the noise g =
// Gumbel(seed, offset),
//
//	for i := range dst { dst[i] = e^((logits[i] + g[i])/tau) / Σ e^((logits + g)/tau) }
//
// a relaxed sample from the categories (Jang, Gu and Poole 2017; Maddison, Mnih
// and Teh 2017): the largest entry of a row is category i with the probability
// softmax(logits)[i], whatever tau is, and the others vanish as tau falls. The
// noise of element i is that of element offset + i of the stream, so a matrix may
// be split between rows.
//
// The maximum is subtracted before the division by tau, so no tau is too small.
// tau = 0 is the limit, ArgmaxOneHot(logits + g), an exact sample; tau = +Inf
// gives the same to all categories of a row. −Inf, +Inf and NaN in a row of logits
// are as in Softmax.
//
// dst and logits have one length, a multiple of cols ≥ 1, and are the same slice
// or disjoint, and tau ≥ 0; else GumbelSoftmax panics.
func GumbelSoftmax[T Float](dst, logits []T, cols int, tau T, seed, offset uint64) {
	checkMap("GumbelSoftmax", dst, logits)
	checkCols("GumbelSoftmax", len(logits), cols)
	checkTau("GumbelSoftmax", tau)
	var g [drawnMost]T
	for len(logits) > 0 {
		// Some rows, so that they stay in the cache and groups of words are whole.
		n := min(max(4096/cols, 1)*cols, len(logits))
		d, s := dst[:n], logits[:n]
		for at := 0; at < n; {
			// Groups of words end at multiples of drawnMost of the stream.
			k := min(drawnMost-int(offset%uint64(drawnMost)), n-at)
			Gumbel(g[:k], seed, offset)
			Add(d[at:at+k], s[at:at+k], g[:k])
			at, offset = at+k, offset+uint64(k)
		}
		if tau == 0 {
			argmaxOneHot(d, d, cols)
		} else {
			softmax(d, d, cols, tau)
		}
		dst, logits = dst[n:], logits[n:]
	}
}

// ArgmaxOneHot computes, for every row of cols elements,
//
//	for i := range dst { dst[i] = 1 if x[i] is the first maximum of the row, else 0 }
//
// exactly. A row of nothing but −Inf gives zeros; a row with NaN gives NaN
// everywhere.
//
// dst and x have one length, a multiple of cols ≥ 1, and are the same slice or
// disjoint; else ArgmaxOneHot panics.
func ArgmaxOneHot[T Float](dst, x []T, cols int) {
	checkMap("ArgmaxOneHot", dst, x)
	checkCols("ArgmaxOneHot", len(x), cols)
	argmaxOneHot(dst, x, cols)
}

func argmaxOneHot[T Float](dst, x []T, cols int) {
	for at := 0; at < len(x); at += cols {
		first, largest, nan := -1, T(math.Inf(-1)), false
		for i, v := range x[at : at+cols] {
			if v > largest {
				first, largest = i, v
			}
			nan = nan || v != v
		}
		row := dst[at : at+cols]
		switch {
		case nan:
			fill(row, T(math.NaN()))
		default:
			clear(row)
			if first >= 0 {
				row[first] = 1
			}
		}
	}
}

// The rows are walked through in blocks: as many of them as rowScratch elements
// hold, or a long one. Their elements' operands, one for a row, are spread out,
// so that the vector kernels need not know of rows.
const rowScratch = 256

func rowsAtOnce(n, cols int) int { return min(max(rowScratch/cols, 1)*cols, n) }

// rowOf is where the operand of the row that starts at element at is spread out.
func rowOf[T Float](each *[rowScratch]T, at, cols int) []T {
	return each[at:min(at+cols, rowScratch)] // a long row starts at 0
}

// softmax is for any tau but 0, dst and x in one place or not.
func softmax[T Float](dst, x []T, cols int, tau T) {
	var each [rowScratch]T
	var sum rowSum[T]
	for len(x) > 0 {
		n := rowsAtOnce(len(x), cols)
		d := dst[:n]
		subtractMax(d, x[:n], cols, &each)
		if tau != 1 {
			divide(d, tau, &each)
		}
		Exp(d, d)
		for at := 0; at < n; at += cols {
			sum.add(d[at : at+cols])
			fill(rowOf(&each, at, cols), divisor(sum.total()))
		}
		for at := 0; at < n; at += rowScratch {
			part := d[at:min(at+rowScratch, n)]
			Div(part, part, each[:len(part)])
		}
		dst, x = dst[n:], x[n:]
	}
}

// subtractMax subtracts from every row its maximum. Where that is +Inf, the row
// becomes 0 at +Inf and −Inf elsewhere.
func subtractMax[T Float](dst, x []T, cols int, each *[rowScratch]T) {
	infinite := false
	for at := 0; at < len(x); at += cols {
		largest := rowMax(x[at : at+cols])
		if largest-largest != 0 {
			largest = 0
			infinite = true
		}
		fill(rowOf(each, at, cols), largest)
	}
	for at := 0; at < len(x); at += rowScratch {
		to := min(at+rowScratch, len(x))
		Sub(dst[at:to], x[at:to], each[:to-at])
	}
	if !infinite {
		return
	}
	for at := 0; at < len(x); at += cols {
		share(dst[at : at+cols])
	}
}

// share makes +Inf the only categories, if there is one.
func share[T Float](row []T) {
	inf := T(math.Inf(1))
	if rowMax(row) < inf {
		return
	}
	for i, v := range row {
		switch {
		case v == inf:
			row[i] = 0
		case v == v:
			row[i] = -inf
		}
	}
}

// divide divides by tau; −Inf stays −Inf.
func divide[T Float](d []T, tau T, each *[rowScratch]T) {
	if inf := T(math.Inf(1)); tau == inf {
		for i, v := range d {
			if v > -inf {
				d[i] = 0
			}
		}
		return
	}
	fill(each[:], tau)
	for at := 0; at < len(d); at += rowScratch {
		part := d[at:min(at+rowScratch, len(d))]
		Div(part, part, each[:len(part)])
	}
}

// divisor is what a row with that sum of exponentials is divided by: 1 if all
// are −Inf.
func divisor[T Float](sum T) T {
	if sum == 0 {
		return 1
	}
	return sum
}

// A rowSum is kernels.Sum of what is added piece by piece, every piece but the
// last rowScratch long. It is used for one row after another.
type rowSum[T Float] struct {
	lanes  [mostLanes]T
	n      int // how many of the block they have
	blocks kernels.Tree[T]
	many   bool
}

func (s *rowSum[T]) add(v []T) {
	for len(v) > 0 {
		if s.n == kernels.SumBlock {
			s.blocks.Add(fold(&s.lanes))
			s.lanes, s.n, s.many = [mostLanes]T{}, 0, true
		}
		n := min(len(v), kernels.SumBlock-s.n)
		addLanes(&s.lanes, v[:n])
		s.n += n
		v = v[n:]
	}
}

// total is the sum, and starts the next.
func (s *rowSum[T]) total() T {
	sum := fold(&s.lanes)
	s.lanes, s.n = [mostLanes]T{}, 0
	if s.many {
		s.blocks.Add(sum)
		sum = s.blocks.Sum()
		s.blocks, s.many = kernels.Tree[T]{}, false
	}
	return sum
}

// fold is kernels.Fold of all lanes, written out: it is called for every row.
func fold[T Float](l *[mostLanes]T) T {
	if is32[T]() {
		for j := range mostLanes / 2 {
			l[j] += l[j+mostLanes/2]
		}
	}
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// rowMax is the largest element that is not NaN, −Inf of none; a zero is +0.
func rowMax[T Float](row []T) T {
	if len(row) >= 64 {
		_, largest := minMax(row)
		return largest
	}
	largest := kernels.Inf[T](-1)
	for _, v := range row {
		if v > largest {
			largest = v
		}
	}
	return largest + 0
}

func fill[T Float](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}
