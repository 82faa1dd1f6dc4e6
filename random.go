package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// Uniform fills dst with numbers from the open interval (0, 1):
//
//	for i := range dst { dst[i] = (k + ½)·2^−23 } // float32; ·2^−52 for float64
//
// where k are the highest random bits of element offset + i: every one of these
// numbers has the same probability, and they are symmetric about ½.
//
// Random numbers in the package documentation tells what an element is.
func Uniform[T Float](dst []T, seed, offset uint64) {
	d := draws(seed)
	per := kernels.RandomPerGroup[T]()
	for len(dst) > 0 {
		from, n, groups := d.next(len(dst), per, offset)
		if n == groups*per {
			uniformGroups(dst[:n], &d)
		} else {
			var u [drawnMost]T
			uniformGroups(u[:groups*per], &d)
			copy(dst[:n], u[from:])
		}
		dst, offset = dst[n:], offset+uint64(n)
	}
}

// Normal fills dst with numbers from the standard normal distribution:
//
//	for i := range dst { dst[i] = Φ⁻¹((k + ½)·2^−32) } // float32; 2^−52 for float64
//
// where k are random bits of element offset + i: one number for each of so many
// parts of equal probability, so that |dst[i]| ≤ 6.3 (8.2). Φ⁻¹ is AS 241
// (Wichura 1988) in float64, with an error of at most 0.501 (5) ULP.
//
// Random numbers in the package documentation tells what an element is.
func Normal[T Float](dst []T, seed, offset uint64) {
	d := draws(seed)
	per := kernels.RandomPerGroup[T]()
	var u, r [drawnMost]float64
	for len(dst) > 0 {
		from, n, groups := d.next(len(dst), per, offset)
		cells[T](u[:groups*per], &d)
		for i, v := range u[from : from+n] {
			r[i] = min(v, 1-v)
		}
		logF64(&r[0], &r[0], n)
		scaleF64(&r[0], &r[0], n, -1)
		sqrtF64(&r[0], &r[0], n)
		normalQuantileF64(&u[from], &u[from], &r[0], n)
		for i, v := range u[from : from+n] {
			dst[i] = T(v)
		}
		dst, offset = dst[n:], offset+uint64(n)
	}
}

// Gumbel fills dst with numbers from the standard Gumbel distribution, what is
// added to logits to choose among categories:
//
//	for i := range dst { dst[i] = −log(−log((k + ½)·2^−32)) } // float32; 2^−52 for float64
//
// where k are random bits of element offset + i: one number for each of so many
// parts of equal probability, down to −3.1 (−3.6) on the left and up to 22.9
// (36.7) on the right, where −log(−log u) of a float32 u would stop at 16.6. The
// logarithms are those of float64: the error is at most 0.501 ULP where |dst[i]| ≥
// 2^−20 (2 ULP where |dst[i]| ≥ ½), and as large nearer to 0.
//
// Random numbers in the package documentation tells what an element is.
func Gumbel[T Float](dst []T, seed, offset uint64) {
	d := draws(seed)
	per := kernels.RandomPerGroup[T]()
	var u [drawnMost]float64
	for len(dst) > 0 {
		from, n, groups := d.next(len(dst), per, offset)
		cells[T](u[:groups*per], &d)
		logF64(&u[from], &u[from], n)
		scaleF64(&u[from], &u[from], n, -1)
		logF64(&u[from], &u[from], n)
		for i, v := range u[from : from+n] {
			dst[i] = T(-v)
		}
		dst, offset = dst[n:], offset+uint64(n)
	}
}

const (
	groupCounters = kernels.PhiloxGroup / 4
	drawnMost     = 4 * kernels.PhiloxGroup // elements of one draw
)

// drawn is what some groups of random words are made of.
type drawn struct {
	keys     kernels.PhiloxKeys
	counters [drawnMost / 4]uint64
	n        int // of the counters
}

func draws(seed uint64) drawn { return drawn{keys: kernels.NewPhiloxKeys(seed)} }

// next sets the counters of the next n elements from offset on, fewer than asked
// for if there is no room; they are the elements from, from + 1, … of the groups.
func (d *drawn) next(asked, perGroup int, offset uint64) (from, n, groups int) {
	per := uint64(perGroup)
	first, from := offset/per, int(offset%per)
	groups = min(len(d.counters)/groupCounters, (from+asked-1)/perGroup+1)
	if left := -(first * per) / per; left != 0 { // until offset wraps
		groups = int(min(uint64(groups), left))
	}
	d.n = groups * groupCounters
	for i := range d.counters[:d.n] {
		d.counters[i] = first*groupCounters + uint64(i)
	}
	return from, min(asked, groups*perGroup-from), groups
}

// uniformGroups makes kernels.Uniform of whole groups.
func uniformGroups[T Float](dst []T, d *drawn) {
	if is32[T]() {
		uniformWordsF32(p32(dst), &d.counters[0], d.n, &d.keys[0])
	} else {
		cellPairsF64(p64(dst), &d.counters[0], d.n, &d.keys[0])
	}
}

// cells makes kernels.RandomCell of whole groups.
func cells[T Float](dst []float64, d *drawn) {
	if is32[T]() {
		cellWordsF64(&dst[0], &d.counters[0], d.n, &d.keys[0])
	} else {
		cellPairsF64(&dst[0], &d.counters[0], d.n, &d.keys[0])
	}
}

func uniformWordsGeneric(dst *float32, x *uint64, n int, c *uint64) {
	d := unsafe.Slice(dst, 4*n)
	for i, counter := range unsafe.Slice(x, n) {
		for w, bits := range philox(counter, c) {
			d[i/16*64+w*16+i%16] = kernels.Uniform[float32](uint64(bits))
		}
	}
}

func cellWordsGeneric(dst *float64, x *uint64, n int, c *uint64) {
	d := unsafe.Slice(dst, 4*n)
	for i, counter := range unsafe.Slice(x, n) {
		for w, bits := range philox(counter, c) {
			d[i/16*64+w*16+i%16] = kernels.RandomCell[float32](uint64(bits))
		}
	}
}

func cellPairsGeneric(dst *float64, x *uint64, n int, c *uint64) {
	d := unsafe.Slice(dst, 2*n)
	for i, counter := range unsafe.Slice(x, n) {
		r := philox(counter, c)
		for p := range 2 {
			d[i/16*32+p*16+i%16] = kernels.RandomCell[float64](uint64(r[2*p]) | uint64(r[2*p+1])<<32)
		}
	}
}

// philox is a block of words; of the keys it takes those of the first round.
func philox(counter uint64, c *uint64) (r [4]uint32) {
	k := unsafe.Slice(c, 2)
	r[0], r[1], r[2], r[3] = kernels.Philox(uint32(counter), uint32(counter>>32), 0, 0, uint32(k[0]), uint32(k[1]))
	return r
}

func normalQuantileGeneric(dst, x, y *float64, n int) {
	d, u, r := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n)
	for i, v := range u {
		d[i] = kernels.NormalQuantile(v, r[i])
	}
}
