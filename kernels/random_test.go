package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestPhilox: the known answers of Random123, kat_vectors of philox4x32 10.
func TestPhilox(t *testing.T) {
	const all = 0xffffffff
	for _, v := range []struct {
		c    [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{all, all, all, all}, [2]uint32{all, all}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := block(v.c, v.key); got != v.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", v.c, v.key, got, v.want)
		}
	}
}

func block(c [4]uint32, key [2]uint32) (r [4]uint32) {
	r[0], r[1], r[2], r[3] = Philox(c[0], c[1], c[2], c[3], key[0], key[1])
	return r
}

// TestRandomElement: which words of which block an element takes.
func TestRandomElement(t *testing.T) {
	const seed = 0x299f31d0a4093822
	at := func(c uint64) [4]uint32 {
		return block([4]uint32{uint32(c), uint32(c >> 32)}, [2]uint32{0xa4093822, 0x299f31d0})
	}
	for _, e := range []uint64{0, 1, 15, 16, 31, 32, 47, 48, 63, 64, 1000, 1 << 40, math.MaxUint64} {
		if got, want := RandomElement[float32](seed, e), at(e/64*16 + e%16)[e/16%4]; got != uint64(want) {
			t.Errorf("element %d of float32: bits %x, want %x", e, got, want)
		}
		b, w := at(e/32*16+e%16), e/16%2*2
		if got, want := RandomElement[float64](seed, e), uint64(b[w])|uint64(b[w+1])<<32; got != want {
			t.Errorf("element %d of float64: bits %x, want %x", e, got, want)
		}
	}
}

// TestUniformCells: open at both ends, symmetric, and as fine as is said.
func TestUniformCells(t *testing.T) {
	testUniformCells[float32](t, 1<<32-1, 0x1p-24)
	testUniformCells[float64](t, math.MaxUint64, 0x1p-53)
}

func testUniformCells[T Float](t *testing.T, most uint64, half T) {
	if lo, hi := Uniform[T](0), Uniform[T](most); lo != half || hi != 1-half {
		t.Errorf("%T: uniforms from %g to %g, want %g and 1 less that", half, lo, hi, half)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 10000 {
		b := r.Uint64() & most
		if u, v := Uniform[T](b), Uniform[T](^b&most); u+v != 1 || !(u > 0 && u < 1) {
			t.Fatalf("%T: uniforms %g and %g of opposite bits", half, u, v)
		}
		if u, v := RandomCell[T](b), RandomCell[T](^b&most); u != 1-v || v != 1-u || !(u > 0 && u < 1) {
			t.Fatalf("%T: cells %g and %g of opposite bits", half, u, v)
		}
		if u, v := Normal[T](b), Normal[T](^b&most); u != -v {
			t.Fatalf("%T: normals %g and %g of opposite bits", half, u, v)
		}
	}
}

// randomBits draws bits from everywhere, the ends and the places where a formula
// changes.
func randomBits[T Float](r *rand.Rand) uint64 {
	size := 64
	if is32[T]() {
		size = 32
	}
	most := uint64(math.MaxUint64) >> (64 - size)
	var b uint64
	switch r.IntN(5) {
	case 0: // an end
		b = r.Uint64() >> (64 - size) >> r.IntN(size)
	case 1: // about ½
		b = (most/2 + 1) ^ r.Uint64()>>(64-size)>>r.IntN(size)
	case 2: // where Normal leaves its centre, Gumbel is 0, or Normal's tail ends
		u := []float64{0.075, 1 / math.E, math.Exp(-25)}[r.IntN(3)] * (1 + 1e-3*(r.Float64()-0.5)*math.Exp2(-50*r.Float64()))
		b = uint64(math.Ldexp(u, size))
	default:
		b = r.Uint64() & most
	}
	if r.IntN(2) == 0 {
		b = ^b & most
	}
	return b
}

// exactGumbel is −log(−log u).
func exactGumbel(u float64) *big.Float {
	w := wide{192}
	l := w.log(w.of(u))
	g := w.log(l.Neg(l))
	return g.Neg(g)
}

// quantileError is how far v is from the normal quantile at u, about, by
// Newton's step (Φ(v) − u)/φ(v), as a multiple of v. The series of Φ alternates, and
// gets the digits that it loses.
func quantileError(u, v float64) float64 {
	w := wide{320}
	x := w.of(v)
	half := scale(w.mul(x, x), -1)
	term, sum := w.of(v), w.of(v)
	for n := 1; !w.small(term) || float64(n) < v*v; n++ {
		term = w.quo(w.mul(term, half), w.of(float64(-n)))
		sum = w.add(sum, w.quo(term, w.of(float64(2*n+1))))
	}
	// Φ(v) − ½ = sum/√(2π), φ(v) = e^(−v²/2)/√(2π)
	root := w.new().Sqrt(w.mul(w.of(8), w.atan(w.of(1))))
	d := w.sub(sum, w.mul(root, w.of(u-0.5)))
	step, _ := w.quo(w.mul(d, w.exp(half)), x).Float64()
	return step
}

// TestRandomAccuracy measures Normal and Gumbel against the exact functions.
// Where Gumbel is next to 0 a float64 error of log u is not small: from there
// on, ULP are those of a fixed number.
func TestRandomAccuracy(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 4_000
	}
	testRandomAccuracy[float32](t, n, 0.501, 0.501, 0x1p-20)
	testRandomAccuracy[float64](t, n, 5, 2, 0.5)
}

func testRandomAccuracy[T Float](t *testing.T, n int, normalMost, gumbelMost, least float64) {
	var normal, gumbel float64
	digits, _ := floats[T]()
	ulp := func(v float64) float64 { return math.Exp2(float64(math.Ilogb(v) + 1 - digits)) }
	r := rand.New(rand.NewPCG(5, 6))
	for range n {
		b := randomBits[T](r)
		u := RandomCell[T](b)
		z := float64(Normal[T](b))
		normal = max(normal, math.Abs(quantileError(u, z)*z)/ulp(z))
		g := float64(Gumbel[T](b))
		d, _ := new(big.Float).Sub(big.NewFloat(g), exactGumbel(u)).Float64()
		gumbel = max(gumbel, math.Abs(d)/ulp(max(math.Abs(g), least)))
	}
	t.Logf("%T: Normal %.3f ULP, Gumbel %.3f ULP", T(0), normal, gumbel)
	if !(normal <= normalMost) {
		t.Errorf("%T: Normal is %.3f ULP off", T(0), normal)
	}
	if !(gumbel <= gumbelMost) {
		t.Errorf("%T: Gumbel is %.3f ULP off", T(0), gumbel)
	}
}
