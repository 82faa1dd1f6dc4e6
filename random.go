package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// The random functions are pure: element i of a call depends on seed and
// offset + i alone, which wraps modulo 2^64, and has the same bits on every
// machine. A slice may be filled in any pieces, by any number of goroutines, and
// the next call goes on where offset says. The same seed and offset give the
// same randomness to all of them: an element of Gumbel is a function of the
// same bits as that of Uniform. float32 and float64 are different streams.
//
// The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", 2011), keyed by seed. It is made for
// simulation, not for secrets. Of float32 e, word e/16%4 of the block whose
// counter is e/64·16 + e%16; of float64 e, words 0 and 1 or, where e/16 is odd,
// 2 and 3, the low one first, of counter e/32·16 + e%16.

// Uniform fills dst with numbers from the open interval (0, 1):
//
//	for i := range dst { dst[i] = (k + ½)·2^−23 } // float32; ·2^−52 for float64
//
// where k are the highest random bits of element offset + i: every one of these
// numbers has the same probability, and they are symmetric about ½.
func Uniform[T Float](dst []T, seed, offset uint64) {
	var words drawn
	for len(dst) > 0 {
		from, n := words.draw(len(dst), kernels.RandomPerGroup[T](), seed, offset)
		for i := range dst[:n] {
			dst[i] = kernels.Uniform[T](kernels.RandomBits[T](words[:], from+i))
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
func Normal[T Float](dst []T, seed, offset uint64) {
	var words drawn
	var u, r [drawnMost]float64
	for len(dst) > 0 {
		from, n := words.draw(len(dst), kernels.RandomPerGroup[T](), seed, offset)
		for i := range n {
			v := kernels.RandomCell[T](kernels.RandomBits[T](words[:], from+i))
			u[i], r[i] = v, min(v, 1-v)
		}
		logF64(&r[0], &r[0], n)
		scaleF64(&r[0], &r[0], n, -1)
		sqrtF64(&r[0], &r[0], n)
		for i := range dst[:n] {
			dst[i] = T(kernels.NormalQuantile(u[i], r[i]))
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
func Gumbel[T Float](dst []T, seed, offset uint64) {
	var words drawn
	var u [drawnMost]float64
	for len(dst) > 0 {
		from, n := words.draw(len(dst), kernels.RandomPerGroup[T](), seed, offset)
		for i := range n {
			u[i] = kernels.RandomCell[T](kernels.RandomBits[T](words[:], from+i))
		}
		logF64(&u[0], &u[0], n)
		scaleF64(&u[0], &u[0], n, -1)
		logF64(&u[0], &u[0], n)
		for i := range dst[:n] {
			dst[i] = T(-u[i])
		}
		dst, offset = dst[n:], offset+uint64(n)
	}
}

// drawn is room for some groups of random words, and drawnMost how many elements
// they make at most.
type drawn [4 * kernels.PhiloxGroup]uint32

const drawnMost = len(drawn{})

// draw makes the words of the next n elements from offset on, fewer than asked
// for if there is no room; they are the elements from, from + 1, … of its groups.
func (words *drawn) draw(asked, perGroup int, seed, offset uint64) (from, n int) {
	per := uint64(perGroup)
	first, from := offset/per, int(offset%per)
	groups := min(len(words)/kernels.PhiloxGroup, (from+asked-1)/perGroup+1)
	if left := -(first * per) / per; left != 0 { // until offset wraps
		groups = int(min(uint64(groups), left))
	}
	philox(&words[0], groups, first*16, seed)
	return from, min(asked, groups*perGroup-from)
}

func philox(dst *uint32, groups int, counter, key uint64) {
	kernels.PhiloxGroups(unsafe.Slice(dst, groups*kernels.PhiloxGroup), counter, key)
}
