package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// inputs are the special values and n random ones.
func inputs[T cases.Float](n int) (list []T) {
	for _, in := range cases.Inputs[T](cases.Rand(12), n) {
		list = append(list, in.X)
	}
	return list
}

// integer rounds a finite x in exact arithmetic.
func integer(x *big.Float, m kernels.Mode) *big.Int {
	n, _ := x.Int(nil) // towards zero
	fraction := new(big.Float).SetPrec(2200).Sub(x, new(big.Float).SetPrec(2200).SetInt(n))
	away := big.NewInt(int64(fraction.Sign()))
	half := new(big.Float).Abs(fraction).Cmp(big.NewFloat(0.5))
	outward := map[kernels.Mode]bool{
		kernels.Down: fraction.Sign() < 0, kernels.Up: fraction.Sign() > 0,
		kernels.NearestAway: half >= 0, kernels.NearestEven: half > 0 || half == 0 && n.Bit(0) == 1,
	}
	if outward[m] {
		n.Add(n, away)
	}
	return n
}

func bigFloat[T cases.Float](x T) *big.Float {
	return new(big.Float).SetPrec(2200).SetFloat64(float64(x))
}

// TestRoundings checks the five roundings, and their saturating int32 forms,
// against math/big.
func TestRoundings(t *testing.T) {
	t.Run("float32", testRoundings[float32])
	t.Run("float64", testRoundings[float64])
}

func testRoundings[T cases.Float](t *testing.T) {
	ints := map[kernels.Mode]string{kernels.Down: "FloorInt32", kernels.Up: "CeilInt32", kernels.TowardZero: "TruncInt32", kernels.NearestEven: "RoundInt32"}
	plain := map[kernels.Mode]func(T) T{
		kernels.Down: kernels.Floor[T], kernels.Up: kernels.Ceil[T], kernels.TowardZero: kernels.Trunc[T],
		kernels.NearestEven: kernels.Round[T], kernels.NearestAway: kernels.RoundAway[T],
	}
	for m := kernels.Down; m.Valid(); m++ {
		var toInt func(kernels.In[T]) kernels.Out[T]
		if ints[m] != "" {
			toInt = cases.Def[T](kernels.ByName(ints[m]))(kernels.Params[T]{})
		}
		for _, x := range inputs[T](5000) {
			want, wantInt := x, int32(0)
			switch {
			case math.IsInf(float64(x), 0):
				wantInt = math.MaxInt32
				if x < 0 {
					wantInt = math.MinInt32
				}
			case x == x:
				n := integer(bigFloat(x), m)
				want = T(math.Copysign(float64(nearest[T](new(big.Float).SetInt(n))), float64(x)))
				switch {
				case n.Cmp(big.NewInt(math.MaxInt32)) > 0:
					wantInt = math.MaxInt32
				case n.Cmp(big.NewInt(math.MinInt32)) < 0:
					wantInt = math.MinInt32
				default:
					wantInt = int32(n.Int64())
				}
			}
			for _, got := range []T{kernels.RoundMode(x, m), plain[m](x)} {
				require.True(t, cases.Same(want, got), "%v of %s is %s, want %s", m, cases.Spell(x), cases.Spell(got), cases.Spell(want))
			}
			if toInt != nil {
				require.Equal(t, wantInt, toInt(kernels.In[T]{X: x}).Int, "%s of %s", ints[m], cases.Spell(x))
			}
		}
	}
}

func nextUp[T cases.Float](x T) T {
	if cases.TypeName[T]() == "float32" {
		return T(math.Nextafter32(float32(x), float32(math.Inf(1))))
	}
	return T(math.Nextafter(float64(x), math.Inf(1)))
}

// TestFloorSnap walks up through the floats, one step at a time.
func TestFloorSnap(t *testing.T) {
	t.Run("float32", testFloorSnap[float32])
	t.Run("float64", testFloorSnap[float64])
}

func testFloorSnap[T cases.Float](t *testing.T) {
	for _, ulps := range []int{0, 1, 2, 3, 7, 50} {
		for _, x := range inputs[T](4000) {
			want, at := kernels.Floor(x), x
			for step := 0; step <= ulps; step++ {
				if c := kernels.Ceil(x); at == c {
					want = c
					break
				}
				at = nextUp(at)
			}
			got := kernels.FloorSnap(x, kernels.ClampUlps[T](ulps))
			require.True(t, cases.Same(want, got), "ulps = %d: %s gives %s, want %s", ulps, cases.Spell(x), cases.Spell(got), cases.Spell(want))
		}
	}
	tiny := cases.FromBits[T](1)
	require.True(t, cases.Same(T(math.Copysign(0, -1)), kernels.FloorSnap(-tiny, 1)), "−tiny reaches −0")
	require.EqualValues(t, 1, kernels.FloorSnap(tiny, math.MaxInt64), "everything in (0, 1) is within reach of 1")
}

// TestFloorDiv compares with the floor of the exact quotient.
func TestFloorDiv(t *testing.T) {
	t.Run("float32", testFloorDiv[float32])
	t.Run("float64", testFloorDiv[float64])
}

func testFloorDiv[T cases.Float](t *testing.T) {
	whole := T(1 << 24)
	if cases.TypeName[T]() == "float64" {
		whole = T(int64(1) << 53)
	}
	r := cases.Rand(13)
	check := func(x, step T) (corrected bool) {
		q := x / step
		want := q
		if finite(x, q) && x != 0 && math.Abs(float64(q)) < float64(whole) {
			exact := new(big.Rat).Quo(rational(x), rational(step))
			n := new(big.Int).Div(exact.Num(), exact.Denom()) // Euclidean: the floor, as the denominator is positive
			want = nearest[T](new(big.Float).SetInt(n))
		}
		got := kernels.FloorDiv(x, step)
		require.True(t, cases.Same(want, got), "FloorDiv(%s, %s) = %s, want %s", cases.Spell(x), cases.Spell(step), cases.Spell(got), cases.Spell(want))
		return want != kernels.Floor(q)
	}
	for _, p := range cases.Params[T](kernels.Step) {
		for _, x := range inputs[T](600) {
			check(x, p.Step)
		}
	}
	corrections := 0
	for range 4000 { // around multiples, where the quotient rounds to an integer
		step := cases.Random[T](r)
		if step == 0 || !finite(step) {
			continue
		}
		x := T(T(r.IntN(1<<20)-1<<19) * step) // converted: x − x must not fuse
		if !finite(x) {
			continue
		}
		for d := range uint64(5) {
			if check(cases.FromBits[T](cases.Bits(x)+d-2), step) {
				corrections++
			}
		}
	}
	require.Greater(t, corrections, 100, "too few inputs on which the rounded quotient is wrong")
}

func rational[T cases.Float](x T) *big.Rat { return new(big.Rat).SetFloat64(float64(x)) }

// TestFloorDivSnap recovers k from fl(k·step), for every |k| < 2^22 (2^51).
func TestFloorDivSnap(t *testing.T) {
	t.Run("float32", func(t *testing.T) {
		steps := []float32{0.1, 1. / 3, 1e-3, -7.3, 0x1.fffffep0, 0x1.000002p0}
		if testing.Short() {
			steps = steps[:1]
		}
		for _, step := range steps {
			for k := float32(-1<<22 + 1); k < 1<<22; k++ {
				if testing.Short() {
					k += 1000
				}
				if got := kernels.FloorDivSnap(float32(k*step), step, 1); got != k {
					t.Fatalf("k = %v, step = %v: %v", k, step, got)
				}
			}
		}
	})
	t.Run("float64", func(t *testing.T) {
		r := cases.Rand(14)
		for range 300_000 {
			step := math.Ldexp(1+r.Float64(), r.IntN(200)-100)
			k := math.Floor(math.Ldexp(r.Float64()*2-1, r.IntN(52)))
			if got := kernels.FloorDivSnap(float64(k*step), step, 1); got != k {
				t.Fatalf("k = %v, step = %v: %v", k, step, got)
			}
		}
	})
}
