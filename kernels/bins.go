package kernels

import "math"

// A Grid cuts [lo, hi] into equal bins, half-open but for the last, and finds
// the bin of a number by exact comparison with the real edges.
type Grid struct {
	bins   int
	lo, hi float64
	rate   float64 // bins/(hi − lo)
	scale  float64 // of lo and hi, lest something overflow
}

// NewGrid prepares a Grid: lo < hi, both finite, and bins ≥ 1.
func NewGrid(lo, hi float64, bins int) Grid {
	g := Grid{bins: bins, scale: 1}
	switch {
	case max(math.Abs(lo), math.Abs(hi)) > 0x1p900:
		g.scale = 0x1p-128
	case hi-lo < 0x1p-800:
		g.scale = 0x1p200
	}
	g.lo, g.hi = g.scaled(lo), g.scaled(hi)
	g.rate = float64(bins) / (g.hi - g.lo)
	return g
}

// scaled keeps what is tiny from becoming zero. No comparison notices: when
// scale is small, edges but lo are zero or larger than 2^600.
func (g *Grid) scaled(x float64) float64 {
	if g.scale < 1 && math.Abs(x) < 0x1p-472 && x != 0 {
		return math.Copysign(0x1p-600, x)
	}
	return x * g.scale
}

// Bin is the bin of x, lo ≤ x ≤ hi: ⌊(x − lo)·bins/(hi − lo)⌋ in real numbers,
// but the last bin for hi.
func (g *Grid) Bin(x float64) int {
	if g.scale != 1 {
		x = g.scaled(x)
	}
	q := float64((x - g.lo) * g.rate) // relative error below 2^-50
	k := int(q)
	near := math.RoundToEven(q)
	if math.Abs(q-near) <= float64(q*0x1p-49) {
		k = int(near)
		if 0 < k && k < g.bins && !g.reaches(x, k) {
			k--
		}
	}
	return min(k, g.bins-1)
}

// reaches reports whether x is at or above edge k: bins·x ≥ (bins − k)·lo + k·hi.
func (g *Grid) reaches(x float64, k int) bool {
	var terms [6]float64 // that add up to the difference, exactly
	terms[0], terms[1] = twoProduct(x, float64(g.bins))
	terms[2], terms[3] = twoProduct(-g.lo, float64(g.bins-k))
	terms[4], terms[5] = twoProduct(-g.hi, float64(k))
	if edge, e := twoSum(terms[2], terms[4]); e == 0 && terms[1] == 0 && terms[3] == 0 && terms[5] == 0 {
		return terms[0]+edge >= 0 // small integers, mostly
	}
	// Shewchuk's growing expansion: its last component that is not zero has the
	// sign of the sum.
	var sum [6]float64
	for i, s := range terms {
		for j := range i {
			s, sum[j] = twoSum(s, sum[j])
		}
		sum[i] = s
	}
	for i := len(sum) - 1; i >= 0; i-- {
		if sum[i] != 0 {
			return sum[i] > 0
		}
	}
	return true
}

// twoSum is a + b, rounded, and the error of that.
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

// twoProduct is a·b, rounded, and the error of that.
func twoProduct(a, b float64) (p, e float64) {
	p = float64(a * b)
	return p, math.FMA(a, b, -p)
}

const (
	// BinGroup is how many bins are worked on together: with this many steps of
	// the same size an exponential per sample and a table replace one per edge.
	BinGroup = 64

	// BinReach is the distance from an edge, in units of 1/sharpness, beyond
	// which a sample does not count: e^−88 is less than float32's least normal.
	BinReach = 88
)

// SoftBins are sigmoid bins of equal width: with s = σ(k·(x − edge)) a sample
// has s of the lower edge minus s of the upper one in a bin.
//
// That difference is (1 − e^(−k·width))·σ(k·(x − lower))·σ(k·(upper − x)),
// which cancels nowhere; and with t = e^(−k·|x − edge|) and q = 1/(1 + t) the
// sigmoids are q and t·q. From one edge to the next t changes by the factor
// e^(−k·width).
type SoftBins struct {
	Bins  int
	Open  bool    // the outer edges are at ∓∞
	Share float64 // 1 − e^(−k·width)
	Reach float64 // BinReach in bins

	lo, sharpness    float64
	width, widthTail float64
	rate             float64               // 1/width
	Decay            [BinGroup + 1]float64 // e^(−j·k·width)
}

// NewSoftBins prepares SoftBins: lo < hi, both and hi − lo finite, bins ≥ 1,
// and sharpness positive and finite.
func NewSoftBins(lo, hi, sharpness float64, bins int, open bool) (b SoftBins) {
	n := float64(bins)
	all, tail := twoSum(hi, -lo)
	b = SoftBins{Bins: bins, Open: open, lo: lo, sharpness: sharpness}
	b.width = all / n
	b.widthTail = (math.FMA(-b.width, n, all) + tail) / n
	b.rate = n / all
	step, stepTail := twoProduct(sharpness, b.width)
	stepTail += float64(sharpness * b.widthTail)
	b.Reach = BinReach / step
	y, z := expm1Parts(-atMost(step, 700), 1023)
	p := pow2(y)
	b.Share = -math.FMA(p, z, p-1)
	b.Decay[0] = 1
	for j := 1; j < len(b.Decay); j++ {
		v, tail := twoProduct(float64(j), step)
		if v < 800 {
			tail += float64(float64(j) * stepTail)
			b.Decay[j] = Exp(-v) * (1 - tail)
		}
	}
	return b
}

// Place is where x lies, in bins from lo, and the bin it counts as inside of:
// −1 and Bins are outside of all. x is not NaN.
func (b *SoftBins) Place(x float64) (at float64, bin int) {
	at = float64((x - b.lo) * b.rate)
	least, most := -1, b.Bins
	if b.Open {
		least, most = 0, b.Bins-1
	}
	switch {
	case at < float64(least):
		return at, least
	case at >= float64(most):
		return at, most
	}
	return at, int(math.Floor(at))
}

// Far is an exponent for an edge that counts as infinitely far away.
const Far = -800

// Exponent prepares e^(−k·|x − edge|) = e^v·c; below tells that x is below the
// edge, where it is not on it.
func (b *SoftBins) Exponent(x float64, edge int, below bool) (v, c float64) {
	if b.Open && (edge == 0 || edge == b.Bins) {
		return Far, 1
	}
	j := float64(edge)
	d, dTail := twoSum(x, -b.lo)
	e, eTail := twoProduct(j, b.width)
	eTail += float64(j * b.widthTail)
	s, tail := twoSum(d, -e)
	s, tail = twoSum(s, tail+(dTail-eTail))
	v, c = twoProduct(s, b.sharpness)
	c += float64(tail * b.sharpness)
	if !below {
		v, c = -v, -c
	}
	if !(v > Far) { // also NaN, of an x that overflows
		return Far, 1
	}
	return v, 1 + c
}

// group are the edges of the group of bin k.
func (b *SoftBins) group(k int) (first, last int) {
	first = k / BinGroup * BinGroup
	return first, min(first+BinGroup, b.Bins)
}

// tail is t of an edge of the group, from that of the nearest on its side of x.
func (b *SoftBins) tail(x float64, bin, edge, first, last int) float64 {
	nearest, steps := min(bin, last), 0
	above := edge > bin
	if above {
		nearest = max(bin+1, first)
		steps = edge - nearest
	} else {
		steps = nearest - edge
	}
	v, c := b.Exponent(x, nearest, above)
	t := float64(Exp(v) * c)
	if steps > 0 {
		t = float64(t * b.Decay[steps])
		if b.Open && (edge == 0 || edge == b.Bins) {
			t = 0
		}
	}
	return t
}

// Mass is what x has in bin k, over Share.
func (b *SoftBins) Mass(x float64, k int) float64 {
	if x != x {
		return 0
	}
	at, bin := b.Place(x)
	first, last := b.group(k)
	near, far := k, k+1 // the edges
	if k < bin {
		near, far = far, near
	}
	if k < bin && float64(near) < at-b.Reach || k > bin && float64(near) > at+b.Reach {
		return 0
	}
	t, u := b.tail(x, bin, near, first, last), b.tail(x, bin, far, first, last)
	if k == bin {
		return 1 / ((1 + t) * (1 + u))
	}
	return float64(float64(t*(1/(1+t))) * (1 / (1 + u)))
}

// Steep is σ′ of x at an edge, over sharpness, as the group from first to last
// has it.
func (b *SoftBins) Steep(x float64, edge, first, last int) float64 {
	at, bin := b.Place(x)
	if x != x || math.Abs(x) > math.MaxFloat64 || math.Abs(float64(edge)-at) > b.Reach ||
		b.Open && (edge == 0 || edge == b.Bins) {
		return 0
	}
	t := b.tail(x, bin, edge, first, last)
	q := 1 / (1 + t)
	return float64(float64(t*q) * q)
}

// The order of the sums of SoftHistogram: of so many elements, of the sums of
// these in a SumBlock, and of blocks in a Tree.
const SoftBatch = 64

// SoftHistogram is the soft histogram of x.
func SoftHistogram[T Float](counts, x []T, b *SoftBins) {
	for k := range counts {
		share := b.Share
		if b.Open && (k == 0 || k == b.Bins-1) {
			share = 1
		}
		var tree Tree[T]
		for at := 0; at < len(x); at += SumBlock {
			block := 0.0
			for i := at; i < min(at+SumBlock, len(x)); i += SoftBatch {
				batch := 0.0
				for _, v := range x[i:min(i+SoftBatch, at+SumBlock, len(x))] {
					batch += b.Mass(float64(v), k)
				}
				block += batch
			}
			tree.Add(T(block * share))
		}
		counts[k] = tree.Sum()
	}
}

// SoftHistogramGrad is its gradient: in each group the edges above x, going up,
// then those below, going down.
func SoftHistogramGrad[T Float](dx, dcounts, x []T, sharpness T, b *SoftBins) {
	change := func(edge int) (d float64) {
		if edge < b.Bins {
			d = float64(dcounts[edge])
		}
		if edge > 0 {
			d -= float64(dcounts[edge-1])
		}
		return d
	}
	for i, v := range x {
		v := float64(v)
		if v-v != 0 {
			dx[i] = 0
			continue
		}
		_, bin := b.Place(v)
		all := 0.0
		for k := 0; k < b.Bins; k += BinGroup {
			first, last := b.group(k)
			end := last
			if last < b.Bins {
				end--
			}
			sum := 0.0
			for e := max(bin+1, first); e <= end; e++ {
				sum += b.slope(v, e, first, last, change)
			}
			for e := min(bin, end); e >= first; e-- {
				sum += b.slope(v, e, first, last, change)
			}
			all += sum
		}
		dx[i] = T(float64(sharpness) * all)
	}
}

func (b *SoftBins) slope(x float64, edge, first, last int, change func(edge int) float64) float64 {
	if s := b.Steep(x, edge, first, last); s != 0 {
		return float64(s * change(edge))
	}
	return 0
}

// Histogram counts.
func Histogram[T Float](counts, x []T, lo, hi T) {
	g := NewGrid(float64(lo), float64(hi), len(counts))
	sums := make([]int, len(counts))
	for _, v := range x {
		if lo <= v && v <= hi {
			sums[g.Bin(float64(v))]++
		}
	}
	for i, n := range sums {
		counts[i] = T(n)
	}
}

const edgesBins = "NaN and ±Inf are ignored, and give a gradient of +0"

var binKernels = []Kernel{
	whole("Histogram", "bins", "counts x lo hi", "how many x lie in each of len(counts) equal bins of [lo, hi]", "none",
		"exact edges; the last bin holds hi; NaN and what is outside are ignored"),
	softBins("SoftHistogram", "counts x lo hi sharpness", "Σ σ(sharpness·(x − lower edge)) − σ(sharpness·(x − upper edge))", "SoftHistogramGrad",
		edgesBins, [2]float64{0.5, 4.6}),
	softBins("SoftHistogramOpen", "counts x lo hi sharpness", "SoftHistogram with the outer edges at ∓∞", "SoftHistogramOpenGrad",
		"NaN is ignored, ±Inf is in the outer bin, and both give a gradient of +0", [2]float64{0.5, 4.6}),
	softBins("SoftHistogramGrad", "dx dcounts x lo hi sharpness", "sharpness·Σ σ′(sharpness·(x − edge))·(dcounts above − dcounts below)", "composed of other operations",
		edgesBins, [2]float64{1.4, 9.3}),
	softBins("SoftHistogramOpenGrad", "dx dcounts x lo hi sharpness", "SoftHistogramGrad without the outer edges", "composed of other operations",
		edgesBins, [2]float64{1.4, 9.3}),
}

func softBins(name, args, formula, gradient, edges string, ulp [2]float64) Kernel {
	k := whole(name, "bins", args, formula, gradient, edges)
	k.ULP = ulp
	return k
}
