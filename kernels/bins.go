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
	half := Tanh(step / 2)
	b.Share = 2 * half / (1 + half)
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
