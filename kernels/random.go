package kernels

import "math"

// Philox is one block of Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011):
// ten rounds that turn a counter and a key into four random words. (Scalars, as
// the compiler keeps arrays in memory.)
func Philox(c0, c1, c2, c3, key0, key1 uint32) (r0, r1, r2, r3 uint32) {
	for range 10 {
		a, b := 0xd2511f53*uint64(c0), 0xcd9e8d57*uint64(c2)
		c0, c1, c2, c3 = uint32(b>>32)^c1^key0, uint32(b), uint32(a>>32)^c3^key1, uint32(a)
		key0 += 0x9e3779b9
		key1 += 0xbb67ae85
	}
	return c0, c1, c2, c3
}

// PhiloxKeys are the two keys of every round, for vector code.
type PhiloxKeys [20]uint64

// NewPhiloxKeys are those of a seed, whose low half is the first key.
func NewPhiloxKeys(seed uint64) (k PhiloxKeys) {
	a, b := uint32(seed), uint32(seed>>32)
	for round := range 10 {
		k[2*round], k[2*round+1] = uint64(a), uint64(b)
		a += 0x9e3779b9
		b += 0xbb67ae85
	}
	return k
}

// PhiloxGroup is how many words a group has, those of 16 counters: first the
// word 0 of each, then the words 1, 2 and 3. So lanes of a vector are counters,
// and what a vector computes is stored as it is.
const PhiloxGroup = 64

// PhiloxGroups fills dst with whole groups, of the counters from counter on. A
// counter is the low half of a block's, a key its halves, the low one first.
func PhiloxGroups(dst []uint32, counter, key uint64) {
	for ; len(dst) >= PhiloxGroup; dst = dst[PhiloxGroup:] {
		group := dst[:PhiloxGroup]
		for j := range 16 {
			group[j], group[16+j], group[32+j], group[48+j] =
				Philox(uint32(counter), uint32(counter>>32), 0, 0, uint32(key), uint32(key>>32))
			counter++
		}
	}
}

// RandomPerGroup is how many elements a group makes: a float32 takes one word,
// a float64 two, which lie 16 words apart.
func RandomPerGroup[T Float]() int {
	if is32[T]() {
		return PhiloxGroup
	}
	return PhiloxGroup / 2
}

// RandomBits are the bits of element i of whole groups of words.
func RandomBits[T Float](words []uint32, i int) uint64 {
	if is32[T]() {
		return uint64(words[i])
	}
	at := i/16*32 + i%16
	return uint64(words[at]) | uint64(words[at+16])<<32
}

// RandomElement is the bits of the element e of a seed.
func RandomElement[T Float](seed, e uint64) uint64 {
	var words [PhiloxGroup]uint32
	per := uint64(RandomPerGroup[T]())
	PhiloxGroups(words[:], e/per*16, seed)
	return RandomBits[T](words[:], int(e%per))
}

// Uniform is the middle of one of 2^23 or 2^52 equal cells of (0, 1), exactly.
func Uniform[T Float](bits uint64) T {
	if is32[T]() {
		return T(float32(int32(bits>>9)*2+1) * 0x1p-24)
	}
	return T(float64(int64(bits>>12)*2+1) * 0x1p-53)
}

// RandomCell is the middle of one of 2^32 or 2^52 equal cells of (0, 1): it and
// its difference from 1 are exact.
func RandomCell[T Float](bits uint64) float64 {
	if is32[T]() {
		return float64(int64(bits)*2+1) * 0x1p-33
	}
	return Uniform[float64](bits)
}

// Gumbel is −log(−log u). As Log is accurate next to 1, where u is exact, this
// is as good there as a form with log1p.
func Gumbel[T Float](bits uint64) T {
	return T(-log64(-log64(RandomCell[T](bits))))
}

// Normal is the quantile of the standard normal distribution at u, odd about
// ½: Algorithm AS 241, PPND16 (Wichura 1988).
func Normal[T Float](bits uint64) T {
	u := RandomCell[T](bits)
	return T(NormalQuantile(u, math.Sqrt(-log64(min(u, 1-u)))))
}

// NormalQuantile is the quantile at u; r is √(−log p), p the smaller of u and
// 1 − u.
func NormalQuantile(u, r float64) float64 {
	q := u - 0.5
	if math.Abs(q) <= 0.425 {
		z := math.FMA(-q, q, 0.180625)
		return float64(q*horner(z, NormalCentre[0][:])) / horner(z, NormalCentre[1][:])
	}
	c, z := &NormalTail, r-1.6
	if r > 5 {
		c, z = &NormalFar, r-5
	}
	return math.Copysign(horner(z, c[0][:])/horner(z, c[1][:]), q)
}

// The numerators and denominators of AS 241: of q at 0.425² − q²; at r − 1.6 for
// r ≤ 5, that is p ≥ 1.4e-11; and at r − 5.
var (
	NormalCentre = [2][8]float64{{
		3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
		4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
	}, {
		1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
		2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
	}}
	NormalTail = [2][8]float64{{
		1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
		1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
	}, {
		1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
		1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
	}}
	NormalFar = [2][8]float64{{
		6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
		2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
	}, {
		1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
		7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
	}}
)

const edgesRandom = "element i depends on seed and offset+i alone, which wraps"

var randomKernels = []Kernel{
	whole("Uniform", "random", "dst seed offset", "the middle of one of 2^23 (2^52) equal cells of (0, 1)", "none", edgesRandom),
	whole("Normal", "random", "dst seed offset", "the standard normal quantile of a uniform u", "none", edgesRandom),
	whole("Gumbel", "random", "dst seed offset", "−log(−log u), u uniform", "none", edgesRandom),
}
