package stepgrad_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// exactBin is the bin of x by rational arithmetic, −1 outside.
func exactBin(x, lo, hi float64, bins int) int {
	if !(lo <= x && x <= hi) {
		return -1
	}
	rat := func(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }
	q := new(big.Rat).Sub(rat(x), rat(lo))
	q.Mul(q, rat(float64(bins)))
	q.Quo(q, new(big.Rat).Sub(rat(hi), rat(lo)))
	return min(int(new(big.Int).Quo(q.Num(), q.Denom()).Int64()), bins-1)
}

var ranges = [][2]float64{
	{0, 1}, {0, 255}, {-1, 1}, {-0.3, 0.7}, {1e-3, 1e3}, {0.1, 0.1 + 0x1p-23}, {-3, 1e30}, {-1e-30, 3},
	{-math.MaxFloat32, math.MaxFloat32}, {-1e-45, math.MaxFloat32}, {1e-45, 1e-44}, {1e30, 1.0000001e30},
}

// Only float64 has these.
var farRanges = [][2]float64{
	{-math.MaxFloat64, math.MaxFloat64}, {-5e-324, math.MaxFloat64}, {-math.MaxFloat64, 1e-300}, {5e-324, 5e-322},
	{1e300, math.Nextafter(1e300, math.Inf(1))}, {-0x1p950, 0x1p890}, {-0x1p-900, 0x1p-870}, {3, math.Nextafter(3, 4)},
}

// TestHistogramEdges: edges, as rounded to T, and the floats beside them are
// counted by exact comparison.
func TestHistogramEdges(t *testing.T) {
	t.Run("float32", func(t *testing.T) { histogramEdges[float32](t, ranges) })
	t.Run("float64", func(t *testing.T) { histogramEdges[float64](t, append(farRanges, ranges...)) })
}

func histogramEdges[T kernels.Float](t *testing.T, ranges [][2]float64) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, r := range ranges {
		lo, hi := T(r[0]), T(r[1])
		for _, bins := range []int{1, 2, 3, 7, 10, 49, 100, 255, 1000} {
			x := []T{lo, hi, 0, T(math.NaN()), T(math.Inf(1)), T(math.Inf(-1))}
			for i := range 200 {
				k := i
				if bins > 200 {
					k = rnd.IntN(bins + 1)
				}
				edge := T(float64(lo)*(1-float64(k)/float64(bins)) + float64(hi)*(float64(k)/float64(bins)))
				x = append(x, edge, next(edge, 1), next(edge, -1))
			}
			want := make([]T, bins)
			for _, v := range x {
				if b := exactBin(float64(v), float64(lo), float64(hi), bins); b >= 0 {
					want[b]++
				}
			}
			got := make([]T, bins)
			got[0] = 7 // overwritten
			stepgrad.Histogram(got, x, lo, hi)
			require.Equal(t, want, got, "[%v, %v], %d bins", lo, hi, bins)
		}
	}
}

// next is the float beside x, above or below.
func next[T kernels.Float](x T, dir float64) T {
	if math.IsInf(float64(x), 0) || x != x {
		return x
	}
	if _, is32 := any(x).(float32); is32 {
		return T(math.Nextafter32(float32(x), float32(math.Inf(int(dir)))))
	}
	return T(math.Nextafter(float64(x), math.Inf(int(dir))))
}

// bigSigmoids are σ(v) and σ(−v).
func bigSigmoids(v *big.Float) (up, down *big.Float) {
	one := big.NewFloat(1).SetPrec(prec)
	e := bigExp(new(big.Float).SetPrec(prec).Neg(new(big.Float).Abs(v)))
	den := new(big.Float).SetPrec(prec).Add(one, e)
	near, far := new(big.Float).SetPrec(prec).Quo(one, den), new(big.Float).SetPrec(prec).Quo(e, den)
	if v.Sign() < 0 {
		return far, near
	}
	return near, far
}

const prec = 320

// bigExp is e^v for v ≤ 0.
func bigExp(v *big.Float) *big.Float {
	if v.IsInf() || v.Cmp(big.NewFloat(-1e5)) < 0 {
		return new(big.Float).SetPrec(prec)
	}
	const halvings = 40
	z := new(big.Float).SetPrec(prec+64).SetMantExp(v, -halvings)
	sum, term := big.NewFloat(1).SetPrec(prec+64), big.NewFloat(1).SetPrec(prec+64)
	for i := 1; i < 12; i++ {
		term.Mul(term, z)
		term.Quo(term, big.NewFloat(float64(i)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return new(big.Float).SetPrec(prec).Set(sum)
}

// softExact is the soft histogram and, for dcounts, its gradient, by big floats.
func softExact[T kernels.Float](x, dcounts []T, lo, hi, sharpness T, bins int, open bool) (counts, dx []*big.Float) {
	f := func(v float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(v) }
	n := func() *big.Float { return new(big.Float).SetPrec(prec) }
	counts, dx = make([]*big.Float, bins), make([]*big.Float, len(x))
	for i := range counts {
		counts[i] = n()
	}
	k := f(float64(sharpness))
	for i, v := range x {
		dx[i] = n()
		if v != v || v-v != 0 && !open {
			continue
		}
		if v-v != 0 {
			v = 1e30 * T(math.Copysign(1, float64(v)))
		}
		var up, steep []*big.Float // σ and σ′ at every edge
		for j := range bins + 1 {
			e := n().Sub(f(float64(hi)), f(float64(lo)))
			e.Mul(e, f(float64(j)))
			e.Quo(e, f(float64(bins)))
			e.Add(e, f(float64(lo)))
			u, d := bigSigmoids(n().Mul(k, n().Sub(f(float64(v)), e)))
			if open && j == 0 {
				u, d = f(1), f(0)
			}
			if open && j == bins {
				u, d = f(0), f(1)
			}
			up, steep = append(up, u), append(steep, n().Mul(u, d))
		}
		for b := range bins {
			// Differences lose nothing that matters of 320 bits.
			counts[b].Add(counts[b], n().Sub(up[b], up[b+1]))
			g := n().Sub(steep[b], steep[b+1])
			dx[i].Add(dx[i], g.Mul(g, f(float64(dcounts[b]))))
		}
		dx[i].Mul(dx[i], k)
	}
	return counts, dx
}

// ulps is the distance of got from want in units of want's last place.
func ulps[T kernels.Float](got T, want *big.Float, least float64) float64 {
	digits := 53
	if _, is32 := any(got).(float32); is32 {
		digits = 24
	}
	diff := new(big.Float).SetPrec(prec).SetFloat64(float64(got))
	diff.Sub(diff, want)
	if want.Sign() == 0 {
		return math.Abs(float64(got)) / least
	}
	unit := max(math.Ldexp(1, want.MantExp(nil)-digits), least)
	d, _ := diff.Float64()
	return math.Abs(d) / unit
}

type softCase struct {
	lo, hi, sharpness float64
	bins, n           int
	from, to          float64 // where x lies
}

var softCases = []softCase{
	{0, 1, 10, 1, 5, -1, 2}, {0, 1, 40, 10, 30, 0, 1}, {0, 1, 1000, 10, 30, -0.1, 1.1}, {-3, 3, 2, 7, 20, -8, 8},
	{0, 255, 0.5, 150, 20, 0, 255}, {0, 1, 3000, 200, 20, 0, 1}, {0.1, 0.3, 1e-3, 3, 20, 0, 1}, {0, 1, 1e6, 5, 40, 0.39999, 0.40001},
	{1000, 1001, 700, 66, 20, 1000, 1001}, {0, 1, 100, 10, 6, 0.95, 1}, {-1e-3, 1e-3, 1e9, 20, 20, -1e-3, 1e-3},
}

// TestSoftHistogramAccuracy: counts and gradients against big floats.
func TestSoftHistogramAccuracy(t *testing.T) {
	t.Run("float32", func(t *testing.T) { softAccuracy[float32](t, 0.51, 2) })
	t.Run("float64", func(t *testing.T) { softAccuracy[float64](t, 6, 12) })
}

func softAccuracy[T kernels.Float](t *testing.T, bound, gradBound float64) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var worst, worstGrad float64
	for _, c := range softCases {
		lo, hi, sharp := T(c.lo), T(c.hi), T(c.sharpness)
		x := make([]T, c.n)
		for i := range x {
			x[i] = T(c.from + (c.to-c.from)*rnd.Float64())
			if i%7 == 3 {
				x[i] = lo + T(rnd.IntN(c.bins+1))*((hi-lo)/T(c.bins))
			}
		}
		x[0], x[1], x[2] = T(math.NaN()), T(math.Inf(1)), T(math.Inf(-1))
		dcounts := make([]T, c.bins)
		for i := range dcounts {
			dcounts[i] = T(rnd.NormFloat64())
		}
		for _, open := range []bool{false, true} {
			want, wantGrad := softExact(x, dcounts, lo, hi, sharp, c.bins, open)
			counts, dx := make([]T, c.bins), make([]T, len(x))
			if open {
				stepgrad.SoftHistogramOpen(counts, x, lo, hi, sharp)
				stepgrad.SoftHistogramOpenGrad(dx, dcounts, x, lo, hi, sharp)
			} else {
				stepgrad.SoftHistogram(counts, x, lo, hi, sharp)
				stepgrad.SoftHistogramGrad(dx, dcounts, x, lo, hi, sharp)
			}
			name := fmt.Sprintf("%+v open %v", c, open)
			// What does not reach is less than e^−88 an element.
			lost := float64(len(x)) * math.Exp(-88)
			for b, v := range counts {
				low, _ := new(big.Float).SetFloat64(float64(v)).Float64()
				exact, _ := want[b].Float64()
				if math.Abs(low-exact) <= lost {
					continue
				}
				u := ulps(v, want[b], 0x1p-149)
				worst = max(worst, u)
				require.LessOrEqual(t, u, bound, "%s: bin %d: %v, not %v", name, b, v, exact)
			}
			largest := 0.0
			for _, g := range dcounts {
				largest = max(largest, math.Abs(float64(g)))
			}
			for i, v := range dx {
				// Terms of both signs: to the size of the largest.
				unit := float64(sharp) * steepest(x[i], lo, hi, sharp, c.bins) * largest
				exact, _ := wantGrad[i].Float64()
				if unit == 0 {
					require.Zero(t, v, name)
					continue
				}
				eps := 0x1p-53
				if _, is32 := any(v).(float32); is32 {
					eps = 0x1p-24
				}
				u := math.Max(0, math.Abs(float64(v)-exact)-0x1p-126*float64(sharp)) / (unit * eps)
				worstGrad = max(worstGrad, u)
				require.LessOrEqual(t, u, gradBound, "%s: dx[%d] of %v: %v, not %v", name, i, x[i], v, exact)
			}
		}
	}
	t.Logf("counts: %.2f ULP; gradients: %.2f of the largest term's", worst, worstGrad)
}

// steepest is σ′ at the nearest edge.
func steepest[T kernels.Float](x, lo, hi, sharpness T, bins int) (most float64) {
	for j := range bins + 1 {
		e := float64(lo) + (float64(hi)-float64(lo))*float64(j)/float64(bins)
		u := math.Exp(-math.Abs(float64(sharpness) * (float64(x) - e)))
		if u == u {
			most = max(most, u/((1+u)*(1+u)))
		}
	}
	return most
}

// TestSoftHistogramPieces: pieces of blocks, added up by the tree, are one call,
// and so are the gradients of any pieces.
func TestSoftHistogramPieces(t *testing.T) {
	t.Run("float32", softPieces[float32])
	t.Run("float64", softPieces[float64])
}

func softPieces[T kernels.Float](t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	x := make([]T, 5*kernels.SumBlock+777)
	for i := range x {
		x[i] = T(rnd.NormFloat64())
	}
	const bins = 70
	whole, dcounts := make([]T, bins), make([]T, bins)
	for i := range dcounts {
		dcounts[i] = T(rnd.NormFloat64())
	}
	stepgrad.SoftHistogram(whole, x, -2, 2, 15)
	var add func(x []T) []T
	add = func(x []T) []T {
		half := kernels.SumBlock
		for 2*half < len(x) {
			half *= 2
		}
		if len(x) <= half {
			counts := make([]T, bins)
			stepgrad.SoftHistogram(counts, x, -2, 2, 15)
			return counts
		}
		left, right := add(x[:half]), add(x[half:])
		stepgrad.Add(left, left, right)
		return left
	}
	require.Equal(t, whole, add(x))

	dx, piecewise := make([]T, len(x)), make([]T, len(x))
	stepgrad.SoftHistogramGrad(dx, dcounts, x, -2, 2, 15)
	for at := 0; at < len(x); {
		n := min(1+rnd.IntN(300), len(x)-at)
		stepgrad.SoftHistogramGrad(piecewise[at:at+n], dcounts, x[at:at+n], -2, 2, 15)
		at += n
	}
	require.Equal(t, dx, piecewise)
}

// TestSoftHistogramMass: open ends lose nothing, wherever the elements are, and
// closed ones what is outside.
func TestSoftHistogramMass(t *testing.T) {
	t.Run("float32", func(t *testing.T) { softMass[float32](t, 0x1p-22) })
	t.Run("float64", func(t *testing.T) { softMass[float64](t, 0x1p-51) })
}

func softMass[T kernels.Float](t *testing.T, within float64) {
	inf := T(math.Inf(1))
	rnd := rand.New(rand.NewPCG(9, 10))
	for _, c := range softCases {
		x := []T{0, T(c.lo), T(c.hi), 1e30, -1e30, inf, -inf, T(math.NaN())}
		for range 1000 {
			x = append(x, T(c.lo+(c.hi-c.lo)*(1.5*rnd.Float64()-0.25)))
		}
		counts := make([]T, c.bins)
		stepgrad.SoftHistogramOpen(counts, x, T(c.lo), T(c.hi), T(c.sharpness))
		sum := 0.0
		for _, n := range counts {
			sum += float64(n)
		}
		n := float64(len(x) - 1)
		require.InDelta(t, n, sum, n*within, "%+v", c)
	}
	counts := make([]T, 10)
	stepgrad.SoftHistogramOpen(counts, []T{inf, -inf, -inf, 1e30}, 0, 1, 5)
	require.Equal(t, []T{2, 0, 0, 0, 0, 0, 0, 0, 0, 2}, counts)
	stepgrad.SoftHistogram(counts, []T{inf, -inf, 1e30, -1e30, T(math.NaN())}, 0, 1, 5)
	require.Equal(t, make([]T, 10), counts)
	// A sharpness beyond all: the histogram, with half on an edge.
	stepgrad.SoftHistogram(counts, []T{0.05, 0.5, 0.95}, 0, 1, 1e30)
	require.Equal(t, []T{1, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 1}, counts)
	// One that is next to nothing.
	stepgrad.SoftHistogram(counts, []T{0.5}, 0, 1, 1e-30)
	require.InEpsilon(t, 2.5e-32, float64(counts[3]), 1e-6)
}
