package stepgrad

import (
	"math"
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// Histogram counts how many elements of x lie in each of len(counts) bins of
// equal width from lo to hi:
//
//	clear(counts)
//	for _, v := range x {
//		if lo ≤ v && v ≤ hi {
//			counts[min(⌊(v − lo)·bins/(hi − lo)⌋, bins − 1)]++
//		}
//	}
//
// So bins hold their lower edge, and the last one its upper edge too; NaN and
// what is outside are ignored, as by torch.histc. The quotient is that of real
// numbers, not rounded: a v on an edge is at it, and the float below is below.
// torch.histc rounds, and so counts some of those beside an edge in the next
// bin: float32's 0.7, which is less than 7/10, in that from 7/10 on. Counts are
// integers, rounded to T once: those of pieces of x add up, exactly as long as
// they are below 2^24 (2^53).
//
// counts has at least one element and is disjoint from x; lo < hi, both finite;
// and in float32 x has fewer than 2^32 elements. Else Histogram panics.
// (torch.histc takes lo = hi to mean the range of x: see MinMax.)
func Histogram[T Float](counts, x []T, lo, hi T) {
	checkBins("Histogram", "counts", counts, x, lo, hi)
	if is32[T]() && uint64(len(x)) > math.MaxUint32 {
		panic("stepgrad: Histogram: float32 x must have fewer than 2^32 elements")
	}
	if race {
		raceRead(x)
		raceWrite(counts)
	}
	g := kernels.NewGrid(float64(lo), float64(hi), len(counts))
	clear(counts)
	if is32[T]() {
		n := unsafe.Slice((*uint32)(unsafe.Pointer(&counts[0])), len(counts))
		for _, v := range x {
			if lo <= v && v <= hi {
				n[g.Bin(float64(v))]++
			}
		}
		for i, c := range n {
			counts[i] = T(c)
		}
	} else {
		n := unsafe.Slice((*int64)(unsafe.Pointer(&counts[0])), len(counts))
		for _, v := range x {
			if lo <= v && v <= hi {
				n[g.Bin(float64(v))]++
			}
		}
		for i, c := range n {
			counts[i] = T(c)
		}
	}
}

// SoftHistogram is Histogram with a gradient: an element is shared among bins,
// by sigmoids at their edges,
//
//	edge(b) = lo + b·(hi − lo)/bins
//	counts[b] = Σ σ(sharpness·(v − edge(b))) − σ(sharpness·(v − edge(b+1)))
//
// and the histogram as sharpness → ∞. σ is the logistic function, so sharpness
// is in units of 1/x; a sharpness of a few bins/(hi − lo) is usual. This is the
// sum over v of the mass that a logistic distribution about v has in the bin.
// What it has outside [lo, hi] is lost: SoftHistogramOpen keeps it.
//
// The difference is computed without cancellation, so that counts far from any
// element keep their digits: the largest error measured was 0.5 ULP in float32
// and 4.6 in float64. An element farther than 88/sharpness from a bin does not
// reach it; that takes less than e^−88, float32's smallest normal number, from a
// count for every element. Time goes with the bins that are reached, not with
// all.
//
// NaN and ±Inf are ignored. Sums have a fixed order: of 64 elements, of 64
// such sums, and of these, which are rounded to T, in the tree of
// FakeQuantizeGrad. So the bits are the same on every machine, and calls on
// pieces of 4096·2^k elements, added up by that tree, give those of one call.
//
// counts has at least one element and is disjoint from x; lo < hi, both and
// hi − lo finite; sharpness is positive and finite. Else SoftHistogram panics.
func SoftHistogram[T Float](counts, x []T, lo, hi, sharpness T) {
	checkSoftBins("SoftHistogram", "counts", counts, x, lo, hi, sharpness)
	softHistogram(counts, x, lo, hi, sharpness, false)
}

// SoftHistogramOpen is SoftHistogram with the first bin open below and the last
// one above: the outer edges are at −∞ and +∞, and what would be lost belongs
// to the outer bins. Every element counts 1 in all, wherever it is: the counts
// add up to the number of elements that are not NaN, but for rounding. −Inf is
// in the first bin and +Inf in the last; NaN is ignored.
//
// The rules and the rest are those of SoftHistogram.
func SoftHistogramOpen[T Float](counts, x []T, lo, hi, sharpness T) {
	checkSoftBins("SoftHistogramOpen", "counts", counts, x, lo, hi, sharpness)
	softHistogram(counts, x, lo, hi, sharpness, true)
}

// SoftHistogramGrad is the backward pass of SoftHistogram:
//
//	dx[i] = sharpness·Σ σ′(sharpness·(x[i] − edge(j)))·(dcounts[j] − dcounts[j−1])
//
// over the edges j = 0 … bins, where dcounts outside of the bins is 0. The sum
// is the one over the bins by parts: nothing in it cancels but dcounts. The
// largest error measured was 1.4·2^−24 in float32 and 9.3·2^−53 in float64, of
// sharpness·σ′ at the nearest edge·the largest |dcounts|. Edges farther than
// 88/sharpness are left out: σ′ is less than e^−88 there. NaN and ±Inf in x give
// +0.
//
// dx and x have one length and are the same slice or disjoint; dx is disjoint
// from dcounts; else, and where SoftHistogram would, it panics.
func SoftHistogramGrad[T Float](dx, dcounts, x []T, lo, hi, sharpness T) {
	checkSoftBinsGrad("SoftHistogramGrad", dx, dcounts, x, lo, hi, sharpness)
	softHistogramGrad(dx, dcounts, x, lo, hi, sharpness, false)
}

// SoftHistogramOpenGrad is the backward pass of SoftHistogramOpen: that of
// SoftHistogram without the edges 0 and bins.
func SoftHistogramOpenGrad[T Float](dx, dcounts, x []T, lo, hi, sharpness T) {
	checkSoftBinsGrad("SoftHistogramOpenGrad", dx, dcounts, x, lo, hi, sharpness)
	softHistogramGrad(dx, dcounts, x, lo, hi, sharpness, true)
}

func checkBins[T Float](name, what string, counts, x []T, lo, hi T) {
	if len(counts) == 0 {
		panic("stepgrad: " + name + ": " + what + " must have at least one element")
	}
	if overlap(addr(counts), bytes(counts), addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": " + what + " must not overlap another slice")
	}
	if !(lo < hi) || lo-lo != 0 || hi-hi != 0 {
		panic("stepgrad: " + name + ": lo must be less than hi, both finite")
	}
}

func checkSoftBins[T Float](name, what string, counts, x []T, lo, hi, sharpness T) {
	checkBins(name, what, counts, x, lo, hi)
	if hi-lo-(hi-lo) != 0 {
		panic("stepgrad: " + name + ": hi - lo must be finite")
	}
	if !(sharpness > 0) || sharpness-sharpness != 0 {
		panic("stepgrad: " + name + ": sharpness must be positive and finite")
	}
	if race {
		raceRead(x)
	}
}

func checkSoftBinsGrad[T Float](name string, dx, dcounts, x []T, lo, hi, sharpness T) {
	if len(dx) != len(x) {
		panic("stepgrad: " + name + ": dx and x must have the same length")
	}
	if partial(addr(dx)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dx and x must be the same slice or not overlap")
	}
	checkSoftBins(name, "dcounts", dcounts, dx, lo, hi, sharpness) // dcounts and x may overlap
	if race {
		raceRead(dcounts)
		raceWrite(dx)
	}
}

func softHistogram[T Float](counts, x []T, lo, hi, sharpness T, open bool) {
	if race {
		raceWrite(counts)
	}
	bins := kernels.NewSoftBins(float64(lo), float64(hi), float64(sharpness), len(counts), open)
	var b softBatch
	for at := 0; at < len(counts); at += kernels.BinGroup {
		group := counts[at:min(at+kernels.BinGroup, len(counts))]
		if len(x) <= kernels.SumBlock {
			softBlock(group, x, at, &bins, &b)
		} else {
			softBlocks(group, x, at, &bins, &b)
		}
	}
}

// softBlocks adds up blocks. (It has the frame that one block need not pay for.)
func softBlocks[T Float](counts, x []T, first int, bins *kernels.SoftBins, b *softBatch) {
	var trees [kernels.BinGroup]kernels.Tree[T]
	for len(x) > 0 {
		n := min(kernels.SumBlock, len(x))
		softBlock(counts, x[:n], first, bins, b)
		for i, c := range counts {
			trees[i].Add(c)
		}
		x = x[n:]
	}
	for i := range counts {
		counts[i] = trees[i].Sum()
	}
}

// softBlock counts a block's elements in the bins from first on.
func softBlock[T Float](counts, x []T, first int, bins *kernels.SoftBins, b *softBatch) {
	var sums [kernels.BinGroup]float64
	last := first + len(counts)
	for len(x) > 0 {
		n := min(kernels.SoftBatch, len(x))
		if collect(b, x[:n], bins, first, last) {
			var part [kernels.BinGroup]float64
			for i := range b.n {
				b.count(&part, i, bins, first, last)
			}
			for i, s := range part {
				sums[i] += s
			}
		}
		x = x[n:]
	}
	for i := range counts {
		share := bins.Share
		if bins.Open && (first+i == 0 || first+i == bins.Bins-1) {
			share = 1
		}
		counts[i] = T(sums[i] * share)
	}
}

// A softBatch holds the elements of a batch that reach a group of bins.
type softBatch struct {
	n    int
	from [kernels.SoftBatch]uint8 // where in the batch they are
	at   [kernels.SoftBatch]float64
	bin  [kernels.SoftBatch]int

	// For the nearest edges of the group on either side, t of kernels.SoftBins
	// and, before that, its exponent; and the factor for what that leaves out.
	lower, upper   [kernels.SoftBatch]float64
	lowerC, upperC [kernels.SoftBatch]float64
}

// collect finds those of up to kernels.SoftBatch elements that reach an edge from
// first to last, and t of their nearest edges; false if none does.
func collect[T Float](b *softBatch, x []T, bins *kernels.SoftBins, first, last int) bool {
	b.n = 0
	for i, v := range x {
		v := float64(v)
		if v != v {
			continue
		}
		at, bin := bins.Place(v)
		if (at+bins.Reach < float64(first) || at-bins.Reach > float64(last)) && (bin < first || bin >= last) {
			continue
		}
		k := b.n
		b.from[k], b.at[k], b.bin[k] = uint8(i), at, bin
		b.lower[k], b.lowerC[k] = kernels.Far, 1
		b.upper[k], b.upperC[k] = kernels.Far, 1
		if bin >= first {
			b.lower[k], b.lowerC[k] = bins.Exponent(v, min(bin, last), false)
		}
		if bin < last {
			b.upper[k], b.upperC[k] = bins.Exponent(v, max(bin+1, first), true)
		}
		b.n++
	}
	if b.n == 0 {
		return false
	}
	lower, upper := b.lower[:b.n], b.upper[:b.n]
	Exp(lower, lower)
	Exp(upper, upper)
	Mul(lower, lower, b.lowerC[:b.n])
	Mul(upper, upper, b.upperC[:b.n])
	return true
}

// count adds what the collected element i has in the bins from first to last,
// over kernels.SoftBins.Share.
func (b *softBatch) count(sums *[kernels.BinGroup]float64, i int, bins *kernels.SoftBins, first, last int) {
	at, bin := b.at[i], b.bin[i]
	lower, upper := b.lower[i], b.upper[i]
	inside := bin >= first && bin < last
	if inside {
		sums[bin-first] += 1 / ((1 + lower) * (1 + upper))
	}
	if bin < last { // bins above it
		from := max(bin+1, first)
		t := upper
		q := 1 / (1 + t)
		for k := from; k < last && float64(k) <= at+bins.Reach; k++ {
			next := b.decayed(upper, k+1, k+1-from, bins)
			r := 1 / (1 + next)
			sums[k-first] += float64(float64(t*q) * r)
			t, q = next, r
		}
	}
	if bin >= first { // bins below it
		from := min(bin, last)
		t := lower
		q := 1 / (1 + t)
		for k := from - 1; k >= first && float64(k+1) >= at-bins.Reach; k-- {
			next := b.decayed(lower, k, from-k, bins)
			r := 1 / (1 + next)
			sums[k-first] += float64(float64(t*q) * r)
			t, q = next, r
		}
	}
}

// decayed is t of an edge so many steps away from the one that has t.
func (b *softBatch) decayed(t float64, edge, steps int, bins *kernels.SoftBins) float64 {
	if bins.Open && (edge == 0 || edge == bins.Bins) {
		return 0
	}
	return float64(t * bins.Decay[steps])
}

func softHistogramGrad[T Float](dx, dcounts, x []T, lo, hi, sharpness T, open bool) {
	bins := kernels.NewSoftBins(float64(lo), float64(hi), float64(sharpness), len(dcounts), open)
	var b softBatch
	for len(x) > 0 {
		n := min(kernels.SoftBatch, len(x))
		var sums [kernels.SoftBatch]float64
		for first := 0; first < len(dcounts); first += kernels.BinGroup {
			last := min(first+kernels.BinGroup, len(dcounts))
			if !collect(&b, x[:n], &bins, first, last) {
				continue
			}
			change := changes(dcounts, &bins, first, last)
			for i := range b.n {
				sums[b.from[i]] += b.slope(i, &change, &bins, first, last)
			}
		}
		for i, s := range sums[:n] {
			dx[i] = T(float64(sharpness) * s)
		}
		dx, x = dx[n:], x[n:]
	}
}

// changes are those of dcounts at the edges from first to last; 0 for those that
// are at ∓∞, and for the last, which is the next group's first, unless it is the
// last of all.
func changes[T Float](dcounts []T, bins *kernels.SoftBins, first, last int) (change [kernels.BinGroup + 1]float64) {
	before := 0.0
	if first > 0 {
		before = float64(dcounts[first-1])
	}
	for k, d := range dcounts[first:last] {
		change[k] = float64(d) - before
		before = float64(d)
	}
	if bins.Open && first == 0 {
		change[0] = 0
	}
	if last == bins.Bins && !bins.Open {
		change[last-first] = -before
	}
	return change
}

// slope is the part of the collected element i's derivative, over sharpness,
// from the edges first to last.
func (b *softBatch) slope(i int, change *[kernels.BinGroup + 1]float64, bins *kernels.SoftBins, first, last int) (sum float64) {
	at, bin := b.at[i], b.bin[i]
	if bin < last {
		t, from := b.upper[i], max(bin+1, first)
		for k := from; k <= last && float64(k) <= at+bins.Reach; k++ {
			u := float64(t * bins.Decay[k-from])
			q := 1 / (1 + u)
			sum += float64(float64(float64(u*q)*q) * change[k-first])
		}
	}
	if bin >= first {
		t, from := b.lower[i], min(bin, last)
		for k := from; k >= first && float64(k) >= at-bins.Reach; k-- {
			u := float64(t * bins.Decay[from-k])
			q := 1 / (1 + u)
			sum += float64(float64(float64(u*q)*q) * change[k-first])
		}
	}
	return sum
}
