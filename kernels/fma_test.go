package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// exactly is x·y + z, without rounding, for finite arguments.
func exactly[T cases.Float](x, y, z T) *big.Float {
	wide := func(v T) *big.Float { return new(big.Float).SetPrec(4400).SetFloat64(float64(v)) }
	return wide(z).Add(wide(0).Mul(wide(x), wide(y)), wide(z))
}

// nearest rounds to T, ties to even.
func nearest[T cases.Float](v *big.Float) T {
	if cases.TypeName[T]() == "float32" {
		f, _ := v.Float32()
		return T(f)
	}
	f, _ := v.Float64()
	return T(f)
}

func finite[T cases.Float](v ...T) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// doubleRounding lists x, y, z for which float32(math.FMA(x, y, z)) is wrong:
// the sum rounds to a tie in float64, and the tie to the wrong side.
func doubleRounding() (list [][3]float32) {
	h := float32(1 + 1./4096) // h² = 1 + 2^-11 + 2^-24: a tie in float32
	three := float32(3 + 1./2048)
	for _, e := range []int{-40, -60, -100, -126, -149} {
		tiny := float32(math.Ldexp(1, e))
		for _, s := range []float32{1, -1} {
			for _, up := range []float32{tiny, -tiny} {
				list = append(list, [3]float32{h, s * h, up}, [3]float32{three, s * three, up})
			}
		}
	}
	// Ties among the subnormals: half of the smallest, and a hair.
	half := float32(math.Ldexp(1, -75))
	for _, z := range []float32{0, 1e-45, 3e-45, -1e-45, 1e-38} {
		list = append(list, [3]float32{half, half, z}, [3]float32{half, 3 * half, z}, [3]float32{half, math.Nextafter32(half, 1), z},
			[3]float32{half, math.Nextafter32(half, 0), z}, [3]float32{-half, math.Nextafter32(half, 0), z})
	}
	// The edge of overflow: half an ulp above the largest float, and a hair less.
	big := float32(math.MaxFloat32)
	ulp := float32(math.Ldexp(1, 103))
	for _, d := range []float32{1e-30, -1e-30, 0} {
		list = append(list, [3]float32{big, 1, ulp}, [3]float32{ulp, 1 + d, big}, [3]float32{ulp, math.Nextafter32(1, 0), big})
	}
	return list
}

func TestFMA32DoubleRounding(t *testing.T) {
	wrong := 0
	for _, c := range doubleRounding() {
		want := nearest[float32](exactly(c[0], c[1], c[2]))
		got := kernels.FMA32(c[0], c[1], c[2])
		require.True(t, cases.Same(want, got), "FMA(%v, %v, %v) = %s, want %s", c[0], c[1], c[2], cases.Spell(got), cases.Spell(want))
		if float32(math.FMA(float64(c[0]), float64(c[1]), float64(c[2]))) != want {
			wrong++
		}
	}
	require.GreaterOrEqual(t, wrong, 8, "too few of the cases tell double rounding apart")
}

func TestFMA(t *testing.T) {
	t.Run("float32", testFMA[float32])
	t.Run("float64", testFMA[float64])
}

func testFMA[T cases.Float](t *testing.T) {
	check := func(x, y, z T) {
		got := kernels.FMA(x, y, z)
		var want T
		switch {
		case finite(x, y, z) && x != 0 && y != 0:
			want = nearest[T](exactly(x, y, z))
		case finite(x, y) && !finite(z):
			want = z
		default:
			want = T(x*y) + z // exact, or not a number
		}
		require.True(t, cases.Same(want, got), "FMA(%s, %s, %s) = %s, want %s",
			cases.Spell(x), cases.Spell(y), cases.Spell(z), cases.Spell(got), cases.Spell(want))
	}
	r := cases.Rand(11)
	special := cases.Specials[T]()
	for range 20_000 {
		x, y, z := cases.Random[T](r), cases.Random[T](r), cases.Random[T](r)
		if r.IntN(4) == 0 {
			x = special[r.IntN(len(special))]
		}
		switch r.IntN(4) {
		case 0:
			y = special[r.IntN(len(special))]
		case 1:
			z = -T(x * y) // cancellation
		}
		check(x, y, z)
	}
}
