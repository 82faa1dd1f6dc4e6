package autograd

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/stepgrad/stepgrad"
)

// Observers look at values, any number of times, and then propose the
// quantiser for values like these, by stepgrad.QuantFromRange; for channels
// take one observer each. Their zero values, with Bits set, are ready for use.
// NaN is ignored. Quant returns an error if there was nothing else, if ±Inf
// came to bear on the range, or if Bits is not in [2, 16].

// MinMaxObserver proposes the range of all values seen.
type MinMaxObserver[T stepgrad.Float] struct {
	Bits      int
	Symmetric bool

	seen   bool
	lo, hi T
}

// Observe looks at x.
func (o *MinMaxObserver[T]) Observe(x []T) {
	lo, hi := stepgrad.MinMax(x)
	if lo > hi {
		return
	}
	if o.seen {
		lo, hi = min(lo, o.lo), max(hi, o.hi)
	}
	o.seen, o.lo, o.hi = true, lo, hi
}

// Quant returns the quantiser.
func (o *MinMaxObserver[T]) Quant() (stepgrad.Quant[T], error) {
	return rangeQuant("MinMaxObserver", o.seen, o.lo, o.hi, o.Bits, o.Symmetric)
}

// MovingAverageObserver proposes an average of the ranges of what was given to
// each call of Observe, of which the later ones count more:
//
//	lo += Rate·(min x − lo), hi += Rate·(max x − hi)
//
// from the first on, for activations whose range changes in training. Rate is
// in (0, 1]; 0 stands for 0.01, as in PyTorch.
type MovingAverageObserver[T stepgrad.Float] struct {
	Bits      int
	Symmetric bool
	Rate      float64

	seen   bool
	lo, hi float64
}

// Observe looks at x. It panics unless Rate is in [0, 1].
func (o *MovingAverageObserver[T]) Observe(x []T) {
	rate := o.Rate
	if !(rate >= 0 && rate <= 1) {
		panic(fmt.Sprintf("autograd: MovingAverageObserver: Rate must be in [0, 1], not %v", rate))
	}
	if rate == 0 {
		rate = 0.01
	}
	lo, hi := stepgrad.MinMax(x)
	if lo > hi {
		return
	}
	if !o.seen {
		o.seen, o.lo, o.hi = true, float64(lo), float64(hi)
		return
	}
	o.lo += float64(rate * (float64(lo) - o.lo))
	o.hi += float64(rate * (float64(hi) - o.hi))
}

// Quant returns the quantiser.
func (o *MovingAverageObserver[T]) Quant() (stepgrad.Quant[T], error) {
	return rangeQuant("MovingAverageObserver", o.seen, T(o.lo), T(o.hi), o.Bits, o.Symmetric)
}

// PercentileObserver proposes the range that leaves out the largest and the
// smallest values: up to the least value that Percent per cent of all do not
// exceed, and from the greatest value that as many do not fall short of.
// Percent is in (50, 100]; 0 stands for 99.99.
//
// It counts values in bins that are 1/256 of a power of two wide, so either end
// may be farther out than it should by 1/256 of its size, but by no more, nor beyond the
// extreme value. The result does not depend on the order of the values. A bin is 8 bytes;
// 256 are made for each power of two and each sign that occurs.
type PercentileObserver[T stepgrad.Float] struct {
	Bits      int
	Symmetric bool
	Percent   float64

	extremes MinMaxObserver[T]
	count    uint64
	bins     [1 << 12]*[binsPerPower]uint64 // by the sign and the exponent in float64
}

const binsPerPower = 1 << 8

// Observe looks at x.
func (o *PercentileObserver[T]) Observe(x []T) {
	o.extremes.Observe(x)
	for _, v := range x {
		if v != v {
			continue
		}
		bits := math.Float64bits(float64(v) + 0) // one zero
		page := &o.bins[bits>>52]
		if *page == nil {
			*page = new([binsPerPower]uint64)
		}
		(*page)[bits>>44%binsPerPower]++
		o.count++
	}
}

// Quant returns the quantiser. Percent out of bounds is an error too.
func (o *PercentileObserver[T]) Quant() (stepgrad.Quant[T], error) {
	percent := o.Percent
	if percent == 0 {
		percent = 99.99
	}
	if !(percent > 50 && percent <= 100) {
		return stepgrad.Quant[T]{}, fmt.Errorf("autograd: PercentileObserver: Percent must be in (50, 100], not %v", percent)
	}
	lo, hi := o.extremes.lo, o.extremes.hi
	// Percent is not exact in binary: 99.9 of 1000 leaves 1.
	if left := uint64((100 - percent) / 100 * float64(o.count) * (1 + 1e-12)); left > 0 {
		lo, hi = max(lo, T(o.outermost(left, -1))), min(hi, T(o.outermost(left, 1)))
	}
	return rangeQuant("PercentileObserver", o.extremes.seen, lo, hi, o.Bits, o.Symmetric)
}

// outermost returns the end, away from the others, of the bin that holds the
// largest value (or the smallest, for sign −1) but for so many.
func (o *PercentileObserver[T]) outermost(but uint64, sign float64) float64 {
	const signBit, inBin = 1 << 11, 1<<44 - 1
	for half := range 2 {
		positive := (sign > 0) == (half == 0)
		for e := range uint64(signBit) {
			if half == 0 {
				e = signBit - 1 - e // from far out to 0, then out on the other side
			}
			page := e
			if !positive {
				page |= signBit
			}
			if o.bins[page] == nil {
				continue
			}
			for k := range uint64(binsPerPower) {
				if half == 0 {
					k = binsPerPower - 1 - k
				}
				n := o.bins[page][k]
				if n <= but {
					but -= n
					continue
				}
				bits := page<<52 | k<<44
				if half == 0 && e+k != 0 && e != signBit-1 { // neither 0 nor ±Inf
					bits |= inBin
				}
				return math.Float64frombits(bits)
			}
		}
	}
	return 0
}

// MSEObserver proposes the scale that makes the mean squared error of
// quantisation least, among shrunken ranges: both ends of the range seen, times
// 2^(−i/8) for i up to 80, and then again times 2^(−i/64) around the best. It
// shrinks the range where a few far values would cost all others their
// digits.
//
// The error is that of a sample: all values up to 65,536, and of more that many
// drawn at random, with a generator that starts anew with each observer, so
// that the result is the same in every run.
type MSEObserver[T stepgrad.Float] struct {
	Bits      int
	Symmetric bool

	extremes MinMaxObserver[T]
	sample   []T
	count    uint64
	rnd      *rand.Rand
}

const sampleSize = 1 << 16

// Observe looks at x.
func (o *MSEObserver[T]) Observe(x []T) {
	o.extremes.Observe(x)
	for _, v := range x {
		if v != v {
			continue
		}
		o.count++
		if len(o.sample) < sampleSize {
			o.sample = append(o.sample, v)
			continue
		}
		if o.rnd == nil {
			o.rnd = rand.New(rand.NewPCG(1, 2))
		}
		if i := o.rnd.Uint64N(o.count); i < sampleSize {
			o.sample[i] = v
		}
	}
}

// Quant returns the quantiser.
func (o *MSEObserver[T]) Quant() (stepgrad.Quant[T], error) {
	best, err := rangeQuant("MSEObserver", o.extremes.seen, o.extremes.lo, o.extremes.hi, o.Bits, o.Symmetric)
	if err != nil {
		return best, err
	}
	least, shrink := squaredError(o.sample, best), 1.0
	try := func(f float64) {
		q, err := stepgrad.QuantFromRange(T(float64(o.extremes.lo)*f), T(float64(o.extremes.hi)*f), o.Bits, o.Symmetric)
		if err != nil {
			return
		}
		if e := squaredError(o.sample, q); e < least {
			best, least, shrink = q, e, f
		}
	}
	const eighth, fine = 0.917004043204671231743541594795 /* 2^−⅛ */, 0.989228013193975484129124959065 /* 2^−1/64 */
	for i, f := 1, 1.0; i <= 80; i++ {
		f *= eighth
		try(f)
	}
	for i, f := 1, min(1, shrink/eighth); i < 16; i++ {
		f *= fine
		try(f)
	}
	return best, nil
}

func squaredError[T stepgrad.Float](x []T, q stepgrad.Quant[T]) (total float64) {
	var y [512]T
	for ; len(x) > 0; x = x[min(len(x), len(y)):] {
		n := min(len(x), len(y))
		stepgrad.FakeQuantize(y[:n], nil, x[:n], q)
		for i, v := range x[:n] {
			d := float64(v) - float64(y[i])
			total += float64(d * d)
		}
	}
	return total
}

func rangeQuant[T stepgrad.Float](name string, seen bool, lo, hi T, bits int, symmetric bool) (stepgrad.Quant[T], error) {
	if !seen {
		return stepgrad.Quant[T]{}, fmt.Errorf("autograd: %s: no value observed", name)
	}
	q, err := stepgrad.QuantFromRange(lo, hi, bits, symmetric)
	if err != nil {
		return q, fmt.Errorf("autograd: %s: %w", name, err)
	}
	return q, nil
}
